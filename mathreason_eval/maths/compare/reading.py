"""What the text of an answer may mean: its readings as trees, likeliest first."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mathreason_eval.maths.compare import text as words
from mathreason_eval.maths.syntax.lexer import UnreadableError
from mathreason_eval.maths.syntax.number import english
from mathreason_eval.maths.syntax.parse import parse
from mathreason_eval.maths.syntax.tree import Node

_DECIMAL_COMMA = re.compile(
    r"([-+]?(?:0(?=,\d*[1-9])|\d+(?=,\d{2}(?!\d)|,\d{4})|\d{4,})),(\d+)(\s*(?:\\?%|(?:\\cdot|\\times|\*)\s*10\s*\^.*))?"
)


_MEASURED_COMMA = re.compile(
    r"([-+]?\d+),(\d+)(\s*(?:\\?%|(?:\\cdot|\\times|\*)\s*10\s*\^.*"
    r"|\\?[ ~]*(?:\\(?:text|mathrm)\s*\{)?\s*"
    r"(?:[kcm]?m|[km]?g|[mc]?[lL]|€|km/h|m/s)(?:\s*\^.*)?\}?))"
)
"""A decimal comma that a unit, a power of ten or a per cent sign makes plain."""
_GLUED = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
"""A comma that groups digits, where other commas are followed by a space."""
_PROVISO = re.compile(
    r"(.*=.*[^\s(])\s*\(([^()=]*(?:[<>]|\\[lg]eq?|\\neq?|\\in)(?![a-z])[^()=]*)\)"
)
"""A definition with its domain in brackets behind it."""
_LONGEST = 500
"""Characters of a definition that is looked for a domain."""
_DOZENS = re.compile(r"(\d{1,9}) dozens?((?: [a-z]+)?)")
_POINT = re.compile(r"[A-Z]'?\s*(?=\()")
_SIDE = re.compile(r"(?<![<>!:=])=(?![=>])|\\approx(?![a-z])|\\simeq(?![a-z])")


def readings(text: str) -> Iterator[Node]:
    """Yield what an answer may mean, likeliest first; nothing if it cannot be read."""
    trees = [tree for spelling in _spellings(text) if (tree := _read(spelling)) is not None]
    yield from trees
    if not trees and (side := _last_side(text)) and (tree := _read(side)) is not None:
        yield tree


def _spellings(text: str) -> Iterator[str]:
    """Yield the text and what else it may spell: a decimal, a named point, an option's text."""
    yield _spelled(text)
    if "," in text and (found := _DECIMAL_COMMA.fullmatch(text) or _MEASURED_COMMA.fullmatch(text)):
        yield f"{found[1]}.{found[2]}{found[3] or ''}"
    if ", " in text and text[0] in "([\\" and _GLUED.search(text):
        yield _GLUED.sub("", text)
    if text.endswith(")") and len(text) < _LONGEST and (found := _PROVISO.fullmatch(text)):
        yield f"{found[1]}, {found[2]}"
    if "," in text and text.endswith(")") and (found := _POINT.match(text)):
        yield text[found.end() :]
    if found := _DOZENS.fullmatch(text):
        yield str(12 * int(found[1])) + found[2]
    if option := words.option(text):
        yield _spelled(option.said)


def _last_side(text: str) -> str | None:
    """Return the last side of a chain that cannot be read as a whole, or None if it is none."""
    signs = list(_SIDE.finditer(text))
    if len(signs) < _CHAIN and not any(sign[0] != "=" for sign in signs):
        return None
    return text[signs[-1].end() :].strip()


_CHAIN = 2
"""Equality signs of a chain, which says how the last side was come to."""


def with_point(text: str, beside: str) -> Node | None:
    """Return the decimal that `1,5` is beside a gold that is one, or None."""
    if _POINTED.fullmatch(beside) and (found := _COMMA.fullmatch(text)):
        return _read(f"{found[1]}.{found[2]}")
    return None


_POINTED = re.compile(r"[-+]?\d+\.\d+")
_COMMA = re.compile(r"([-+]?\d+),(\d+)")


def ungrouped(text: str) -> Node | None:
    """Return the list that `100,200` may be, or None if no comma groups digits."""
    tree = _read(text, grouped=False) if "," in text else None
    return None if tree == _read(text) else tree


def _read(text: str, *, grouped: bool = True) -> Node | None:
    try:
        return parse(text, grouped=grouped)
    except UnreadableError:
        return None


def _spelled(text: str) -> str:
    """Return the text, or what its words alone name: a numeral, or a thing such as no solution."""
    if not words.is_wordy(text):
        return text
    plain = words.words_of(text)
    if plain in words.PHRASES:
        return words.PHRASES[plain]
    number, _, unit = plain.rpartition(" ")
    return english(plain) or (f"{english(number)} {unit}" if unit and english(number) else text)
