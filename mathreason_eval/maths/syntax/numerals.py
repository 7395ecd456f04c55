"""Numbers in words: Chinese numerals within a text, and English ones that are the whole of it."""

from __future__ import annotations

import re

from mathreason_eval.maths.vocabulary.words import (
    CHINESE_DIGITS,
    CHINESE_PLACES,
    FRACTIONS,
    NUMBERS,
    SCALES,
    these,
)

_MYRIADS = {"万": SCALES["万"], "亿": SCALES["亿"]}
_NUMERAL = r"[〇零一二三四五六七八九两十百千万亿]{1,30}"
_NUMBER = rf"({_NUMERAL}|(?<!\d)\d{{1,30}})"
_CHINESE_FRACTION = re.compile(rf"{_NUMBER}分之{_NUMBER}")
_COUNTED = "个個人名只次种種本元天年岁歲条條张張块塊"
"""Words of one character between a number and what it counts."""
_CHINESE = re.compile(
    rf"[负負]?{_NUMERAL}(?:[点點][〇零一二三四五六七八九]{{1,30}})?([{_COUNTED}])?"
)
_LARGE = these("thousand million billion trillion lakh crore")


def with_digits(text: str) -> str:
    """Return the text with Chinese fractions, and a text of Chinese numerals alone, in digits."""
    text = _CHINESE_FRACTION.sub(lambda m: rf"\frac{{{_chinese(m[2])}}}{{{_chinese(m[1])}}}", text)
    if counted := _CHINESE.fullmatch(text.strip()):
        bare, unit = text.strip().removesuffix(counted[1] or ""), counted[1] or ""
        whole, _, places = re.sub("點", "点", bare.lstrip("负負")).partition("点")
        tail = "".join(str(CHINESE_DIGITS[char]) for char in places)
        sign = "-" if bare[0] in "负負" else ""
        return f"{sign}{_chinese(whole)}{tail and '.'}{tail}{unit}"
    return text


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
    """Return in digits a number that is wholly written in English words, else None."""
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
