"""Trees evaluated at points, in machine numbers or with many digits.

What has no value raises an ArithmeticError, ValueError, TypeError or LookupError. Work is bounded.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from contextvars import ContextVar
from fractions import Fraction
from typing import Any, NamedTuple

from mathreason_eval.maths.evaluate.exact import exact
from mathreason_eval.maths.syntax.tree import Node, num, substitute

_MOST_TERMS = 300
_TINY = 1e-13
_LARGEST_EXPONENT = 1e6
_NEARLY_WHOLE = 1e-9
_LARGEST_DOUBLE = 60


class Field(NamedTuple):
    """The numbers that trees are evaluated in."""

    number: Callable[[Fraction], Any]
    constants: dict[str, Any]
    functions: dict[str, Callable[..., Any]]
    finite: Callable[[Any], bool]


class Evaluator:
    """The values of trees at one point, in one field."""

    def __init__(self, field: Field, row: dict[str, Fraction]) -> None:
        self.field = field
        self.row = row
        self.work = 0
        self.largest: Any = 0
        """The largest term of any sum: cancellation leaves an error of this times the precision."""
        self.unreal = False
        """Whether a real number was taken to one that is not: a point outside the domain."""
        self.has_negligible = False
        """Whether some sum has a term that is negligible compared with another."""

    def at(self, node: Node) -> Any:  # noqa: ANN401 - a number of the field
        """Return the value of a tree."""
        if node.value is not None:
            return self.field.number(node.value)
        rule = _RULES.get(node.op)
        if rule is None:
            raise ValueError(node.op)
        return rule(self, node)

    def add(self, node: Node) -> Any:  # noqa: ANN401
        """Return the value of a sum, and note how large its terms are."""
        terms = [self.at(part) for part in node.args]
        sizes = [abs(term) for term in terms]
        largest = max(sizes)
        self.largest = max(self.largest, largest)
        self.has_negligible = self.has_negligible or any(
            0 < size < _TINY * largest for size in sizes
        )
        return sum(terms[1:], terms[0])

    def multiply(self, node: Node) -> Any:  # noqa: ANN401
        """Return the value of a product."""
        result = self.at(node.args[0])
        for part in node.args[1:]:
            result = result * self.at(part)
        return result

    def power(self, node: Node) -> Any:  # noqa: ANN401
        """Return the value of a power.

        Raises:
            OverflowError: if the exponent is beyond a million, or the power rounds to zero.
        """
        base, exponent = self.at(node.args[0]), self.at(node.args[1])
        if abs(exponent) > _LARGEST_EXPONENT:
            raise OverflowError("a huge power")
        result = base**exponent
        self._note_domain(result, [base, exponent])
        if base and not result:
            raise OverflowError("a power too small for a machine number")
        return result

    def call(self, node: Node) -> Any:  # noqa: ANN401
        """Return the value of a function."""
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

    def loop(self, node: Node) -> Any:  # noqa: ANN401
        """Return the value of a finite sum or product over integers."""
        body, variable, lower, upper = node.args
        first, last = exact(self._filled(lower)), exact(self._filled(upper))
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


_RULES: dict[str, Callable[[Evaluator, Node], Any]] = {
    "sym": lambda point, node: point.field.number(point.row[node.name]),
    "const": lambda point, node: point.field.constants[node.name],
    "add": Evaluator.add,
    "mul": Evaluator.multiply,
    "neg": lambda point, node: -point.at(node.args[0]),
    "div": lambda point, node: point.at(node.args[0]) / point.at(node.args[1]),
    "pow": Evaluator.power,
    "call": Evaluator.call,
    "percent": lambda point, node: point.at(node.args[0]) / 100,
    "degree": lambda point, node: point.at(node.args[0]) * point.field.constants["pi"] / 180,
    "sum": Evaluator.loop,
    "prod": Evaluator.loop,
}


def _functions(lib: Any, real: Any) -> dict[str, Callable[..., Any]]:  # noqa: ANN401
    """Return the functions of answers from a library for complex and one for real numbers."""

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

    def double_factorial(number: Any) -> Any:  # noqa: ANN401
        whole = ordered(number)
        if whole != round(whole) or not 0 <= whole < _LARGEST_DOUBLE:
            raise ValueError("a double factorial of no small integer")
        return math.prod(range(int(whole), 0, -2)) + 0 * number

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
        "double_factorial": double_factorial,
        "floor": integer(real.floor), "ceil": integer(real.ceil),
        "min": lambda *xs: min(map(ordered, xs)) + 0j,
        "max": lambda *xs: max(map(ordered, xs)) + 0j,
        "mod": lambda x, m: ordered(x) % ordered(m) + 0j,
        "sgn": lambda x: (ordered(x) > 0) - (ordered(x) < 0) + 0j,
    }  # fmt: skip


def _snapped(number: Any) -> Any:  # noqa: ANN401
    """Return a real number, made whole if only rounding keeps it from being so."""
    nearest = round(number)
    return nearest if abs(number - nearest) < _NEARLY_WHOLE else number


MACHINE = Field(
    number=lambda value: complex(value.numerator / value.denominator),
    constants={"pi": complex(math.pi), "e": complex(math.e), "i": 1j},
    functions=_functions(cmath, math),
    finite=cmath.isfinite,
)


_fields: ContextVar[dict[int, Field] | None] = ContextVar("fields", default=None)
"""By digits. Threads share no context of mpmath: its functions change the precision."""


def precise(digits: int) -> Field:
    """Return the numbers of a precision in digits; mpmath is imported when it is first needed."""
    known = _fields.get()
    if known is None:
        known = {}
        _fields.set(known)
    if digits not in known:
        import mpmath

        context = mpmath.mp.clone()
        context.dps = digits
        known[digits] = Field(
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
