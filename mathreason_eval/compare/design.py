"""How many samples a gate needs, from the variance of a baseline's scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

from mathreason_eval.compare.pairing import Pairing, TaskRun, metric_name, pair, task_run
from mathreason_eval.errors import NotComparableError, UnknownNameError, UserError
from mathreason_eval.runs.sessions import Timed
from mathreason_eval.runs.store import Run
from mathreason_eval.stats.difficulty import (
    ChangeDistribution,
    Difficulty,
    change_distribution,
    fit_difficulty,
    spread_of,
    variance_between,
    whole_problems,
)
from mathreason_eval.stats.estimands import Estimand
from mathreason_eval.stats.metrics import PRIMARY
from mathreason_eval.stats.power import (
    GateSettings,
    Power,
    has_few_kinds,
    min_lost_problems,
    power,
    smallest_n,
)


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
class Allocation:
    """A number of samples per problem, and its power, with all problems of the baseline."""

    samples: tuple[int, int]
    """Samples per problem of the baseline and of a new run; the baseline's are not reduced."""
    sees: float
    """Probability that the drop is called a regression, if all problems get slightly harder, and by
    what two unchanged models differ, if that is known."""
    sees_whole: float
    """The same if the drop is problems that are lost as a whole."""
    passes: float
    """Probability that an unchanged model passes."""
    smallest: float | None
    """Smallest drop that is detected with the requested power."""
    new: Power
    """Both for new problems like these, if the gate asks of those (`estimand: new`)."""
    draws: int
    """Samples to generate: those of the new run, and those that the baseline lacks."""


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
class Unchanged:
    """How much two models that are equally good differ, from two stored runs."""

    variance: float
    """Variance of the true changes between problems, at least 0."""
    error: float
    """Its standard error."""
    problems: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Design:
    """The plan for one task."""

    task: str
    metric: str
    """The task's primary metric, which a gate compares; the plan is for `avg`."""
    score: float
    """The baseline's avg, as it was measured."""
    problems: int
    """Number of problems of the baseline."""
    samples: int
    """Samples per problem of the baseline."""
    variants: bool
    """Whether some of the problems are variants of others."""
    tokens: float | None
    """Mean completion tokens per sample; None if unknown."""
    speed: float | None
    """Tokens per second of the baseline; None if unknown."""
    difficulty: Difficulty
    request: PlanRequest
    unchanged: Unchanged | None
    """None if no earlier run was given."""
    answer: Allocation | None
    """The fewest samples that are enough; None if `MOST_SAMPLES` are not."""
    allocations: tuple[Allocation, ...]
    by_difficulty: float | None
    """Share of the samples that would do, if each problem got as many as its difficulty asks for;
    None with one sample per problem."""
    power_limit: PowerLimit

    @property
    def most(self) -> Allocation:
        """Return the allocation with the most samples."""
        return self.allocations[-1]


def designs(
    run: Run, tasks: Sequence[str], request: PlanRequest, previous: Run | None = None
) -> list[Design]:
    """Return a plan for each task of a run; alpha of a regression is divided among the tasks.

    Args:
        run: the baseline.
        tasks: their names; empty for all.
        request: what the gate must detect in each task.
        previous: a run of a model that is as good as the baseline's.

    Raises:
        UserError: if the run has no such task, or its score is not larger than the drop.
        NotComparableError: if the earlier run differs in more than the model.
    """
    for name in tasks:
        if name not in run.tasks():
            raise UnknownNameError("task in this run", name, run.tasks())
    names = tuple(tasks) or run.tasks()
    divided = replace(request, gate=replace(request.gate, tasks=len(names)))
    return [_design(task_run(run, name), divided, previous) for name in names]


MOST_SAMPLES = 1_024
"""Largest number of samples per problem that is considered."""
_MIN_PROBLEMS = 2
_MAX_DROP = 0.98
"""Largest drop that is considered, as a fraction of the score."""
_SAMPLES = (1, 2, 4, 8, 16, 32, 64)
"""Samples per problem that are compared in a plan."""


def _design(baseline: TaskRun, request: PlanRequest, previous: Run | None) -> Design:
    items = list(baseline.items.values())
    if len(items) < _MIN_PROBLEMS:
        raise UserError(
            f"{baseline.task} has one problem, and a gate compares many.", "Plan with a larger run."
        )
    counts = [(item.correct, item.n) for item in items]
    score = math.fsum(correct / n for correct, n in counts) / len(counts)
    if request.detect >= _MAX_DROP * score:
        raise UserError(
            f"{baseline.task} scores {100 * score:.1f} %, which cannot drop by "
            f"{100 * request.detect:g} pp.",
            "Plan for a smaller drop, or with an easier task.",
        )
    tokens = [count for item in items for count in item.tokens]
    unchanged = None if previous is None else _unchanged(baseline, previous)
    samples = min(item.n for item in items)
    planner = _Planner(
        difficulty=fit_difficulty(counts),
        request=request,
        problems=len(items),
        stored=sum(item.n for item in items),
        samples=samples,
        between=unchanged.variance if unchanged else 0.0,
    )
    return Design(
        task=baseline.task,
        metric=metric_name(PRIMARY, [baseline.entry]),
        score=score,
        problems=len(items),
        samples=samples,
        variants=any(problem.origin for problem in baseline.problems.values()),
        tokens=sum(tokens) / len(tokens) if tokens else None,
        speed=Timed.of(baseline.run.manifest.sessions).tokens_per_second,
        difficulty=planner.difficulty,
        request=request,
        unchanged=unchanged,
        answer=planner.answer(),
        allocations=tuple(map(planner.allocation, sorted({*_SAMPLES, samples}))),
        by_difficulty=_by_difficulty(counts) if samples > 1 else None,
        power_limit=planner.power_limit(),
    )


def _unchanged(baseline: TaskRun, previous: Run) -> Unchanged:
    """Return how much a model that is as good as the baseline's differs from it."""
    if baseline.task not in previous.tasks():
        raise UnknownNameError(f"task in {previous.path}", baseline.task, previous.tasks())
    pairing = pair(task_run(previous, baseline.task), baseline)
    _check_comparable(pairing, previous)
    scores = pairing.scores("avg")
    pairs = [] if scores is None else list(scores.pairs.values())
    if len(pairs) < _MIN_PROBLEMS or min(min(one.samples) for one in pairs) < 2:  # noqa: PLR2004
        raise UserError(
            f"{previous.path} and {baseline.run.path} do not show how much of the changes of "
            f"{baseline.task} is noise of sampling.",
            "Both need two samples or more of each of several problems.",
        )
    variance, error = variance_between(pairs)
    return Unchanged(variance=max(0.0, variance), error=error, problems=len(pairs))


def _check_comparable(pairing: Pairing, previous: Run) -> None:
    if pairing.obstacles:
        raise NotComparableError(
            f"{previous.path} is not comparable with {pairing.after.run.path} on "
            f"{pairing.after.task}: {'; '.join(pairing.obstacles.values())}.",
            "Name an earlier run under the same conditions.",
        )


_FLOOR = 2
"""Fewest samples of a problem, without which its noise is not known."""


def _by_difficulty(counts: Sequence[tuple[int, int]]) -> float:
    """Return the variance of as many samples in proportion to √(p (1 - p)), relative to equal ones.

    With a floor for every problem. The mean stays that of all problems, each weighing the same.
    """
    spreads = [(c + 0.5) / (n + 1) * (1 - (c + 0.5) / (n + 1)) for c, n in counts]
    each = max(_FLOOR * 2, sum(n for _, n in counts) / len(counts))
    roots = [math.sqrt(spread) for spread in spreads]
    room = (each - _FLOOR) * len(counts) / math.fsum(roots)
    allotted = [_FLOOR + room * root for root in roots]
    equal = math.fsum(spreads) / each
    return math.fsum(v / n for v, n in zip(spreads, allotted, strict=True)) / equal


_DROP_STEP = 0.0005
"""Precision of the smallest detected drop."""
_ENDLESS = (math.inf, math.inf)


@dataclass(frozen=True, kw_only=True)
class _Planner:
    """The power of a gate on one task, by the samples per problem."""

    difficulty: Difficulty
    request: PlanRequest
    problems: int
    stored: int
    """Number of samples of the baseline in all."""
    samples: int
    """Samples of the baseline per problem."""
    between: float
    """Variance of the changes of problems between two unchanged models."""
    _known: dict[float, ChangeDistribution] = field(default_factory=dict)

    @cached_property
    def spread(self) -> float:
        return spread_of(self.difficulty, self.between)

    def answer(self) -> Allocation | None:
        """Return the fewest samples with which the drop is seen, and an unchanged model passes."""

        def is_enough(count: int) -> bool:
            samples = (max(count, self.samples), count)
            return min(
                self._power(self.request.detect, samples).regression,
                self._power(0.0, samples).passes,
            ) >= (self.request.power)

        if not is_enough(MOST_SAMPLES):
            return None
        low, high = 1, MOST_SAMPLES
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if is_enough(middle) else (middle + 1, high)
        return self.allocation(high)

    def allocation(self, count: int) -> Allocation:
        """Return the allocation with `count` samples per problem of the new run."""
        samples, detect = (max(count, self.samples), count), self.request.detect
        lost = whole_problems(self.difficulty, detect, self._ends(samples))
        return Allocation(
            samples=samples,
            sees=self._power(detect, samples).regression,
            sees_whole=self._of(lost, samples).regression,
            passes=self._power(0.0, samples).passes,
            smallest=self._smallest_drop(cache(lambda drop: self._power(drop, samples))),
            new=self._power_of_new(detect, samples),
            draws=self.problems * samples[1] + self.problems * samples[0] - self._kept(samples[0]),
        )

    def power_limit(self) -> PowerLimit:
        """Return the power with unlimited samples of all problems."""

        def power_of(drop: float) -> Power:
            return power(self._change(drop, _ENDLESS), self.problems, self._of_new)

        return PowerLimit(
            problems=self.problems,
            sees=power_of(self.request.detect).regression,
            smallest=self._smallest_drop(power_of),
            lost=min_lost_problems(self.problems, self.request.gate),
        )

    @property
    def _of_new(self) -> GateSettings:
        return replace(self.request.gate, estimand=Estimand.NEW)

    def _kept(self, samples: int) -> int:
        return min(self.stored, self.problems * samples)

    def _ends(self, samples: tuple[int, int]) -> tuple[float, float]:
        """Return the samples for which a distribution is needed: of many only its moments are."""
        of_these = self.request.gate.decides(samples) is Estimand.THESE
        return _ENDLESS if of_these and not has_few_kinds(samples) else samples

    def _change(self, drop: float, samples: tuple[float, float]) -> ChangeDistribution:
        if samples != _ENDLESS:
            return change_distribution(self.difficulty, drop, samples, spread=self.spread)
        if drop not in self._known:
            self._known[drop] = change_distribution(
                self.difficulty, drop, samples, spread=self.spread
            )
        return self._known[drop]

    def _of(self, change: ChangeDistribution, samples: tuple[int, int]) -> Power:
        return power(replace(change, samples=samples), self.problems, self.request.gate)

    def _power(self, drop: float, samples: tuple[int, int]) -> Power:
        return self._of(self._change(drop, self._ends(samples)), samples)

    def _power_of_new(self, drop: float, samples: tuple[int, int]) -> Power:
        """Return the probabilities of a regression after a drop, and of a pass without one."""
        found = [
            power(self._change(each, samples), self.problems, self._of_new) for each in (drop, 0.0)
        ]
        return Power(regression=found[0].regression, passes=found[1].passes)

    def _smallest_drop(self, power_of: Callable[[float], Power]) -> float | None:
        return smallest_n(
            lambda drop: power_of(drop).regression,
            self.request.power,
            _DROP_STEP,
            _MAX_DROP * self.difficulty.mean,
            step=_DROP_STEP,
        )
