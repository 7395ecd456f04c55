"""Numbers of JSON and of table columns as text, with their exact digits."""

from __future__ import annotations

import math
from decimal import Decimal


def number_text(value: object) -> str | None:
    """Return a finite number in plain digits; None for anything else.

    A float is its shortest decimal that reads back as it: `0.1`, never 0.1000000000000000055. One
    without a fraction is a whole number, such as 145.0 in a column with gaps. True is not a number.

    Raises:
        ValueError: for an integer with more digits than Python converts.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return _plain(Decimal(repr(value)))
    if isinstance(value, Decimal) and value.is_finite():
        return _plain(value)
    return None


def _plain(value: Decimal) -> str:
    if not value:
        # Minus zero as well.
        return "0"
    text = f"{value:f}"
    return text.rstrip("0").removesuffix(".") if "." in text else text


def gold_texts(value: object) -> tuple[str, ...]:
    """Return the accepted answers of a gold: of a text, a number, or a list of them.

    Raises:
        ValueError: if one is not an answer: an empty list or text, true, null, NaN.
    """
    golds = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not golds:
        raise ValueError("the gold is an empty list")
    return tuple(map(_gold_text, golds))


def _gold_text(gold: object) -> str:
    text = gold if isinstance(gold, str) else number_text(gold)
    if text is None:
        raise ValueError(f"the gold {gold!r} is neither a text nor a number")
    if not text.strip():
        raise ValueError("the gold is an empty text")
    return text
