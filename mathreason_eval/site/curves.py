"""Curves of checkpoints as a picture that any browser and most editors show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import log2

from mathreason_eval.compare.curves import STEPS, Curve
from mathreason_eval.site.charts import Axis, axis
from mathreason_eval.site.formats import environment
from mathreason_eval.types import Unit

WIDTH, HEIGHT = 640, 300
"""Pixels of the drawing of one task."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Dot:
    x: float
    y: float
    title: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    name: str
    line: str
    """The SVG points of the values."""
    band: str
    """Those of the ends of the intervals, around."""
    dots: tuple[_Dot, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Panel:
    task: str
    metric: str
    top: int
    lines: tuple[_Line, ...]
    of: str
    """What the points are numbered by."""
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]


_GAP = 90
"""Pixels between the drawings of two tasks, with title and ticks."""
_MOST_TICKS = 6


def curves_svg(found: Sequence[Curve]) -> str:
    """Return curves as SVG, a panel a task: values as lines, their 95 % intervals as bands."""
    panels = [
        _panel(task, list(of_task), place)
        for place, (task, of_task) in enumerate(groupby(found, key=lambda one: one.task))
    ]
    template = environment().get_template("curve.svg")
    return template.render(
        panels=panels,
        width=WIDTH,
        height=HEIGHT,
        whole=len(panels) * (HEIGHT + _GAP),
    )


def _panel(task: str, found: Sequence[Curve], place: int) -> _Panel:
    metrics = [point.metric for curve in found for point in curve.points]
    steps = sorted({point.step for curve in found for point in curve.points})
    first, of = metrics[0], found[0].of
    scale = axis(metrics) if first.unit is Unit.SHARE else _amounts(metrics)
    percent = 100 if first.unit is Unit.SHARE else 1
    return _Panel(
        task=task,
        metric=first.name,
        top=place * (HEIGHT + _GAP),
        lines=tuple(_line(curve, steps, scale) for curve in found),
        of=of,
        x_ticks=tuple((_x(step, steps, of), f"{step:,}") for step in _some(steps)),
        y_ticks=tuple((_y(value, scale), f"{percent * value:g}") for _, value in scale.ticks),
    )


def _amounts(metrics: Sequence[object]) -> Axis:
    """Return an axis of amounts, as of tokens."""
    lows, highs = ([getattr(one, end) for one in metrics] for end in ("low", "high"))
    low, high = min(lows), max(highs)
    high = high if high > low else low + 1
    ticks = tuple((100.0 * part / 4, low + (high - low) * part / 4) for part in range(5))
    return Axis(low=low, high=high, ticks=ticks)


def _some(steps: Sequence[int]) -> Sequence[int]:
    """Return at most a few of the steps, the first and the last among them."""
    if len(steps) <= _MOST_TICKS:
        return steps
    places = {round(n * (len(steps) - 1) / (_MOST_TICKS - 1)) for n in range(_MOST_TICKS)}
    return [steps[place] for place in sorted(places)]


def _x(step: int, steps: Sequence[int], of: str) -> float:
    """Return where a point stands: tokens by their logarithm, as the budgets double."""
    low, here, high = (
        float(one) if of == STEPS else log2(one) for one in (steps[0], step, steps[-1])
    )
    return round(WIDTH * (here - low) / (high - low), 2) if high > low else WIDTH / 2


def _y(value: float, scale: Axis) -> float:
    return round(HEIGHT * (1 - scale.at(value) / 100), 2)


def _line(curve: Curve, steps: Sequence[int], scale: Axis) -> _Line:
    places = [(_x(point.step, steps, curve.of), point.metric) for point in curve.points]
    upper = [(x, _y(one.high, scale)) for x, one in places]
    lower = [(x, _y(one.low, scale)) for x, one in reversed(places)]
    percent = 100 if curve.points[0].metric.unit is Unit.SHARE else 1
    return _Line(
        name=curve.training or curve.task,
        line=_points([(x, _y(one.value, scale)) for x, one in places]),
        band=_points([*upper, *lower]),
        dots=tuple(
            _Dot(
                x=_x(point.step, steps, curve.of),
                y=_y(point.metric.value, scale),
                title=f"{curve.of} {point.step:,}: {percent * point.metric.value:.1f} "
                f"({percent * point.metric.low:.1f} to {percent * point.metric.high:.1f}), "
                f"{point.metric.problems:,} problems" + "".join(f"; {one}" for one in point.notes),
            )
            for point in curve.points
        ),
    )


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in places)
