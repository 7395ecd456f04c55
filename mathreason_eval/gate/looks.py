"""Interim looks at a growing run: the schedule, and the level of a test at each look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

from mathreason_eval.stats.decision import single_look
from mathreason_eval.stats.multiplicity import SPENDING_FUNCTIONS, nominal_levels


@dataclass(frozen=True, kw_only=True, slots=True)
class LookSchedule:
    """The looks of a run, fixed before the first one."""

    samples: tuple[int, ...]
    """Samples per problem at each look, increasing."""
    spending: str = SPENDING_FUNCTIONS[0]
    """Name of the spending function."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """One look of a schedule."""

    number: int
    """Number of the look, from 1."""
    total: int
    """Number of looks of the schedule."""
    samples: int | None
    """Number of samples per problem that count, the first ones; None for all."""
    nominal: Callable[[float], float]
    """Maps the level of a test over all looks to its level at this look."""


ONLY_LOOK = Look(number=1, total=1, samples=None, nominal=single_look)


def look_reached(schedule: LookSchedule | None, baseline: int, samples: int) -> Look | None:
    """Return the last look for which a run has enough samples; None if too few for the first.

    The information of a look is, for each problem, 1 / (1 / baseline + 1 / samples): the inverse of
    the sampling noise of both runs; the baseline's noise is the same at every look. If problems
    differ in their change, the information grows less, and the levels are conservative.

    Args:
        schedule: None for a single look at all samples.
        baseline: the baseline's samples per problem.
        samples: the run's samples per problem.
    """
    if schedule is None:
        return ONLY_LOOK
    number = sum(count <= samples for count in schedule.samples)
    if not number:
        return None
    information = tuple(1 / (1 / baseline + 1 / count) for count in schedule.samples)
    return Look(
        number=number,
        total=len(schedule.samples),
        samples=schedule.samples[number - 1],
        nominal=partial(_level, information, schedule.spending, number - 1),
    )


@lru_cache(maxsize=256)
def _level(information: tuple[float, ...], spending: str, index: int, alpha: float) -> float:
    return nominal_levels(information, alpha, spending)[index]
