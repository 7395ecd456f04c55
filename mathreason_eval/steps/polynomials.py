"""Equations in one variable as polynomials with rational coefficients, lowest first."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from mathreason_eval.maths.syntax.tree import Node

Polynomial = tuple[Fraction, ...]

_HIGHEST = 12
"""Degree up to which polynomials are multiplied."""
_ONE: Polynomial = (Fraction(1),)


class NotRationalError(ArithmeticError):
    """An expression is no quotient of polynomials, or one that is too large."""


def equation(left: Node, right: Node) -> Polynomial | None:
    """Return a polynomial whose zeros are the solutions of an equation, and perhaps some more.

    None if the two sides are no quotients of polynomials in the one variable they share.
    """
    try:
        (over, under), (top, bottom) = _quotient(left), _quotient(right)
        return _sum(_product(over, bottom), _product((Fraction(-1),), _product(top, under)))
    except NotRationalError:
        return None


def have_common_zero(one: Polynomial, other: Polynomial) -> bool:
    """Return whether two polynomials vanish at the same number, real or not."""
    while other:
        one, other = other, _remainder(one, other)
    return len(one) != 1


def _quotient(node: Node) -> tuple[Polynomial, Polynomial]:
    """Return numerator and denominator."""
    if node.value is not None:
        return _trimmed([node.value]), _ONE
    if node.op == "sym":
        return (Fraction(0), Fraction(1)), _ONE
    if node.op not in {"add", "mul", "neg", "div", "pow"}:
        raise NotRationalError
    parts = [_quotient(part) for part in node.args]
    if node.op == "neg":
        return _product((Fraction(-1),), parts[0][0]), parts[0][1]
    if node.op == "div":
        (over, under), (top, bottom) = parts
        if not top:
            raise NotRationalError
        return _product(over, bottom), _product(under, top)
    if node.op == "pow":
        parts = [parts[0]] * _exponent(node.args[1])
    return _added(parts) if node.op == "add" else _multiplied(parts)


def _exponent(node: Node) -> int:
    if node.value is None or node.value.denominator != 1 or not 0 <= node.value <= _HIGHEST:
        raise NotRationalError
    return int(node.value)


def _added(parts: Sequence[tuple[Polynomial, Polynomial]]) -> tuple[Polynomial, Polynomial]:
    over: Polynomial = ()
    under = _ONE
    for top, bottom in parts:
        over, under = (
            _sum(_product(over, bottom), _product(top, under)),
            _product(under, bottom),
        )
    return over, under


def _multiplied(parts: Sequence[tuple[Polynomial, Polynomial]]) -> tuple[Polynomial, Polynomial]:
    over = under = _ONE
    for top, bottom in parts:
        over, under = _product(over, top), _product(under, bottom)
    return over, under


def _sum(one: Polynomial, other: Polynomial) -> Polynomial:
    if len(one) < len(other):
        one, other = other, one
    return _trimmed([a + b for a, b in zip(one, other, strict=False)] + [*one[len(other) :]])


def _product(one: Polynomial, other: Polynomial) -> Polynomial:
    if len(one) + len(other) > _HIGHEST + 2:
        raise NotRationalError
    found = [Fraction(0)] * (len(one) + len(other) - 1 if one and other else 0)
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            found[i + j] += a * b
    return _trimmed(found)


def _remainder(one: Polynomial, other: Polynomial) -> Polynomial:
    rest = [*one]
    while len(rest) >= len(other):
        factor, shift = rest[-1] / other[-1], len(rest) - len(other)
        for place, coefficient in enumerate(other[:-1]):
            rest[place + shift] -= factor * coefficient
        rest.pop()
        rest = [*_trimmed(rest)]
    return tuple(rest)


def _trimmed(coefficients: Sequence[Fraction]) -> Polynomial:
    """Return the coefficients without zeros at the end; none for the polynomial 0."""
    last = len(coefficients)
    while last and not coefficients[last - 1]:
        last -= 1
    return tuple(coefficients[:last])
