"""Intervals for a mean of scores in [0, 1], with the problem as the unit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_SPREAD_NEEDS = 2
_NO_VARIANCE = 1e-12
"""Below it, scores are alike but for rounding."""
_NORMAL_FROM = 1000

Z95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mean:
    """A mean over problems with its 95 % interval."""

    value: float
    low: float
    high: float
    se: float
    """Standard error: the standard deviation over problems by the root of their number."""
    method: str


def wilson(share: float, n: float, z: float = Z95) -> tuple[float, float]:
    """Return Wilson's interval for a share of n, in [0, 1]; n may be an effective size.

    30 of 30 is [0.886, 1]: never of width zero, never beyond its ends
    (Wilson 1927, doi:10.1080/01621459.1927.10502953).

    Raises:
        ValueError: if there is nothing to take a share of.
    """
    if n <= 0:
        raise ValueError("An interval needs at least one problem.")
    spread = z * z / n
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def mean_of_scores(scores: Sequence[float]) -> Mean:
    """Return the mean of one score a problem, each in [0, 1], with a 95 % interval.

    Wilson's interval with the effective number of problems p(1 - p) / se²: for scores of 0 and 1
    that is the number of problems itself, and scores averaged over several samples vary less and
    count for more (Dean and Pagano 2015, doi:10.1093/jssam/smv024). The quantile is Student's.

    Raises:
        ValueError: if there are no scores.
    """
    n = len(scores)
    if n == 0:
        raise ValueError("A mean needs at least one problem.")
    value = math.fsum(scores) / n
    variance = math.fsum((score - value) ** 2 for score in scores) / n
    binary = all(score in (0.0, 1.0) for score in scores)
    if binary or variance < _NO_VARIANCE:
        # All alike, or nothing but right and wrong: the plain share of n.
        low, high = wilson(value, n)
        method = "Wilson over problems"
    else:
        effective = value * (1 - value) / variance * n
        low, high = wilson(value, effective, student_quantile(n - 1))
        method = "Wilson over problems, effective size from their variance"
    se = math.sqrt(variance / (n - 1)) if n > 1 else math.sqrt(value * (1 - value))
    return Mean(value=value, low=low, high=high, se=se, method=method)


def mean_of_amounts(amounts: Sequence[float]) -> Mean:
    """Return the mean of one amount >= 0 a problem, such as tokens, with Student's interval.

    Raises:
        ValueError: if there are fewer than two: one amount says nothing of its own spread.
    """
    n = len(amounts)
    if n < _SPREAD_NEEDS:
        raise ValueError("The interval of an amount needs at least two problems.")
    value = math.fsum(amounts) / n
    variance = math.fsum((amount - value) ** 2 for amount in amounts) / (n - 1)
    se = math.sqrt(variance / n)
    half = student_quantile(n - 1) * se
    return Mean(
        value=value, low=max(0.0, value - half), high=value + half, se=se, method="Student's t"
    )


def student_quantile(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t; the normal one for 1,000 or more."""
    if freedom >= _NORMAL_FROM:
        return Z95
    from scipy.special import stdtrit

    return float(stdtrit(max(1, freedom), 0.975))
