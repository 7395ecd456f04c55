"""Evaluation of trees at points, in floats or with many digits.

A tree without a value raises an ArithmeticError, ValueError, TypeError or LookupError. Work is
bounded.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from contextvars import ContextVar
from fractions import Fraction
from typing import Any, NamedTuple

from mathreason_eval.maths.evaluate.exact import exact
from mathreason_eval.maths.syntax.tree import Node, num, substitute, symbols

_MOST_TERMS = 300
_TINY = 1e-13
_LARGEST_EXPONENT = 1e6
_NEARLY_WHOLE = 1e-9
_LARGEST_DOUBLE = 60
_SMALL_ANGLE, _LARGE_ANGLE, _SATURATED = 1e-6, 1e15, 8.0
_FLAT = {
    **dict.fromkeys(("cos", "cosh", "sec", "sech"), (_SMALL_ANGLE, _LARGE_ANGLE)),
    **dict.fromkeys(("tanh", "coth", "erf", "erfc"), (_SMALL_ANGLE, _SATURATED)),
    **dict.fromkeys(("sin", "tan", "sinh", "arcsin", "arctan"), (_SMALL_ANGLE, _LARGE_ANGLE)),
}
"""Between which sizes of its argument a function differs visibly from 0, 1 and its argument."""
_TOO_FLAT = 25
"""How many times as near; 340 digits show the differences up to there."""
_PERIODIC = frozenset({"sin", "cos", "tan", "cot", "sec", "csc", "cis"})
"""Functions whose zeros are no zeros of floats: an error of their argument is one of theirs."""
_STEPPED = frozenset({"floor", "ceil", "mod", "sgn"})
"""Functions that jump: an error of their argument may be any error of theirs."""
_CANCELLED = 1e-4
"""Result of a sum or a periodic function, relative to its terms, with few digits left."""


class Field(NamedTuple):
    """The numbers in which trees are evaluated."""

    number: Callable[[Fraction], Any]
    constants: dict[str, Any]
    functions: dict[str, Callable[..., Any]]
    finite: Callable[[Any], bool]


class Evaluator:
    """Evaluates trees at one point, in one field."""

    def __init__(self, field: Field, row: dict[str, Fraction]) -> None:
        self.field = field
        self.row = row
        self.work = 0
        self.largest: Any = 0
        """The largest term of any sum: cancellation causes an error of this times the precision."""
        self.is_doubtful = False
        """Whether some part has lost digits, which a factor may make an error of any size."""
        self.unreal = False
        """Whether a function of real numbers was not real: the point is outside the domain."""
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
        """Return the value of a sum, and note the size of its terms."""
        terms = [self.at(part) for part in node.args]
        sizes = [abs(term) for term in terms]
        largest = max(sizes)
        self.largest = max(self.largest, largest)
        self.has_negligible = self.has_negligible or any(
            0 < size < _TINY * largest for size in sizes
        )
        result = sum(terms[1:], terms[0])
        self.is_doubtful = self.is_doubtful or bool(abs(result) < _CANCELLED * largest)
        return result

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
        if rule is None or bounds_set(node):
            raise ValueError(node.name)
        arguments = [self.at(part) for part in node.args]
        if node.name in _FLAT:
            self._note_flatness(node.name, abs(arguments[0]))
        result = rule(*arguments)
        self._note_domain(result, arguments)
        self._note_lost_digits(node.name, abs(arguments[0]), abs(result))
        return result

    def _note_lost_digits(self, name: str, given: Any, result: Any) -> None:  # noqa: ANN401
        """Note where the error of a function is large relative to its result."""
        if name in _PERIODIC:
            self.largest = max(self.largest, given)
            flat = result < _CANCELLED * max(given, 1)
            self.is_doubtful = self.is_doubtful or bool(flat or result * _CANCELLED > 1)
        else:
            self.is_doubtful = (
                self.is_doubtful or name in _STEPPED or bool(result < _CANCELLED < given)
            )

    def _note_domain(self, result: Any, arguments: list[Any]) -> None:  # noqa: ANN401
        if result.imag and not any(argument.imag for argument in arguments):
            self.unreal = True

    def _note_flatness(self, name: str, size: Any) -> None:  # noqa: ANN401
        """Note where a function differs from a plain number by less than few digits show.

        Raises:
            OverflowError: where many digits do not show it either.
        """
        lowest, highest = _FLAT[name]
        self.has_negligible = self.has_negligible or 0 < size < lowest or size > highest
        if 0 < size < lowest**_TOO_FLAT or size > highest * _TOO_FLAT:
            raise OverflowError("a function too near to a plain number")

    def loop(self, node: Node) -> Any:  # noqa: ANN401
        """Return the value of a finite sum or product over integers."""
        body, variable, lower, upper = node.args
        first, last = exact(self._filled(lower)), exact(self._filled(upper))
        if first is None or last is None or first.denominator * last.denominator != 1:
            raise ValueError("bounds that are not integers")
        if any(variable.name in name.partition("_")[2] for name in symbols(body)):
            raise ValueError("terms that are given by their index")
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


def bounds_set(node: Node) -> bool:
    r"""Return whether a call is a bound of a set or function by its letter, such as `\max S`."""
    alone = node.name in _BOUNDS and len(node.args) == 1 and node.args[0].op == "sym"
    return alone and node.args[0].name[:1].isupper()


_BOUNDS = frozenset({"min", "max", "inf", "sup"})
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
    """Return functions by name, from a library for complex numbers and one for real numbers."""

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
        **dict.fromkeys(("min", "inf"), lambda *xs: min(map(ordered, xs)) + 0j),
        **dict.fromkeys(("max", "sup"), lambda *xs: max(map(ordered, xs)) + 0j),
        "mod": lambda x, m: ordered(x) % ordered(m) + 0j,
        "sgn": lambda x: (ordered(x) > 0) - (ordered(x) < 0) + 0j,
        "Gamma": lambda x: gamma(x) + 0j, "erf": lambda x: real.erf(ordered(x)) + 0j,
        "erfc": lambda x: real.erfc(ordered(x)) + 0j,
        "zeta": lambda x: _zeta(real, ordered(x)) + 0j,
    }  # fmt: skip


def _zeta(real: Any, number: Any) -> Any:  # noqa: ANN401
    """Return Riemann's zeta function; the machine's library has none, mpmath's has one for it."""
    if real is not math:
        return real.zeta(number)
    import mpmath

    return float(mpmath.fp.zeta(number))


def _snapped(number: Any) -> Any:  # noqa: ANN401
    """Return a real number, rounded to an integer if it is one up to rounding errors."""
    nearest = round(number)
    return nearest if abs(number - nearest) < _NEARLY_WHOLE else number


MACHINE = Field(
    number=lambda value: complex(value.numerator / value.denominator),
    constants={"pi": complex(math.pi), "e": complex(math.e), "i": 1j},
    functions=_functions(cmath, math),
    finite=cmath.isfinite,
)


_fields: ContextVar[dict[int, Field] | None] = ContextVar("fields", default=None)
"""Fields by digits, per thread: functions of mpmath change its context's precision."""


def precise(digits: int) -> Field:
    """Return the field with a precision in digits; mpmath is imported when first needed."""
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
