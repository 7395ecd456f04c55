"""Whether the relation between two arithmetic expressions with units is true."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

from mathreason_eval.maths.vocabulary.latex import relation_signs
from mathreason_eval.maths.vocabulary.units import Unit, unit_of
from mathreason_eval.maths.vocabulary.words import GROUPS
from mathreason_eval.steps.arithmetic import Expression
from mathreason_eval.steps.values import Value, holds, values

EQUAL = frozenset({"=", "=="})
"""Signs of equality; not `:=`, which is a definition rather than a claim."""
UNEQUAL = relation_signs("!=")
_NEARLY = relation_signs("~", "sim", "cong")
_CONGRUENT = EQUAL | relation_signs("equiv")
_ORDERS: Mapping[str, Callable[[Fraction, Fraction], bool]] = {
    sign: order
    for meaning, order in (
        ("<", operator.lt),
        (">", operator.gt),
        ("<=", operator.le),
        (">=", operator.ge),
        ("!=", operator.ne),
    )
    for sign in relation_signs(meaning)
}
_LARGEST_SHOWN = 10**10
"""Integers below this one are shown in full."""
_DOLLARS, _CENTS = unit_of("dollars"), unit_of("cents")
_PENNIES = frozenset({"penny", "pennies"})
"""Cents of a dollar: the solutions are American, unlike the grader's pence."""


def refutation(left: Expression, right: Expression, sign: str, modulus: int = 0) -> str | None:
    r"""Return why the relation between two expressions is false; None if it may be true.

    Args:
        left: the expression before the sign.
        right: the expression after it.
        sign: `=`, `\leq`, …
        modulus: the modulus of the relation; 0 for none.
    """
    if not left.readable or not right.readable:
        return None
    if modulus:
        return _incongruent(left, right, modulus) if sign in _CONGRUENT else None
    if sign in _ORDERS:
        return _disordered(left, right, _ORDERS[sign])
    if sign in EQUAL or sign in _NEARLY:
        return _different(left, right, nearly=sign in _NEARLY)
    return None


def _different(left: Expression, right: Expression, *, nearly: bool) -> str | None:
    """Return why two expressions are not equal in any of their units, or None."""
    if not _is_comparable(left, right):
        return None
    # Sums of money are exact; other decimals may have been rounded.
    ones = values(left.text, rounded=not left.money)
    others = values(right.text, rounded=not right.money)
    if not ones or not others:
        return None
    converted = [one.times(factor) for one in ones for factor in _factors(left, right)]
    if any(holds(one, other, nearly=nearly) for one in converted for other in others):
        return None
    if right.first_operand and runs_on(left, right):
        # Running equals signs, as on a pocket calculator: 2 * 26 = 52 + 24 = 76.
        return None
    return _compared(ones[0], others[0])


def runs_on(left: Expression, right: Expression) -> bool:
    """Return whether the left side is the first operand of the right one: 2 * 26 = 52 + 24."""
    operands = values(right.first_operand)
    return any(
        holds(one, operand, nearly=False) for one in values(left.text) for operand in operands
    )


def _disordered(
    left: Expression, right: Expression, order: Callable[[Fraction, Fraction], bool]
) -> str | None:
    """Return why an inequality of two expressions is false, or None."""
    if not left.operators and not right.operators:
        return None
    if left.units and right.units and left.units != right.units:
        return None
    pairs = [(one, other) for one in values(left.text) for other in values(right.text)]
    for one, other in pairs:
        # Floating-point numbers that are nearly equal have no reliable order.
        unsure = not (one.exact and other.exact) and holds(one, other, nearly=True)
        if unsure or order(one.number, other.number):
            return None
    return _compared(*pairs[0]) if pairs else None


def _incongruent(left: Expression, right: Expression, modulus: int) -> str | None:
    """Return why two integers are not congruent, or None."""
    pairs = [(one, other) for one in values(left.text) for other in values(right.text)]
    for one, other in pairs:
        gap = one.number - other.number
        if not (one.exact and other.exact) or gap.denominator != 1 or gap % modulus == 0:
            return None
    return f"the two sides are not the same modulo {modulus}" if pairs else None


def _compared(one: Value, other: Value) -> str:
    return f"the left side is {_shown(one)}, the right side {_shown(other)}"


def _shown(value: Value) -> str:
    """Return a number for a message: exactly, if that is short."""
    if value.exact and max(abs(value.number.numerator), value.number.denominator) < _LARGEST_SHOWN:
        return str(value.number)
    try:
        return f"{float(value.number):.10g}"
    except OverflowError:
        return "a very large number"


# --- units: `2 hours = 120 minutes`, `1/2 inch = 20 miles` -------------------------------------


def _is_comparable(left: Expression, right: Expression) -> bool:
    """Return whether an equation states the value of its left side.

    Otherwise it converts units, or the number on the left is part of a name:
    `the temperature after 2 hours = 20 + 8`.
    """
    if not left.operators and (not right.operators or left.first):
        return False
    if left.atomic and left.units:
        return left.units == right.units
    converted = {one.dimension for one, other in _alike(left, right) if one.size != other.size}
    return len(converted) <= 1 and not _is_mixed(left) and not _is_mixed(right)


def _factors(left: Expression, right: Expression) -> frozenset[Fraction]:
    """Return the factors that may convert the left side to the units of the right side."""
    found = {Fraction(1)} | {one.size / other.size for one, other in _alike(left, right)}
    for unit in (*left.units, *right.units):
        for word in unit.split():
            if word in GROUPS:
                found |= {Fraction(GROUPS[word]), Fraction(1, GROUPS[word])}
    return frozenset(found)


def _alike(left: Expression, right: Expression) -> Iterator[tuple[Unit, Unit]]:
    """Yield the pairs of units of the two sides that have the same dimension."""
    for one in _units(left):
        for other in _units(right):
            if one.dimension == other.dimension:
                yield one, other


def _is_mixed(side: Expression) -> bool:
    """Return whether a side has several units of the same dimension, as in 1 h + 5 min."""
    units = {*_units(side)}
    return len(units) > len({unit.dimension for unit in units})


def _units(side: Expression) -> Iterator[Unit]:
    """Yield the known units of a side."""
    if side.money and _DOLLARS is not None:
        yield _DOLLARS
    for name in side.units:
        unit = _CENTS if name in _PENNIES else None if name.startswith("/") else unit_of(name)
        if unit is not None:
            yield unit
