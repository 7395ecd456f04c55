"""Whether a change may go ahead: one-sided non-inferiority with three answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mathreason_eval.stats.inference.exchange import fall_by_exchange
from mathreason_eval.stats.inference.significance import sign_flip
from mathreason_eval.stats.uncertainty.difference import Difference, Pair, difference


class Call(StrEnum):
    """What the evidence says of a change."""

    PASS = "pass"  # noqa: S105  no password
    """It costs less than the margin."""
    REGRESSION = "regression"
    """It costs something, or more than the margin where that is asked."""
    INCONCLUSIVE = "inconclusive"
    """Neither is shown yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One task's scores before and after, and what loss would be tolerable."""

    pairs: Sequence[Pair]
    margin: float = 0.01
    """The largest tolerable fall, in the scores' unit."""
    beyond_margin: bool = False
    """Whether only a fall beyond the margin is a regression; else every fall is."""
    alpha: float | None = None
    """The task's own level of either error; None for that of the suite."""
    counted: bool = True
    """Whether scores are shares of correct samples, which might as well stand in either run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What is decided of one task."""

    call: Call
    difference: Difference
    lower: float
    """One-sided bound of the change at `pass_level`; above -margin the task passes."""
    upper: float
    """One-sided bound of the change at `fall_level`; below zero in every regression."""
    fall_p: float
    """P of no fall (or of none beyond the margin)."""
    fall_level: float
    """What `fall_p` must not exceed in a regression: a share of alpha (Holm), at this look."""
    pass_p: float
    """P of a fall as large as the margin."""
    pass_level: float
    """What `pass_p` must not exceed in a pass: as all tasks must pass, the whole alpha."""


def at_once(alpha: float) -> float:
    """Return the level of a test that is made once: all of alpha."""
    return alpha


def decide(
    questions: Sequence[Question],
    *,
    alpha: float,
    nominal: Callable[[float], float] = at_once,
) -> list[Decision]:
    """Return what the paired scores of each task show, in their order.

    A task passes if the lower bound at 1 - alpha is above -margin, whatever else holds: a small
    fall that was declared tolerable is no regression. A regression needs both the upper bound
    below zero and the exact sign-flip test; where the runs have different numbers of samples, the
    exact exchange of samples as well.

    The chance that a change without effect is called a regression in any task is at most the
    largest alpha (Holm over tasks, weighted by their alphas), and so is the chance that a suite
    passes with a task that fell by its margin (intersection-union: every task has to pass).

    Args:
        questions: one for each task.
        alpha: one-sided level of either error, in (0, 0.5), where a question has none of its own.
        nominal: the level at this look of a test that has its argument over all looks. Holm's
            shares are taken of alpha before that: those of a nominal level would not add up to it.
    """
    alphas = [alpha if one.alpha is None else one.alpha for one in questions]
    found = [difference(question.pairs) for question in questions]
    falls = [_fall_p(*both) for both in zip(questions, found, strict=True)]
    levels = _holm_levels(falls, alphas, nominal)
    return [
        _decision(question, one, (fall_p, level), nominal(own))
        for question, one, fall_p, level, own in zip(
            questions, found, falls, levels, alphas, strict=True
        )
    ]


def _decision(
    question: Question, found: Difference, fall: tuple[float, float], pass_level: float
) -> Decision:
    """Return the decision of one task, given the p of no fall with its level."""
    fall_p, fall_level = fall
    pass_p = found.p_below(-question.margin)
    call = Call.INCONCLUSIVE
    if pass_p <= pass_level:
        call = Call.PASS
    elif fall_p <= fall_level:
        call = Call.REGRESSION
    return Decision(
        call=call,
        difference=found,
        lower=found.lower(pass_level),
        upper=found.upper(fall_level),
        fall_p=fall_p,
        fall_level=fall_level,
        pass_p=pass_p,
        pass_level=pass_level,
    )


def _holm_levels(
    ps: Sequence[float], alphas: Sequence[float], nominal: Callable[[float], float]
) -> list[float]:
    """Return what each p must not exceed: alpha by the tasks not yet settled (Holm 1979).

    From the first p that is too large on, the divisor stays: so a level is met exactly by those
    that are settled.
    """
    levels = [0.0] * len(ps)
    left = len(ps)
    for place in sorted(range(len(ps)), key=lambda place: ps[place] / alphas[place]):
        levels[place] = nominal(alphas[place] / left)
        if ps[place] <= levels[place]:
            left -= 1
    return levels


def _fall_p(question: Question, found: Difference) -> float:
    """Return the p of no fall: the largest of all tests that hold, for each trusts in less."""
    if question.beyond_margin:
        return found.p_above(-question.margin)
    ps = [found.p_above(0.0), sign_flip(question.pairs).fell]
    if question.counted and any(one != other for one, other in _sizes(question.pairs)):
        ps.append(fall_by_exchange(question.pairs))
    return max(ps)


def _sizes(pairs: Sequence[Pair]) -> set[tuple[int, int]]:
    return {pair.samples for pair in pairs}
