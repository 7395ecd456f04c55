"""Intervals for a mean over problems: the problem is the unit, however often it was sampled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mathreason_eval.types import Metric

Z95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""

_SPREAD_NEEDS = 2
"""So many amounts, at least, have a spread."""

_IMAGINED = 0.5
"""Imagined problems of each kind, never and always solved, in the estimate of a design effect.

Half of one, as in Jeffreys' prior, covered best in the simulation of docs/statistics.md: with none,
95 % was 89 to 92 % for 30 easy problems; with one or two, 97 to 98 % even for 100.
"""


Place = tuple[str, str]
"""(task, slice)."""


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

    def metric(self, name: str, place: Place, size: tuple[int, int]) -> Metric:
        """Return it as a metric.

        Args:
            name: what it is the mean of, as in `Metric.name`.
            place: (task, slice).
            size: (number of problems, number of samples over all of them).
        """
        task, where = place
        problems, samples = size
        return Metric(
            task=task,
            slice=where,
            name=name,
            value=self.value,
            low=self.low,
            high=self.high,
            se=self.se,
            problems=problems,
            samples=samples,
            method=self.method,
        )


def wilson(share: float, n: float) -> tuple[float, float]:
    """Return Wilson's 95 % interval for a share of n, in [0, 1]; n may be an effective number.

    30 of 30 is [0.886, 1]: never of width zero, never beyond 0 or 1
    (Wilson 1927, doi:10.1080/01621459.1927.10502953).

    Raises:
        ValueError: if there is nothing to take a share of.
    """
    if n <= 0:
        raise ValueError("An interval needs at least one problem.")
    pull = Z95 * Z95 / n
    middle = (share + pull / 2) / (1 + pull)
    half = Z95 * math.sqrt(share * (1 - share) / n + pull / (4 * n)) / (1 + pull)
    # Rounding may put an end past the share itself, or past 0 and 1.
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def mean_of_scores(scores: Sequence[float]) -> Mean:
    """Return the mean of one score a problem, each in [0, 1], with a 95 % interval.

    Wilson's interval of the effective number of problems, n by the design effect: a problem whose
    score is an average over samples varies less than a right or wrong one, and counts for more
    (Korn and Graubard 1998, Survey Methodology 24, 193-201). Scores of 0 and 1 have the design
    effect 1 and get Wilson's own interval.

    Raises:
        ValueError: if there are no scores.
    """
    n = len(scores)
    if n == 0:
        raise ValueError("A mean needs at least one problem.")
    value = math.fsum(scores) / n
    variance = math.fsum((score - value) ** 2 for score in scores) / n
    low, high = wilson(value, n / _design_effect(scores))
    return Mean(
        value=value,
        low=low,
        high=high,
        # One problem has no spread to show; its score is taken for a single right or wrong.
        se=math.sqrt(variance / (n - 1)) if n > 1 else math.sqrt(value * (1 - value)),
        method="Wilson over problems, effective number by their variance",
    )


def _design_effect(scores: Sequence[float]) -> float:
    """Return the variance of the scores by that of as many right or wrong ones, in (0, 1].

    The imagined problems keep it from collapsing where the few scores at hand are all alike.
    """
    n = len(scores) + 2 * _IMAGINED
    mean = (math.fsum(scores) + _IMAGINED) / n
    square = (math.fsum(score * score for score in scores) + _IMAGINED) / n
    return (square - mean * mean) / (mean * (1 - mean))


def mean_of_amounts(amounts: Sequence[float]) -> Mean:
    """Return the mean of one amount >= 0 a problem, such as tokens, with Student's 95 % interval.

    Raises:
        ValueError: if there are fewer than two: one amount says nothing of its own spread.
    """
    n = len(amounts)
    if n < _SPREAD_NEEDS:
        raise ValueError("The interval of an amount needs at least two problems.")
    from scipy.special import stdtrit

    value = math.fsum(amounts) / n
    se = math.sqrt(math.fsum((amount - value) ** 2 for amount in amounts) / (n - 1) / n)
    half = float(stdtrit(n - 1, 0.975)) * se
    return Mean(
        value=value,
        low=max(0.0, value - half),
        high=value + half,
        se=se,
        method="Student's t over problems",
    )
