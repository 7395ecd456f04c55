"""Where a solution goes wrong: the first step that a reward model scores low.

Without a model, `checker` finds it by the equations that do not hold.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

EVEN = 0.5
"""The score below which a step is called false unless a better threshold is known."""

_FORM = re.compile(r'\{\s?"scores":\s?\[(?P<list>[\d.,eE+ -]*)\]\s?\}')
_LONGEST = 100_000
"""Characters of an answer that is read as scores."""
_MOST = 10_000
"""Steps of a solution."""


def scores_of(answer: str) -> tuple[float, ...] | None:
    """Return the scores in `{"scores": [0.9, 0.1]}`, or None if an answer is something else."""
    found = _FORM.fullmatch(answer) if len(answer) <= _LONGEST else None
    if found is None or found["list"].count(",") > _MOST:
        return None
    try:
        return tuple(float(score) for score in found["list"].split(",") if score.strip())
    except ValueError:
        return None


def first_below(scores: Sequence[float], threshold: float = EVEN) -> int:
    """Return the index of the first step with a score below the threshold; -1 if there is none."""
    return next((index for index, score in enumerate(scores) if score < threshold), -1)
