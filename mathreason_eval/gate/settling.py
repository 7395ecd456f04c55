"""What would settle a question that is open: more samples of the run, or more problems."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mathreason_eval.stats.inference.decision import Decision, Question
from mathreason_eval.stats.uncertainty.difference import Pair, student
from mathreason_eval.stats.uncertainty.prior import imagined_noise

_POWER = 0.8
"""Chance to settle it, should the change truly be what it looks like now."""


_SURE = 2
"""Standard errors by which the variance must exceed the noise to show that problems differ."""
_MOST_TIMES = 10
"""So many times the run's samples, at most, are proposed before more of the baseline's are."""


class More(StrEnum):
    """Whether more samples of the same problems can settle a question."""

    ENOUGH = "enough"
    PERHAPS = "perhaps"
    """How much of the noise is that of sampling is not known, of one sample a problem for one."""
    NEVER = "never"
    """Not infinitely many: what the problems themselves differ by is too much."""
    GREEDY = "greedy"
    """At temperature 0 a second sample is the first one again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settling:
    """What it would take, with a chance of four in five."""

    more: More
    samples: tuple[int, int] | None
    """Samples a problem that baseline and run need in all; the baseline as many as it has, if more
    of the run alone are enough."""
    problems: int
    """Problems like these that would do at the present number of samples."""


def settling(question: Question, decision: Decision, *, greedy: bool) -> Settling:
    """Return what would settle an open question.

    The variance of the change, times N², is a sum of what problems differ by and of the noise of
    both runs' samples, each of which falls as 1 / n; only the last part is in the run's hands.

    Args:
        question: what was asked.
        decision: that it is open.
        greedy: whether the run's samples are drawn at temperature 0.
    """
    found = decision.difference
    wanted = _wanted_se(question, decision)
    problems = math.ceil(found.problems * max(1.0, (found.se / wanted) ** 2))
    if greedy:
        return Settling(more=More.GREEDY, samples=None, problems=problems)
    if not question.counted:
        return Settling(more=More.PERHAPS, samples=None, problems=problems)
    total, enough = (found.problems * found.se) ** 2, (found.problems * wanted) ** 2
    now = _mean_samples(question.pairs)
    before, after = (_noise(question.pairs, found.clusters, which) for which in (0, 1))
    more = More.ENOUGH
    if before is None and after is None:
        # At best all of it is noise.
        before = total / (1 / now[0] + 1 / now[1])
        more = More.PERHAPS
    # Two models of one task are about as noisy as each other.
    before, after = before or after or 0.0, after or before or 0.0
    differing = total - before / now[0] - after / now[1]
    if differing < _SURE * total * math.sqrt(2 / found.freedom):
        # A variance is known to that error; what it seems to hold beyond the noise may be none.
        differing = 0.0
    left = enough - differing
    if left <= 0:
        return Settling(more=More.NEVER, samples=None, problems=problems)
    return Settling(more=more, samples=_samples((before, after), now, left), problems=problems)


def _samples(noise: tuple[float, float], now: tuple[float, float], left: float) -> tuple[int, int]:
    """Return the samples of both runs whose noise fits into what is left for it."""
    before, after = noise
    alone = left - before / now[0]
    # A baseline is made once: more of the run, as long as that can do, up to ten times as many.
    if alone > 0 and after / alone <= _MOST_TIMES * now[1]:
        return round(now[0]), max(math.ceil(after / alone), math.floor(now[1]) + 1)
    alike = math.ceil((before + after) / left)
    if alike >= now[1]:
        return max(alike, round(now[0])), alike
    return math.ceil(before / (left - after / now[1])), round(now[1])


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


def _noise(pairs: Sequence[Pair], clusters: int, which: int) -> float | None:
    """Return N times the variance of one sample, with the imagined change; None if unknown."""
    shares = [
        ((pair.before, pair.after)[which], pair.samples[which])
        for pair in pairs
        if pair.samples[which] > 1
    ]
    if not shares:
        return None
    mean = math.fsum(p * (1 - p) * n / (n - 1) for p, n in shares) / len(shares)
    return mean * len(pairs) + imagined_noise(1, len(pairs) / clusters)


def _mean_samples(pairs: Sequence[Pair]) -> tuple[float, float]:
    before, after = (sum(pair.samples[which] for pair in pairs) / len(pairs) for which in (0, 1))
    return before, after
