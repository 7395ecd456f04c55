"""A long text cut for the eye: its beginning, its end, and what stands around the answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A stretch of a text, shown or left out."""

    text: str
    """Empty where it is left out."""
    marked: bool = False
    """Whether it is the answer."""
    left_out: int = 0
    """How many characters are not shown here."""


def excerpt(text: str, span: tuple[int, int] | None = None, *, limit: int) -> tuple[Piece, ...]:
    """Return a text in pieces, the answer's span marked; the pieces account for all of it.

    A text of more than `limit` characters keeps a quarter of that at either end, and as much
    before the answer, within it and after it.
    """
    start, end = _within(span, len(text))
    if len(text) <= limit:
        return tuple(_cut(text, [(0, len(text))], start, end))
    part = max(1, limit // 4)
    windows = [(0, part), (len(text) - part, len(text))]
    if start < end:
        windows += [(start - part, min(end, start + part)), (max(start, end - part), end + part)]
    return tuple(_cut(text, windows, start, end))


def _within(span: tuple[int, int] | None, length: int) -> tuple[int, int]:
    """Return the span inside the text; a stored one may point anywhere."""
    start, end = span or (length, length)
    start = min(max(start, 0), length)
    return start, min(max(end, start), length)


def _cut(text: str, windows: list[tuple[int, int]], start: int, end: int) -> Iterator[Piece]:
    """Yield what the windows show and how much lies between them."""
    shown = 0
    for low, high in sorted(windows):
        opening, closing = max(low, shown), min(high, len(text))
        if opening >= closing:
            continue
        if opening > shown:
            yield Piece(text="", left_out=opening - shown)
        edges = [opening, *sorted({e for e in (start, end) if opening < e < closing}), closing]
        for left, right in pairwise(edges):
            yield Piece(text=text[left:right], marked=start <= left and right <= end)
        shown = closing
