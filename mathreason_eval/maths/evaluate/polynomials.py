"""Polynomials in one variable: coefficients, real zeros, and common zeros of two equations.

Coefficients are listed from the lowest power. Those of an expression are trees, as they may contain
other variables; those of an equation with only one variable are rational numbers.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import reduce
from itertools import zip_longest
from typing import TypeVar

from mathreason_eval.maths.evaluate.numeric import machine_value
from mathreason_eval.maths.syntax.tree import (
    ONE,
    TWO,
    ZERO,
    Node,
    call,
    contains,
    minus,
    num,
    substitute,
)

_Number = TypeVar("_Number")


def _product(
    one: Sequence[_Number],
    other: Sequence[_Number],
    times: Callable[[_Number, _Number], _Number],
    total: Callable[[list[_Number]], _Number],
) -> list[_Number]:
    """Return the coefficients of a product, given the arithmetic of its coefficients."""
    terms: list[list[_Number]] = [[] for _ in range(len(one) + len(other) - 1)]
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            terms[i + j].append(times(a, b))
    return [total(group) for group in terms]


# --- coefficients that are trees ---------------------------------------------------------------

_MOST_COEFFICIENTS = 5
_MOST_FACTORS = 12


def polynomial(node: Node, variable: Node) -> list[Node] | None:
    """Return the coefficients of a polynomial in one variable, lowest first, or None."""
    if not contains(node, variable.op, variable.name):
        return [node]
    if node == variable:
        return [ZERO, ONE]
    parts = [polynomial(part, variable) for part in node.args]
    known = [part for part in parts if part is not None]
    if len(known) != len(parts):
        return None
    if node.op == "add":
        size = max(map(len, known))
        return [Node("add", tuple(p[k] for p in known if k < len(p))) for k in range(size)]
    if node.op == "neg":
        return [minus(coefficient) for coefficient in known[0]]
    if node.op == "div" and len(known[1]) == 1:
        return [Node("div", (coefficient, known[1][0])) for coefficient in known[0]]
    power = node.args[1].value if node.op == "pow" else None
    factors = [known[0]] * int(power) if power in {1, 2, 3} else known
    return _expanded(factors) if node.op == "mul" or power in {1, 2, 3} else None


def _added(terms: list[Node]) -> Node:
    return Node("add", tuple(terms))


def _expanded(factors: list[list[Node]]) -> list[Node] | None:
    """Return the product of polynomials, or None if it is too large."""
    if len(factors) > _MOST_FACTORS:
        return None
    result = factors[0]
    for factor in factors[1:]:
        if len(result) + len(factor) - 1 > _MOST_COEFFICIENTS:
            return None
        result = _product(result, factor, lambda *parts: Node("mul", parts), _added)
    return result


# --- real zeros --------------------------------------------------------------------------------

_NEAR = 1e-9
_MOST_ABSOLUTES = 4
"""Maximum number of absolute values in a function; each doubles the cases."""
_LINEAR, _QUADRATIC = 2, 3
"""Maximum number of coefficients of such polynomials."""
_INSIDE: dict[str, Callable[[Node], bool]] = {
    "mul": lambda _: True,
    "div": lambda _: True,
    "neg": lambda _: True,
    "pow": lambda node: node.args[1].value is not None,
    "call": lambda node: node.name in {"abs", "root"},
}
"""Operations that are zero or undefined only where one of their parts is zero."""


class NoZerosError(ValueError):
    """The zeros of a function cannot be found."""


def zeros(node: Node, variable: Node, absolutes: int = _MOST_ABSOLUTES) -> list[Node]:
    """Return the real numbers at which a function of one variable may be zero or undefined.

    Raises:
        NoZerosError: if they cannot be found by factors, absolute values and quadratics.
    """
    if not contains(node, variable.op, variable.name):
        return []
    inside = _INSIDE.get(node.op)
    if inside is not None and inside(node):
        return [zero for part in node.args for zero in zeros(part, variable, absolutes)]
    modulus = _find(node, lambda part: _is_absolute(part) and part != variable)
    if modulus is None:
        return _polynomial_zeros(node, variable)
    if not absolutes:
        raise NoZerosError("too many absolute values")
    inner = modulus.args[0]
    cases = (inner, *(substitute(node, modulus, side) for side in (inner, minus(inner))))
    return [zero for case in cases for zero in zeros(case, variable, absolutes - 1)]


def _is_absolute(node: Node) -> bool:
    return node.op == "call" and node.name == "abs"


def _find(node: Node, wanted: Callable[[Node], bool]) -> Node | None:
    if wanted(node):
        return node
    return next((found for part in node.args if (found := _find(part, wanted)) is not None), None)


def _polynomial_zeros(node: Node, variable: Node) -> list[Node]:
    """Return the zeros of a polynomial of degree two at most, real or not."""
    coefficients = polynomial(node, variable)
    if coefficients is None:
        raise NoZerosError("no polynomial")
    while len(coefficients) > 1 and _vanishes(coefficients[-1]):
        coefficients.pop()
    if len(coefficients) == 1:
        return []
    if len(coefficients) == _LINEAR:
        return [Node("div", (minus(coefficients[0]), coefficients[1]))]
    if len(coefficients) > _QUADRATIC:
        raise NoZerosError("a polynomial of high degree")
    c, b, a = coefficients
    four_ac = Node("mul", (num(4), a, c))
    root = call("root", Node("add", (Node("mul", (b, b)), minus(four_ac))), TWO)
    return [
        Node("div", (Node("add", (minus(b), signed)), Node("mul", (TWO, a))))
        for signed in (root, minus(root))
    ]


def _vanishes(node: Node) -> bool:
    at = machine_value(node)
    return at is not None and abs(at) < _NEAR


# --- rational coefficients ---------------------------------------------------------------------

RationalPolynomial = tuple[Fraction, ...]
"""The last coefficient is not zero; the polynomial 0 has none."""
_Quotient = tuple[RationalPolynomial, RationalPolynomial]
"""Numerator and denominator."""
_HIGHEST = 12
"""Maximum degree of polynomials that are multiplied."""
_ONE: RationalPolynomial = (Fraction(1),)


class NotRationalError(ArithmeticError):
    """An expression is not a quotient of polynomials, or is one that is too large."""


def zeros_polynomial(left: Node, right: Node) -> RationalPolynomial | None:
    """Return a polynomial whose zeros include the solutions of an equation.

    None if the two sides are not quotients of polynomials in one shared variable.
    """
    try:
        (over, under), (top, bottom) = _quotient(left), _negated(_quotient(right))
        return _sum(_times(over, bottom), _times(top, under))
    except NotRationalError:
        return None


def have_common_zero(one: RationalPolynomial, other: RationalPolynomial) -> bool:
    """Return whether two polynomials have a common zero, real or not."""
    while other:
        one, other = other, _remainder(one, other)
    return len(one) != 1


def _quotient(node: Node) -> _Quotient:
    if node.value is not None:
        return _trimmed([node.value]), _ONE
    if node.op == "sym":
        return (Fraction(0), Fraction(1)), _ONE
    if node.op not in {"add", "mul", "neg", "div", "pow"}:
        raise NotRationalError
    parts = [_quotient(part) for part in node.args]
    if node.op == "neg":
        return _negated(parts[0])
    if node.op == "div":
        (over, under), (top, bottom) = parts
        if not top:
            raise NotRationalError
        return _multiplied((over, under), (bottom, top))
    if node.op == "pow":
        parts = [parts[0]] * _exponent(node.args[1])
    if node.op == "add":
        zero: _Quotient = (), _ONE
        return reduce(_quotients_added, parts, zero)
    return reduce(_multiplied, parts, (_ONE, _ONE))


def _exponent(node: Node) -> int:
    if node.value is None or node.value.denominator != 1 or not 0 <= node.value <= _HIGHEST:
        raise NotRationalError
    return int(node.value)


def _negated(quotient: _Quotient) -> _Quotient:
    return tuple(-coefficient for coefficient in quotient[0]), quotient[1]


def _multiplied(one: _Quotient, other: _Quotient) -> _Quotient:
    return _times(one[0], other[0]), _times(one[1], other[1])


def _quotients_added(one: _Quotient, other: _Quotient) -> _Quotient:
    (over, under), (top, bottom) = one, other
    return _sum(_times(over, bottom), _times(top, under)), _times(under, bottom)


def _sum(one: RationalPolynomial, other: RationalPolynomial) -> RationalPolynomial:
    return _trimmed([a + b for a, b in zip_longest(one, other, fillvalue=Fraction(0))])


def _times(one: RationalPolynomial, other: RationalPolynomial) -> RationalPolynomial:
    if len(one) + len(other) > _HIGHEST + 2:
        raise NotRationalError
    if not one or not other:
        return ()
    return _trimmed(_product(one, other, operator.mul, lambda group: sum(group, Fraction(0))))


def _remainder(one: RationalPolynomial, other: RationalPolynomial) -> RationalPolynomial:
    rest = [*one]
    while len(rest) >= len(other):
        factor, shift = rest[-1] / other[-1], len(rest) - len(other)
        for place, coefficient in enumerate(other[:-1]):
            rest[place + shift] -= factor * coefficient
        rest.pop()
        rest = [*_trimmed(rest)]
    return tuple(rest)


def _trimmed(coefficients: Sequence[Fraction]) -> RationalPolynomial:
    """Return the coefficients without zeros at the end; none for the polynomial 0."""
    last = len(coefficients)
    while last and not coefficients[last - 1]:
        last -= 1
    return tuple(coefficients[:last])
