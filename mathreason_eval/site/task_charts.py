"""The charts of a task: only what its results measured, each with a table of its numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import log10
from statistics import quantiles
from typing import cast

from mathreason_eval.site.budget import budget_chart
from mathreason_eval.site.charts import Axis, axis
from mathreason_eval.site.drawings import (
    Cell,
    LineChart,
    Mark,
    TableChart,
    TableRow,
    line_chart,
    log_axis,
    path,
)
from mathreason_eval.site.formats import percent, points, thousands
from mathreason_eval.site.leaderboard import Column
from mathreason_eval.site.pages import Values, result_labels
from mathreason_eval.site.problems import ProblemEntry
from mathreason_eval.site.results import Result
from mathreason_eval.site.step_errors import confusions, first_errors
from mathreason_eval.stats.estimators.confidence import BINS
from mathreason_eval.stats.estimators.items import WHOLE
from mathreason_eval.stats.intervals import wilson
from mathreason_eval.stats.metrics import DEFAULT_METRIC
from mathreason_eval.types import Metric, Outcome

MOST_DRAWN = 24
"""Results in a chart, the best ones; the pages of runs have all numbers."""

Chart = LineChart | TableChart


def task_charts(column: Column) -> list[Chart]:
    """Return the charts of a task for which its results have the metrics."""
    results = [standing.result for standing in column.standings if standing.result.judged]
    shown = results[:MOST_DRAWN]
    made: list[Chart | None] = [
        *_by_number(column, shown),
        _survival(shown),
        budget_chart(column, shown),
        _limem(shown),
        _changes(shown),
        first_errors(column, shown),
        _lengths(shown),
        _disagreement(shown),
    ]
    return [chart for chart in made if chart is not None]


def charts_values(column: Column, entries: Sequence[ProblemEntry]) -> Values | None:
    """Return the variables of the template for a task's charts; None if there is nothing to draw.

    Args:
        column: the task.
        entries: its problems.
    """
    charts, calibrated = task_charts(column), calibrations(column, entries)
    confused = confusions(column)
    if not charts and not calibrated:
        return None
    judged = sum(bool(standing.result.judged) for standing in column.standings)
    return {
        "column": column,
        "lines": [chart for chart in charts if isinstance(chart, LineChart)],
        "tables": [chart for chart in charts if isinstance(chart, TableChart)],
        "calibrations": calibrated,
        "confusions": confused,
        "left_out": max(0, judged - MOST_DRAWN),
        "most": MOST_DRAWN,
        "label": result_labels([standing.result for standing in column.standings]),
    }


def chart_titles(values: Values) -> list[tuple[str, str]]:
    """Return (place, title) of each chart of a page's variables, in the order of the page."""
    charts = [*cast("list[Chart]", values["lines"]), *cast("list[Chart]", values["tables"])]
    found = [(chart.name, chart.title) for chart in charts]
    if values["confusions"]:
        found.append(("confusion", "First false step: true and said"))
    return [*found, ("calibration", "Calibration")] if values["calibrations"] else found


# --- over an ordered axis --------------------------------------------------------------------

_FEWEST_VALUES = 3
"""Values of a property without which it is no axis."""


def _by_number(column: Column, results: Sequence[Result]) -> Iterator[LineChart | None]:
    """Yield accuracy over each property that is a number: `people`, `steps`, `level`."""
    for key in column.reference.entry.report.slices:
        values = {asked.problem.meta.get(key) for asked in column.reference.problems}
        numbers = [value for value in values if isinstance(value, int | float)]
        if len(numbers) < _FEWEST_VALUES or len(numbers) < len(values - {None}):
            continue
        labels = [f"{value:g}" for value in sorted(numbers)]
        slices = [f"{key}={value}" for value in sorted(numbers)]
        yield line_chart(
            f"by-{key}",
            f"Accuracy by {key}",
            "",
            key,
            labels,
            [
                (one.page, [one.metric(DEFAULT_METRIC, where) for where in slices])
                for one in results
            ],
        )


def _survival(results: Sequence[Result]) -> LineChart | None:
    """Return the share of samples that are correct up to each step."""
    found = {
        result.page: {
            int(metric.name.partition("@")[2]): metric
            for metric in result.metrics
            if metric.slice == WHOLE and metric.name.startswith("survival@")
        }
        for result in results
    }
    last = max((step for curve in found.values() for step in curve), default=0)
    steps = range(1, last + 1)
    return line_chart(
        "survival",
        "Survival by step",
        "The share of samples that are correct up to a step; only problems with that many steps "
        "or more count for it.",
        "step",
        [str(step) for step in steps],
        [(page, [curve.get(step) for step in steps]) for page, curve in found.items()],
    )


# --- variants --------------------------------------------------------------------------------

_VARIANT = "variant="


def _variants(results: Sequence[Result]) -> list[str]:
    """Return the slices of variants, in the order of the metrics."""
    return list(
        dict.fromkeys(
            metric.slice
            for result in results
            for metric in result.metrics
            if metric.name == "origin" and metric.slice.startswith(_VARIANT)
        )
    )


def _limem(results: Sequence[Result]) -> TableChart | None:
    """Return LiMem of each perturbation."""
    found = _by_variant(results, ("limem",))
    if found is None:
        return None
    scale = axis(m for row in found.values() for cell in row.values() for m in cell)
    return TableChart(
        name="limem",
        title="LiMem by perturbation",
        words="The part of the score that is memorisation by arXiv:2410.23123: originals that are "
        "solved while the variant is not. Per cent, with 95 % intervals."
        + _first_ones(found, results),
        columns=_columns(found),
        rows=tuple(
            TableRow(
                page=page, cells=tuple(_limem_cell(cell, scale) for cell in _ordered(found, row))
            )
            for page, row in found.items()
        ),
        axis=scale,
    )


_ByVariant = Mapping[str, Mapping[str, tuple[Metric, ...]]]
"""By run and slice, the metrics that were asked for."""


def _by_variant(results: Sequence[Result], names: Sequence[str]) -> _ByVariant | None:
    """Return metrics of variants; None if no result has them."""
    found: dict[str, dict[str, tuple[Metric, ...]]] = {}
    for result in results:
        for where in _variants([result]):
            own = [metric for name in names if (metric := result.metric(name, where)) is not None]
            if len(own) == len(names):
                found.setdefault(result.page, {})[where] = tuple(own)
    return _drawn(found) if found else None


_MOST_CELLS, _FEWEST_ROWS = 120, 4
"""Cells with a picture in a chart of variants: of many variants fewer results are drawn."""


def _drawn(found: _ByVariant) -> _ByVariant:
    """Return the first results, as many as there is room for."""
    most = max(_FEWEST_ROWS, _MOST_CELLS // len(_slices(found)))
    return dict(islice(found.items(), most))


def _first_ones(found: _ByVariant, results: Sequence[Result]) -> str:
    """Return a sentence that says how many results are drawn, if some are left out."""
    known = sum(bool(_variants([result])) for result in results)
    return f" The first {len(found)} of {known} results." if known > len(found) else ""


def _slices(found: _ByVariant) -> list[str]:
    return list(dict.fromkeys(where for row in found.values() for where in row))


def _columns(found: _ByVariant) -> tuple[str, ...]:
    return tuple(where.removeprefix(_VARIANT).replace("_", " ") for where in _slices(found))


def _ordered(
    found: _ByVariant, row: Mapping[str, tuple[Metric, ...]]
) -> Iterator[tuple[Metric, ...] | None]:
    return (row.get(where) for where in _slices(found))


def _limem_cell(metrics: tuple[Metric, ...] | None, scale: Axis) -> Cell | None:
    if metrics is None:
        return None
    [limem] = metrics
    marks = (_range(scale, limem.low, limem.high), _dot("one", scale, limem.value))
    return Cell(text=percent(limem.value), under=_ends(limem), marks=marks)


def _changes(results: Sequence[Result]) -> TableChart | None:
    """Return accuracy on variants beside that on their originals, as dumbbells."""
    found = _by_variant(results, ("origin", DEFAULT_METRIC, "drop"))
    if found is None:
        return None
    scale = _values_axis(m for row in found.values() for cell in row.values() for m in cell[:2])
    return TableChart(
        name="variants",
        title="Originals and their variants",
        words="Accuracy on each kind of variant, paired with the originals of the same problems. "
        "Below: the change in points with its 95 % interval." + _first_ones(found, results),
        columns=_columns(found),
        rows=tuple(
            TableRow(page=page, cells=tuple(_change(cell, scale) for cell in _ordered(found, row)))
            for page, row in found.items()
        ),
        axis=scale,
        legend=(("other", "original"), ("one", "variant")),
    )


def _change(metrics: tuple[Metric, ...] | None, scale: Axis) -> Cell | None:
    if metrics is None:
        return None
    origin, variant, drop = metrics
    return Cell(
        text=f"{percent(origin.value)} → {percent(variant.value)}",
        under=f"{points(-drop.value)} ({points(-drop.high)} … {points(-drop.low)})",
        marks=(
            Mark(kind="bar-of", low=scale.at(origin.value), high=scale.at(variant.value)),
            _dot("other", scale, origin.value),
            _dot("one", scale, variant.value),
        ),
    )


# --- lengths ---------------------------------------------------------------------------------

_FEWEST_LENGTHS = 5
"""Samples without which quartiles say nothing."""


def _lengths(results: Sequence[Result]) -> TableChart | None:
    """Return the tokens of right and of wrong answers; None if no result has both."""
    found = {
        result.page: quarters
        for result in results
        if result.metric("tokens") is not None and (quarters := _quarters(result)) is not None
    }
    if not found:
        return None
    ends = [each for quarters in found.values() for own in quarters for each in own]
    scale = log_axis(ends)
    return TableChart(
        name="lengths",
        title="Length of right and of wrong answers",
        words="Completion tokens: the median, and the middle half of the samples. Logarithmic.",
        columns=("right", "wrong"),
        rows=tuple(
            TableRow(
                page=page,
                cells=tuple(_length_cell(own) for own in quarters),
                marks=tuple(_length_marks(scale, quarters)),
            )
            for page, quarters in found.items()
        ),
        axis=scale,
        legend=(("one", "right"), ("other", "wrong")),
    )


_Quartiles = tuple[float, float, float]


def _quarters(result: Result) -> tuple[_Quartiles, _Quartiles] | None:
    """Return the quartiles of the tokens of right and of wrong samples."""
    tokens: dict[str, list[int]] = defaultdict(list)
    for asked in result.problems:
        for shot in asked.shots:
            if shot.tokens:
                tokens[shot.state].append(shot.tokens)
    right, wrong = tokens[Outcome.CORRECT], tokens[Outcome.WRONG]
    if min(len(right), len(wrong)) < _FEWEST_LENGTHS:
        return None
    return _quartiles(right), _quartiles(wrong)


def _quartiles(values: Sequence[int]) -> _Quartiles:
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return low, middle, high


def _length_cell(own: _Quartiles) -> Cell:
    low, middle, high = (thousands(round(value)) for value in own)
    return Cell(text=middle, under=f"{low} – {high}")


def _length_marks(scale: Axis, quarters: tuple[_Quartiles, _Quartiles]) -> Iterator[Mark]:
    for kind, (low, middle, high) in zip(("one", "other"), quarters, strict=True):
        yield Mark(kind=f"range {kind}", low=scale.at(log10(low)), high=scale.at(log10(high)))
        yield _dot(kind, scale, log10(middle))


# --- two graders -----------------------------------------------------------------------------


def _disagreement(results: Sequence[Result]) -> TableChart | None:
    """Return the bounds that two graders set on each score; None if there is no second one."""
    names = ("both", DEFAULT_METRIC, "either")
    found = {
        result.page: own
        for result in results
        if len(own := [m for name in names if (m := result.metric(name)) is not None]) == len(names)
    }
    if not found:
        return None
    scale = _values_axis(metric for own in found.values() for metric in own)
    return TableChart(
        name="graders",
        title="Where two graders disagree",
        words="The score lies in the band, whichever grader is right: from what both call correct "
        "to what at least one does. The point is the task's own grader, which decides.",
        columns=("both", "the task's own", "at least one"),
        rows=tuple(
            TableRow(
                page=page,
                cells=tuple(Cell(text=percent(metric.value)) for metric in own),
                marks=(
                    _range(scale, own[0].value, own[2].value),
                    _dot("one", scale, own[1].value),
                ),
            )
            for page, own in found.items()
        ),
        axis=scale,
    )


# --- calibration -----------------------------------------------------------------------------

_MOST_CALIBRATIONS = 9
"""Results whose calibration is drawn, the best ones."""
_FEWEST_VOTES = 4
"""Samples of a problem without which vote shares are too coarse to be a confidence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bin:
    """Problems whose majority has about the same share of the samples."""

    problems: int
    confidence: float
    """The mean share of the majority."""
    right: float
    """The share of problems whose majority is right, with its 95 % interval."""
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """How often majorities of a size are right, in one result."""

    page: str
    error: Metric | None
    """The expected calibration error."""
    bins: tuple[Bin, ...]

    @property
    def line(self) -> str:
        """Return the SVG path through the bins, in a square of 100 by 100."""
        return path((100 * one.confidence, 100 - 100 * one.right) for one in self.bins)


def calibrations(column: Column, entries: Sequence[ProblemEntry]) -> list[Calibration]:
    """Return the calibration of vote shares of each result with several samples."""
    votes = _votes(entries)
    shown = [
        (place, standing.result)
        for place, standing in enumerate(column.standings)
        if standing.result.entry.samples >= _FEWEST_VOTES and votes.get(place)
    ]
    return [
        Calibration(page=result.page, error=result.metric("ece"), bins=tuple(_bins(votes[place])))
        for place, result in shown[:_MOST_CALIBRATIONS]
    ]


def _votes(entries: Sequence[ProblemEntry]) -> dict[int, list[tuple[int, int, float]]]:
    """Return by result (samples of the largest class, judged samples, whether it is the gold)."""
    votes: dict[int, list[tuple[int, int, float]]] = defaultdict(list)
    for entry in entries:
        own: dict[int, list[tuple[int, bool]]] = defaultdict(list)
        for answers in entry.classes:
            for given in answers.given:
                if answers.answer is not None:
                    own[given.place].append((len(given.shots), answers.is_gold))
        for place, counts in own.items():
            most = max(count for count, _ in counts)
            tied = [is_gold for count, is_gold in counts if count == most]
            judged = entry.asked[place].judged
            if entry.problem.gold and judged >= most:
                votes[place].append((most, judged, sum(tied) / len(tied)))
    return votes


def _bins(votes: Sequence[tuple[int, int, float]]) -> Iterator[Bin]:
    groups: dict[int, list[tuple[int, int, float]]] = defaultdict(list)
    for most, judged, credit in votes:
        # In integers, and closed above, as for the expected calibration error.
        groups[max(0, -(-BINS * most // judged) - 1)].append((most, judged, credit))
    for number in sorted(groups):
        group = groups[number]
        right = sum(credit for _, _, credit in group) / len(group)
        low, high = wilson(right, len(group))
        yield Bin(
            problems=len(group),
            confidence=sum(most / judged for most, judged, _ in group) / len(group),
            right=right,
            low=low,
            high=high,
        )


# --- marks -----------------------------------------------------------------------------------


def _range(scale: Axis, low: float, high: float) -> Mark:
    return Mark(kind="range", low=scale.at(low), high=scale.at(high))


def _dot(kind: str, scale: Axis, value: float) -> Mark:
    return Mark(kind=kind, low=scale.at(value), high=scale.at(value))


def _ends(metric: Metric) -> str:
    return f"{percent(metric.low)} – {percent(metric.high)}"


def _values_axis(metrics: Iterable[Metric]) -> Axis:
    """Return an axis that holds values, whatever their intervals."""
    return axis(replace(metric, low=metric.value, high=metric.value) for metric in metrics)
