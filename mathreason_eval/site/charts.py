"""Pictures of numbers, as coordinates that templates draw as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mathreason_eval.types import Metric


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """A linear axis; coordinates are from 0 to 100."""

    low: float
    high: float
    ticks: tuple[tuple[float, float], ...]
    """(coordinate, value)."""

    def at(self, value: float) -> float:
        """Return the coordinate of a value; one outside is at the end."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(1.0, max(0.0, share)), 2)


_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
_MOST_TICKS = 6


def axis(metrics: Iterable[Metric | None]) -> Axis:
    """Return an axis of shares that holds all the intervals, and little more.

    It begins at 0 and ends at 1 only if the intervals need it, so that differences can be seen.
    """
    shown = [metric for metric in metrics if metric is not None]
    low = min((metric.low for metric in shown), default=0.0)
    high = max((metric.high for metric in shown), default=1.0)
    step = next((one for one in _STEPS if (high - low) / one <= _MOST_TICKS - 1), 0.25)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    found = Axis(low=first * step, high=last * step, ticks=())
    ticks = tuple((found.at(one * step), one * step) for one in range(first, last + 1))
    return Axis(low=found.low, high=found.high, ticks=ticks)


# --- accuracy against tokens -----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """A result in the picture of accuracy against tokens."""

    page: str
    """The run's name in addresses."""
    tokens: float
    value: float
    x: float
    y: float
    frontier: bool
    """Whether no other result is better with as few tokens, or as good with fewer."""
    left: bool
    """Whether there is more room for its name at its left."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scatter:
    """Results by tokens (logarithmic) and value; coordinates from 0 to 100, y points down."""

    points: tuple[Point, ...]
    line: str
    """The SVG points of the frontier."""
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, float], ...]


def scatter(results: Sequence[tuple[str, float, float]]) -> Scatter | None:
    """Return the picture of (page, tokens, value); None for fewer than two results."""
    known = [(page, tokens, value) for page, tokens, value in results if tokens > 0]
    if len(known) < 2:  # noqa: PLR2004  one point is no picture
        return None
    low, high = (math.log10(pick(tokens for _, tokens, _ in known)) for pick in (min, max))
    margin = max(0.05, 0.06 * (high - low))
    low, high = low - margin, high + margin
    points = tuple(
        Point(
            page=page,
            tokens=tokens,
            value=value,
            x=(x := round(100 * (math.log10(tokens) - low) / (high - low), 2)),
            y=round(100 - 100 * value, 2),
            frontier=not any(
                _dominates((more, better), (tokens, value)) for _, more, better in known
            ),
            left=x > 60,  # noqa: PLR2004  names are at most four tenths of the width
        )
        for page, tokens, value in known
    )
    front = sorted((point.x, point.y) for point in points if point.frontier)
    return Scatter(
        points=points,
        line=" ".join(f"{x},{y}" for x, y in front),
        x_ticks=tuple(log_ticks(low, high)),
        y_ticks=tuple((100.0 - y, y / 100) for y in (0, 25, 50, 75, 100)),
    )


def _dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one != other and one[0] <= other[0] and one[1] >= other[1]


def log_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Return round numbers on a logarithmic axis; its ends if there are fewer than two."""
    round_ones = [*_round_ticks(low, high)]
    if len(round_ones) > 1:
        return round_ones
    inner = low + 0.05 * (high - low), high - 0.05 * (high - low)
    return [(round(100 * (end - low) / (high - low), 2), f"{10**end:,.0f}") for end in inner]


def _round_ticks(low: float, high: float) -> Iterator[tuple[float, str]]:
    for power in range(math.floor(low), math.ceil(high) + 1):
        for first in (1, 2, 5):
            value = first * 10**power
            place = (math.log10(value) - low) / (high - low)
            if 0 <= place <= 1:
                yield round(100 * place, 2), f"{value:,}"
