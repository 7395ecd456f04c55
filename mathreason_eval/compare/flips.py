"""The problems that were solved and are not, and the other way round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_SOLVED = 0.5
"""Score from which a problem counts as solved: of several samples at least half are correct."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Flip:
    """One problem that changed sides."""

    problem_id: str
    before: float
    """Its score in the baseline."""
    after: float

    @property
    def lost(self) -> bool:
        """Return whether it was solved and is not."""
        return self.after < self.before


def flips(scores: Mapping[str, tuple[float, float]]) -> tuple[Flip, ...]:
    """Return the problems that changed sides: lost ones first, the largest change first.

    Args:
        scores: shares, before and after, by the problem's id.
    """
    found = [
        Flip(problem_id=name, before=before, after=after)
        for name, (before, after) in scores.items()
        if (before >= _SOLVED) != (after >= _SOLVED)
    ]
    return tuple(sorted(found, key=lambda flip: (not flip.lost, -abs(flip.after - flip.before))))
