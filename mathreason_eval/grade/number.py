"""Numbers as they are typed: grouped, decimal, scientific, fractions, mixed, per cent."""

from __future__ import annotations

import re
from fractions import Fraction

_GROUPED = r"\d{1,3}(?:,\d{3})+(?!\d)|\d{1,3}(?:(?:\\,|\\ | |')\d{3})+(?!\d)|\d+"
_PLAIN = re.compile(
    rf"(?P<sign>[-+]?)\s*(?:\\?[$£€¥₹])?\s*(?P<sign2>-?)(?P<whole>{_GROUPED})?(?P<tail>\.\d*)?"
    r"(?:[eE](?P<power>[-+]?\d{1,3}))?"
)
_FRACTION = re.compile(r"(?P<sign>[-+]?)\s*(?P<whole>\d+(?= *\\))?\s*(?:\\frac\s*\{(-?\d+)\}\s*\{(-?\d+)\}|(\d+)\s*/\s*(\d+))")
_MOST_DIGITS = 2000


def read_number(text: str) -> Fraction | None:
    """Return the value of a plainly typed number, or None for anything else."""
    if len(text) > _MOST_DIGITS:
        return None
    if found := _PLAIN.fullmatch(text):
        whole = re.sub(r"\D", "", found["whole"] or "")
        tail = (found["tail"] or "")[1:]
        if not whole + tail:
            return None
        sign = -1 if (found["sign"] == "-") != (found["sign2"] == "-") else 1
        value = Fraction(sign * int(whole + tail), 10 ** len(tail))
        return value * Fraction(10) ** int(found["power"] or 0)
    if found := _FRACTION.fullmatch(text):
        over, under = (found[3], found[4]) if found[3] is not None else (found[5], found[6])
        if int(under) == 0:
            return None
        value = int(found["whole"] or 0) + Fraction(int(over), int(under))
        return -value if found["sign"] == "-" else value
    return None
