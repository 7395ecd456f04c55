"""Curves over k as paths. The templates draw them; whoever reads the page scales them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mathreason_eval.site.results import Result
from mathreason_eval.types import Metric

_LINE_HEIGHT = 9.0
"""What a line of text takes of the height of a panel."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """One metric over k, in a square of 100 by 100 whose y points down."""

    name: str
    """`pass` or `maj`."""
    line: str
    """The path of the values."""
    band: str
    """The closed path of their intervals."""
    last: Metric
    """The value at the largest k."""
    label: float
    """Where the curve's name stands, beside its end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """The curves of one result."""

    result: Result
    curves: tuple[Curve, ...]
    ticks: tuple[tuple[float, int], ...]
    """(position from 0 to 100, k)."""


def panel(result: Result) -> Panel | None:
    """Return pass@k and maj@k of a result over all its k; None if it has one sample a problem."""
    found = [curve for name in ("pass", "maj") if (curve := _curve(name, result)) is not None]
    if not found:
        return None
    drawn = _apart(found)
    most = max(_k(curve.last) for curve in drawn)
    powers = [1 << exponent for exponent in range(most.bit_length())]
    # The largest k always has its tick, and takes the place of one too near to it.
    ticks = [k for k in powers if k == most or k * 1.4 < most]
    ticks += [] if most in ticks else [most]
    return Panel(
        result=result,
        curves=drawn,
        ticks=tuple((_x(k, most), k) for k in ticks),
    )


def _curve(name: str, result: Result) -> Curve | None:
    """Return one metric over k; for k = 1 pass@k and maj@k both are the accuracy."""
    single = result.metric()
    found = {
        _k(metric): metric
        for metric in result.metrics
        if metric.slice == "all" and metric.name.startswith(f"{name}@")
    }
    if single is None or max(found, default=1) == 1:
        return None
    points = sorted({**found, 1: single}.items())
    most = points[-1][0]
    upper = [(_x(k, most), 100 - 100 * metric.high) for k, metric in points]
    lower = [(_x(k, most), 100 - 100 * metric.low) for k, metric in points]
    return Curve(
        name=name,
        line=_path([(_x(k, most), 100 - 100 * metric.value) for k, metric in points]),
        band=f"{_path([*upper, *reversed(lower)])}Z",
        last=points[-1][1],
        label=100 - 100 * points[-1][1].value,
    )


def _apart(curves: Sequence[Curve]) -> tuple[Curve, ...]:
    """Return the curves with their names moved from one another where they would overlap."""
    by_height = sorted(curves, key=lambda curve: curve.label)
    lack = max(0.0, _LINE_HEIGHT - (by_height[-1].label - by_height[0].label))
    if len(curves) == 1 or not lack:
        return tuple(curves)
    upper, lower = by_height
    return (
        replace(upper, label=upper.label - lack / 2),
        replace(lower, label=lower.label + lack / 2),
    )


def _k(metric: Metric) -> int:
    return int(metric.name.partition("@")[2])


def _x(k: int, most: int) -> float:
    """Return the place of k on an axis on which every doubling has the same length."""
    return round(100 * math.log(k) / math.log(most), 2)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in points)
