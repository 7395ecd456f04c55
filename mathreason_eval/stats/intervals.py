"""Intervals for a mean over problems: the problem is the unit, however often it was sampled."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from mathreason_eval.stats.difference import PSEUDO_COUNT, t_quantile, unit
from mathreason_eval.types import Metric, Unit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Scores = Sequence[float] | NDArray[np.float64]

Place = tuple[str, str]
"""(task, slice)."""

Clusters = Sequence[Hashable]
"""Of each problem what it shares with others: those with equal entries are not independent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mean:
    """A mean over problems with its 95 % interval."""

    value: float
    low: float
    high: float
    se: float
    """Standard error: the standard deviation over problems by the root of their number."""
    method: str
    """How the interval was made."""
    conditional: tuple[float, float, float] | None = None
    """(low, high, se) conditional on these problems: sampling noise only."""
    unit: Unit = Unit.SHARE

    def metric(self, name: str, place: Place, size: tuple[int, int]) -> Metric:
        """Return it as a metric; `size` is the number of problems, and of all their samples."""
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
    """Return Wilson's interval for a share of n, in [0, 1]; n may be an effective number.

    30 of 30 is [0.886, 1]: never of width zero, never beyond 0 or 1
    (Wilson 1927, doi:10.1080/01621459.1927.10502953). z is the normal quantile of its level.

    Raises:
        ValueError: if n is not positive.
    """
    if n <= 0:
        raise ValueError("An interval needs at least one problem.")
    pull = z * z / n
    middle = (share + pull / 2) / (1 + pull)
    half = z * math.sqrt(share * (1 - share) / n + pull / (4 * n)) / (1 + pull)
    # Rounding may put an end past the share itself, or past 0 and 1.
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def mean_of_scores(scores: Scores, clusters: Clusters | None = None, z: float = Z95) -> Mean:
    """Return the mean of one score a problem, each in [0, 1], with a 95 % interval.

    Wilson's interval of the effective number of problems, n by the design effect: a problem whose
    score is an average over samples varies less than a right or wrong one, and counts for more
    (Korn and Graubard 1998, Survey Methodology 24, 193-201). Scores of 0 and 1 have the design
    effect 1 and get Wilson's own interval.

    Problems of one cluster add up before they are squared (Liang and Zeger 1986, with the factor
    G / (G - 1)); the effective number is further reduced by Student's quantiles, as Korn and
    Graubard do. Clusters of one problem each change nothing.

    Args:
        scores: one a problem.
        clusters: of each problem its cluster; None if all are independent.
        z: the normal quantile of the interval's level, where it is not 95 %.

    Raises:
        ValueError: if there are no scores.
    """
    import numpy as np

    values = np.asarray(scores, dtype=float)
    n = len(values)
    if n == 0:
        raise ValueError("A mean needs at least one problem.")
    value = math.fsum(values.tolist()) / n
    groups, count = _cluster_index(clusters, n)
    low, high = wilson(value, _effective_problems(values, groups, count), z)
    return Mean(
        value=value,
        low=low,
        high=high,
        # One problem has no variance of its own; its score is taken as a Bernoulli probability.
        se=_cluster_se(values - value, groups, count)
        if count > 1
        else math.sqrt(value * (1 - value)),
        method=f"Wilson over {unit(n, count)}, effective number by their variance",
    )


_MIN_AMOUNTS = 2
"""Fewest amounts that have a variance."""


def mean_of_amounts(amounts: Scores, clusters: Clusters | None = None) -> Mean:
    """Return the mean of one amount >= 0 a problem, such as tokens, with Student's 95 % interval.

    Raises:
        ValueError: if there are fewer than two, which have no variance.
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
        method=f"Student's t over {unit(n, count)}",
        unit=Unit.AMOUNT,
    )


def _cluster_index(clusters: Clusters | None, n: int) -> tuple[NDArray[np.intp] | None, int]:
    """Return the number of each problem's cluster, None if all are independent; and their count."""
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
    """Return the standard error of a mean, as statsmodels' of a constant with clusters."""
    import numpy as np

    squares = float(np.square(_cluster_sums(deviations, groups)).sum())
    return math.sqrt(squares * count / (count - 1)) / len(deviations)


def _effective_problems(
    values: NDArray[np.float64], groups: NDArray[np.intp] | None, count: int
) -> float:
    """Return how many right or wrong problems would give the mean the same variance.

    Pseudo-observations, problems or clusters of them, keep it finite where all scores are equal.
    """
    import numpy as np

    n = len(values)
    pseudo = PSEUDO_COUNT * n / count
    middle = (math.fsum(values.tolist()) + pseudo) / (n + 2 * pseudo)
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
    """How many samples each problem has."""
    mean: NDArray[np.float64]
    """Their mean."""
    variance: NDArray[np.float64]
    """Their variance, with n - 1 in the denominator; not a number for a single sample."""

    @classmethod
    def from_counts(cls, hits: NDArray[np.int_], number: NDArray[np.int_]) -> SampleMoments:
        """Return those of scores of 0 and 1, of which `hits` are 1."""
        import numpy as np

        mean = hits / number
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = mean * (1 - mean) * number / (number - 1)
        return cls(number=number, mean=mean, variance=variance)

    @classmethod
    def from_values(cls, values: Sequence[Sequence[float]]) -> SampleMoments:
        """Return those of any scores; every problem has one at least."""
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
"""Fewest samples of a problem that have a variance."""


def conditional_interval(mean: Mean, samples: SampleMoments, *, shares: bool = True) -> Mean:
    """Return a mean with its interval conditional on these problems: sampling noise only.

    More samples make it narrower, unlike the interval for new problems. Where a problem has only
    one sample, the mean is returned without it.

    The variance of a sample within its problem, by the number of samples, is the variance of a
    problem's mean; that of the mean over problems is their sum by N squared. Shares, in [0, 1], get
    Wilson's interval of as many samples as would vary as much, with the pseudo-observations of the
    interval for new problems, here taken for noise. Amounts get the normal interval.
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
    """Return how many independent right or wrong samples would be as noisy as these."""
    n = len(samples.number)
    # A pseudo-problem has as many samples as the problems have, by their harmonic mean.
    each = n / float((1 / samples.number).sum())
    middle = (math.fsum(samples.mean.tolist()) + PSEUDO_COUNT) / (n + 2 * PSEUDO_COUNT)
    noise += PSEUDO_COUNT * (middle**2 + (1 - middle) ** 2) / each
    return n * (n + 2 * PSEUDO_COUNT) * middle * (1 - middle) / noise


@dataclass(frozen=True, kw_only=True, slots=True)
class VarianceComponents:
    """What an interval's width comes from."""

    between: float
    """Share of the variance that is between problems, in [0, 1]."""
    within: float
    """Share that is between samples of one problem: what more samples take away."""
    floor: float
    """Half the width, at 95 %, with infinitely many samples."""
    design_effect: float
    """The variance by that of as many right or wrong problems, each sampled once."""


def variance_components(metric: Metric) -> VarianceComponents | None:
    """Return those of a share; None where they cannot be told apart."""
    spread = metric.value * (1 - metric.value)
    if metric.fixed_se is None or not metric.se or not spread:
        return None
    within = min(1.0, (metric.fixed_se / metric.se) ** 2)
    return VarianceComponents(
        between=1 - within,
        within=within,
        floor=Z95 * metric.se * math.sqrt(1 - within),
        design_effect=metric.problems * metric.se**2 / spread,
    )
