"""Excerpts of long texts, and a file that keeps them until the page of their problem is made."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from mathreason_eval.runs.store import Sample
from mathreason_eval.site.results import TextRef


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
    start, end = _within(span, len(text))
    if len(text) <= limit:
        return tuple(_cut(text, [(0, len(text))], start, end))
    part = max(1, limit // 4)
    windows = [(0, part), (len(text) - part, len(text))]
    if start < end:
        windows += [(start - part, min(end, start + part)), (max(start, end - part), end + part)]
    return tuple(_cut(text, windows, start, end))


def _within(span: tuple[int, int] | None, length: int) -> tuple[int, int]:
    """Return the span clipped to the text: a stored span may be outside."""
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


# --- kept until they are needed --------------------------------------------------------------

_PAGE = 120_000
"""Characters of outputs on the page of a problem."""
_LONGEST, _SHORTEST = 3_000, 300
"""Characters of an output; where there is no room for the shortest, the page has none."""


class Excerpts:
    """Excerpts of the samples of a task, in a file: those of all its runs need not be in memory."""

    def __init__(self, samples: int) -> None:
        """Begin.

        Args:
            samples: how many samples a problem has in all runs.
        """
        self._limit = min(_LONGEST, _PAGE // max(1, samples))
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed with the object
        self._end = 0

    def keep(self, sample: Sample) -> TextRef | None:
        """Return where an excerpt of a sample's text is kept; None if there is no room."""
        if self._limit < _SHORTEST:
            return None
        span = None if sample.verdict is None else sample.verdict.span
        pieces = excerpt(sample.generation.text, span, limit=self._limit)
        spelled = [[piece.text, piece.marked, piece.left_out] for piece in pieces]
        content = json.dumps(spelled).encode()
        self._file.write(content)
        place = self._end, len(content)
        self._end += len(content)
        return place

    def read(self, ref: TextRef) -> tuple[Piece, ...]:
        """Return a kept excerpt."""
        self._file.seek(ref[0])
        return tuple(
            Piece(text=text, marked=marked, left_out=left_out)
            for text, marked, left_out in json.loads(self._file.read(ref[1]))
        )

    def close(self) -> None:
        """Delete them."""
        self._file.close()
