"""The interval for this benchmark: the same questions, and only the samples could have been others.

Beside the interval for new questions it says what more samples can narrow, and what they cannot.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from mathreason_eval.stats.uncertainty.intervals import Z95, Mean, wilson
from mathreason_eval.stats.uncertainty.prior import PSEUDO_COUNT
from mathreason_eval.types import Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_VARIES = 2
"""So many samples of a problem, at least, show how they vary."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Samples:
    """What the samples of each problem say of one score."""

    number: NDArray[np.int_]
    """How many there are of each problem."""
    mean: NDArray[np.float64]
    """Their mean."""
    variance: NDArray[np.float64]
    """Their variance, with n - 1 in the denominator; not a number for a single sample."""

    @classmethod
    def shares(cls, hits: NDArray[np.int_], number: NDArray[np.int_]) -> Samples:
        """Return the samples of a score that each sample has or has not."""
        import numpy as np

        mean = hits / number
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = mean * (1 - mean) * number / (number - 1)
        return cls(number=number, mean=mean, variance=variance)

    @classmethod
    def values(cls, values: Sequence[Sequence[float]]) -> Samples:
        """Return the samples of a score that may be anything; every problem has one at least."""
        import numpy as np

        number = np.array([len(each) for each in values])
        every = np.fromiter(chain.from_iterable(values), dtype=float, count=int(number.sum()))
        starts = np.cumsum(number) - number
        mean = np.add.reduceat(every, starts) / number
        squares = np.add.reduceat(np.square(every - np.repeat(mean, number)), starts)
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = squares / (number - 1)
        return cls(number=number, mean=mean, variance=variance)


def of_this_benchmark(mean: Mean, samples: Samples, *, shares: bool = True) -> Mean:
    """Return a mean with its interval for this benchmark; as it is, where a problem has one sample.

    The variance of a sample within its problem, by the number of samples, is the variance of a
    problem's mean; that of the mean over problems is their sum by N squared. Shares get Wilson's
    interval of as many samples as would vary as much, with the same two half problems imagined as
    for new questions, here taken for noise. Amounts get the normal interval.

    Args:
        mean: over the same problems.
        samples: of each problem.
        shares: whether the scores are in [0, 1].
    """
    if samples.number.min() < _VARIES:
        return mean
    noise = samples.variance / samples.number
    n = len(noise)
    se = math.sqrt(math.fsum(noise.tolist())) / n
    if shares:
        low, high = wilson(mean.value, _effective_samples(samples, math.fsum(noise.tolist())))
    else:
        low, high = max(0.0, mean.value - Z95 * se), mean.value + Z95 * se
    return replace(mean, fixed=(low, high, se))


def _effective_samples(samples: Samples, noise: float) -> float:
    """Return how many independent right or wrong samples would be as noisy as these."""
    n = len(samples.number)
    # Of an imagined problem as many samples are imagined as a problem has, by their harmonic mean.
    each = n / float((1 / samples.number).sum())
    middle = (math.fsum(samples.mean.tolist()) + PSEUDO_COUNT) / (n + 2 * PSEUDO_COUNT)
    noise += PSEUDO_COUNT * (middle**2 + (1 - middle) ** 2) / each
    return n * (n + 2 * PSEUDO_COUNT) * middle * (1 - middle) / noise


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """What an interval's width comes from."""

    questions: float
    """Share of the variance that is between questions, in [0, 1]."""
    seeds: float
    """Share that is between samples of one question: what more samples take away."""
    floor: float
    """Half the width, at 95 %, that would be left with endlessly many samples."""
    design_effect: float
    """The variance by that of as many right or wrong problems, each sampled once."""


def split(metric: Metric) -> Split | None:
    """Return what a share's interval comes from; None where the parts cannot be told apart."""
    spread = metric.value * (1 - metric.value)
    if metric.fixed_se is None or not metric.se or not spread:
        return None
    seeds = min(1.0, (metric.fixed_se / metric.se) ** 2)
    return Split(
        questions=1 - seeds,
        seeds=seeds,
        floor=Z95 * metric.se * math.sqrt(1 - seeds),
        design_effect=metric.problems * metric.se**2 / spread,
    )
