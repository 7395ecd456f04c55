"""The first false step of a solution: the first that a reward model scores low.

Without a model, `checker` finds it by false equations.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

EVEN = 0.5
"""The default threshold: a step with a score below it counts as false."""

_FORM = re.compile(r'\{\s?"scores":\s?\[(?P<list>[\d.,eE+ -]*)\]\s?\}')
_LONGEST = 100_000
"""Maximum characters of an answer that is parsed as scores."""
_MOST = 10_000
"""Maximum number of steps of a solution."""


def scores_of(answer: str) -> tuple[float, ...] | None:
    """Return the scores in `{"scores": [0.9, 0.1]}`, or None if the answer has another form."""
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
