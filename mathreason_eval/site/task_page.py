"""The page of a task: ranks, pass@k and maj@k over k, slices, and every problem by model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mathreason_eval.compare.pairing import metric_of
from mathreason_eval.errors import UserError
from mathreason_eval.site import barcode
from mathreason_eval.site.board import tokens_picture
from mathreason_eval.site.charts import axis
from mathreason_eval.site.citations import TaskFacts
from mathreason_eval.site.leaderboard import HEALTH_LIMITS, Column
from mathreason_eval.site.pages import Values, result_labels
from mathreason_eval.site.problem_page import ProblemList, charts_page
from mathreason_eval.site.problems import ProblemEntry, strong_models
from mathreason_eval.site.results import Result
from mathreason_eval.site.settled import Matrix
from mathreason_eval.stats.estimators.items import WHOLE
from mathreason_eval.stats.metrics import DEFAULT_METRIC
from mathreason_eval.types import Metric, Outcome

_HEALTH = (Outcome.TRUNCATED, Outcome.NO_ANSWER, Outcome.UNGRADABLE)
"""The outcomes that are neither correct nor wrong."""


def known_columns(results: Sequence[Result]) -> Values:
    """Return which of the columns of health and cost are known for a result, and which for none.

    A column of unknowns says nothing but takes the room of one that does.
    """
    names = (*map(str, _HEALTH), "tokens")
    known = tuple(name for name in names if any(one.metric(name) is not None for one in results))
    return {
        "known": known,
        "health_known": any(name in known for name in _HEALTH),
        "unknown": [name.replace("_", " ") for name in names if name not in known],
    }


_MOST_PANELS = 24
"""Results with curves over k on the page of a task, the best ones."""
_MOST_SLICES, _FEWEST_SLICES, _MOST_CELLS = 60, 8, 1200
"""Slices on the page of a task, fewer of them the more results it has."""


def task_values(
    column: Column,
    entries: Sequence[ProblemEntry],
    lists: Sequence[ProblemList],
    found: Matrix | None,
    charts: Sequence[tuple[str, str]],
    facts: TaskFacts,
) -> Values:
    """Return the variables of the template for a task.

    Args:
        column: the task with its results.
        entries: its problems, the hardest first.
        lists: the lists of its problems.
        found: which differences are settled.
        facts: its licence and paper.
        charts: (place, title) of each chart on the page of its charts.
    """
    results = [standing.result for standing in column.standings]
    drawn = [curves for one in results if (curves := panel(one)) is not None]
    panels = drawn[:_MOST_PANELS]
    slices = dict.fromkeys(m.slice for r in results for m in r.metrics if m.slice != WHOLE)
    most = max(_FEWEST_SLICES, min(_MOST_SLICES, _MOST_CELLS // len(results)))
    codes = [_barcode(place, result, entries) for place, result in enumerate(results)]
    return {
        "column": column,
        "summary": _summary(column),
        "label": result_labels(results),
        **known_columns(results),
        "limits": HEALTH_LIMITS,
        "axis": axis(standing.metric for standing in column.standings),
        "panels": panels,
        "more_panels": len(drawn) - len(panels),
        "ks": sorted({k for one in panels for k in one.values}),
        "slices": list(slices)[:most],
        "more_slices": max(0, len(slices) - most),
        "sliced": _slice_metric(column.metric, results),
        "charts": charts,
        "charts_page": charts_page(column),
        "matrix": found,
        "scatter": tokens_picture(column),
        "codes": codes,
        "legend": barcode.legend(codes),
        "problems": len(entries),
        "lists": lists,
        "facts": facts,
        "doubtful": [
            (place, entry) for place, entry in enumerate(entries, 1) if entry.doubt is not None
        ],
        "strong": len(strong_models(column)),
    }


def _barcode(place: int, result: Result, entries: Sequence[ProblemEntry]) -> Mapping[str, str]:
    samples = result.entry.samples
    return barcode.paths([barcode.stripe(entry.asked.get(place), samples) for entry in entries])


def _summary(column: Column) -> str:
    """Return the summary of the column's metric; empty if its package is not installed."""
    try:
        return metric_of(column.reference.entry, column.metric).definition.summary
    except UserError:
        return ""


def _slice_metric(metric: str, results: Iterable[Result]) -> str:
    """Return the metric that slices are shown by: the task's, or avg if slices do not have it."""
    has = any(m.name == metric and m.slice != WHOLE for r in results for m in r.metrics)
    return metric if has else DEFAULT_METRIC


# --- curves over k ---------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """One metric over k, in a square of 100 by 100 whose y axis points down."""

    name: str
    """`pass` or `maj`."""
    line: str
    """The SVG path of the values."""
    band: str
    """The closed SVG path of their intervals."""
    last: Metric
    """The metric for the largest k."""
    label: float
    """The y coordinate of the curve's name, to the right of its end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """The curves of one result."""

    result: Result
    curves: tuple[Curve, ...]
    ticks: tuple[tuple[float, int], ...]
    """(x coordinate from 0 to 100, k)."""

    @property
    def values(self) -> Mapping[int, tuple[Metric | None, ...]]:
        """Return by k of its ticks pass@k and maj@k, after k = 1."""
        return {
            k: tuple(self.result.metric(f"{name}@{k}") for name in ("pass", "maj"))
            for _, k in self.ticks
            if k > 1
        }


def panel(result: Result) -> Panel | None:
    """Return pass@k and maj@k of a result over all its k; None if it has one sample per problem."""
    found = [curve for name in ("pass", "maj") if (curve := _curve(name, result)) is not None]
    if not found:
        return None
    curves = _without_overlap(found)
    largest = max(_k(curve.last) for curve in curves)
    powers = [1 << exponent for exponent in range(largest.bit_length())]
    # The largest k always has a tick; a power of two too close to it has none.
    ticks = [k for k in powers if k == largest or k * 1.4 < largest]
    ticks += [] if largest in ticks else [largest]
    return Panel(result=result, curves=curves, ticks=tuple((_x(k, largest), k) for k in ticks))


def _curve(name: str, result: Result) -> Curve | None:
    single = result.metric()
    found = {
        _k(metric): metric
        for metric in result.metrics
        if metric.slice == WHOLE and metric.name.startswith(f"{name}@")
    }
    if single is None or max(found, default=1) == 1:
        return None
    # For k = 1 pass@k and maj@k are both the accuracy.
    points = sorted({**found, 1: single}.items())
    largest = points[-1][0]

    def along(value: Callable[[Metric], float]) -> list[tuple[float, float]]:
        return [(_x(k, largest), 100 - 100 * value(metric)) for k, metric in points]

    upper, lower = along(lambda metric: metric.high), along(lambda metric: metric.low)
    return Curve(
        name=name,
        line=_path(along(lambda metric: metric.value)),
        band=f"{_path([*upper, *reversed(lower)])}Z",
        last=points[-1][1],
        label=100 - 100 * points[-1][1].value,
    )


_LINE_HEIGHT = 9.0
"""The height of a line of text, in units of the square."""


def _without_overlap(curves: Sequence[Curve]) -> tuple[Curve, ...]:
    """Return one or two curves, with their names moved apart where they would overlap."""
    if len(curves) == 1:
        return tuple(curves)
    upper, lower = sorted(curves, key=lambda curve: curve.label)
    overlap = _LINE_HEIGHT - (lower.label - upper.label)
    if overlap <= 0:
        return tuple(curves)
    return (
        replace(upper, label=upper.label - overlap / 2),
        replace(lower, label=lower.label + overlap / 2),
    )


def _k(metric: Metric) -> int:
    return int(metric.name.partition("@")[2])


def _x(k: int, largest: int) -> float:
    """Return the x coordinate of k on a logarithmic axis from 1 to the largest k."""
    return round(100 * math.log(k) / math.log(largest), 2)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in points)
