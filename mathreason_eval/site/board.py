"""What the first page says of a row over all its tasks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mathreason_eval.site.charts import Scatter, scatter
from mathreason_eval.site.leaderboard import Column, Row, Standing
from mathreason_eval.types import Metric, Outcome, Unit

# --- one row over its tasks ------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Overall:
    """The mean of a row's tasks, each with the same weight."""

    value: float
    low: float
    high: float


_Z = 1.959963984540054


def overall(row: Row, table: Sequence[Column]) -> Overall | None:
    """Return the mean over all tasks; None if it is not ranked in each, or there is only one.

    The interval is that of a sum of independent means.
    """
    cells = [row.cells.get(column.task) for column in table]
    metrics = [cell.metric for cell in cells if cell is not None and cell.ranked and cell.metric]
    shares = [metric for metric in metrics if metric.unit is Unit.SHARE]
    if len(table) < 2 or len(shares) < len(table):  # noqa: PLR2004  one task is no mean
        return None
    value = math.fsum(metric.value for metric in shares) / len(shares)
    half = _Z * math.hypot(*(metric.se for metric in shares)) / len(shares)
    return Overall(value=value, low=max(0.0, value - half), high=min(1.0, value + half))


def mean_tokens(row: Row) -> float | None:
    """Return the mean completion tokens of a row's samples; None if unknown for one of them."""
    known = [(cell.result.metric("tokens"), cell.result.judged) for cell in row.cells.values()]
    judged = sum(count for _, count in known)
    if not judged or any(metric is None for metric, _ in known):
        return None
    return math.fsum(metric.value * count for metric, count in known if metric) / judged


def health(row: Row) -> Mapping[str, float | None]:
    """Return by outcome the share of a row's samples in it; None if unknown."""
    results = [cell.result for cell in row.cells.values()]
    judged = sum(result.judged for result in results)
    shares: dict[str, float | None] = {}
    for outcome in (Outcome.TRUNCATED, Outcome.NO_ANSWER, Outcome.UNGRADABLE):
        known = judged and all(result.metric(outcome) is not None for result in results)
        count = sum(result.states[outcome] for result in results)
        shares[outcome] = count / judged if known else None
    return shares


def known_health(rows: Iterable[Mapping[str, float | None]]) -> list[str]:
    """Return the outcomes whose share is known for a row: a column of unknowns says nothing."""
    shares = [*rows]
    return [
        outcome
        for outcome in (Outcome.TRUNCATED, Outcome.NO_ANSWER, Outcome.UNGRADABLE)
        if any(own[outcome] is not None for own in shares)
    ]


SAMPLED = ("pass", "maj")
"""Metrics of several samples that can be chosen on the first page."""


def sampled_metric(standing: Standing, name: str) -> Metric | None:
    """Return pass@k or maj@k of a result for its number of samples; None for one sample."""
    samples = standing.result.entry.samples
    return standing.result.metric(f"{name}@{samples}") if samples > 1 else None


def tokens_picture(column: Column) -> Scatter | None:
    """Return accuracy against tokens of the ranked results; None if fewer than two have tokens."""
    shown = []
    for standing in column.standings:
        tokens, value = standing.result.metric("tokens"), standing.result.metric()
        if standing.ranked and tokens is not None and value is not None:
            shown.append((standing.result.page, tokens.value, value.value))
    return scatter(shown)
