"""Means other than avg: `macro`, over parts of equal weight, and `bayes`, under a uniform prior."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from mathreason_eval.stats.estimators.items import WHOLE, Item, mean_over
from mathreason_eval.stats.intervals import Z95, Mean, wilson
from mathreason_eval.types import Metric


def unweighted(means: Sequence[Mean], of: str, *, independent: bool = True) -> Mean:
    """Return the mean of the means of strata, in [0, 1], each with the weight 1 / S.

    The variance is the sum of the strata's, divided by S squared, and the interval combines their
    own ends (MOVER, Zou and Donner 2008), which keeps it in [0, 1]. If strata share sources, their
    errors are added instead, as if perfectly correlated: the worst case.

    Args:
        means: the mean of each stratum.
        of: the name of the strata, for `method`.
        independent: whether no problem of one stratum shares a source with one of another.
    """
    count = len(means)
    value = math.fsum(mean.value for mean in means) / count
    combine = math.hypot if independent else _add
    parts = [(mean.value, mean.low, mean.high) for mean in means]
    low, high = _ends(value, parts, combine)
    conditional = None
    known = [(mean.value, *mean.conditional) for mean in means if mean.conditional is not None]
    if len(known) == count:
        # Samples are independent even if problems are not.
        ends = _ends(value, [each[:3] for each in known], math.hypot)
        conditional = (*ends, math.hypot(*(se for *_, se in known)) / count)
    return Mean(
        value=value,
        low=low,
        high=high,
        se=combine(*(mean.se for mean in means)) / count,
        method=f"unweighted mean of {count} {of}, "
        f"{'MOVER' if independent else 'sum'} of their Wilson intervals",
        conditional=conditional,
    )


def _add(*errors: float) -> float:
    return math.fsum(errors)


def _ends(
    value: float, parts: Sequence[tuple[float, float, float]], combine: Callable[..., float]
) -> tuple[float, float]:
    """Return the ends of a mean's interval from (value, low, high) of each part."""
    down = combine(*(middle - low for middle, low, _ in parts)) / len(parts)
    up = combine(*(high - middle for middle, _, high in parts)) / len(parts)
    return max(0.0, value - down), min(1.0, value + up)


def posterior(counts: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """Return (mean, standard deviation) of the posterior of the accuracy on these problems.

    Each problem's chance of a correct sample has the prior Beta(1, 1) and the posterior
    Beta(c + 1, n - c + 1), independent of the others (Bayes@N, arXiv:2510.04265).

    Args:
        counts: (correct, samples) of each problem.
    """
    means = [(c + 1) / (n + 2) for c, n in counts]
    variances = [m * (1 - m) / (n + 3) for m, (_, n) in zip(means, counts, strict=True)]
    return math.fsum(means) / len(counts), math.sqrt(math.fsum(variances)) / len(counts)


def bayes(task: str, items: Sequence[Item]) -> Iterator[Metric]:
    """Yield `bayes`, the posterior mean of the accuracy on these problems.

    `fixed_low` and `fixed_high` are its credible interval, mean and 1.96 standard deviations. The
    interval for new problems is Wilson's; the variance of one problem's accuracy is that of the
    posterior means plus the mean of the posterior variances; the problems of a cluster have the
    weight of one.
    """
    counts = [(item.correct, item.n) for item in items]
    value, deviation = posterior(counts)
    n = len(counts)
    between = mean_over(items, [(c + 1) / (size + 2) for c, size in counts]).se
    cluster_size = n / len({item.cluster for item in items})
    se = math.hypot(between, deviation * math.sqrt(cluster_size))
    low, high = wilson(value, value * (1 - value) / se**2)
    mean = Mean(
        value=value,
        low=low,
        high=high,
        se=se,
        method="Bayes@N, uniform prior; credible interval conditional on these problems",
        conditional=(
            max(0.0, value - Z95 * deviation),
            min(1.0, value + Z95 * deviation),
            deviation,
        ),
    )
    yield mean.metric("bayes", (task, WHOLE), (n, sum(item.n for item in items)))
