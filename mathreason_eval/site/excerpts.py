"""Excerpts of long texts: their beginning, their end, and what is around the answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A part of a text, shown or omitted."""

    text: str
    """The text; empty if it is omitted."""
    marked: bool = False
    """Whether it is the answer."""
    left_out: int = 0
    """The number of characters that are not shown here."""


def excerpt(text: str, span: tuple[int, int] | None = None, *, limit: int) -> tuple[Piece, ...]:
    """Return a text in pieces, with the answer's span marked; their lengths add up to the text's.

    A text of more than `limit` characters keeps a quarter of that at its beginning, at its end,
    and before, at either end of, and after the answer.
    """
    start, end = within(span, len(text))
    if len(text) <= limit:
        return tuple(_cut(text, [(0, len(text))], start, end))
    part = max(1, limit // 4)
    windows = [(0, part), (len(text) - part, len(text))]
    if start < end:
        windows += [(start - part, min(end, start + part)), (max(start, end - part), end + part)]
    return tuple(_cut(text, windows, start, end))


def within(span: tuple[int, int] | None, length: int) -> tuple[int, int]:
    """Return a span clipped to a text of some length: a stored span may be outside."""
    start, end = span or (length, length)
    start = min(max(start, 0), length)
    return start, min(max(end, start), length)


def _cut(text: str, windows: list[tuple[int, int]], start: int, end: int) -> Iterator[Piece]:
    """Yield the text of the windows, and between them the number of omitted characters."""
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
