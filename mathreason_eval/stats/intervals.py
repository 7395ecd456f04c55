"""Intervals of a mean over problems: the problem is the unit, however many samples it has."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from mathreason_eval.stats.difference import PSEUDO_COUNT, describe_units, t_quantile
from mathreason_eval.types import Metric, Unit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Scores = Sequence[float] | NDArray[np.float64]

Place = tuple[str, str]
"""(task, slice)."""

Clusters = Sequence[Hashable]
"""The cluster of each problem: problems with equal entries are not independent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mean:
    """A mean over problems with its 95 % interval."""

    value: float
    low: float
    high: float
    se: float
    """Standard error: the standard deviation over problems divided by √N."""
    method: str
    """How the interval was computed."""
    conditional: tuple[float, float, float] | None = None
    """(low, high, se) conditional on these problems: sampling noise only."""
    unit: Unit = Unit.SHARE

    def metric(self, name: str, place: Place, size: tuple[int, int]) -> Metric:
        """Return it as a metric; `size` is (number of problems, number of all their samples)."""
        low, high, se = self.conditional or (None, None, None)
        return Metric(
            task=place[0],
            slice=place[1],
            name=name,
            unit=self.unit,
            value=self.value,
            low=self.low,
            high=self.high,
            se=self.se,
            problems=size[0],
            samples=size[1],
            method=self.method,
            fixed_low=low,
            fixed_high=high,
            fixed_se=se,
        )


Z95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


def wilson(share: float, n: float, z: float = Z95) -> tuple[float, float]:
    """Return Wilson's (low, high) for a proportion of n, in [0, 1]; n may be an effective number.

    30 of 30 is [0.886, 1]: never of width zero, never beyond 0 or 1
    (Wilson 1927, doi:10.1080/01621459.1927.10502953). z is the normal quantile of the level.

    Raises:
        ValueError: if n is not positive.
    """
    if n <= 0:
        raise ValueError("An interval needs at least one problem.")
    pull = z * z / n
    middle = (share + pull / 2) / (1 + pull)
    half = z * math.sqrt(share * (1 - share) / n + pull / (4 * n)) / (1 + pull)
    # Rounding may put an end past the proportion itself, or past 0 and 1.
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def mean_of_scores(scores: Scores, clusters: Clusters | None = None, z: float = Z95) -> Mean:
    """Return the mean of one score per problem, each in [0, 1], with a 95 % interval.

    Wilson's interval at the effective number of problems, n / design effect: a problem whose score
    is an average over samples varies less than a 0 or 1, and counts for more (Korn and Graubard
    1998, Survey Methodology 24, 193-201). Scores of 0 and 1 have the design effect 1 and get
    Wilson's own interval.

    Problems of one cluster add up before they are squared (Liang and Zeger 1986, with the factor
    G / (G - 1)); the effective number is further reduced by Student's quantiles, as Korn and
    Graubard do. Clusters of one problem each change nothing.

    Args:
        scores: one per problem.
        clusters: the cluster of each problem; None if all are independent.
        z: the normal quantile of the interval's level, if it is not 95 %.

    Raises:
        ValueError: if there are no scores.
    """
    import numpy as np

    values = np.asarray(scores, dtype=float)
    n = len(values)
    if n == 0:
        raise ValueError("A mean needs at least one problem.")
    total = math.fsum(values.tolist())
    value = total / n
    groups, count = _cluster_index(clusters, n)
    low, high = wilson(value, _effective_problems(values, total, (groups, count)), z)
    return Mean(
        value=value,
        low=low,
        high=high,
        # A single problem has no variance; its score is treated as a Bernoulli probability.
        se=_cluster_se(values - value, groups, count)
        if count > 1
        else math.sqrt(value * (1 - value)),
        method=f"Wilson over {describe_units(n, count)}, effective number by their variance",
    )


_MIN_AMOUNTS = 2
"""Minimum number of amounts that have a variance."""


def mean_of_amounts(amounts: Scores, clusters: Clusters | None = None) -> Mean:
    """Return the mean of one amount >= 0 per problem, such as tokens, with Student's 95 % interval.

    Raises:
        ValueError: if there are fewer than two problems or clusters, which have no variance.
    """
    import numpy as np

    values = np.asarray(amounts, dtype=float)
    n = len(values)
    groups, count = _cluster_index(clusters, n)
    if count < _MIN_AMOUNTS:
        raise ValueError("The interval of an amount needs at least two problems.")
    value = math.fsum(values.tolist()) / n
    se = _cluster_se(values - value, groups, count)
    half = t_quantile(0.975, count - 1) * se
    return Mean(
        value=value,
        low=max(0.0, value - half),
        high=value + half,
        se=se,
        method=f"Student's t over {describe_units(n, count)}",
        unit=Unit.AMOUNT,
    )


def _cluster_index(clusters: Clusters | None, n: int) -> tuple[NDArray[np.intp] | None, int]:
    """Return (index of each problem's cluster, None if independent; number of clusters)."""
    import numpy as np

    number: dict[Hashable, int] = {}
    groups = [number.setdefault(cluster, len(number)) for cluster in clusters or ()]
    independent = clusters is None or len(number) == n
    return (None, n) if independent else (np.array(groups), len(number))


def _cluster_sums(
    values: NDArray[np.float64], groups: NDArray[np.intp] | None
) -> NDArray[np.float64]:
    import numpy as np

    return values if groups is None else np.bincount(groups, values).astype(float)


def _cluster_se(
    deviations: NDArray[np.float64], groups: NDArray[np.intp] | None, count: int
) -> float:
    """Return the cluster-robust standard error of a mean, as statsmodels' for a constant."""
    import numpy as np

    squares = float(np.square(_cluster_sums(deviations, groups)).sum())
    return math.sqrt(squares * count / (count - 1)) / len(deviations)


def _effective_problems(
    values: NDArray[np.float64], total: float, clusters: tuple[NDArray[np.intp] | None, int]
) -> float:
    """Return how many problems with scores 0 or 1 would give the mean the same variance.

    Pseudo-observations (problems, or clusters of them) keep it finite if all scores are equal.

    Args:
        values: the scores.
        total: their sum.
        clusters: as `_cluster_index`.
    """
    import numpy as np

    n, (groups, count) = len(values), clusters
    pseudo = PSEUDO_COUNT * n / count
    middle = (total + pseudo) / (n + 2 * pseudo)
    squares = float(np.square(_cluster_sums(values - middle, groups)).sum())
    squares += pseudo * n / count * (middle**2 + (1 - middle) ** 2)
    number = n * (n + 2 * pseudo) * middle * (1 - middle) / squares
    if groups is not None and count > 1:
        number *= (n / (n - 1)) / (count / (count - 1))
        number *= (t_quantile(0.975, n - 1) / t_quantile(0.975, count - 1)) ** 2
    return number


# --- conditional on the problems -------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleMoments:
    """Mean and variance of one score over the samples of each problem."""

    number: NDArray[np.int_]
    """Number of samples of each problem."""
    mean: NDArray[np.float64]
    """Mean of each problem's scores."""
    variance: NDArray[np.float64]
    """Variance of each problem's scores, ddof 1; NaN for a single sample."""

    @classmethod
    def from_counts(cls, hits: NDArray[np.int_], number: NDArray[np.int_]) -> SampleMoments:
        """Return the moments of `number` scores per problem, `hits` of them 1 and the rest 0."""
        import numpy as np

        mean = hits / number
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = mean * (1 - mean) * number / (number - 1)
        return cls(number=number, mean=mean, variance=variance)

    @classmethod
    def from_values(cls, values: Sequence[Sequence[float]]) -> SampleMoments:
        """Return the moments of any scores; every problem must have at least one."""
        import numpy as np

        number = np.array([len(each) for each in values])
        every = np.fromiter(chain.from_iterable(values), dtype=float, count=int(number.sum()))
        starts = np.cumsum(number) - number
        mean = np.add.reduceat(every, starts) / number
        squares = np.add.reduceat(np.square(every - np.repeat(mean, number)), starts)
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = squares / (number - 1)
        return cls(number=number, mean=mean, variance=variance)


_MIN_SAMPLES = 2
"""Minimum number of samples of a problem that have a variance."""


def conditional_interval(mean: Mean, samples: SampleMoments, *, shares: bool = True) -> Mean:
    """Return a mean with an interval conditional on these problems added: sampling noise only.

    More samples narrow this interval; the interval for new problems is unchanged. If any problem
    has only one sample, the mean is returned unchanged.

    The variance of the mean over N problems is the sum of s_i^2 / n_i divided by N^2, where s_i^2
    is the variance of the n_i samples of problem i. Shares, in [0, 1], get Wilson's interval at
    the effective number of samples, which includes the pseudo-observations of the interval for
    new problems as noise; amounts, 0 or more, get the normal interval, cut at 0.
    """
    if samples.number.min() < _MIN_SAMPLES:
        return mean
    noise = math.fsum((samples.variance / samples.number).tolist())
    se = math.sqrt(noise) / len(samples.number)
    if shares:
        low, high = wilson(mean.value, _effective_samples(samples, noise))
    else:
        low, high = max(0.0, mean.value - Z95 * se), mean.value + Z95 * se
    return replace(mean, conditional=(low, high, se))


def _effective_samples(samples: SampleMoments, noise: float) -> float:
    """Return how many independent samples with scores 0 or 1 would be as noisy as these."""
    n = len(samples.number)
    # A pseudo-problem has as many samples as the problems have, by their harmonic mean.
    each = n / float((1 / samples.number).sum())
    middle = (math.fsum(samples.mean.tolist()) + PSEUDO_COUNT) / (n + 2 * PSEUDO_COUNT)
    noise += PSEUDO_COUNT * (middle**2 + (1 - middle) ** 2) / each
    return n * (n + 2 * PSEUDO_COUNT) * middle * (1 - middle) / noise


@dataclass(frozen=True, kw_only=True, slots=True)
class VarianceComponents:
    """The parts of a metric's variance."""

    between: float
    """Fraction of the variance that is between problems, in [0, 1]."""
    within: float
    """Fraction between samples of one problem, which more samples reduce."""
    floor: float
    """Half the width of the 95 % interval with infinitely many samples."""
    design_effect: float
    """The variance divided by that of as many problems with one sample each."""


MIN_COMPONENT_PROBLEMS = 10
"""Fewest problems of which the variance between them is reported: that of ten is known to within
half of itself, by its standard error."""


def variance_components(metric: Metric) -> VarianceComponents | None:
    """Return those of a share; None where they cannot be told apart.

    They cannot from single samples or few problems, nor where the samples alone explain all of the
    spread: then the variance between problems may still be anything small.
    """
    spread = metric.value * (1 - metric.value)
    if metric.fixed_se is None or not metric.se or not spread:
        return None
    if metric.problems < MIN_COMPONENT_PROBLEMS:
        return None
    within = (metric.fixed_se / metric.se) ** 2
    if within >= 1:
        return None
    return VarianceComponents(
        between=1 - within,
        within=within,
        floor=Z95 * metric.se * math.sqrt(1 - within),
        design_effect=metric.problems * metric.se**2 / spread,
    )
