"""Accuracy within a token limit, replayed from one run: a chart of a task."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mathreason_eval.compare.budget import BudgetSamples, score_within
from mathreason_eval.site.drawings import LineChart, line_chart
from mathreason_eval.site.leaderboard import Column
from mathreason_eval.site.results import Result
from mathreason_eval.stats.estimators.items import cluster_of
from mathreason_eval.types import Metric, Outcome

_FEWEST_LIMITS, _MOST_LIMITS = 3, 12
_BEGINNING = 0.05
"""The part of the samples that end before the second limit: shorter ones show nothing."""


def budget_chart(column: Column, results: Sequence[Result]) -> LineChart | None:
    """Return accuracy over token limits; None if no result knows the length of every sample.

    Args:
        column: the task.
        results: those to draw.
    """
    known = [result for result in results if _is_known(result)]
    limits = _limits(known)
    if len(limits) < _FEWEST_LIMITS:
        return None
    key = column.reference.entry.report.cluster
    return line_chart(
        "budget",
        "Accuracy within a token limit",
        "The share of samples that are right and end within so many completion tokens. That is "
        "the least that the same run would have reached with the limit: of what it cuts, nothing "
        "counts. The axis is logarithmic. Only results that know the length of every sample.",
        "tokens",
        [f"{limit:,}" for limit in limits],
        [(result.page, _within(result, limits, key)) for result in known],
    )


def _is_known(result: Result) -> bool:
    shots = [shot for asked in result.problems for shot in asked.shots]
    return bool(shots) and all(
        shot.tokens is not None and shot.state in set(Outcome) for shot in shots
    )


def _limits(results: Sequence[Result]) -> list[int]:
    """Return powers of two: the last one holds every sample, the first one almost none."""
    lengths = sorted(
        max(1, shot.tokens or 0)
        for result in results
        for asked in result.problems
        for shot in asked.shots
    )
    if not lengths:
        return []
    first = math.floor(math.log2(lengths[int(_BEGINNING * len(lengths))]))
    last = math.ceil(math.log2(lengths[-1]))
    return [1 << power for power in range(max(first, last - _MOST_LIMITS + 1), last + 1)]


def _within(result: Result, limits: Sequence[int], key: str | None) -> list[Metric]:
    """Return accuracy within each limit, with the problem as the unit."""
    asked = [one for one in result.problems if one.shots]
    samples = BudgetSamples.from_rows(
        [
            (place, shot.tokens or 0, shot.state == Outcome.CORRECT)
            for place, one in enumerate(asked)
            for shot in one.shots
        ],
        [cluster_of(one.problem, key) for one in asked],
    )
    return [score_within(result.task, samples, limit) for limit in limits]
