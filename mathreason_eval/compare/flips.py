"""The problems that were solved and are not, and the other way round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mathreason_eval.stats.difference import Pair

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


def flips(pairs: Mapping[str, Pair]) -> tuple[Flip, ...]:
    """Return the problems that changed sides: lost ones first, the largest change first."""
    found = [
        Flip(problem_id=name, before=pair.before, after=pair.after)
        for name, pair in pairs.items()
        if (pair.before >= _SOLVED) != (pair.after >= _SOLVED)
    ]
    return tuple(sorted(found, key=lambda flip: (not flip.lost, -abs(flip.after - flip.before))))
