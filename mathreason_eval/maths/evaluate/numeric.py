"""Numeric refutation and confirmation: first in machine precision, then with fifty digits.

Constants are compared directly; expressions at fixed points, positive and negative, without points
where one of the two is not real. Work is bounded: values that overflow a float are not computed
again with more digits.
"""

from __future__ import annotations

import cmath
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from mathreason_eval.maths.evaluate.fields import MACHINE, Evaluator, Field, precise
from mathreason_eval.maths.syntax.tree import Node, contains, symbols

_COARSE = 1e-7
"""Relative difference of floats that is not a rounding error."""
_MACHINE_NOISE = 1e-12
"""Error of floats relative to the largest term that was added."""
_DIGITS = 50
_MANY_DIGITS = 340
"""Number of digits that resolve the smallest float in a sum with one of ordinary size."""
_MOST_CANCELLED = 1e9
_ORDINARY = 1e15
"""Maximum size at which fifty digits resolve a difference of one."""
_GROWN = 2.0
"""Maximum ratio of a value with more digits to the value as a float."""
_LARGEST_CONFIRMED = 1e200
"""Maximum size for which the digits suffice; larger values are not confirmed numerically."""
_STABLE = 1e-3
"""Relative change of a difference with the precision, beyond which it is an error."""
_PRINTED = 4
_ROWS = 10
_ENOUGH = 2
"""Minimum number of points at which both sides must be real for a verdict."""
_PARTS = tuple(
    Fraction(x, 1000) for x in (731, 377, 1618, -443, 2236, 131, -1732, 3317, -2646, 873)
)
"""Values of variables: in (0, 1), above 1, and below 0."""
_WHOLE = (3, 5, 2, 7, 4, 6, 9, 8)
"""Values of variables that must be integers."""

_NUMERIC_ERRORS = (ArithmeticError, ValueError, TypeError, LookupError)


class NumericAgreement(NamedTuple):
    """Whether two trees agree numerically: True, False, or None if undecided."""

    equal: bool | None
    note: str


UNREFUTED = NumericAgreement(equal=None, note="")


def differ(left: Node, right: Node) -> NumericAgreement:
    """Return `equal=False` if floats refute that two trees are equal, else `equal=None`."""
    seen = 0
    for row in _rows(left, right):
        pair = _pair(left, right, row, MACHINE)
        if pair is None:
            continue
        if pair.apart(_COARSE, _MACHINE_NOISE) and _is_no_error(left, right, row, pair):
            return NumericAgreement(equal=False, note=_counterexample(row, pair))
        seen += 1
    return NumericAgreement(equal=None, note="agree" if seen else "")


def _is_no_error(left: Node, right: Node, row: dict[str, Fraction], pair: _Pair) -> bool:
    """Return whether the difference of two values is theirs, and not one of their errors.

    An error shrinks with the precision, the difference of two values does not: where digits were
    lost, two precisions must give the same difference.
    """
    if not pair.is_doubtful:
        return True
    gap = complex(pair.left - pair.right)
    for digits in (_DIGITS, _MANY_DIGITS):
        finer = _pair(left, right, row, precise(digits))
        if finer is None:
            return False
        more = complex(finer.left - finer.right)
        if abs(more - gap) <= _STABLE * abs(more):
            return bool(more)
        gap = more
    return False


def confirm(left: Node, right: Node) -> NumericAgreement:
    """Return whether two trees agree to fifty digits, or more, wherever both are real."""
    seen = 0
    rows = list(_rows(left, right))
    for row in rows:
        coarse = _pair(left, right, row, MACHINE)
        if coarse is None or coarse.size > _LARGEST_CONFIRMED:
            continue
        ordinary = coarse.bounded and not coarse.has_negligible and coarse.size < _ORDINARY
        digits = _DIGITS if ordinary else _MANY_DIGITS
        pair = _pair(left, right, row, precise(digits))
        # A value that grows with the digits is not real: 1/sin(pi), by rounding.
        if pair is None or (coarse.bounded and pair.size > _GROWN * max(coarse.size, 1.0)):
            continue
        if digits == _DIGITS and pair.is_excused(_precision(digits)):
            # Equal up to the errors of larger terms: 10^-40 is not 0, though cos(pi) is near pi.
            digits = _MANY_DIGITS
            pair = _pair(left, right, row, precise(digits)) or pair
        if pair.apart(_precision(digits), _noise(digits)):
            if not _is_no_error(left, right, row, coarse):
                continue
            return NumericAgreement(equal=False, note=_counterexample(row, pair))
        seen += 1
        if seen > _ENOUGH:
            break
    if seen and seen >= min(_ENOUGH, len(rows)):
        where = f"at {seen} points" if rows != [{}] else "as constants"
        return NumericAgreement(equal=True, note=f"agree to {_DIGITS * 2 // 3} digits {where}")
    return NumericAgreement(equal=None, note="no common real points")


def _precision(digits: int) -> float:
    """Return the relative difference that so many digits resolve."""
    return float(10.0 ** -(digits * 2 // 3))


def _noise(digits: int) -> float:
    """Return the error of so many digits relative to the largest term, which a float can hold."""
    return max(0.1 ** (digits - 10), _LEAST_NOISE)


_LEAST_NOISE = 1e-300


def at_integers(left: Node, right: Node) -> NumericAgreement:
    """Return whether two trees agree, or differ, where all their variables are integers."""
    names = sorted({*symbols(left), *symbols(right)})
    seen = 0
    for shift in range(len(_WHOLE)):
        row = {n: Fraction(_WHOLE[(shift + 3 * k) % len(_WHOLE)]) for k, n in enumerate(names)}
        pair = _pair(left, right, row, MACHINE)
        if pair is None:
            continue
        if pair.apart(_COARSE, _MACHINE_NOISE):
            if not _is_no_error(left, right, row, pair):
                continue
            return NumericAgreement(equal=False, note=_counterexample(row, pair))
        seen += bool(pair.bounded and pair.size < _ORDINARY)
    enough = seen >= len(_WHOLE) // 2
    return NumericAgreement(equal=True if enough else None, note=f"agree at {seen} integer points")


def real_value(node: Node) -> float | None:
    """Return the value of a constant as a float; None if it is not real, or unknown."""
    found = machine_value(node)
    return None if found is None or not _real(found) else found.real


def machine_value(node: Node) -> complex | None:
    """Return the value of a constant as a complex number, or None."""
    try:
        found = complex(Evaluator(MACHINE, {}).at(node))
    except _NUMERIC_ERRORS:
        return None
    return found if cmath.isfinite(found) else None


def fingerprint(node: Node) -> str:
    """Return a text equal for equal trees: their values at fixed points, rounded."""
    names = symbols(node)
    parts = []
    for row in _points(names)[:_PRINTED]:
        coarse = _pair(node, node, row, MACHINE)
        pair = coarse and _pair(node, node, row, precise(_DIGITS))
        if pair and pair.vanishes(_DIGITS):
            finest = _pair(node, node, row, precise(_MANY_DIGITS))
            pair = finest or pair
            parts.append("0" if pair.vanishes(_MANY_DIGITS) else _digits(pair.left))
        else:
            parts.append("?" if not pair else _digits(pair.left))
    return ",".join(names) + ":" + ";".join(parts)


_KEYED = 40
"""Number of digits of a fingerprint, of fifty that are calculated."""


def _digits(number: Any) -> str:  # noqa: ANN401 - a complex number of mpmath
    import mpmath

    real = mpmath.nstr(number.real, _KEYED, strip_zeros=False, min_fixed=0, max_fixed=0)
    if _real(number):
        return str(real)
    imaginary = mpmath.nstr(number.imag, _KEYED, strip_zeros=False, min_fixed=0, max_fixed=0)
    return f"{real}+{imaginary}i"


@lru_cache(maxsize=256)
def _points(names: tuple[str, ...]) -> tuple[dict[str, Fraction], ...]:
    """Return assignments of values to the variables; one empty one if there are none."""
    if not names:
        return ({},)
    return tuple(
        {
            name: _PARTS[(row + 3 * index) % len(_PARTS)] + Fraction(index, 64)
            for index, name in enumerate(names)
        }
        for row in range(_ROWS)
    )


def _rows(left: Node, right: Node) -> Iterator[dict[str, Fraction]]:
    """Yield the points at which both trees are real, or any points if one contains i."""
    points = _points(tuple(sorted({*symbols(left), *symbols(right)})))
    if len(points) == 1 or contains(left, "const", "i") or contains(right, "const", "i"):
        yield from points
        return
    for row in points:
        pair = _pair(left, right, row, MACHINE)
        if pair is not None and not pair.unreal and _real(pair.left) and _real(pair.right):
            yield row


class _Pair(NamedTuple):
    """The values of two trees at one point."""

    left: Any
    right: Any
    largest: Any
    has_negligible: bool
    is_doubtful: bool
    unreal: bool

    @property
    def size(self) -> Any:  # noqa: ANN401 - of either field
        """Return the larger absolute value of the two."""
        return max(abs(self.left), abs(self.right))

    @property
    def bounded(self) -> bool:
        """Return whether cancellation leaves digits to compare."""
        return bool(self.largest < _MOST_CANCELLED * max(self.size, 1))

    def vanishes(self, digits: int) -> bool:
        """Return whether both are zero but for the errors of so many digits."""
        return bool(self.size <= _noise(digits) * self.largest)

    def is_excused(self, tolerance: float) -> bool:
        """Return whether they differ relative to their size, by what cancellation may explain."""
        return bool(abs(self.left - self.right) > tolerance * self.size)

    def apart(self, tolerance: float, noise: float) -> bool:
        """Return whether they differ by more than rounding and cancellation can explain."""
        gap = abs(self.left - self.right)
        return bool(gap > tolerance * self.size and gap > noise * self.largest)


def _pair(left: Node, right: Node, row: dict[str, Fraction], field: Field) -> _Pair | None:
    try:
        evaluator = Evaluator(field, row)
        one, other = evaluator.at(left), evaluator.at(right)
        if not (field.finite(one) and field.finite(other)):
            return None
    except _NUMERIC_ERRORS:
        return None
    return _Pair(
        one,
        other,
        evaluator.largest,
        evaluator.has_negligible,
        evaluator.is_doubtful,
        evaluator.unreal,
    )


def _real(number: Any) -> bool:  # noqa: ANN401 - of either field
    return bool(abs(number.imag) <= 1e-9 * max(abs(number), 1e-300))


def _counterexample(row: dict[str, Fraction], pair: _Pair) -> str:
    where = ", ".join(f"{name} = {float(value):.4g}" for name, value in row.items())
    gold, answer = _short(complex(pair.left)), _short(complex(pair.right))
    return f"differ at {where}: {answer} against {gold}" if row else f"{answer} against {gold}"


def _short(number: complex) -> str:
    return f"{number.real:.6g}" if _real(number) else f"{number:.6g}"
