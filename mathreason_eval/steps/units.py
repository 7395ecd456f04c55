"""Numbers that count different things: `2 hours = 120 minutes`, `1/2 inch = 20 miles`."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from mathreason_eval.maths.vocabulary.units import Unit, unit_of
from mathreason_eval.steps.arithmetic import Expression

_CENTS = Unit((("USD", 1),), Fraction(1, 100))
_DOLLARS = Unit((("USD", 1),), Fraction(1))
_COUNTED = {"dozen": Fraction(12), "dozens": Fraction(12), "pair": Fraction(2),
            "pairs": Fraction(2), "couple": Fraction(2), "couples": Fraction(2)}  # fmt: skip


def is_comparable(left: Expression, right: Expression) -> bool:
    """Return whether an equation says what its left side comes to.

    Otherwise it says what a thing is in other units, or the number on the left only ends the name
    of what is worked out: `the temperature after 2 hours = 20 + 8`.
    """
    if not left.operators and not right.operators:
        return False
    if not left.operators and left.first:
        return False
    if left.lone and left.units:
        return left.units == right.units
    if len(_converted(left, right)) > 1:
        return False
    return not _is_mixed(left) and not _is_mixed(right)


def _converted(left: Expression, right: Expression) -> set[object]:
    """Return the dimensions that the two sides measure in units of different sizes."""
    return {
        one.dimension
        for one in _measures(left)
        for other in _measures(right)
        if one.dimension == other.dimension and one.size != other.size
    }


def factors(left: Expression, right: Expression) -> frozenset[Fraction]:
    """Return by what the left side may be multiplied to count what the right side counts."""
    found = {Fraction(1)}
    for one in _measures(left):
        for other in _measures(right):
            if one.dimension == other.dimension:
                found.add(one.size / other.size)
    for unit in (*left.units, *right.units):
        for word in unit.split():
            if word in _COUNTED:
                found |= {_COUNTED[word], 1 / _COUNTED[word]}
    return frozenset(found)


def _is_mixed(side: Expression) -> bool:
    """Return whether units of several sizes stand in a side for one thing, as in 1 h + 5 min."""
    sizes: dict[object, set[Fraction]] = {}
    for unit in _measures(side):
        sizes.setdefault(unit.dimension, set()).add(unit.size)
    return any(len(each) > 1 for each in sizes.values())


def _measures(side: Expression) -> Iterator[Unit]:
    """Yield what the units of a side measure, as far as they are known."""
    if side.money:
        yield _DOLLARS
    for name in side.units:
        if name in {"penny", "pennies"}:
            yield _CENTS
        elif not name.startswith("/") and (unit := unit_of(name)) is not None:
            yield unit
