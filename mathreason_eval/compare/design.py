"""How many problems and samples a gate needs, by what a baseline knows of its own noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from mathreason_eval.compare.pairing import Side, metric_name, side
from mathreason_eval.errors import UnknownNameError, UserError
from mathreason_eval.runs.store import Run
from mathreason_eval.stats.difficulty import Difficulty, change_distribution, fit_difficulty
from mathreason_eval.stats.metrics import PRIMARY
from mathreason_eval.stats.power import GateSettings, Power, min_lost_problems, power, smallest_n

_SAMPLES = (1, 2, 4, 8, 16, 32, 64)
"""Samples a problem that a plan weighs against each other."""
_NEARLY = 0.98
"""The largest fall that is thought of, as a share of the score."""
_FINENESS = 0.0005
"""Step in which falls are told apart."""
_FEWEST = 2
"""Problems of which a plan is made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanRequest:
    """What a gate is to show."""

    detect: float
    """The fall that is to be called a regression."""
    power: float = 0.8
    """How often, and how often a change without effect is to pass."""
    gate: GateSettings
    """The gate's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleSize:
    """What is enough for something."""

    problems: int
    draws: int
    """Samples to be drawn: those of the new run, and what the baseline lacks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Allocation:
    """Some samples of each problem, what they show, and what is enough; None if all are not."""

    samples: tuple[int, int]
    """Of the baseline and of a new run; the baseline keeps those that it has."""
    sees: float
    """Chance to see the fall with all problems there are."""
    passes: float
    """Chance to let a change without effect pass, with all problems."""
    smallest: float | None
    """Fall that is seen as often as wished with all problems."""
    to_see: SampleSize | None
    """For the fall to be seen."""
    to_pass: SampleSize | None
    """For a change without effect to pass."""

    @property
    def for_both(self) -> SampleSize | None:
        """Return what is enough to see and to let pass."""
        if self.to_see is None or self.to_pass is None:
            return None
        return max(self.to_see, self.to_pass, key=lambda need: need.problems)


@dataclass(frozen=True, kw_only=True, slots=True)
class Floor:
    """What no number of samples can show with the problems there are."""

    problems: int
    sees: float
    """Chance to see the fall wished for, if every problem gets a little harder."""
    smallest: float | None
    """Smallest fall that is then seen as often as wished; None if there is none."""
    lost: int | None
    """Fewest problems that must go from always to never solved before that is a regression; None
    if all of them are not enough."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Design:
    """One task's plan."""

    task: str
    metric: str
    """What a gate compares it by unless told otherwise; the plan is for `avg`."""
    problems: int
    """Those the baseline has."""
    available: int
    """Those the benchmark has."""
    samples: int
    """The baseline's, a problem."""
    variants: bool
    """Whether some of the problems are variants of others."""
    tokens: float | None
    """Mean completion tokens of a sample; None if they were not counted."""
    difficulty: Difficulty
    request: PlanRequest
    allocations: tuple[Allocation, ...]
    floor: Floor

    @property
    def cheapest_to_see(self) -> tuple[Allocation, SampleSize] | None:
        """Return the allocation that sees the fall with the fewest draws, and its need."""
        return _cheapest((allocation, allocation.to_see) for allocation in self.allocations)

    @property
    def cheapest_for_both(self) -> tuple[Allocation, SampleSize] | None:
        """Return the allocation that also lets pass what changed nothing, with its need."""
        return _cheapest((allocation, allocation.for_both) for allocation in self.allocations)


def _cheapest(
    allocations: Iterable[tuple[Allocation, SampleSize | None]],
) -> tuple[Allocation, SampleSize] | None:
    enough = [(allocation, need) for allocation, need in allocations if need is not None]
    return min(enough, key=lambda both: both[1].draws, default=None)


def designs(run: Run, tasks: Sequence[str], request: PlanRequest) -> list[Design]:
    """Return a plan for each task of a run; the level of a regression is shared by the tasks.

    Args:
        run: the baseline.
        tasks: their names; none for all.
        request: what is to be shown of each.

    Raises:
        UserError: if the run has no such task, or its score is no larger than the fall.
    """
    for name in tasks:
        if name not in run.tasks():
            raise UnknownNameError("task in this run", name, run.tasks())
    chosen = tuple(tasks) or run.tasks()
    shared = replace(request, gate=replace(request.gate, tasks=len(chosen)))
    return [_design(side(run, name), shared) for name in chosen]


def _design(baseline: Side, request: PlanRequest) -> Design:
    items = list(baseline.items.values())
    if len(items) < _FEWEST:
        raise UserError(
            f"{baseline.task} has one problem, and a gate compares many.", "Plan with a larger run."
        )
    found = fit_difficulty([(item.correct, item.n) for item in items])
    if request.detect >= _NEARLY * found.mean:
        raise UserError(
            f"{baseline.task} scores {100 * found.mean:.1f} %, which cannot fall by "
            f"{100 * request.detect:g} pp.",
            "Plan for a smaller fall, or with an easier task.",
        )
    tokens = [count for item in items for count in item.tokens]
    available = max(len(items), baseline.entry.data.rows)
    samples = min(item.n for item in items)
    counts = sorted({*_SAMPLES, samples})
    stored = sum(item.n for item in items), samples
    return Design(
        task=baseline.task,
        metric=metric_name(PRIMARY, [baseline.entry]),
        problems=len(items),
        available=available,
        samples=samples,
        variants=any(problem.origin for problem in baseline.problems.values()),
        tokens=sum(tokens) / len(tokens) if tokens else None,
        difficulty=found,
        request=request,
        allocations=tuple(
            _allocation(found, request, available, stored, count) for count in counts
        ),
        floor=_floor(found, request, available),
    )


def _allocation(
    found: Difficulty, request: PlanRequest, available: int, stored: tuple[int, int], count: int
) -> Allocation:
    """Return what so many samples show; `stored` are the baseline's in all, and of a problem."""
    samples = max(count, stored[1]), count

    @cache
    def at(fall: float, problems: int) -> Power:
        return power(change_distribution(found, fall, samples), problems, request.gate)

    def need(chance: Callable[[int], float]) -> SampleSize | None:
        problems = _enough(chance, request.power, available)
        return (
            None
            if problems is None
            else SampleSize(problems=problems, draws=_draws(problems, samples, stored))
        )

    return Allocation(
        samples=samples,
        sees=at(request.detect, available).regression,
        passes=at(0.0, available).passes,
        smallest=_smallest(lambda fall: at(fall, available), found, request),
        to_see=need(lambda n: at(request.detect, n).regression),
        to_pass=need(lambda n: at(0.0, n).passes),
    )


def _draws(problems: int, samples: tuple[int, int], stored: tuple[int, int]) -> int:
    total, each = stored
    lacking = problems * samples[0] - min(total, problems * each)
    return problems * samples[1] + lacking


def _enough(chance: Callable[[int], float], power: float, available: int) -> int | None:
    """Return how many problems are enough. Their root is what power is straight in."""
    root = smallest_n(
        lambda root: chance(_problems(root)),
        power,
        math.sqrt(_FEWEST),
        math.sqrt(available),
        step=0.5 / math.sqrt(available),
    )
    return None if root is None else _problems(root)


def _problems(root: float) -> int:
    return math.ceil(root * root - 1e-6)  # the square of a root is rounded


def _smallest(
    at: Callable[[float], Power], found: Difficulty, request: PlanRequest
) -> float | None:
    return smallest_n(
        lambda fall: at(fall).regression,
        request.power,
        _FINENESS,
        _NEARLY * found.mean,
        step=_FINENESS,
    )


def _floor(found: Difficulty, request: PlanRequest, available: int) -> Floor:
    endless = math.inf, math.inf

    def at(fall: float) -> Power:
        return power(change_distribution(found, fall, endless), available, request.gate)

    return Floor(
        problems=available,
        sees=at(request.detect).regression,
        smallest=_smallest(at, found, request),
        lost=min_lost_problems(available, request.gate),
    )
