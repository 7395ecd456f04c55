"""Excerpts of outputs, kept in a file until the page of their problem is made."""

from __future__ import annotations

import tempfile

from mathreason_eval.runs.store import Sample
from mathreason_eval.site.markup import text
from mathreason_eval.site.results import TextRef

_PAGE = 120_000
"""Characters of outputs on the page of a problem."""
_LONGEST, _SHORTEST = 3_000, 300
"""Characters of an output; where there is no room for the shortest, the page has none."""


class Excerpts:
    """Excerpts of the samples of a task as markup: those of all its runs need not be in memory."""

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
        content = text(sample.generation.text, span, self._limit).encode()
        self._file.write(content)
        place = self._end, len(content)
        self._end += len(content)
        return place

    def read(self, ref: TextRef) -> str:
        """Return the markup of a kept excerpt."""
        self._file.seek(ref[0])
        return self._file.read(ref[1]).decode()

    def close(self) -> None:
        """Delete them."""
        self._file.close()
