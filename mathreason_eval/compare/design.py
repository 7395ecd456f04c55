"""How many problems and samples a gate needs, by what a baseline knows of its own noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from mathreason_eval.compare.pairing import Side, metric_name, side
from mathreason_eval.errors import UnknownNameError, UserError
from mathreason_eval.runs.store import Run
from mathreason_eval.stats.metrics import PRIMARY
from mathreason_eval.stats.planning.difficulty import Difficulty, difficulty, law
from mathreason_eval.stats.planning.power import Outlook, Rule, least, outlook, whole_problems

_SAMPLES = (1, 2, 4, 8, 16, 32, 64)
"""Samples a problem that a plan weighs against each other."""
_NEARLY = 0.98
"""The largest fall that is thought of, as a share of the score."""
_FINENESS = 0.0005
"""Step in which falls are told apart."""
_FEWEST = 2
"""Problems of which a plan is made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What a gate is to show."""

    detect: float
    """The fall that is to be called a regression."""
    power: float = 0.8
    """How often, and how often a change without effect is to pass."""
    rule: Rule
    """The gate's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """What is enough for something."""

    problems: int
    draws: int
    """Samples to be drawn: those of the new run, and what the baseline lacks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mix:
    """Some samples of each problem, what they show, and what is enough; None if all are not."""

    samples: tuple[int, int]
    """Of the baseline and of a new run; the baseline keeps those that it has."""
    sees: float
    """Chance to see the fall with all problems there are."""
    passes: float
    """Chance to let a change without effect pass, with all problems."""
    smallest: float | None
    """Fall that is seen as often as wished with all problems."""
    to_see: Need | None
    """For the fall to be seen."""
    to_pass: Need | None
    """For a change without effect to pass."""

    @property
    def for_both(self) -> Need | None:
        """Return what is enough to see and to let pass."""
        if self.to_see is None or self.to_pass is None:
            return None
        return max(self.to_see, self.to_pass, key=lambda need: need.problems)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
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
    wish: Wish
    mixes: tuple[Mix, ...]
    limit: Limit

    @property
    def cheapest_to_see(self) -> tuple[Mix, Need] | None:
        """Return the mix that sees the fall with the fewest draws, and its need."""
        return _cheapest((mix, mix.to_see) for mix in self.mixes)

    @property
    def cheapest_for_both(self) -> tuple[Mix, Need] | None:
        """Return the mix that also lets pass what changed nothing, with its need."""
        return _cheapest((mix, mix.for_both) for mix in self.mixes)


def _cheapest(mixes: Iterable[tuple[Mix, Need | None]]) -> tuple[Mix, Need] | None:
    enough = [(mix, need) for mix, need in mixes if need is not None]
    return min(enough, key=lambda both: both[1].draws, default=None)


def designs(run: Run, tasks: Sequence[str], wish: Wish) -> list[Design]:
    """Return a plan for each task of a run; the level of a regression is shared by the tasks.

    Args:
        run: the baseline.
        tasks: their names; none for all.
        wish: what is to be shown of each.

    Raises:
        UserError: if the run has no such task, or its score is no larger than the fall.
    """
    for name in tasks:
        if name not in run.tasks():
            raise UnknownNameError("task in this run", name, run.tasks())
    chosen = tuple(tasks) or run.tasks()
    shared = replace(wish, rule=replace(wish.rule, tasks=len(chosen)))
    return [_design(side(run, name), shared) for name in chosen]


def _design(baseline: Side, wish: Wish) -> Design:
    items = list(baseline.items.values())
    if len(items) < _FEWEST:
        raise UserError(
            f"{baseline.task} has one problem, and a gate compares many.", "Plan with a larger run."
        )
    found = difficulty([(item.correct, item.n) for item in items])
    if wish.detect >= _NEARLY * found.mean:
        raise UserError(
            f"{baseline.task} scores {100 * found.mean:.1f} %, which cannot fall by "
            f"{100 * wish.detect:g} pp.",
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
        wish=wish,
        mixes=tuple(_mix(found, wish, available, stored, count) for count in counts),
        limit=_limit(found, wish, available),
    )


def _mix(found: Difficulty, wish: Wish, available: int, stored: tuple[int, int], count: int) -> Mix:
    """Return what so many samples show; `stored` are the baseline's in all, and of a problem."""
    samples = max(count, stored[1]), count

    @cache
    def at(fall: float, problems: int) -> Outlook:
        return outlook(law(found, fall, samples), problems, wish.rule)

    def need(chance: Callable[[int], float]) -> Need | None:
        problems = _enough(chance, wish.power, available)
        return (
            None
            if problems is None
            else Need(problems=problems, draws=_draws(problems, samples, stored))
        )

    return Mix(
        samples=samples,
        sees=at(wish.detect, available).regression,
        passes=at(0.0, available).passes,
        smallest=_smallest(lambda fall: at(fall, available), found, wish),
        to_see=need(lambda n: at(wish.detect, n).regression),
        to_pass=need(lambda n: at(0.0, n).passes),
    )


def _draws(problems: int, samples: tuple[int, int], stored: tuple[int, int]) -> int:
    total, each = stored
    lacking = problems * samples[0] - min(total, problems * each)
    return problems * samples[1] + lacking


def _enough(chance: Callable[[int], float], power: float, available: int) -> int | None:
    """Return how many problems are enough. Their root is what power is straight in."""
    root = least(
        lambda root: chance(_problems(root)),
        power,
        math.sqrt(_FEWEST),
        math.sqrt(available),
        step=0.5 / math.sqrt(available),
    )
    return None if root is None else _problems(root)


def _problems(root: float) -> int:
    return math.ceil(root * root - 1e-6)  # the square of a root is rounded


def _smallest(at: Callable[[float], Outlook], found: Difficulty, wish: Wish) -> float | None:
    return least(
        lambda fall: at(fall).regression,
        wish.power,
        _FINENESS,
        _NEARLY * found.mean,
        step=_FINENESS,
    )


def _limit(found: Difficulty, wish: Wish, available: int) -> Limit:
    endless = math.inf, math.inf

    def at(fall: float) -> Outlook:
        return outlook(law(found, fall, endless), available, wish.rule)

    return Limit(
        problems=available,
        sees=at(wish.detect).regression,
        smallest=_smallest(at, found, wish),
        lost=whole_problems(available, wish.rule),
    )
