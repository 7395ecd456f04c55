"""How many problems and samples a gate needs, from the variance of a baseline's scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from mathreason_eval.compare.pairing import TaskRun, metric_name, task_run
from mathreason_eval.errors import UnknownNameError, UserError
from mathreason_eval.runs.store import Run
from mathreason_eval.stats.difficulty import Difficulty, change_distribution, fit_difficulty
from mathreason_eval.stats.estimands import Estimand
from mathreason_eval.stats.metrics import PRIMARY
from mathreason_eval.stats.power import GateSettings, Power, min_lost_problems, power, smallest_n


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanRequest:
    """What a gate must be able to detect."""

    detect: float
    """The drop that must be called a regression."""
    power: float = 0.8
    """Required probability of detecting it, and of a pass if nothing changed."""
    gate: GateSettings
    """Margin and alpha of the gate."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleSize:
    """A sufficient number of problems and samples."""

    problems: int
    draws: int
    """Samples to generate: those of the new run, and those that the baseline lacks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Allocation:
    """A number of samples per problem, and its power."""

    samples: tuple[int, int]
    """Samples per problem of the baseline and of a new run; the baseline's are not reduced."""
    sees: float
    """Power: probability that the drop is called a regression, with all problems."""
    passes: float
    """Probability that an unchanged model passes, with all problems."""
    smallest: float | None
    """Smallest drop that is detected with the requested power, with all problems."""
    new: Power
    """The same two for new problems like these, if the gate asks of those (`estimand: new`)."""
    to_see: SampleSize | None
    """Size needed to detect the drop; None if all problems are not enough."""
    to_pass: SampleSize | None
    """Size needed for an unchanged model to pass; None if all problems are not enough."""

    @property
    def for_both(self) -> SampleSize | None:
        """Return the size needed for both; None if all problems are not enough."""
        if self.to_see is None or self.to_pass is None:
            return None
        return max(self.to_see, self.to_pass, key=lambda size: size.problems)


@dataclass(frozen=True, kw_only=True, slots=True)
class PowerLimit:
    """The power for new problems with unlimited samples of all, which no number can exceed."""

    problems: int
    sees: float
    """Probability that the drop is called a regression, if every problem gets slightly harder."""
    smallest: float | None
    """Smallest such drop that is detected with the requested power; None if there is none."""
    lost: int | None
    """Minimum number of problems, each changing from always to never solved, that are a regression;
    None if even all of them are not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Design:
    """The plan for one task."""

    task: str
    metric: str
    """The task's primary metric, which a gate compares; the plan is for `avg`."""
    problems: int
    """Number of problems of the baseline."""
    available: int
    """Number of problems of the benchmark."""
    samples: int
    """Samples per problem of the baseline."""
    variants: bool
    """Whether some of the problems are variants of others."""
    tokens: float | None
    """Mean completion tokens per sample; None if unknown."""
    difficulty: Difficulty
    request: PlanRequest
    allocations: tuple[Allocation, ...]
    power_limit: PowerLimit

    @property
    def cheapest_to_see(self) -> tuple[Allocation, SampleSize] | None:
        """Return the allocation that detects the drop with the fewest draws, and its size."""
        return _cheapest((allocation, allocation.to_see) for allocation in self.allocations)

    @property
    def cheapest_for_both(self) -> tuple[Allocation, SampleSize] | None:
        """Return the same for an allocation with which an unchanged model passes as well."""
        return _cheapest((allocation, allocation.for_both) for allocation in self.allocations)


def _cheapest(
    allocations: Iterable[tuple[Allocation, SampleSize | None]],
) -> tuple[Allocation, SampleSize] | None:
    enough = [(allocation, size) for allocation, size in allocations if size is not None]
    return min(enough, key=lambda one: one[1].draws, default=None)


def designs(run: Run, tasks: Sequence[str], request: PlanRequest) -> list[Design]:
    """Return a plan for each task of a run; alpha of a regression is divided among the tasks.

    Args:
        run: the baseline.
        tasks: their names; empty for all.
        request: what the gate must detect in each task.

    Raises:
        UserError: if the run has no such task, or its score is not larger than the drop.
    """
    for name in tasks:
        if name not in run.tasks():
            raise UnknownNameError("task in this run", name, run.tasks())
    names = tuple(tasks) or run.tasks()
    divided = replace(request, gate=replace(request.gate, tasks=len(names)))
    return [_design(task_run(run, name), divided) for name in names]


_MIN_PROBLEMS = 2
_MAX_DROP = 0.98
"""Largest drop that is considered, as a fraction of the score."""
_SAMPLES = (1, 2, 4, 8, 16, 32, 64)
"""Samples per problem that are compared in a plan."""


def _design(baseline: TaskRun, request: PlanRequest) -> Design:
    items = list(baseline.items.values())
    if len(items) < _MIN_PROBLEMS:
        raise UserError(
            f"{baseline.task} has one problem, and a gate compares many.", "Plan with a larger run."
        )
    difficulty = fit_difficulty([(item.correct, item.n) for item in items])
    if request.detect >= _MAX_DROP * difficulty.mean:
        raise UserError(
            f"{baseline.task} scores {100 * difficulty.mean:.1f} %, which cannot drop by "
            f"{100 * request.detect:g} pp.",
            "Plan for a smaller drop, or with an easier task.",
        )
    tokens = [count for item in items for count in item.tokens]
    samples = min(item.n for item in items)
    planner = _Planner(
        difficulty=difficulty,
        request=request,
        available=max(len(items), baseline.entry.data.rows),
        stored=sum(item.n for item in items),
        samples=samples,
    )
    return Design(
        task=baseline.task,
        metric=metric_name(PRIMARY, [baseline.entry]),
        problems=len(items),
        available=planner.available,
        samples=samples,
        variants=any(problem.origin for problem in baseline.problems.values()),
        tokens=sum(tokens) / len(tokens) if tokens else None,
        difficulty=difficulty,
        request=request,
        allocations=tuple(map(planner.allocation, sorted({*_SAMPLES, samples}))),
        power_limit=planner.power_limit(),
    )


_DROP_STEP = 0.0005
"""Precision of the smallest detected drop."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Planner:
    """The power of a gate on one task, by the samples per problem."""

    difficulty: Difficulty
    request: PlanRequest
    available: int
    stored: int
    """Number of samples of the baseline in all."""
    samples: int
    """Samples of the baseline per problem."""

    def allocation(self, count: int) -> Allocation:
        """Return the allocation with `count` samples per problem of the new run."""
        samples, everything = (max(count, self.samples), count), self.available

        @cache
        def power_of(drop: float, problems: int) -> Power:
            return self._power(drop, samples, problems)

        def size(chance: Callable[[int], float]) -> SampleSize | None:
            problems = self._enough_problems(chance)
            if problems is None:
                return None
            return SampleSize(problems=problems, draws=self._draws(problems, samples))

        detect = self.request.detect
        return Allocation(
            samples=samples,
            sees=power_of(detect, everything).regression,
            passes=power_of(0.0, everything).passes,
            smallest=self._smallest_drop(lambda drop: power_of(drop, everything)),
            new=self._power_of_new(detect, samples),
            to_see=size(lambda problems: power_of(detect, problems).regression),
            to_pass=size(lambda problems: power_of(0.0, problems).passes),
        )

    def power_limit(self) -> PowerLimit:
        """Return the power with unlimited samples of all available problems."""

        def power_of(drop: float) -> Power:
            change = change_distribution(self.difficulty, drop, (math.inf, math.inf))
            return power(change, self.available, self._of_new)

        return PowerLimit(
            problems=self.available,
            sees=power_of(self.request.detect).regression,
            smallest=self._smallest_drop(power_of),
            lost=min_lost_problems(self.available, self.request.gate),
        )

    @property
    def _of_new(self) -> GateSettings:
        return replace(self.request.gate, estimand=Estimand.NEW)

    def _power_of_new(self, drop: float, samples: tuple[int, int]) -> Power:
        """Return the probabilities of a regression after a drop, and of a pass without one."""
        found = [
            power(change_distribution(self.difficulty, each, samples), self.available, self._of_new)
            for each in (drop, 0.0)
        ]
        return Power(regression=found[0].regression, passes=found[1].passes)

    def _power(self, drop: float, samples: tuple[float, float], problems: int) -> Power:
        change = change_distribution(self.difficulty, drop, samples)
        return power(change, problems, self.request.gate)

    def _smallest_drop(self, power_of: Callable[[float], Power]) -> float | None:
        return smallest_n(
            lambda drop: power_of(drop).regression,
            self.request.power,
            _DROP_STEP,
            _MAX_DROP * self.difficulty.mean,
            step=_DROP_STEP,
        )

    def _enough_problems(self, chance: Callable[[int], float]) -> int | None:
        """Return the smallest number of problems with the requested power; None if none has it.

        The search is over the square root, in which power is nearly linear.
        """
        root = smallest_n(
            lambda root: chance(_squared(root)),
            self.request.power,
            math.sqrt(_MIN_PROBLEMS),
            math.sqrt(self.available),
            step=0.5 / math.sqrt(self.available),
        )
        return None if root is None else _squared(root)

    def _draws(self, problems: int, samples: tuple[int, int]) -> int:
        lacking = problems * samples[0] - min(self.stored, problems * self.samples)
        return problems * samples[1] + lacking


def _squared(root: float) -> int:
    return math.ceil(root * root - 1e-6)  # the square of a root is rounded
