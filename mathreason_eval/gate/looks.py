"""Looks at evidence that grows: when they are, and how small a p-value must be at each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

from mathreason_eval.stats.decision import single_look
from mathreason_eval.stats.multiplicity import SPENDING_FUNCTIONS, nominal_levels


@dataclass(frozen=True, kw_only=True, slots=True)
class Looks:
    """A schedule that is fixed before the first look."""

    samples: tuple[int, ...]
    """Samples a problem at each look, rising."""
    spending: str = SPENDING_FUNCTIONS[0]
    """How alpha is spent over them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """One look of a schedule."""

    number: int
    """From 1."""
    looks: int
    """How many there will be."""
    samples: int | None
    """The first so many samples of each problem count; None for all."""
    next_look: int | None
    """Samples a problem at the next look; None if this is the last."""
    nominal: Callable[[float], float]
    """The level at this look of a test whose level over all looks is the argument."""


ONLY_LOOK = Look(number=1, looks=1, samples=None, next_look=None, nominal=single_look)


def look_reached(looks: Looks | None, baseline: int, samples: int) -> Look | None:
    """Return the last look that a run has the samples for; None if it has too few for the first.

    What a look learns is, for each problem, 1 / (1 / baseline + 1 / samples): the noise of both
    runs' samples, that of the baseline being the same at every look. Where problems truly differ in
    their change, the looks are more alike than that, and the levels are a little too strict.

    Args:
        looks: the schedule; None for a single look at everything.
        baseline: the baseline's samples a problem.
        samples: the run's.
    """
    if looks is None:
        return ONLY_LOOK
    reached = [count for count in looks.samples if count <= samples]
    if not reached:
        return None
    number = len(reached)
    information = tuple(1 / (1 / baseline + 1 / count) for count in looks.samples)
    return Look(
        number=number,
        looks=len(looks.samples),
        samples=reached[-1],
        next_look=looks.samples[number] if number < len(looks.samples) else None,
        nominal=partial(_level, information, looks.spending, number - 1),
    )


@lru_cache(maxsize=256)
def _level(information: tuple[float, ...], spending: str, place: int, alpha: float) -> float:
    return nominal_levels(information, alpha, spending)[place]
