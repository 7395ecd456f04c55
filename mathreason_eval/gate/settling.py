"""What would settle a question that is open: more samples of the run, or more problems."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mathreason_eval.stats.decision import Decision, Question
from mathreason_eval.stats.difference import Pair, student

_POWER = 0.8
"""Chance to settle it, should the change truly be what it looks like now."""


class More(StrEnum):
    """Whether more samples of the same problems can settle a question."""

    ENOUGH = "enough"
    BOTH = "both"
    """Not of the run alone: the baseline's own samples are too few."""
    PERHAPS = "perhaps"
    """With one sample a problem, nothing tells how much of the noise is that of sampling."""
    NEVER = "never"
    """Not infinitely many: what the problems themselves differ by is too much."""
    GREEDY = "greedy"
    """At temperature 0 a second sample is the first one again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settling:
    """What it would take, with a chance of four in five."""

    more: More
    samples: int | None
    """Samples a problem that the run needs in all, where it is `BOTH` the baseline as well; at
    least so many where it is `PERHAPS`."""
    problems: int
    """Problems like these that would do at the present number of samples."""


def settling(question: Question, decision: Decision, *, greedy: bool, avg: bool) -> Settling:
    """Return what would settle an open question.

    The variance of the change, times N², is a sum of what problems differ by and of the noise of
    both runs' samples, each of which falls as 1 / n; only the last part is in the run's hands.

    Args:
        question: what was asked.
        decision: that it is open.
        greedy: whether the run's samples are drawn at temperature 0.
        avg: whether scores are shares of correct samples, whose noise is known from two on.
    """
    found = decision.difference
    wanted = _wanted_se(question, decision)
    problems = math.ceil(found.problems * max(1.0, (found.se / wanted) ** 2))
    if greedy:
        return Settling(more=More.GREEDY, samples=None, problems=problems)
    counted = found.problems + 2
    total, enough = (counted * found.se) ** 2, (counted * wanted) ** 2
    before, after = (_noise(question.pairs, which) if avg else None for which in (0, 1))
    now = _mean_samples(question.pairs)
    if before is None or after is None:
        # At best all of it is noise, half of it the run's.
        before = after = total / (1 / now[0] + 1 / now[1])
        more = More.PERHAPS
    else:
        more = More.ENOUGH
    # What would be left of the variance if the run, or both, had samples without end.
    problems_part = max(0.0, total - before / now[0] - after / now[1])
    alone = enough - problems_part - before / now[0]
    both = enough - problems_part
    if both <= 0:
        return Settling(more=More.NEVER, samples=None, problems=problems)
    if alone <= 0 and more is More.ENOUGH:
        more = More.BOTH
    needed = (before + after) / both if alone <= 0 else after / alone
    samples = max(math.ceil(needed), math.floor(now[1]) + 1)
    return Settling(more=more, samples=samples, problems=problems)


def _wanted_se(question: Question, decision: Decision) -> float:
    """Return the standard error at which the present change would pass or regress.

    Between -margin and 0 it may do either; the nearer end is the farther away, and decides.
    """
    found = decision.difference
    quantile = student(_POWER, found.freedom)
    to_pass = found.value + question.margin
    to_fall = -to_pass if question.beyond_margin else -found.value
    return max(
        to_pass / (student(1 - decision.pass_level, found.freedom) + quantile),
        to_fall / (student(1 - decision.fall_level, found.freedom) + quantile),
        1e-9,
    )


def _noise(pairs: Sequence[Pair], which: int) -> float | None:
    """Return N times the variance of one sample, with the imagined one half; None if unknown."""
    shares = [
        ((pair.before, pair.after)[which], pair.samples[which])
        for pair in pairs
        if pair.samples[which] > 1
    ]
    if not shares:
        return None
    mean = math.fsum(p * (1 - p) * n / (n - 1) for p, n in shares) / len(shares)
    return mean * len(pairs) + 0.5


def _mean_samples(pairs: Sequence[Pair]) -> tuple[float, float]:
    before, after = (sum(pair.samples[which] for pair in pairs) / len(pairs) for which in (0, 1))
    return before, after
