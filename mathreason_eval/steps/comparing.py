"""Whether two values may be called equal by somebody who rounds, truncates or counts wholes."""

from __future__ import annotations

from fractions import Fraction

from mathreason_eval.steps.values import Value, half_unit

_NOISE = Fraction(1, 10**9)
"""Relative error of machine numbers."""
_MACHINE_DIGITS = 14
"""Significant digits at which a decimal is a float, written out."""
_NEARLY = Fraction(1, 50)
"""Relative difference of what is said to be nearly equal."""


def holds(one: Value, other: Value, *, nearly: bool) -> bool:
    """Return whether two values are equal, as far as the writer's precision goes.

    Args:
        one: the value on the left.
        other: the value on the right; if it is one number, what the left is said to come to.
        nearly: whether the sign between them says that they are only about equal.
    """
    gap = abs(one.number - other.number)
    size: Fraction = max(abs(one.number), abs(other.number))
    calculated = not (one.exact and other.exact) or _is_machine(one) or _is_machine(other)
    if not gap or (calculated and gap <= _NOISE * (size + 1)):
        return True
    if nearly:
        return gap <= _NEARLY * size or gap <= 2 * half_unit(other.typed)
    return gap <= one.slack + other.slack or _rounds(one, other) or _rounds(other, one)


def _is_machine(value: Value) -> bool:
    """Return whether a number shows as many digits as a machine does: 99.00000000000001."""
    return sum(map(str.isdigit, value.typed or "")) >= _MACHINE_DIGITS


def _rounds(value: Value, shown: Value) -> bool:
    """Return whether a decimal, or the whole part of a quotient, shows a value."""
    if not shown.single:
        return False
    gap = abs(value.number - shown.number)
    if shown.typed:
        # Not a value that the decimal could have shown in full.
        unit = 2 * half_unit(shown.typed)
        return gap < unit and (value.number / unit).denominator != 1
    return value.quotient and value.number > 0 and 0 <= value.number - shown.number < 1
