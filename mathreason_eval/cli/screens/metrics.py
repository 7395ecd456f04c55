"""Metrics as a table: values with their intervals, and a plot of them if it fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mathreason_eval.cli.screens import (
    amount,
    crowded_properties,
    interval,
    natural_width,
    plain_table,
    property_of,
)
from mathreason_eval.stats.estimators.items import WHOLE
from mathreason_eval.stats.intervals import variance_components
from mathreason_eval.stats.metrics import Shown, is_power_of_two, shown_as
from mathreason_eval.types import Metric, Unit

if TYPE_CHECKING:
    from rich.table import Table

_GAP = 3
"""Columns between the numbers and the plot."""
_MIN_PLOT, _MAX_PLOT = 11, 41
"""Columns of the plot of an interval: ten percentage points each at its narrowest."""


def metric_table(metrics: Sequence[Metric], width: int) -> Table:
    """Return the metrics that are shown; a plot fills the columns that the numbers leave."""
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
    columns = ("slice", "metric", ">value", ">95 % interval", ">problems")
    table, with_plot = plain_table(*columns), plain_table(*columns)
    for row in rows:
        table.add_row(*row)
    plot = min(_MAX_PLOT, width - natural_width(table) - _GAP)
    if plot < _MIN_PLOT:
        return table
    with_plot.add_column(f"{'0':<{plot // 2}}{'50':<{plot - plot // 2 - 3}}100", no_wrap=True)
    for metric, row in zip(shown, rows, strict=True):
        with_plot.add_row(*row, _plot(metric, plot))
    return with_plot


def _is_shown(metric: Metric, largest_k: int) -> bool:
    """Return whether a metric is in the table; --json and the site have all of them.

    Of pass@K and maj@K powers of two and the largest K are shown, of pass^K the largest, of a
    slice its accuracy, of a variant its drop, of a slice of variants nothing.
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
    """Return the components of the variance of avg; empty where single samples do not show them."""
    average = next((m for m in metrics if (m.name, m.slice) == ("avg", WHOLE)), None)
    parts = None if average is None else variance_components(average)
    if parts is None:
        return ""
    return (
        f"{100 * parts.between:.0f} % questions, {100 * parts.within:.0f} % samples: "
        f"no n gets below ±{100 * parts.floor:.1f} · design effect {parts.design_effect:.2g}"
    )
