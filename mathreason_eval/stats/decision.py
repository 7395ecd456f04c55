"""One-sided non-inferiority of paired scores, task by task: pass, regression or inconclusive."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from mathreason_eval.stats.difference import Difference, Pair, difference
from mathreason_eval.stats.estimands import Estimand, Evidence, evidence, none_lost


class Call(StrEnum):
    """The decision on a change."""

    PASS = "pass"  # noqa: S105  no password
    """The score dropped by less than the margin."""
    REGRESSION = "regression"
    """The score dropped; by more than the margin, if `beyond_margin`."""
    INCONCLUSIVE = "inconclusive"
    """There is not enough evidence for either."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedTask:
    """The paired scores of one task, or of a suite, with the settings of the test."""

    pairs: Sequence[Pair]
    margin: float = 0.01
    """The largest tolerable drop, in the scores' unit."""
    beyond_margin: bool = False
    """Whether only a drop beyond the margin is a regression; if false, every drop is."""
    alpha: float | None = None
    """The task's own level of either error; None for that of the suite."""
    counted: bool = True
    """Whether scores are fractions of correct samples, which can be exchanged between runs."""
    estimand: Estimand | None = None
    """Which question decides; None for these problems where they can be spoken of."""
    share: float = 1.0
    """Its part of the alpha of regressions, relative to the other tasks'."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What is known on one of the questions."""

    estimand: Estimand
    call: Call
    value: float
    """The mean change."""
    lower: float
    """One-sided bound of the change at the level of a pass; if above -margin, it passes."""
    upper: float
    """One-sided bound of the change at that of a regression; below zero in every regression."""
    regression_p: float
    """P-value, null hypothesis: the score did not drop (or not beyond the margin)."""
    pass_p: float
    """P-value, null hypothesis: the score dropped by the margin or more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """The decision on one task."""

    decided: Answer
    """The answer to the question that decides."""
    other: Answer | None
    """That to the other one; None if there is not enough to speak of it."""
    difference: Difference
    """The change as an estimate for new problems, with Student's interval."""
    regression_alpha: float
    """Largest `regression_p` of a regression: a share of alpha (Holm), at this look."""
    pass_alpha: float
    """Largest `pass_p` of a pass: the whole alpha, as every pass that is asked for is needed."""

    none_lost: float | None = None
    """Share of such problems that may be lost at this level although none was; else None."""

    @property
    def call(self) -> Call:
        """Return the decision."""
        return self.decided.call

    @property
    def answers(self) -> tuple[Answer, ...]:
        """Return the answers that there are; that which decides first."""
        return (self.decided,) if self.other is None else (self.decided, self.other)


def single_look(alpha: float) -> float:
    """Return the level of a test with one look: all of alpha."""
    return alpha


def decide(
    tasks: Sequence[PairedTask], *, alpha: float, nominal: Callable[[float], float] = single_look
) -> list[Decision]:
    """Return the decision on each task, in their order; a suite as a whole may be one of them.

    A task passes if a fall by the margin is refuted at alpha, whatever else is significant: a
    small drop that was declared tolerable is not a regression. A regression needs the upper bound
    below zero and significant exact tests: see `evidence` for both, and for the two questions.

    The chance that a change without effect is called a regression in any task is at most the
    largest alpha (Holm over tasks, weighted by their alphas and shares). A pass of one task, or
    of the suite's row, that fell by its margin has at most its alpha; so has any number of passes
    that are all required (intersection-union).

    Args:
        tasks: the paired scores of each task.
        alpha: one-sided level of either error, in (0, 0.5), for tasks without an alpha.
        nominal: maps the level of a test over all looks to its level at this look. Holm's
            division comes before it, as parts of a nominal level do not add up to it.
    """
    alphas = [alpha if task.alpha is None else task.alpha for task in tasks]
    differences = [difference(task.pairs) for task in tasks]
    found = [_evidence(*each) for each in zip(tasks, differences, strict=True)]
    ps = [_regression_p(task, some[0]) for task, some in zip(tasks, found, strict=True)]
    levels = _holm_levels(ps, alphas, nominal, [task.share for task in tasks])
    return [
        _decision(task, some, change, (level, nominal(own)))
        for task, some, change, level, own in zip(
            tasks, found, differences, levels, alphas, strict=True
        )
    ]


def _evidence(task: PairedTask, found: Difference) -> list[Evidence]:
    """Return the evidence, that on the question that decides first."""
    some = evidence(task.pairs, found, counted=task.counted)
    if task.estimand is None:
        return some
    return sorted(some, key=lambda one: one.estimand is not task.estimand)


def _regression_p(task: PairedTask, some: Evidence) -> float:
    return some.beyond_p(task.margin) if task.beyond_margin else some.fall_p()


def _holm_levels(
    ps: Sequence[float],
    alphas: Sequence[float],
    nominal: Callable[[float], float],
    shares: Sequence[float] | None = None,
) -> list[float]:
    """Return the level of each p: its part of alpha among those not yet rejected (Holm 1979).

    Parts are by shares; without, alpha is divided by the number of tasks. From the first p above
    its level on, the divisor is constant: so a p is at most its level if and only if it is
    rejected.
    """
    parts = shares or [1.0] * len(ps)
    levels = [*alphas]
    left = sum(parts)
    for place in sorted(range(len(ps)), key=lambda place: ps[place] / alphas[place] / parts[place]):
        levels[place] = nominal(alphas[place] * min(1.0, parts[place] / left))
        if ps[place] <= levels[place]:
            left -= parts[place]
    return levels


def _decision(
    task: PairedTask, some: Sequence[Evidence], found: Difference, levels: tuple[float, float]
) -> Decision:
    """Return the decision on one task; `levels` are those of (regression, pass)."""
    answers = [_answer(task, one, levels) for one in some]
    lost = any(pair.change < 0 for pair in task.pairs)
    return Decision(
        none_lost=None if lost else none_lost(found.clusters, levels[1]),
        decided=answers[0],
        other=answers[1] if len(answers) > 1 else None,
        difference=found,
        regression_alpha=levels[0],
        pass_alpha=levels[1],
    )


def _answer(task: PairedTask, some: Evidence, levels: tuple[float, float]) -> Answer:
    regression_alpha, pass_alpha = levels
    regression_p, pass_p = _regression_p(task, some), some.pass_p(task.margin)
    call = Call.INCONCLUSIVE
    if pass_p <= pass_alpha:
        call = Call.PASS
    elif regression_p <= regression_alpha:
        call = Call.REGRESSION
    return Answer(
        estimand=some.estimand,
        call=call,
        value=some.value,
        lower=some.lower(pass_alpha),
        upper=some.upper(regression_alpha),
        regression_p=regression_p,
        pass_p=pass_p,
    )


# --- a suite ---------------------------------------------------------------------------------


def suite_pairs(
    tasks: Sequence[tuple[Hashable, Sequence[Pair]]], *, by_problem: bool = False
) -> list[Pair]:
    """Return the pairs of several tasks as strata, so that their mean change is the suite's.

    Args:
        tasks: (name, pairs) of each.
        by_problem: whether every problem weighs the same; else every task does.
    """
    total = sum(len(pairs) for _, pairs in tasks)
    return [
        replace(
            pair,
            before=pair.before * weight,
            after=pair.after * weight,
            weight=pair.weight * weight,
            stratum=name,
        )
        for name, pairs in tasks
        for weight in (1.0 if by_problem else total / len(tasks) / len(pairs),)
        for pair in pairs
    ]
