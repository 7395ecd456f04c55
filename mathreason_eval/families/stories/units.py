"""Kinds of quantities: how their values are printed, and which values make sense."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from mathreason_eval.maths.vocabulary.words import FRACTIONS, NUMBERS

Number = int | Fraction
"""Whole numbers are always int: they are faster, and `7` is told apart from `7/2` by its type."""


def whole(value: Number) -> Number:
    """Return the value as an int if it is one."""
    return value.numerator if value.denominator == 1 else value


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """A kind of quantity."""

    spell: Callable[[Number], str]
    sensible: Callable[[Number], bool]


def exact(value: Number) -> str:
    """Return `12`, `0.75` or, where no decimal ends, `1/3`."""
    if isinstance(value, int):
        return str(value)
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    return str(Decimal(value.numerator) / Decimal(value.denominator))


def _money(value: Number) -> str:
    if isinstance(value, int):
        return str(value)
    cents = int(value * 100)
    return f"{cents // 100}.{cents % 100:02d}"


def _times(value: Number) -> str:
    return "twice" if value == _TWICE else f"{_WORDS[value]} times"


def _part(value: Number) -> str:
    name = _PARTS[value.denominator]
    if name == "half":
        return name
    return f"a {name}" if value.numerator == 1 else f"{_WORDS[value.numerator]} {name}s"


_TWICE = 2
_WORDS: Mapping[Number, str] = {
    number: word
    for word, number in NUMBERS.items()
    if 1 <= number <= 12  # noqa: PLR2004
}
_PARTS = {
    FRACTIONS[name]: name
    for name in ("half", "third", "quarter", "fifth", "sixth", "eighth", "tenth")
}


def _positive(value: Number) -> bool:
    return isinstance(value, int) and value > 0


def _hundredths(value: Number) -> bool:
    return value > 0 and 100 % value.denominator == 0


UNITS: Mapping[str, Unit] = {
    "count": Unit(spell=str, sensible=_positive),
    "money": Unit(spell=_money, sensible=_hundredths),
    "decimal": Unit(spell=exact, sensible=_hundredths),
    "percent": Unit(spell=lambda share: f"{exact(whole(share * 100))}%", sensible=_hundredths),
    "part": Unit(spell=_part, sensible=lambda part: 0 < part < 1 and part.denominator in _PARTS),
    "words": Unit(spell=lambda count: _WORDS[count], sensible=lambda count: count in _WORDS),
    "times": Unit(spell=_times, sensible=lambda times: times in _WORDS and times >= _TWICE),
}
"""Every unit by name. What is drawn or computed must be sensible, or it is drawn again."""
