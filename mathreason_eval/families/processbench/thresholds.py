"""The threshold of step scores: below it a step is called false."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from mathreason_eval.steps import EVEN

Scored = tuple[int, tuple[float, ...]]
"""(true index of the first false step or -1, scores of the steps)."""


def best_threshold(solutions: Sequence[Scored]) -> float:
    """Return the threshold with the largest F1; of equally good ones that nearest to one half.

    Between two neighbouring scores nothing changes, so one threshold between them is tried.
    """
    ends = sorted({EVEN, *(score for _, scores in solutions for score in scores)})
    tried = [EVEN, *((low + high) / 2 for low, high in pairwise(ends))]
    wrong = [_range(each) for each in solutions if each[0] >= 0]
    right = [_range(each) for each in solutions if each[0] < 0]
    return max(tried, key=lambda t: (f1(_share(wrong, t), _share(right, t)), -abs(t - EVEN)))


def _range(solution: Scored) -> tuple[float, float]:
    """Return the numbers above and up to which a threshold finds the true index.

    The false step must be below it, and no step before that one.
    """
    true, scores = solution
    if true >= len(scores):
        return math.inf, -math.inf
    before = scores if true < 0 else scores[:true]
    return -math.inf if true < 0 else scores[true], min(before, default=math.inf)


def _share(ranges: Sequence[tuple[float, float]], threshold: float) -> float:
    found = sum(low < threshold <= high for low, high in ranges)
    return found / len(ranges) if ranges else 0.0


def f1(one: float, other: float) -> float:
    """Return 2ab / (a + b), and 0 where both are 0."""
    return 2 * one * other / (one + other) if one + other else 0.0
