"""Refutation, and the last confirmation, by numbers: machine precision first, then fifty digits.

Constants are compared as they are; expressions at fixed points, positive and negative, skipping
points where one of the two is not real. Nothing here can be made to work long: what overflows a
machine number is not tried again with more digits.
"""

from __future__ import annotations

import cmath
import math
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from mathreason_eval.grade.exact import exact
from mathreason_eval.grade.tree import Node, contains, num, substitute, symbols

_COARSE = 1e-7
"""Relative difference of machine numbers that is no rounding error."""
_MACHINE_NOISE = 1e-12
"""Error of machine numbers relative to the largest term that was added."""
_DIGITS = 50
_MANY_DIGITS = 340
"""Digits that show a term as small as a machine number can be beside one of ordinary size."""
_TINY = 1e-13
_MOST_CANCELLED = 1e9
_PRINTED = 4
_MOST_TERMS = 300
_ROWS = 10
_ENOUGH = 2
"""Points at which both sides must be real for a verdict on an expression."""
_PARTS = tuple(
    Fraction(x, 1000) for x in (731, 377, 1618, -443, 2236, 131, -1732, 3317, -2646, 873)
)
"""Values that variables take: in (0, 1), above, and below zero."""
_WHOLE = (3, 5, 2, 7, 4, 6, 9, 8)
"""Values for variables that must be integers."""

_NUMERIC_ERRORS = (ArithmeticError, ValueError, TypeError, LookupError)


class Difference(NamedTuple):
    """What numbers say about two trees."""

    equal: bool | None
    note: str


def differ(left: Node, right: Node) -> Difference:
    """Return whether machine numbers refute that two trees are equal; equal is None if not."""
    seen = 0
    for row in _rows(left, right):
        pair = _pair(left, right, row, _MACHINE)
        if pair is None:
            continue
        if pair.apart(_COARSE, _MACHINE_NOISE):
            return Difference(equal=False, note=_note(row, pair))
        seen += 1
    return Difference(equal=None, note="agree" if seen else "")


def confirm(left: Node, right: Node) -> Difference:
    """Return whether two trees agree to fifty digits, or more, wherever both are real."""
    seen = 0
    rows = list(_rows(left, right))
    for row in rows:
        coarse = _pair(left, right, row, _MACHINE)
        if coarse is None or not coarse.bounded:
            continue
        digits = _MANY_DIGITS if coarse.fine else _DIGITS
        pair = _pair(left, right, row, _precise(digits))
        if pair is None:
            continue
        if pair.apart(10.0 ** -(digits * 2 // 3), 0.1 ** (digits - 10)):
            return Difference(equal=False, note=_note(row, pair))
        seen += 1
        if seen > _ENOUGH:
            break
    if seen and seen >= min(_ENOUGH, len(rows)):
        where = f"at {seen} points" if rows != [{}] else "as constants"
        return Difference(equal=True, note=f"agree to {_DIGITS * 2 // 3} digits {where}")
    return Difference(equal=None, note="no common real points")


def at_integers(left: Node, right: Node) -> Difference:
    """Return whether two trees agree, or differ, where all their variables are integers."""
    names = sorted({*symbols(left), *symbols(right)})
    seen = 0
    for shift in range(len(_WHOLE)):
        row = {n: Fraction(_WHOLE[(shift + 3 * k) % len(_WHOLE)]) for k, n in enumerate(names)}
        pair = _pair(left, right, row, _MACHINE)
        if pair is None:
            continue
        if pair.apart(_COARSE, _MACHINE_NOISE):
            return Difference(equal=False, note=_note(row, pair))
        seen += 1
    enough = seen >= len(_WHOLE) // 2
    return Difference(equal=True if enough else None, note=f"agree at {seen} integer points")


def real_value(node: Node) -> float | None:
    """Return the value of a real constant in machine precision, or None."""
    found = machine_value(node)
    return None if found is None or not _real(found) else found.real


def machine_value(node: Node) -> complex | None:
    """Return the value of a constant in machine precision, or None."""
    try:
        found = complex(_Evaluator(_MACHINE, {}).at(node))
    except _NUMERIC_ERRORS:
        return None
    return found if cmath.isfinite(found) else None


def fingerprint(node: Node) -> str:
    """Return digits that equal trees share: their values at fixed points, well rounded."""
    names = symbols(node)
    parts = []
    for row in _points(names)[:_PRINTED]:
        coarse = _pair(node, node, row, _MACHINE)
        pair = coarse and _pair(node, node, row, _precise(_DIGITS))
        parts.append("?" if not pair else _digits(pair.left))
    return ",".join(names) + ":" + ";".join(parts)


def _digits(number: Any) -> str:  # noqa: ANN401 - a complex number of mpmath
    import mpmath

    real = mpmath.nstr(number.real, 12, strip_zeros=False, min_fixed=0, max_fixed=0)
    if _real(number):
        return str(real)
    imaginary = mpmath.nstr(number.imag, 12, strip_zeros=False, min_fixed=0, max_fixed=0)
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
    """Yield the points at which both trees are real, or any points if one of them holds an i."""
    points = _points(tuple(sorted({*symbols(left), *symbols(right)})))
    if len(points) == 1 or contains(left, "const", "i") or contains(right, "const", "i"):
        yield from points
        return
    for row in points:
        pair = _pair(left, right, row, _MACHINE)
        if pair is not None and not pair.unreal and _real(pair.left) and _real(pair.right):
            yield row


class _Pair(NamedTuple):
    """The values of two trees at one point."""

    left: Any
    right: Any
    largest: Any
    fine: bool
    unreal: bool

    @property
    def bounded(self) -> bool:
        """Whether cancellation leaves digits to compare."""
        return bool(self.largest < _MOST_CANCELLED * max(abs(self.left), abs(self.right), 1))

    def apart(self, tolerance: float, noise: float) -> bool:
        """Return whether they differ by more than rounding and cancellation explain."""
        gap = abs(self.left - self.right)
        scale = max(abs(self.left), abs(self.right))
        return bool(gap > tolerance * scale and gap > noise * self.largest)


def _pair(left: Node, right: Node, row: dict[str, Fraction], field: _Field) -> _Pair | None:
    try:
        evaluator = _Evaluator(field, row)
        one, other = evaluator.at(left), evaluator.at(right)
        if not (field.finite(one) and field.finite(other)):
            return None
    except _NUMERIC_ERRORS:
        return None
    return _Pair(one, other, evaluator.largest, evaluator.fine, evaluator.unreal)


def _real(number: Any) -> bool:  # noqa: ANN401 - of either field
    return bool(abs(number.imag) <= 1e-9 * max(abs(number), 1e-300))


def _note(row: dict[str, Fraction], pair: _Pair) -> str:
    where = ", ".join(f"{name} = {float(value):.4g}" for name, value in row.items())
    gold, answer = _short(complex(pair.left)), _short(complex(pair.right))
    return f"differ at {where}: {answer} against {gold}" if row else f"{answer} against {gold}"


def _short(number: complex) -> str:
    return f"{number.real:.6g}" if _real(number) else f"{number:.6g}"


class _Field(NamedTuple):
    """The numbers that trees are evaluated in."""

    number: Callable[[Fraction], Any]
    constants: dict[str, Any]
    functions: dict[str, Callable[..., Any]]
    finite: Callable[[Any], bool]


class _Evaluator:
    """The values of trees at one point, in one field."""

    def __init__(self, field: _Field, row: dict[str, Fraction]) -> None:
        self.field = field
        self.row = row
        self.work = 0
        self.largest: Any = 0
        """The largest term of any sum: cancellation leaves an error of this times the precision."""
        self.unreal = False
        """Whether a real number was taken to one that is not: a point outside the domain."""
        self.fine = False
        """Whether some sum has a term that is negligible beside another."""

    def at(self, node: Node) -> Any:  # noqa: ANN401 - a number of the field
        """Return the value of a tree."""
        if node.value is not None:
            return self.field.number(node.value)
        rule = _RULES.get(node.op)
        if rule is None:
            raise ValueError(node.op)
        return rule(self, node)

    def variable(self, node: Node) -> Any:  # noqa: ANN401
        return self.field.number(self.row[node.name])

    def constant(self, node: Node) -> Any:  # noqa: ANN401
        if node.name not in self.field.constants:
            raise ValueError(node.name)
        return self.field.constants[node.name]

    def add(self, node: Node) -> Any:  # noqa: ANN401
        terms = [self.at(part) for part in node.args]
        sizes = [abs(term) for term in terms]
        largest = max(sizes)
        self.largest = max(self.largest, largest)
        self.fine = self.fine or any(0 < size < _TINY * largest for size in sizes)
        return sum(terms[1:], terms[0])

    def mul(self, node: Node) -> Any:  # noqa: ANN401
        result = self.at(node.args[0])
        for part in node.args[1:]:
            result = result * self.at(part)
        return result

    def neg(self, node: Node) -> Any:  # noqa: ANN401
        return -self.at(node.args[0])

    def div(self, node: Node) -> Any:  # noqa: ANN401
        return self.at(node.args[0]) / self.at(node.args[1])

    def pow(self, node: Node) -> Any:  # noqa: ANN401
        base, exponent = self.at(node.args[0]), self.at(node.args[1])
        if abs(exponent) > 1e6:  # noqa: PLR2004 - no machine number is left
            raise OverflowError("a huge power")
        result = base**exponent
        self._note_domain(result, [base, exponent])
        if base and not result:
            raise OverflowError("a power too small for a machine number")
        return result

    def call(self, node: Node) -> Any:  # noqa: ANN401
        rule = self.field.functions.get(node.name)
        if rule is None:
            raise ValueError(node.name)
        arguments = [self.at(part) for part in node.args]
        result = rule(*arguments)
        self._note_domain(result, arguments)
        return result

    def _note_domain(self, result: Any, arguments: list[Any]) -> None:  # noqa: ANN401
        if result.imag and not any(argument.imag for argument in arguments):
            self.unreal = True

    def percent(self, node: Node) -> Any:  # noqa: ANN401
        return self.at(node.args[0]) / 100

    def degree(self, node: Node) -> Any:  # noqa: ANN401
        return self.at(node.args[0]) * self.field.constants["pi"] / 180

    def loop(self, node: Node) -> Any:  # noqa: ANN401
        body, variable, lower, upper = node.args
        bounds = exact(self._filled(lower)), exact(self._filled(upper))
        first, last = bounds
        if first is None or last is None or first.denominator * last.denominator != 1:
            raise ValueError("bounds that are not integers")
        self.work += int(last - first)
        if self.work > _MOST_TERMS:
            raise OverflowError("too many terms")
        result = self.field.number(Fraction(0 if node.op == "sum" else 1))
        for index in range(int(first), int(last) + 1):
            term = self.at(substitute(body, variable, num(index)))
            result = result + term if node.op == "sum" else result * term
        return result

    def _filled(self, node: Node) -> Node:
        for name, value in self.row.items():
            node = substitute(node, Node("sym", (), name), num(value))
        return node


_RULES: dict[str, Callable[[_Evaluator, Node], Any]] = {
    "sym": _Evaluator.variable,
    "const": _Evaluator.constant,
    "add": _Evaluator.add,
    "mul": _Evaluator.mul,
    "neg": _Evaluator.neg,
    "div": _Evaluator.div,
    "pow": _Evaluator.pow,
    "call": _Evaluator.call,
    "percent": _Evaluator.percent,
    "degree": _Evaluator.degree,
    "sum": _Evaluator.loop,
    "prod": _Evaluator.loop,
}


def _functions(lib: Any, real: Any) -> dict[str, Callable[..., Any]]:  # noqa: ANN401
    """Return the functions of answers, made of a library for complex and one for real numbers."""

    def ordered(number: Any) -> Any:  # noqa: ANN401
        if abs(number.imag) > 1e-12 * max(1, abs(number)):
            raise ValueError("complex numbers have no order")
        return number.real

    def gamma(number: Any) -> Any:  # noqa: ANN401
        return real.gamma(ordered(number))

    def root(base: Any, degree: Any) -> Any:  # noqa: ANN401
        odd = degree.imag == 0 and degree.real % 2 == 1
        if odd and base.imag == 0 and base.real < 0:
            return -((-base) ** (1 / degree))
        return lib.sqrt(base) if degree == 2 else base ** (1 / degree)  # noqa: PLR2004

    def integer(rounding: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda x: rounding(_snapped(ordered(x))) + 0 * x

    return {
        "sin": lib.sin, "cos": lib.cos, "tan": lib.tan, "ln": lib.log, "sinh": lib.sinh,
        "cot": lambda x: lib.cos(x) / lib.sin(x), "sec": lambda x: 1 / lib.cos(x),
        "csc": lambda x: 1 / lib.sin(x), "cosh": lib.cosh, "tanh": lib.tanh,
        "coth": lambda x: lib.cosh(x) / lib.sinh(x), "sech": lambda x: 1 / lib.cosh(x),
        "csch": lambda x: 1 / lib.sinh(x), "arcsin": lib.asin, "arccos": lib.acos,
        "arctan": lib.atan, "arccot": lambda x: lib.pi / 2 - lib.atan(x),
        "arcsec": lambda x: lib.acos(1 / x), "arccsc": lambda x: lib.asin(1 / x),
        "arcsinh": lib.asinh, "arccosh": lib.acosh, "arctanh": lib.atanh, "root": root,
        "log": lambda x, base=None: lib.log(x) / (1 if base is None else lib.log(base)),
        "lg": lambda x: lib.log(x) / lib.log(10), "lb": lambda x: lib.log(x) / lib.log(2),
        "abs": lambda x: abs(x) + 0 * x, "norm": lambda x: abs(x) + 0 * x,
        "re": lambda x: x.real + 0j, "im": lambda x: x.imag + 0j,
        "conj": lambda x: x.conjugate(), "cis": lambda x: lib.cos(x) + 1j * lib.sin(x),
        "factorial": lambda x: gamma(x + 1) + 0j,
        "binom": lambda n, k: gamma(n + 1) / gamma(k + 1) / gamma(n - k + 1) + 0j,
        "floor": integer(real.floor), "ceil": integer(real.ceil),
        "min": lambda *xs: min(map(ordered, xs)) + 0j, "max": lambda *xs: max(map(ordered, xs)) + 0j,
        "mod": lambda x, m: ordered(x) % ordered(m) + 0j,
        "sgn": lambda x: (ordered(x) > 0) - (ordered(x) < 0) + 0j,
    }  # fmt: skip


def _snapped(number: Any) -> Any:  # noqa: ANN401
    """Return a real number, made whole if only rounding keeps it from being so."""
    nearest = round(number)
    return nearest if abs(number - nearest) < 1e-9 else number  # noqa: PLR2004


_MACHINE = _Field(
    number=lambda value: complex(value.numerator / value.denominator),
    constants={"pi": complex(math.pi), "e": complex(math.e), "i": 1j},
    functions=_functions(cmath, math),
    finite=cmath.isfinite,
)


_contexts = threading.local()
"""mpmath's contexts are not shared: their working precision changes under their functions."""


def _precise(digits: int) -> _Field:
    """Return the numbers of so many digits; mpmath is imported when it is first needed."""
    known: dict[int, _Field] = _contexts.__dict__.setdefault("known", {})
    if digits not in known:
        import mpmath

        context = mpmath.mp.clone()
        context.dps = digits
        known[digits] = _Field(
            number=lambda value: context.mpc(value.numerator) / value.denominator,
            constants={
                "pi": context.mpc(context.pi),
                "e": context.mpc(context.e),
                "i": context.mpc(0, 1),
            },
            functions=_functions(context, context),
            finite=context.isfinite,
        )
    return known[digits]
