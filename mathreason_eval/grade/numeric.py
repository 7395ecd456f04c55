"""Refutation, and the last confirmation, by numbers: machine precision first, then fifty digits.

Constants are compared as they are; expressions at fixed points, positive and negative, skipping
points where one of the two is not real. Nothing here can be made to work long: what overflows a
machine number is not tried again with more digits.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

from mathreason_eval.grade.exact import exact
from mathreason_eval.grade.tree import Node, contains, num, substitute, symbols

_COARSE = 1e-7
"""Relative difference of machine numbers that is no rounding error."""
_DIGITS = 50
_FINE = 1e-35
_MOST_TERMS = 300
_ROWS = 10
_ENOUGH = 2
"""Points at which both sides must be real for a verdict on an expression."""
_PARTS = (0.731, 0.377, 1.618, -0.443, 2.236, 0.131, -1.732, 3.317, -2.646, 0.873)
"""Values that variables take: in (0, 1), above, and below zero."""
_WHOLE = (3, 5, 2, 7, 4, 6, 9, 8)
"""Values for variables that must be integers."""

_NUMERIC_ERRORS = (ArithmeticError, ValueError, TypeError)


class Difference(NamedTuple):
    """What numbers say about two trees."""

    equal: bool | None
    note: str


def differ(left: Node, right: Node) -> Difference:
    """Return whether machine numbers refute that two trees are equal; equal is None if not."""
    names = sorted({*symbols(left), *symbols(right)})
    imaginary = contains(left, "const", "i") or contains(right, "const", "i")
    seen = 0
    for row in _points(names):
        pair = _pair(left, right, row, _MACHINE)
        if pair is None or (not imaginary and not _both_real(*pair)):
            continue
        if _apart(*pair, _COARSE):
            return Difference(equal=False, note=_note(names, row, *pair))
        seen += 1
    enough = min(_ENOUGH, len(names) + 1)
    return Difference(equal=None, note="agree" if seen >= enough else "")


def confirm(left: Node, right: Node) -> Difference:
    """Return whether two trees agree to fifty digits wherever both are real."""
    names = sorted({*symbols(left), *symbols(right)})
    imaginary = contains(left, "const", "i") or contains(right, "const", "i")
    seen = 0
    for row in _points(names):
        coarse = _pair(left, right, row, _MACHINE)
        if coarse is None or (not imaginary and not _both_real(*coarse)):
            continue
        pair = _pair(left, right, row, _precise())
        if pair is None:
            continue
        if _apart(*pair, _FINE):
            return Difference(equal=False, note=_note(names, row, *pair))
        seen += 1
        if seen > _ENOUGH:
            break
    if seen >= min(_ENOUGH, len(names) + 1):
        where = f"at {seen} points" if names else "as constants"
        return Difference(equal=True, note=f"agree to {_DIGITS - 15} digits {where}")
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
        if _apart(*pair, _COARSE):
            return Difference(equal=False, note=_note(names, row, *pair))
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
    names = list(symbols(node))
    parts = []
    for index, row in enumerate(_points(names)):
        if index > 4:  # noqa: PLR2004 - five points tell trees apart
            break
        pair = _pair(node, node, row, _MACHINE) and _pair(node, node, row, _precise())
        parts.append("?" if pair is None else _digits(pair[0]))
    return ",".join(names) + ":" + ";".join(parts)


def _digits(number: Any) -> str:  # noqa: ANN401 - a complex number of mpmath
    import mpmath

    real = mpmath.nstr(number.real, 12, strip_zeros=False, min_fixed=0, max_fixed=0)
    small = abs(number.imag) < abs(number) * mpmath.mpf(10) ** -25
    return real if small else real + mpmath.nstr(number.imag, 12, min_fixed=0, max_fixed=0) + "i"


def _points(names: list[str]) -> Iterator[dict[str, Fraction]]:
    """Yield assignments of values to the variables; one empty one if there are none."""
    if not names:
        yield {}
        return
    for row in range(_ROWS):
        yield {
            name: Fraction(_PARTS[(row + 3 * index) % len(_PARTS)]) + Fraction(index, 64)
            for index, name in enumerate(names)
        }


def _pair(
    left: Node, right: Node, row: dict[str, Fraction], field: _Field
) -> tuple[Any, Any] | None:
    try:
        evaluator = _Evaluator(field, row)
        one, other = evaluator.at(left), evaluator.at(right)
        if not (field.finite(one) and field.finite(other)):
            return None
    except _NUMERIC_ERRORS:
        return None
    return one, other


def _real(number: complex) -> bool:
    return abs(number.imag) <= 1e-9 * max(abs(number), 1e-300)


def _both_real(one: complex, other: complex) -> bool:
    return _real(complex(one)) and _real(complex(other))


def _apart(one: Any, other: Any, tolerance: float) -> bool:  # noqa: ANN401 - of either field
    scale = max(abs(one), abs(other))
    return bool(abs(one - other) > tolerance * scale) if scale else False


def _note(names: list[str], row: dict[str, Fraction], one: Any, other: Any) -> str:  # noqa: ANN401
    where = ", ".join(f"{name} = {float(row[name]):.4g}" for name in names)
    gold, answer = _short(complex(one)), _short(complex(other))
    return f"differ at {where}: {answer} against {gold}" if names else f"{answer} against {gold}"


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
        result = self.at(node.args[0])
        for part in node.args[1:]:
            result = result + self.at(part)
        return result

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
        return base**exponent

    def call(self, node: Node) -> Any:  # noqa: ANN401
        rule = self.field.functions.get(node.name)
        if rule is None:
            raise ValueError(node.name)
        return rule(*(self.at(part) for part in node.args))

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


def _precise() -> _Field:
    """Return the numbers of fifty digits; mpmath is imported when it is first needed."""
    import mpmath

    context = mpmath.mp.clone()
    context.dps = _DIGITS
    return _Field(
        number=lambda value: context.mpc(value.numerator) / value.denominator,
        constants={
            "pi": context.mpc(context.pi),
            "e": context.mpc(context.e),
            "i": context.mpc(0, 1),
        },
        functions=_functions(context, context),
        finite=context.isfinite,
    )
