"""One-sided non-inferiority of paired scores, task by task: pass, regression or inconclusive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mathreason_eval.stats.difference import Difference, Pair, difference
from mathreason_eval.stats.exact_tests import exchange_test, has_unequal_samples, sign_flip


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
    """One task's paired scores, with the settings of its test."""

    pairs: Sequence[Pair]
    margin: float = 0.01
    """The largest tolerable drop, in the scores' unit."""
    beyond_margin: bool = False
    """Whether only a drop beyond the margin is a regression; if false, every drop is."""
    alpha: float | None = None
    """The task's own level of either error; None for that of the suite."""
    counted: bool = True
    """Whether scores are fractions of correct samples, which can be exchanged between runs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """The decision on one task."""

    call: Call
    difference: Difference
    lower: float
    """One-sided bound of the change at `pass_alpha`; if above -margin, the task passes."""
    upper: float
    """One-sided bound of the change at `regression_alpha`; below zero in every regression."""
    regression_p: float
    """P-value, null hypothesis: the score did not drop (or not beyond the margin)."""
    regression_alpha: float
    """Largest `regression_p` of a regression: a share of alpha (Holm), at this look."""
    pass_p: float
    """P-value, null hypothesis: the score dropped by the margin or more."""
    pass_alpha: float
    """Largest `pass_p` of a pass: the whole alpha, as every task must pass."""


def single_look(alpha: float) -> float:
    """Return the level of a test with one look: all of alpha."""
    return alpha


def decide(
    tasks: Sequence[PairedTask], *, alpha: float, nominal: Callable[[float], float] = single_look
) -> list[Decision]:
    """Return the decision on each task, in their order.

    A task passes if the lower bound at 1 - alpha is above -margin, whatever else is significant: a
    small drop that was declared tolerable is not a regression. A regression needs both the upper
    bound below zero and a significant exact sign-flip test; if the runs have different numbers of
    samples, a significant exact exchange test as well.

    The chance that a change without effect is called a regression in any task is at most the
    largest alpha (Holm over tasks, weighted by their alphas), and so is the chance that a suite
    passes with a task that dropped by its margin (intersection-union: every task has to pass).

    Args:
        tasks: the paired scores of each task.
        alpha: one-sided level of either error, in (0, 0.5), for tasks without an alpha.
        nominal: maps the level of a test over all looks to its level at this look. Holm's
            division comes before it, as parts of a nominal level do not add up to it.
    """
    alphas = [alpha if task.alpha is None else task.alpha for task in tasks]
    differences = [difference(task.pairs) for task in tasks]
    ps = [_regression_p(*each) for each in zip(tasks, differences, strict=True)]
    levels = _holm_levels(ps, alphas, nominal)
    return [
        _decision(task, found, (p, level), nominal(own))
        for task, found, p, level, own in zip(tasks, differences, ps, levels, alphas, strict=True)
    ]


def _regression_p(task: PairedTask, found: Difference) -> float:
    """Return the largest p over the applicable tests (intersection-union)."""
    if task.beyond_margin:
        return found.p_above(-task.margin)
    ps = [found.p_above(0.0), sign_flip(task.pairs).less]
    if task.counted and has_unequal_samples(task.pairs):
        ps.append(exchange_test(task.pairs).less)
    return max(ps)


def _holm_levels(
    ps: Sequence[float], alphas: Sequence[float], nominal: Callable[[float], float]
) -> list[float]:
    """Return the level of each p: its alpha by the number of tasks not yet rejected (Holm 1979).

    From the first p above its level on, the divisor is constant: so a p is at most its level if and
    only if it is rejected.
    """
    levels = [*alphas]
    left = len(ps)
    for place in sorted(range(len(ps)), key=lambda place: ps[place] / alphas[place]):
        levels[place] = nominal(alphas[place] / left)
        if ps[place] <= levels[place]:
            left -= 1
    return levels


def _decision(
    task: PairedTask, found: Difference, regression: tuple[float, float], pass_alpha: float
) -> Decision:
    """Return the decision on one task; `regression` is (p, level)."""
    regression_p, regression_alpha = regression
    pass_p = found.p_below(-task.margin)
    call = Call.INCONCLUSIVE
    if pass_p <= pass_alpha:
        call = Call.PASS
    elif regression_p <= regression_alpha:
        call = Call.REGRESSION
    return Decision(
        call=call,
        difference=found,
        lower=found.lower(pass_alpha),
        upper=found.upper(regression_alpha),
        regression_p=regression_p,
        regression_alpha=regression_alpha,
        pass_p=pass_p,
        pass_alpha=pass_alpha,
    )
