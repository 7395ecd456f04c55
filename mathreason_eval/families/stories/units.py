"""Kinds of quantities: how their values are printed, and which values make sense."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from mathreason_eval.maths.vocabulary.words import FRACTIONS, NUMBERS

Number = int | Fraction
"""Whole numbers are always int, which is faster and tells `7` from `7/2` by type."""


def whole(value: Number) -> Number:
    """Return the value as an int if it is a whole number."""
    return value.numerator if value.denominator == 1 else value


@dataclass(frozen=True, kw_only=True, slots=True)
class QuantityKind:
    """A kind of quantity."""

    format: Callable[[Number], str]
    """Returns a value as it is printed in a story."""
    is_valid: Callable[[Number], bool]
    """Whether a value makes sense for this kind."""


def format_number(value: Number) -> str:
    """Return `12`, `0.75` or, where the decimal expansion does not terminate, `1/3`."""
    if isinstance(value, int):
        return str(value)
    denominator = value.denominator
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator //= prime
    if denominator != 1:
        return f"{value.numerator}/{value.denominator}"
    return str(Decimal(value.numerator) / Decimal(value.denominator))


def _format_money(value: Number) -> str:
    if isinstance(value, int):
        return str(value)
    cents = int(value * 100)
    return f"{cents // 100}.{cents % 100:02d}"


_TWICE = 2
_WORDS: Mapping[Number, str] = {
    number: word
    for word, number in NUMBERS.items()
    if 1 <= number <= 12  # noqa: PLR2004
}


def _format_times(value: Number) -> str:
    return "twice" if value == _TWICE else f"{_WORDS[value]} times"


_PARTS = {
    FRACTIONS[name]: name
    for name in ("half", "third", "quarter", "fifth", "sixth", "eighth", "tenth")
}


def _format_part(value: Number) -> str:
    name = _PARTS[value.denominator]
    if name == "half":
        return name
    return f"a {name}" if value.numerator == 1 else f"{_WORDS[value.numerator]} {name}s"


def _is_positive_int(value: Number) -> bool:
    return isinstance(value, int) and value > 0


def _is_whole_hundredths(value: Number) -> bool:
    return value > 0 and 100 % value.denominator == 0


UNITS: Mapping[str, QuantityKind] = {
    "count": QuantityKind(format=str, is_valid=_is_positive_int),
    "money": QuantityKind(format=_format_money, is_valid=_is_whole_hundredths),
    "decimal": QuantityKind(format=format_number, is_valid=_is_whole_hundredths),
    "percent": QuantityKind(
        format=lambda share: f"{format_number(whole(share * 100))}%",
        is_valid=_is_whole_hundredths,
    ),
    "part": QuantityKind(
        format=_format_part, is_valid=lambda part: 0 < part < 1 and part.denominator in _PARTS
    ),
    "words": QuantityKind(
        format=lambda count: _WORDS[count], is_valid=lambda count: count in _WORDS
    ),
    "times": QuantityKind(
        format=_format_times, is_valid=lambda times: times in _WORDS and times >= _TWICE
    ),
}
"""Kinds of quantities by unit. If a drawn or computed value is invalid, the story is drawn anew."""
