"""The page of a task: ranks, pass@k and maj@k over k, slices, and every problem by model."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from mathreason_eval.compare.pairing import metric_of
from mathreason_eval.errors import UserError
from mathreason_eval.site.leaderboard import Column
from mathreason_eval.site.pages import Values, choice, run_labels
from mathreason_eval.site.results import (
    NOT_JUDGED,
    STATES,
    AskedProblem,
    Result,
    samples_page,
)
from mathreason_eval.stats.estimators.items import WHOLE
from mathreason_eval.stats.metrics import DEFAULT_METRIC
from mathreason_eval.types import Metric, Outcome, Problem

_HEALTH = (Outcome.TRUNCATED, Outcome.NO_ANSWER, Outcome.UNGRADABLE)
"""The outcomes that are neither correct nor wrong."""


def task_values(column: Column) -> Values:
    """Return the variables of the template for a task."""
    results = [standing.result for standing in column.standings]
    slices = dict.fromkeys(m.slice for r in results for m in r.metrics if m.slice != WHOLE)
    rows = problem_rows(results)
    return {
        "column": column,
        "summary": _summary(column),
        "label": run_labels(results, Counter(result.model for result in results)),
        "health": _HEALTH,
        "panels": [drawn for result in results if (drawn := panel(result)) is not None],
        "slices": list(slices),
        "sliced": _slice_metric(column.metric, results),
        "grid": rows,
        "several": any(result.entry.samples > 1 for result in results),
        "solved": [
            choice(kind, "", word, count)
            for kind, word in _SOLVED.items()
            if (count := sum(row.kind == kind for row in rows))
        ],
    }


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


# --- problems by model -----------------------------------------------------------------------

_SOLVED: Mapping[str, str] = MappingProxyType(
    {
        "never": "never solved",
        "sometimes": "sometimes",
        "always": "always solved",
        NOT_JUDGED: "not judged",
    }
)
"""How often a problem was solved, and the words for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One model's samples of one problem."""

    kind: str
    """A key of `_SOLVED`; of a single sample, its state; empty if there is no sample."""
    text: str
    title: str
    share: float
    """The share of judged samples that are correct."""
    href: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ProblemRow:
    """One problem over all models."""

    problem: Problem
    number: int
    anchor: str
    kind: str
    """A key of `_SOLVED`."""
    correct: int
    judged: int
    share: float
    """The mean over models of the share of judged samples that are correct."""
    cells: tuple[Cell | None, ...]
    """By model; None for those that were not asked it."""


def problem_rows(results: Sequence[Result]) -> list[ProblemRow]:
    """Return the problems of all results, the hardest first.

    Problems with the same id and different questions, as of other data, are different problems.
    """
    by_problem: dict[tuple[str, str], dict[int, AskedProblem]] = {}
    for number, result in enumerate(results):
        for asked in result.problems:
            by_problem.setdefault((asked.problem.id, asked.problem.question), {})[number] = asked
    anchors: set[str] = set()
    rows = []
    for by_result in by_problem.values():
        row = _row(results, by_result, anchors)
        anchors.add(row.anchor)
        rows.append(row)
    return sorted(rows, key=lambda row: row.share)


def _row(
    results: Sequence[Result], by_result: Mapping[int, AskedProblem], anchors: set[str]
) -> ProblemRow:
    first = next(iter(by_result.values()))
    correct = sum(asked.correct for asked in by_result.values())
    judged = sum(asked.judged for asked in by_result.values())
    return ProblemRow(
        problem=first.problem,
        number=first.number,
        anchor="" if first.anchor in anchors else first.anchor,
        kind=_solved(correct, judged, sum(results[number].entry.samples for number in by_result)),
        correct=correct,
        judged=judged,
        share=solved_share((results[number].model, one) for number, one in by_result.items()),
        cells=tuple(
            _cell(result, by_result[number]) if number in by_result else None
            for number, result in enumerate(results)
        ),
    )


def solved_share(asked: Iterable[tuple[str, AskedProblem]]) -> float:
    """Return a problem's mean share of correct samples over models; 1 minus it is its difficulty.

    Each model has the same weight, whatever its number of runs and of samples.

    Args:
        asked: (model, the problem in one of its results).
    """
    counts: dict[str, list[int]] = {}
    for model, one in asked:
        if one.judged:
            own = counts.setdefault(model, [0, 0])
            own[0] += one.correct
            own[1] += one.judged
    shares = [correct / judged for correct, judged in counts.values()]
    return math.fsum(shares) / len(shares) if shares else 0.0


def _solved(correct: int, judged: int, asked: int) -> str:
    """Return how often a problem was solved; `always` and `never` need every sample's verdict."""
    if correct == judged < asked or not judged:
        return "sometimes" if correct else NOT_JUDGED
    if not correct:
        return "never" if judged == asked else NOT_JUDGED
    return "always" if correct == judged else "sometimes"


def _cell(result: Result, asked: AskedProblem) -> Cell:
    if asked.page is None:
        return Cell(kind="", text="–", title="", share=0.0, href="")
    single = next(iter(asked.states)) if sum(asked.states.values()) == 1 else None
    return Cell(
        kind=single or _solved(asked.correct, asked.judged, result.entry.samples),
        text=STATES[single].glyph if single else f"{asked.correct}/{asked.judged}",
        title=", ".join(f"{count} {STATES[name].word}" for name, count in asked.states.items()),
        share=asked.correct / asked.judged if asked.judged else 0.0,
        href=f"../{samples_page(result, asked.page)}#{asked.anchor}",
    )
