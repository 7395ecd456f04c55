"""Whether a change may go ahead: one-sided non-inferiority with three answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mathreason_eval.stats.difference import Difference, Pair, difference
from mathreason_eval.stats.significance import holm, sign_flip


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What is decided of one task."""

    call: Call
    difference: Difference
    lower: float
    """One-sided bound of the change; above -margin the task passes."""
    upper: float
    """One-sided bound of the change, at the task's share of alpha."""
    fall_p: float
    """P of no fall (or of none beyond the margin), adjusted over the tasks (Holm)."""
    pass_p: float
    """P of a fall as large as the margin. All tasks must pass, so it needs no adjustment."""


def decide(questions: Sequence[Question], *, alpha: float) -> list[Decision]:
    """Return what the paired scores of each task show, in their order.

    A task passes if the lower bound at 1 - alpha is above -margin, whatever else holds: a small
    fall that was declared tolerable is no regression. A regression needs both the upper bound
    below zero and the exact sign-flip test, which holds its level at any number of problems.

    The chance that a change without effect is called a regression in any task is at most alpha
    (Holm over tasks), and so is the chance that a suite passes with a task that fell by its margin
    (intersection-union: every task has to pass).

    Args:
        questions: one for each task.
        alpha: one-sided level of either error, in (0, 0.5).
    """
    found = [difference(question.pairs) for question in questions]
    adjusted = holm([_fall_p(*both) for both in zip(questions, found, strict=True)])
    return [
        _decision(question, one, fall_p, alpha)
        for question, one, fall_p in zip(questions, found, adjusted, strict=True)
    ]


def _fall_p(question: Question, found: Difference) -> float:
    """Return the p of no fall, before adjustment."""
    if question.beyond_margin:
        return found.p_above(-question.margin)
    return max(found.p_above(0.0), sign_flip(question.pairs).fell)


def _decision(question: Question, found: Difference, fall_p: float, alpha: float) -> Decision:
    pass_p = found.p_below(-question.margin)
    call = Call.INCONCLUSIVE
    if pass_p <= alpha:
        call = Call.PASS
    elif fall_p <= alpha:
        call = Call.REGRESSION
    return Decision(
        call=call,
        difference=found,
        lower=found.lower(alpha),
        upper=found.upper(alpha),
        fall_p=fall_p,
        pass_p=pass_p,
    )
