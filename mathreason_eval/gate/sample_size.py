"""What would decide an inconclusive task: more samples of the run, or more problems."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from mathreason_eval.stats.decision import Decision, PairedTask
from mathreason_eval.stats.difference import Pair, difference, pseudo_variance, t_quantile
from mathreason_eval.stats.estimands import Estimand, Evidence, evidence


class Feasible(StrEnum):
    """Whether more samples of the same problems can decide a task."""

    YES = "enough"
    UNKNOWN = "perhaps"
    """The fraction of sampling noise in the variance is unknown, as with one sample per problem."""
    NO = "never"
    """Not even `MOST_SAMPLES` can: the variance between problems alone is too large, or the change
    too close to one of the limits."""
    GREEDY = "greedy"
    """At temperature 0 every sample equals the first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RequiredSamples:
    """What decides a task with a power of 80 %."""

    feasible: Feasible
    samples: tuple[int, int] | None
    """Samples per problem of (baseline, run); the baseline's present number, if more samples of the
    run alone are enough."""
    problems: int | None
    """Number of such problems that is enough with the present number of samples; None where these
    problems are what is asked about, or where it is above `MOST_PROBLEMS`."""


MOST_SAMPLES = 1_024
"""Largest number of samples per problem that is proposed."""
MOST_PROBLEMS = 100_000
"""Largest number of problems that is proposed."""


_CERTAIN = 2
"""Standard errors by which the variance must exceed the noise if problems differ."""


def required_samples(task: PairedTask, decision: Decision, *, greedy: bool) -> RequiredSamples:
    """Return the samples, or problems, that decide a task if its change is as observed.

    The variance of the change, times the squared number of problems, is the sum of that between
    problems and of the sampling noise of both runs, which falls as 1 / n; only the latter depends
    on the number of samples. For these problems it is the noise alone.

    Args:
        task: its paired scores.
        decision: its decision, which is inconclusive.
        greedy: whether the run's samples are drawn at temperature 0.
    """
    found = decision.difference
    some = evidence(task.pairs, found, counted=task.counted)
    decides = next(one for one in some if one.estimand is decision.decided.estimand)
    goal = _Goal(task=task, decision=decision, found=decides)
    is_new = decides.estimand is Estimand.NEW
    problems = goal.problems() if is_new else None
    if greedy or not task.counted:
        feasible = Feasible.GREEDY if greedy else Feasible.UNKNOWN
        return RequiredSamples(feasible=feasible, samples=None, problems=problems)
    total = (found.problems * decides.se) ** 2
    now = _mean_samples(task.pairs, 0), _mean_samples(task.pairs, 1)
    before, after = (_noise(task.pairs, found.clusters, which) for which in (0, 1))
    feasible = Feasible.YES
    if before is None and after is None:
        # At best the whole variance is sampling noise.
        before = total / (1 / now[0] + 1 / now[1])
        feasible = Feasible.UNKNOWN
    # If the noise of one model is unknown, that of the other on the same task estimates it.
    before, after = before or after or 0.0, after or before or 0.0
    noise = before / now[0] + after / now[1]
    # Less than two standard errors of a variance do not show that problems differ at all.
    differ = is_new and total - noise > _CERTAIN * total * math.sqrt(2 / found.freedom)
    sampled = noise if differ else total
    scale = sampled / noise if noise else 0.0

    def is_enough(first: float, second: float) -> bool:
        return goal.is_reached(sampled - scale * (before / first + after / second))

    samples = _samples(now, is_enough)
    if samples is None:
        feasible = Feasible.NO
    return RequiredSamples(feasible=feasible, samples=samples, problems=problems)


# --- an unchanged model ----------------------------------------------------------------------


def unchanged_passes(task: PairedTask, decision: Decision) -> float:
    """Return about how often a model that did not change passes, in [0, 1].

    From pairs of which every one counts once more the other way round, so that their mean change is
    zero; by the normal distribution.
    """
    both = [*task.pairs, *map(_turned, task.pairs)]
    some = evidence(both, difference(both), counted=task.counted)
    found = next(one for one in some if one.estimand is decision.decided.estimand)
    # Of half as many problems a sum has half the variance.
    root, n = math.sqrt(2), found.problems
    deviation, tested = found.se * root, math.sqrt(found.pass_variance(task.margin)) * root / n
    room = task.margin - t_quantile(1 - decision.pass_alpha, found.freedom) * tested
    return (1 + math.erf(room / deviation / root)) / 2


def _turned(pair: Pair) -> Pair:
    """Return a pair with its runs exchanged, of a cluster of its own."""
    return replace(
        pair,
        before=pair.after,
        after=pair.before,
        samples=pair.samples[::-1],
        cluster=None if pair.cluster is None else ("turned", pair.cluster),
    )


# --- what decides ----------------------------------------------------------------------------

_POWER = 0.8
"""Probability of a decision, if the true change is the observed one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Goal:
    """A pass or a regression with a power of 80 %, for the observed change."""

    task: PairedTask
    decision: Decision
    found: Evidence

    def is_reached(self, less: float, times: float = 1.0) -> bool:
        """Return whether a decision would be made with so much less noise, or more problems.

        Args:
            less: what is taken from the variance of the sum of changes.
            times: the factor on the number of problems.
        """
        n, found, task = self.decision.difference.problems, self.found, self.task
        total = max(0.0, (n * found.se) ** 2 - less)
        tested = max(0.0, found.pass_variance(task.margin) - less)
        freedom = max(1, round(found.freedom * times))
        quantile = t_quantile(_POWER, freedom)
        to_pass = found.value + task.margin
        to_regress = -to_pass if task.beyond_margin else -found.value
        root = n * math.sqrt(times)
        return (
            root * to_pass
            >= t_quantile(1 - self.decision.pass_alpha, freedom) * math.sqrt(tested)
            + quantile * math.sqrt(total)
            and to_pass > 0
        ) or (
            root * to_regress
            >= (t_quantile(1 - self.decision.regression_alpha, freedom) + quantile)
            * math.sqrt(total)
            and to_regress > 0
        )

    def problems(self) -> int | None:
        """Return the number of such problems that is enough."""
        n = self.decision.difference.problems
        return _smallest(lambda count: self.is_reached(0.0, count / n), n, MOST_PROBLEMS)


def _smallest(is_enough: Callable[[int], bool], low: int, high: int) -> int | None:
    """Return the smallest number from low to high that is enough; None if the highest is not."""
    if not is_enough(high):
        return None
    while low < high:
        middle = (low + high) // 2
        if is_enough(middle):
            high = middle
        else:
            low = middle + 1
    return high


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


def _samples(
    now: tuple[float, float], is_enough: Callable[[float, float], bool]
) -> tuple[int, int] | None:
    """Return the samples of (baseline, run) that are enough; None if `MOST_SAMPLES` are not.

    The baseline is kept if more samples of the run alone are enough, then the run.
    """
    old, new = round(now[0]), round(now[1])
    most = min(MOST_SAMPLES, _MAX_RATIO * new)
    if alone := _smallest(lambda count: is_enough(now[0], count), new + 1, max(new + 1, most)):
        return old, alone
    both = _smallest(lambda count: is_enough(max(count, old), count), new, MOST_SAMPLES)
    if both is None:
        return None
    if both > new:
        return max(both, old), both
    return _smallest(lambda count: is_enough(count, new), old, MOST_SAMPLES) or old, new
