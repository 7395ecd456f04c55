"""Divisions with a remainder: `17 ÷ 5 = 3 remainder 2`."""

from __future__ import annotations

import re
from collections.abc import Iterator

_WHOLE = r"(\d[\d,]{0,40})"
_DIVISION = re.compile(
    rf"(?<![\d.,^_{{)]){_WHOLE}\s*(?:÷|/|\\div)\s*{_WHOLE}\s*=\s*{_WHOLE}\s*(?:\\\)|\$)?,?\s*"
    r"(?:\\text\{\s*)?(?:with\s|and\s)?\s*(?:a\s)?\s*remainder(?:\sof|\sis)?\s*\}?\s*(?:\\\(|\$)?\s*"
    rf"{_WHOLE}(?![\d.]*\d|/)"
)
_OPERATOR = re.compile(r"[-+*/^×÷·]\s?$")
"""Before a number that belongs to what stands before it."""


def false_divisions(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield where a division has another remainder than is said, and why."""
    for found in _DIVISION.finditer(text):
        if _OPERATOR.search(text, max(0, found.start() - 2), found.start()):
            continue
        number, divisor, quotient, rest = (int(each.replace(",", "")) for each in found.groups())
        if quotient * divisor + rest != number:
            end = found.end(4) - (len(found[4]) - len(found[4].rstrip(",")))
            reason = f"{quotient} times {divisor} and {rest} is {quotient * divisor + rest}"
            yield found.start(), end, reason
