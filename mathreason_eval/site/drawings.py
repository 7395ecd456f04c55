"""What charts consist of: lines over an ordered axis, and rows or cells of marks on one axis."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mathreason_eval.site.charts import Axis, axis, log_ticks
from mathreason_eval.types import Metric

EMPHASISED = 4
"""Series of a line chart that have a name and a style of their own; the others are grey."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """One mark in a picture of a single line."""

    kind: str
    """Its class in the style: `range`, `one`, `other`, `bar …`."""
    low: float
    """Coordinates from 0 to 100; equal for a point."""
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """A figure with its picture."""

    text: str
    under: str = ""
    """A second, smaller line."""
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class TableRow:
    """One result."""

    page: str
    """The run's name in addresses."""
    cells: tuple[Cell | None, ...]
    """By column; None where nothing was measured."""
    marks: tuple[Mark, ...] = ()
    """The picture of the whole row; cells have none then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TableChart:
    """A table with pictures in it: of a row, or in every cell."""

    name: str
    """Its place on the page."""
    title: str
    words: str
    """One or two sentences below the title."""
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    axis: Axis
    legend: tuple[tuple[str, str], ...] = ()
    """(class of a mark, what it means)."""

    @property
    def by_row(self) -> bool:
        """Return whether rows have one picture each."""
        return any(row.marks for row in self.rows)


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One result in a line chart, in a square of 100 by 100 whose y axis points down."""

    page: str
    line: str
    """The SVG path of the values."""
    band: str
    """The closed SVG path of the intervals; empty where it is not drawn."""
    emphasis: int | None
    """From 0, of the series that have a name in the picture."""
    label: float
    """The y coordinate of its name."""
    values: tuple[Metric | None, ...]
    """By tick of the x axis."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LineChart:
    """Results over an ordered axis."""

    name: str
    title: str
    words: str
    x_name: str
    ticks: tuple[tuple[float, str], ...]
    """(coordinate, label) of each value of the x axis."""
    axis: Axis
    series: tuple[Series, ...]

    @property
    def shown_ticks(self) -> tuple[tuple[float, str], ...]:
        """Return the ticks that have room for their labels."""
        step = -(-len(self.ticks) // 13)
        return self.ticks[::step]


_LINE_HEIGHT = 7.0
"""The height of a line of text, in units of the square."""


def line_chart(
    name: str,
    title: str,
    words: str,
    x_name: str,
    labels: Sequence[str],
    results: Sequence[tuple[str, Sequence[Metric | None]]],
) -> LineChart | None:
    """Return a chart of (run, metric by label); None if none has two values."""
    drawn = [(page, values) for page, values in results if _count(values) > 1]
    if not drawn:
        return None
    scale = axis(metric for _, values in drawn for metric in values)
    xs = [round(100 * place / (len(labels) - 1), 2) for place in range(len(labels))]
    series = [_series(page, xs, values, scale, place) for place, (page, values) in enumerate(drawn)]
    return LineChart(
        name=name,
        title=title,
        words=words,
        x_name=x_name,
        ticks=tuple(zip(xs, labels, strict=True)),
        axis=scale,
        series=tuple(_apart(series)),
    )


def _count(values: Iterable[Metric | None]) -> int:
    return sum(metric is not None for metric in values)


def _series(
    page: str, xs: Sequence[float], values: Sequence[Metric | None], scale: Axis, place: int
) -> Series:
    known = [(x, metric) for x, metric in zip(xs, values, strict=True) if metric is not None]

    def at(value: float) -> float:
        return 100 - scale.at(value)

    upper = [(x, at(metric.high)) for x, metric in known]
    lower = [(x, at(metric.low)) for x, metric in known]
    emphasis = place if place < EMPHASISED else None
    return Series(
        page=page,
        line=path((x, at(metric.value)) for x, metric in known),
        band=f"{path([*upper, *reversed(lower)])}Z" if emphasis == 0 else "",
        emphasis=emphasis,
        label=at(known[-1][1].value),
        values=tuple(values),
    )


def _apart(series: Sequence[Series]) -> list[Series]:
    """Return the series with the names that are shown moved apart where they would overlap."""
    named = sorted((one for one in series if one.emphasis is not None), key=lambda one: one.label)
    places: dict[str, float] = {}
    before = -math.inf
    for one in named:
        before = max(one.label, before + _LINE_HEIGHT)
        places[one.page] = before
    # What was pushed below the square is pushed up again.
    excess = max(0.0, before - 100)
    return [replace(one, label=places.get(one.page, one.label) - excess) for one in series]


def path(points: Iterable[tuple[float, float]]) -> str:
    """Return the SVG path of a line through points."""
    return "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in points)


def log_axis(values: Iterable[float]) -> Axis:
    """Return an axis of the logarithms of positive values, with round numbers as ticks."""
    logs = [math.log10(value) for value in values]
    margin = max(0.05, 0.04 * (max(logs) - min(logs)))
    low, high = min(logs) - margin, max(logs) + margin
    return Axis(
        low=low,
        high=high,
        ticks=tuple((x, float(word.replace(",", ""))) for x, word in log_ticks(low, high)),
    )
