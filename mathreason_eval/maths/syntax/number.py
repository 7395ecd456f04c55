"""Numbers as they are typed: grouped, decimal, repeating, scientific, ordinal."""

from __future__ import annotations

import re
from fractions import Fraction

MOST_DIGITS = 4000
"""Longer numbers are compared as text; Python itself refuses to read them as integers."""
_LARGEST_POWER = 10_000
_PLAIN = re.compile(r"([-+]?)(\d{1,30})(?:\.(\d{1,30}))?")
_DECIMAL = re.compile(r"(\d{1,30})\.(\d{1,30})")
_EUROPEAN = re.compile(r"\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:\.\d{3}){2,}")


def plain_number(text: str) -> Fraction | int | None:
    """Return the value of a short integer or decimal in ASCII digits, or None for all else."""
    if not (found := _PLAIN.fullmatch(text)) or not text.isascii():
        return None
    sign, whole, tail = found.groups()
    value = Fraction(int(whole + tail), 10 ** len(tail)) if tail else int(whole)
    return -value if sign == "-" else value


def typed_value(text: str) -> tuple[Fraction, str]:
    """Return the value of a number token, and its decimals as typed if it has a point.

    The token has no sign. Repeating decimals are exact and count as typed without a point.

    Raises:
        ValueError: if it has more digits than can be worth reading.
    """
    if text.isdecimal() and len(text) <= MOST_DIGITS:
        return Fraction(int(text)), ""
    if found := _DECIMAL.fullmatch(text):
        return Fraction(int(found[1] + found[2]), 10 ** len(found[2])), text
    if len(text) > MOST_DIGITS:
        raise ValueError("a number of too many digits")
    text = re.sub(r"(?:st|nd|rd|th)$", "", text)
    mantissa, _, power = re.sub(r"(?<=[\d.])[eE](?=[-+]?\d+$)", "\0", text).partition("\0")
    if _EUROPEAN.fullmatch(mantissa):
        mantissa = mantissa.replace(".", "").replace(",", ".")
    scale = _power_of_ten(int(power)) if power else Fraction(1)
    if re.search(r"over|bar|dot|\(|\.\.\.", mantissa):
        return _repeating(mantissa) * scale, ""
    digits = re.sub(r"[^\d.]", "", mantissa)
    whole, point, tail = digits.partition(".")
    value = Fraction(int(whole + tail or "0"), 10 ** len(tail))
    return value * scale, digits if point and not power else ""


def _power_of_ten(power: int) -> Fraction:
    if abs(power) > _LARGEST_POWER:
        raise ValueError("a power of ten beyond all use")
    return Fraction(10) ** power


def _repeating(text: str) -> Fraction:
    r"""Return the value of `0.1\overline{6}`, `0.1(6)`, `0.1\dot{6}` or `0.1666...`."""
    whole, _, tail = text.partition(".")
    if found := re.fullmatch(r"(\d*?)(?:(\d+?)\2{2,}\d?|(\d{3,}?)\3)(?:\.\.\.|\\[lc]?dots)", tail):
        steady, cycle = found[1], found[2] or found[3]
    elif "..." in tail or re.search(r"\\[lc]?dots", tail):
        raise ValueError("no cycle to be seen")
    elif "dot" in tail:
        start, end = tail.index("\\"), tail.rindex("\\")
        steady, cycle = tail[:start], re.sub(r"\D", "", tail[start:end] + tail[end:])
    else:
        steady, cycle = re.split(r"\\overline|\\bar|\(", tail)
    steady, cycle = re.sub(r"\D", "", steady), re.sub(r"\D", "", cycle)
    unit = 10 ** len(steady)
    head = Fraction(int(re.sub(r"\D", "", whole) + steady or "0"), unit)
    return head + Fraction(int(cycle), unit * (10 ** len(cycle) - 1))


def significant(typed: str) -> int:
    """Return how many significant digits a decimal shows: 3 for `0.0500`, 5 for `-180.67`."""
    return len(typed.replace(".", "").lstrip("-+0"))


def rounds_to(value: Fraction, typed: str, shown: Fraction) -> bool:
    """Return whether the value, rounded half up or half even, is the decimal that was typed."""
    places = len(typed.partition(".")[2])
    unit = Fraction(1, 10**places)
    return 2 * abs(value - shown) <= unit
