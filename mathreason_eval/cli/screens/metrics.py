"""Metrics as a table: values, intervals, and a plot if it fits."""

from __future__ import annotations

from collections.abc import Sequence

from mathreason_eval.cli.screens import amount, crowded_properties, interval, property_of
from mathreason_eval.cli.screens.tables import Table
from mathreason_eval.stats.estimators.items import WHOLE
from mathreason_eval.stats.intervals import variance_components
from mathreason_eval.stats.metrics import Shown, is_power_of_two, shown_as
from mathreason_eval.types import Metric, Unit

_GAP = 3
"""Columns between the numbers and the plot."""
_MIN_PLOT, _MAX_PLOT = 11, 41
"""Columns of the plot of an interval; at the minimum, ten percentage points each."""


def metric_table(metrics: Sequence[Metric], width: int) -> Table:
    """Return the table of the metrics that are shown; a plot fills the remaining columns."""
    largest_k = max((shown_as(metric.name)[1] for metric in metrics), default=1)
    hidden = crowded_slices(metrics)
    shown = [
        metric
        for metric in metrics
        if _is_shown(metric, largest_k) and property_of(metric.slice) not in hidden
    ]
    rows = [
        (
            metric.slice,
            metric.name,
            amount(metric.unit, metric.value),
            interval(metric.unit, metric.low, metric.high),
            f"{metric.problems:,}",
        )
        for metric in shown
    ]
    headings = ("slice", "metric", ">value", ">95 % interval", ">problems")
    table = Table(headings=headings, rows=rows)
    plot = min(_MAX_PLOT, width - table.natural_width() - _GAP)
    if plot < _MIN_PLOT:
        return table
    scale = f"{'0':<{plot // 2}}{'50':<{plot - plot // 2 - 3}}100"
    return Table(
        headings=(*headings, scale),
        rows=[(*row, _plot(metric, plot)) for metric, row in zip(shown, rows, strict=True)],
        unbroken=frozenset({scale}),
    )


def _is_shown(metric: Metric, largest_k: int) -> bool:
    """Return whether a metric is in the table; --json and the site have all of them.

    For pass@K and maj@K, powers of two and the largest K are shown; for pass^K the largest; for a
    slice its accuracy; for a variant its drop; for a slice of variants nothing.
    """
    shown, k = shown_as(metric.name)
    needed = Shown.WHOLE if metric.slice == WHOLE else Shown.SLICES
    if k == largest_k and metric.slice == WHOLE:
        needed = Shown.LARGEST
    return " " not in metric.slice and (k == largest_k or is_power_of_two(k)) and shown >= needed


def crowded_slices(metrics: Sequence[Metric]) -> dict[str, int]:
    """Return the properties with too many values for the table, each with its number of values.

    Slices by two properties are never in the table, and are not counted.
    """
    return crowded_properties(metric.slice for metric in metrics if " " not in metric.slice)


def _plot(metric: Metric, width: int) -> str:
    """Return the interval as a line with a dot at the value, from 0 to 100 %."""
    if metric.unit is not Unit.SHARE or metric.low < 0:
        return ""
    low, dot, high = (
        round(value * (width - 1)) for value in (metric.low, metric.value, metric.high)
    )
    cells = [" "] * width
    cells[low : high + 1] = "─" * (high + 1 - low)
    if low < dot:
        cells[low] = "├"
    if high > dot:
        cells[high] = "┤"
    cells[dot] = "●"
    return "".join(cells)


def variance_line(metrics: Sequence[Metric]) -> str:
    """Return a line on the variance components of avg; empty for single samples."""
    average = next((m for m in metrics if (m.name, m.slice) == ("avg", WHOLE)), None)
    if average is None or average.fixed_se is None:
        return ""
    parts = variance_components(average)
    if parts is None:
        return f"between questions unknown: too little shows in {average.problems:,} of them"
    return (
        f"{100 * parts.between:.0f} % questions, {100 * parts.within:.0f} % samples: "
        f"no n gets below ±{100 * parts.floor:.1f} · design effect {parts.design_effect:.2g}"
    )
