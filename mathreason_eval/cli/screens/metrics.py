"""Metrics as a table: numbers with their intervals, and a picture of them where there is room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mathreason_eval.cli.screens.console import plain_table
from mathreason_eval.stats.estimators.items import WHOLE
from mathreason_eval.stats.intervals import variance_components
from mathreason_eval.stats.metrics import Shown, is_power_of_two, shown_as
from mathreason_eval.types import Metric, Unit

if TYPE_CHECKING:
    from rich.table import Table

_ENDLESS = 1_000
"""A width at which no table is squeezed, to learn its own."""
_GAP = 3
"""Columns between the numbers and the picture."""
_MOST_SLICES = 12
"""So many values of a slice, at most, stand in a table."""
_NARROWEST, _WIDEST = 11, 41
"""Columns of the picture of an interval: ten percentage points each at its narrowest."""


def metric_table(metrics: Sequence[Metric], width: int) -> Table:
    """Return metrics with their intervals; the picture takes what room the numbers leave."""
    from rich.console import Console

    most = max((shown_as(metric.name)[1] for metric in metrics), default=1)
    hidden = crowded(metrics)
    shown = [m for m in metrics if _is_shown(m, most) and _kind(m) not in hidden]
    rows = [
        (
            metric.slice,
            metric.name,
            number(metric, metric.value),
            f"{number(metric, metric.low)} – {number(metric, metric.high)}",
            f"{metric.problems:,}",
        )
        for metric in shown
    ]
    columns = ("slice", "metric", ">value", ">95 % interval", ">problems")
    plain = plain_table(*columns)
    for row in rows:
        plain.add_row(*row)
    bar = min(_WIDEST, width - Console(width=_ENDLESS).measure(plain).maximum - _GAP)
    if bar < _NARROWEST:
        return plain
    table = plain_table(*columns)
    table.add_column(f"{'0':<{bar // 2}}{'50':<{bar - bar // 2 - 3}}100", no_wrap=True)
    for metric, row in zip(shown, rows, strict=True):
        table.add_row(*row, _picture(metric, bar))
    return table


def _is_shown(metric: Metric, most: int) -> bool:
    """Leave out what would bury the rest: --json and the site have everything.

    Of pass@K and maj@K powers of two and the last are enough, of pass^K the last, of a slice its
    accuracy, of a variant what it cost, of a slice of variants nothing.
    """
    shown, k = shown_as(metric.name)
    needed = Shown.WHOLE if metric.slice == WHOLE else Shown.SLICES
    if k == most and metric.slice == WHOLE:
        needed = Shown.LARGEST
    return " " not in metric.slice and (k == most or is_power_of_two(k)) and shown >= needed


def crowded(metrics: Sequence[Metric]) -> dict[str, int]:
    """Return the slices that have too many values for a table, with how many."""
    values: dict[str, set[str]] = {}
    for metric in metrics:
        if metric.slice != WHOLE and " " not in metric.slice:
            values.setdefault(_kind(metric), set()).add(metric.slice)
    return {kind: len(found) for kind, found in values.items() if len(found) > _MOST_SLICES}


def _kind(metric: Metric) -> str:
    return metric.slice.partition("=")[0]


def number(metric: Metric, value: float) -> str:
    """Return a value of a metric in per cent, or as the amount that it is."""
    return f"{100 * value:.1f}" if metric.unit is Unit.SHARE else f"{value:,.1f}"


def _picture(metric: Metric, width: int) -> str:
    """Return the interval as a line with a dot, on a scale from 0 to 100 %."""
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


def variance(metrics: Sequence[Metric]) -> str:
    """Return what the variance of the accuracy comes from; nothing for single samples."""
    average = next((m for m in metrics if (m.name, m.slice) == ("avg", WHOLE)), None)
    parts = None if average is None else variance_components(average)
    if parts is None:
        return ""
    return (
        f"{100 * parts.between:.0f} % questions, {100 * parts.within:.0f} % samples: "
        f"no n gets below ±{100 * parts.floor:.1f} · design effect {parts.design_effect:.2g}"
    )
