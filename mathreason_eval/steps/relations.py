"""Whether two arithmetic expressions are related as the sign between them says."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from fractions import Fraction

from mathreason_eval.steps.arithmetic import Expression
from mathreason_eval.steps.comparing import holds
from mathreason_eval.steps.units import factors, is_comparable
from mathreason_eval.steps.values import Value, values

EQUAL = frozenset({"=", "=="})
UNEQUAL = frozenset({"!=", "≠", r"\ne", r"\neq"})
_NEARLY = frozenset({r"\approx", "≈", r"\simeq", r"\doteq", r"\cong", r"\sim"})
_CONGRUENT = EQUAL | {r"\equiv", "≡"}
_ORDERS: Mapping[str, Callable[[Fraction, Fraction], bool]] = {
    **dict.fromkeys(("<", r"\lt"), operator.lt),
    **dict.fromkeys((">", r"\gt"), operator.gt),
    **dict.fromkeys(("<=", "≤", r"\le", r"\leq", r"\leqslant"), operator.le),
    **dict.fromkeys((">=", "≥", r"\ge", r"\geq", r"\geqslant"), operator.ge),
    **dict.fromkeys(UNEQUAL, operator.ne),
}
_LARGEST_SHOWN = 10**10
"""Integers below this one are shown as they are."""


def refutation(left: Expression, right: Expression, sign: str, modulus: int = 0) -> str | None:
    r"""Return why two expressions are not related as the sign says; None where they may be.

    Args:
        left: what stands before the sign.
        right: what stands behind it.
        sign: `=`, `\leq`, …
        modulus: what the relation is taken modulo; 0 for nothing.
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
    """Return why two expressions are not equal, in whatever units they are."""
    if not is_comparable(left, right):
        return None
    # Sums of money are exact; other decimals may have been rounded.
    ones = values(left.text, rounded=not left.money)
    others = values(right.text, rounded=not right.money)
    if not ones or not others:
        return None
    converted = [one.times(factor) for one in ones for factor in factors(left, right)]
    if any(holds(one, other, nearly=nearly) for one in converted for other in others):
        return None
    if right.head and runs_on(left, right):
        # One equal sign after the other, as on a pocket calculator: 2 * 26 = 52 + 24 = 76.
        return None
    return _compared(ones[0], others[0])


def runs_on(left: Expression, right: Expression) -> bool:
    """Return whether the left side is what stands before the first operator on the right."""
    heads = values(right.head)
    return any(holds(one, head, nearly=False) for one in values(left.text) for head in heads)


def _disordered(
    left: Expression, right: Expression, order: Callable[[Fraction, Fraction], bool]
) -> str | None:
    """Return why two expressions are not in an order, if one of them was worked out."""
    if not left.operators and not right.operators:
        return None
    if left.units and right.units and left.units != right.units:
        return None
    pairs = [(one, other) for one in values(left.text) for other in values(right.text)]
    for one, other in pairs:
        # Machine numbers that are nearly the same have no order to speak of.
        unsure = not (one.exact and other.exact) and holds(one, other, nearly=True)
        if unsure or order(one.number, other.number):
            return None
    return _compared(*pairs[0]) if pairs else None


def _incongruent(left: Expression, right: Expression, modulus: int) -> str | None:
    """Return why two integers are not congruent."""
    pairs = [(one, other) for one in values(left.text) for other in values(right.text)]
    for one, other in pairs:
        gap = one.number - other.number
        if not (one.exact and other.exact) or gap.denominator != 1 or gap % modulus == 0:
            return None
    return f"the two sides are not the same modulo {modulus}" if pairs else None


def _compared(one: Value, other: Value) -> str:
    return f"the left side is {_shown(one)}, the right side {_shown(other)}"


def _shown(value: Value) -> str:
    """Return a number as a reader wants it: exactly if that is short."""
    if value.exact and max(abs(value.number.numerator), value.number.denominator) < _LARGEST_SHOWN:
        return str(value.number)
    try:
        return f"{float(value.number):.10g}"
    except OverflowError:
        return "a very large number"
