"""What would decide an inconclusive task: more samples of the run, or more problems."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mathreason_eval.stats.decision import Decision, PairedTask
from mathreason_eval.stats.difference import Pair, pseudo_variance, t_quantile


class Feasible(StrEnum):
    """Whether more samples of the same problems can decide a task."""

    YES = "enough"
    UNKNOWN = "perhaps"
    """The fraction of sampling noise in the variance is unknown, as with one sample per problem."""
    NO = "never"
    """Even infinitely many cannot: the variance between problems alone is too large."""
    GREEDY = "greedy"
    """At temperature 0 every sample equals the first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RequiredSamples:
    """What decides a task with a power of 80 %."""

    feasible: Feasible
    samples: tuple[int, int] | None
    """Samples per problem of (baseline, run); the baseline's present number, if more samples of the
    run alone are enough."""
    problems: int
    """Number of such problems that is enough with the present number of samples."""


_CERTAIN = 2
"""Standard errors by which the variance must exceed the noise if problems differ."""


def required_samples(task: PairedTask, decision: Decision, *, greedy: bool) -> RequiredSamples:
    """Return the samples, or problems, that decide a task if its change is as observed.

    The variance of the change, times the squared number of problems, is the sum of that between
    problems and of the sampling noise of both runs, which falls as 1 / n; only the latter depends
    on the number of samples.

    Args:
        task: its paired scores.
        decision: its decision, which is inconclusive.
        greedy: whether the run's samples are drawn at temperature 0.
    """
    found = decision.difference
    required_se = _required_se(task, decision)
    problems = math.ceil(found.problems * max(1.0, (found.se / required_se) ** 2))
    if greedy or not task.counted:
        feasible = Feasible.GREEDY if greedy else Feasible.UNKNOWN
        return RequiredSamples(feasible=feasible, samples=None, problems=problems)
    total, enough = (found.problems * found.se) ** 2, (found.problems * required_se) ** 2
    now = _mean_samples(task.pairs, 0), _mean_samples(task.pairs, 1)
    before, after = (_noise(task.pairs, found.clusters, which) for which in (0, 1))
    feasible = Feasible.YES
    if before is None and after is None:
        # At best the whole variance is sampling noise.
        before = total / (1 / now[0] + 1 / now[1])
        feasible = Feasible.UNKNOWN
    # If the noise of one model is unknown, that of the other on the same task estimates it.
    before, after = before or after or 0.0, after or before or 0.0
    between = total - before / now[0] - after / now[1]
    if between < _CERTAIN * total * math.sqrt(2 / found.freedom):
        # Less than two standard errors of a variance do not show that problems differ at all.
        between = 0.0
    left = enough - between
    if left <= 0:
        return RequiredSamples(feasible=Feasible.NO, samples=None, problems=problems)
    samples = _samples((before, after), now, left)
    return RequiredSamples(feasible=feasible, samples=samples, problems=problems)


_POWER = 0.8
"""Probability of a decision, if the true change is the observed one."""


def _required_se(task: PairedTask, decision: Decision) -> float:
    """Return the standard error at which the observed change would pass or regress.

    Between -margin and 0 it may do either; the larger standard error, the easier, is returned.
    """
    found = decision.difference
    quantile = t_quantile(_POWER, found.freedom)
    to_pass = found.value + task.margin
    to_regress = -to_pass if task.beyond_margin else -found.value
    return max(
        to_pass / (t_quantile(1 - decision.pass_alpha, found.freedom) + quantile),
        to_regress / (t_quantile(1 - decision.regression_alpha, found.freedom) + quantile),
        1e-9,
    )


def _mean_samples(pairs: Sequence[Pair], which: int) -> float:
    return sum(pair.samples[which] for pair in pairs) / len(pairs)


def _noise(pairs: Sequence[Pair], clusters: int, which: int) -> float | None:
    """Return N times the variance of one sample, pseudo-variance included; None if unknown."""
    shares = [
        ((pair.before, pair.after)[which], pair.samples[which])
        for pair in pairs
        if pair.samples[which] > 1
    ]
    if not shares:
        return None
    mean = math.fsum(p * (1 - p) * n / (n - 1) for p, n in shares) / len(shares)
    return mean * len(pairs) + pseudo_variance(1, len(pairs) / clusters)


_MAX_RATIO = 10
"""Maximum factor on the run's samples before more samples of the baseline are proposed."""


def _samples(noise: tuple[float, float], now: tuple[float, float], left: float) -> tuple[int, int]:
    """Return the samples of both runs at which their noise is at most `left`."""
    before, after = noise
    alone = left - before / now[0]
    # The baseline is kept: only more samples of the run, if that is enough.
    if alone > 0 and after / alone <= _MAX_RATIO * now[1]:
        return round(now[0]), max(math.ceil(after / alone), math.floor(now[1]) + 1)
    alike = math.ceil((before + after) / left)
    if alike >= now[1]:
        return max(alike, round(now[0])), alike
    return math.ceil(before / (left - after / now[1])), round(now[1])
