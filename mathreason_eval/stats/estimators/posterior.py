"""Bayes@N: what a uniform prior and the samples say of this benchmark (arXiv:2510.04265)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from mathreason_eval.stats.estimators.items import Item, mean_over
from mathreason_eval.stats.intervals import Z95, wilson
from mathreason_eval.types import Metric, Unit


def posterior(counts: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """Return mean and standard deviation of the posterior of the mean chance over problems.

    Each problem's chance of a correct sample is uniform before, Beta(c + 1, n - c + 1) after; the
    problems are independent and given.

    Args:
        counts: (correct, samples) of each problem.
    """
    means = [(c + 1) / (n + 2) for c, n in counts]
    variances = [m * (1 - m) / (n + 3) for m, (_, n) in zip(means, counts, strict=True)]
    return math.fsum(means) / len(counts), math.sqrt(math.fsum(variances)) / len(counts)


def bayes(task: str, items: Sequence[Item]) -> Iterator[Metric]:
    """Yield `bayes`, the posterior mean of the accuracy on these very problems.

    `fixed_low` and `fixed_high` are its credible interval, mean and 1.96 standard deviations. The
    interval for new questions is Wilson's; the variance of one problem's chance is that of the
    posterior means plus the mean of the posterior variances; problems of a cluster tell as much
    as one.
    """
    counts = [(item.correct, item.n) for item in items]
    value, deviation = posterior(counts)
    n = len(counts)
    between = mean_over(items, [(c + 1) / (size + 2) for c, size in counts]).se
    alike = n / len({item.cluster for item in items})
    se = math.hypot(between, deviation * math.sqrt(alike))
    low, high = wilson(value, value * (1 - value) / se**2)
    yield Metric(
        task=task,
        slice="all",
        name="bayes",
        unit=Unit.SHARE,
        value=value,
        low=low,
        high=high,
        se=se,
        problems=n,
        samples=sum(item.n for item in items),
        method="Bayes@N, uniform prior a problem: its interval is of this benchmark",
        fixed_low=max(0.0, value - Z95 * deviation),
        fixed_high=min(1.0, value + Z95 * deviation),
        fixed_se=deviation,
    )
