"""Numbers in all notations: grouped, decimal, repeating, scientific; Chinese, English words."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from mathreason_eval.maths.vocabulary.words import (
    CHINESE_DIGITS,
    CHINESE_PLACES,
    FRACTIONS,
    NUMBERS,
    SCALES,
    these,
)

MOST_DIGITS = 4000
"""Maximum digits; longer numbers are compared as text, as Python does not parse them."""
_LARGEST_POWER = 10_000
_PLAIN = re.compile(r"([-+]?)(\d{1,30})(?:\.(\d{1,30}))?")
_DECIMAL = re.compile(r"(\d{1,30})\.(\d{1,30})")
_EUROPEAN = re.compile(r"\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:\.\d{3}){2,}")


def plain_number(text: str) -> Fraction | int | None:
    """Return the value of an integer or decimal in ASCII digits: `-12`, `0.5`.

    None for anything else, and for more than 30 digits before or after the point.
    """
    if not (found := _PLAIN.fullmatch(text)) or not text.isascii():
        return None
    sign, whole, tail = found.groups()
    value = Fraction(int(whole + tail), 10 ** len(tail)) if tail else int(whole)
    return -value if sign == "-" else value


def typed_value(text: str) -> tuple[Fraction, str]:
    """Return the value of a number token, and its decimals as typed if it has a point.

    The token has no sign. Repeating decimals are exact and count as typed without a point.

    Raises:
        ValueError: if it has too many digits.
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
    if power and abs(int(power)) > _LARGEST_POWER:
        raise ValueError("too large a power of ten")
    scale = Fraction(10) ** int(power or 0)
    if re.search(r"over|bar|dot|\(|\.\.\.", mantissa):
        return _repeating(mantissa) * scale, ""
    digits = re.sub(r"[^\d.]", "", mantissa)
    whole, point, tail = digits.partition(".")
    value = Fraction(int(whole + tail or "0"), 10 ** len(tail))
    return value * scale, digits if point and not power else ""


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
    """Return whether the value, rounded half away from zero or half even, is what was typed.

    The same for a value and its negative. 37.55 rounds to 37.6 both ways, 2.345 to 2.34 or 2.35.
    """
    scaled, wanted = (abs(number) * 10 ** len(typed.partition(".")[2]) for number in (value, shown))
    if value * shown < 0:
        return False
    return wanted in {math.floor(scaled + Fraction(1, 2)), round(scaled)}


# --- in words -----------------------------------------------------------------------------------

_MYRIADS = {"万": SCALES["万"], "亿": SCALES["亿"]}
_NUMERAL = r"[〇零一二三四五六七八九两十百千万亿]{1,30}"
_NUMBER = rf"({_NUMERAL}|(?<!\d)\d{{1,30}})"
_CHINESE_FRACTION = re.compile(rf"{_NUMBER}分之{_NUMBER}")
_COUNTED = "个個人名只次种種本元天年岁歲条條张張块塊"
"""One-character measure words between a number and the thing that it counts."""
_CHINESE = re.compile(
    rf"[负負]?{_NUMERAL}(?:[点點][〇零一二三四五六七八九]{{1,30}})?([{_COUNTED}])?"
)

_LARGE = these("thousand million billion trillion lakh crore")
_MIXED = re.compile(r"(?:\d{1,15}[千百万亿]){2,8}\d{0,15}|(?:\d{1,15}[千百万亿])+\d{1,15}")


def with_digits(text: str) -> str:
    """Return the text with Chinese fractions in digits, and a numeral with its unit if alone."""
    text = _CHINESE_FRACTION.sub(lambda m: rf"\frac{{{_chinese(m[2])}}}{{{_chinese(m[1])}}}", text)
    if _MIXED.fullmatch(text.strip()):
        return str(_mixed(text.strip()))
    if counted := _CHINESE.fullmatch(text.strip()):
        bare, unit = text.strip().removesuffix(counted[1] or ""), counted[1] or ""
        whole, _, places = re.sub("點", "点", bare.lstrip("负負")).partition("点")
        tail = "".join(str(CHINESE_DIGITS[char]) for char in places)
        sign = "-" if bare[0] in "负負" else ""
        return f"{sign}{_chinese(whole)}{tail and '.'}{tail}{unit}"
    return text


_MIXED_PART = re.compile(r"(\d+)([千百万亿]?)")


def _mixed(numeral: str) -> int:
    """Return the value of digits with the names of their places, such as `1万2千`."""
    total = section = 0
    for digits, place in _MIXED_PART.findall(numeral):
        if place in _MYRIADS:
            total, section = total + (section + int(digits)) * _MYRIADS[place], 0
        else:
            section += int(digits) * CHINESE_PLACES.get(place, 1)
    return total + section


def _chinese(numeral: str) -> int:
    """Return the value of a Chinese numeral, positional (一二) or with places (十二)."""
    if numeral.isdecimal():
        return int(numeral)
    if not set(numeral) & (CHINESE_PLACES.keys() | _MYRIADS.keys()):
        return int("".join(str(CHINESE_DIGITS[char]) for char in numeral))
    total = section = digit = 0
    for char in numeral:
        if char in _MYRIADS:
            total, section, digit = (total + section + digit) * _MYRIADS[char], 0, 0
        elif char in CHINESE_PLACES:
            section, digit = section + (digit or 1) * CHINESE_PLACES[char], 0
        else:
            digit = CHINESE_DIGITS[char]
    return total + section + digit


def english(words: str) -> str | None:
    """Return the digits of a number written entirely in English words, else None."""
    whole, mixed, rest = words.rpartition(" and ")
    if mixed and rest.split()[-1:] and rest.split()[-1].rstrip("s") in FRACTIONS:
        number, fraction = english(whole), english(rest)
        return f"{number}+{fraction}" if number and fraction else None
    parts = [part for part in words.replace("-", " ").split() if part not in {"and", "a"}]
    sign = "-" if parts[:1] in (["minus"], ["negative"]) else ""
    parts = parts[1:] if sign else parts
    if len(parts) > 12:  # noqa: PLR2004 - no answer is a longer numeral
        return None
    under = FRACTIONS.get(re.sub(r"(?<=h|d|r)s$", "", parts[-1])) if parts else None
    if under is not None:
        over = _whole(parts[:-1]) if len(parts) > 1 else 1
        return None if over is None else f"{sign}{over}/{under}"
    value = _whole(parts)
    return None if value is None else f"{sign}{value}"


def _whole(parts: list[str]) -> int | None:
    total = section = 0
    for part in parts:
        if part in NUMBERS:
            section += NUMBERS[part]
        elif part == "hundred" and section:
            section *= 100
        elif part in _LARGE and section:
            total, section = total + section * SCALES[part], 0
        else:
            return None
    return total + section if parts else None
