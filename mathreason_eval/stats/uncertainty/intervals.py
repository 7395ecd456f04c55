"""Intervals for a mean over problems: the problem is the unit, however often it was sampled."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mathreason_eval.stats.uncertainty.difference import student
from mathreason_eval.stats.uncertainty.prior import PSEUDO_COUNT
from mathreason_eval.types import Metric, Unit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Scores = Sequence[float] | NDArray[np.float64]

Z95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""

_SPREAD_NEEDS = 2
"""So many amounts, at least, have a spread."""

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
    fixed: tuple[float, float, float] | None = None
    """(low, high, se) of this benchmark, where only the samples could have been others."""
    unit: Unit = Unit.SHARE

    def metric(self, name: str, place: Place, size: tuple[int, int]) -> Metric:
        """Return it as a metric.

        Args:
            name: what it is the mean of, as in `Metric.name`.
            place: (task, slice).
            size: (number of problems, number of samples over all of them).
        """
        task, where = place
        problems, samples = size
        fixed_low, fixed_high, fixed_se = self.fixed or (None, None, None)
        return Metric(
            task=task,
            slice=where,
            name=name,
            unit=self.unit,
            value=self.value,
            low=self.low,
            high=self.high,
            se=self.se,
            problems=problems,
            samples=samples,
            method=self.method,
            fixed_low=fixed_low,
            fixed_high=fixed_high,
            fixed_se=fixed_se,
        )


def wilson(share: float, n: float, z: float = Z95) -> tuple[float, float]:
    """Return Wilson's interval for a share of n, in [0, 1]; n may be an effective number.

    30 of 30 is [0.886, 1]: never of width zero, never beyond 0 or 1
    (Wilson 1927, doi:10.1080/01621459.1927.10502953).

    Args:
        share: of n.
        n: of what it is a share.
        z: the normal quantile of its level, which is 95 % unless told otherwise.

    Raises:
        ValueError: if there is nothing to take a share of.
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
    groups = _groups(clusters, n)
    count = n if groups is None else int(groups.max()) + 1
    low, high = wilson(value, _effective_number(values, groups, count), z)
    over = "problems" if groups is None else f"{count:,} clusters of problems"
    return Mean(
        value=value,
        low=low,
        high=high,
        # One problem has no spread to show; its score is taken for a single right or wrong.
        se=_robust_error(values - value, groups, count)
        if count > 1
        else math.sqrt(value * (1 - value)),
        method=f"Wilson over {over}, effective number by their variance",
    )


def mean_of_amounts(amounts: Scores, clusters: Clusters | None = None) -> Mean:
    """Return the mean of one amount >= 0 a problem, such as tokens, with Student's 95 % interval.

    Raises:
        ValueError: if there are fewer than two: one amount says nothing of its own spread.
    """
    import numpy as np

    values = np.asarray(amounts, dtype=float)
    groups = _groups(clusters, len(values))
    count = len(values) if groups is None else int(groups.max()) + 1
    if count < _SPREAD_NEEDS:
        raise ValueError("The interval of an amount needs at least two problems.")
    value = math.fsum(values.tolist()) / len(values)
    se = _robust_error(values - value, groups, count)
    half = student(0.975, count - 1) * se
    over = "problems" if groups is None else f"{count:,} clusters of problems"
    return Mean(
        value=value,
        low=max(0.0, value - half),
        high=value + half,
        se=se,
        method=f"Student's t over {over}",
        unit=Unit.AMOUNT,
    )


def _groups(clusters: Clusters | None, n: int) -> NDArray[np.intp] | None:
    """Return the number of each problem's cluster, from 0; None if each is its own."""
    import numpy as np

    if clusters is None:
        return None
    number: dict[Hashable, int] = {}
    groups = [number.setdefault(cluster, len(number)) for cluster in clusters]
    return None if len(number) == n else np.array(groups)


def _sums(values: NDArray[np.float64], groups: NDArray[np.intp] | None) -> NDArray[np.float64]:
    """Return the sum of each cluster's values."""
    import numpy as np

    return values if groups is None else np.bincount(groups, values).astype(float)


def _robust_error(
    deviations: NDArray[np.float64], groups: NDArray[np.intp] | None, count: int
) -> float:
    """Return the standard error of a mean; statsmodels' of a constant, clustered, is the same."""
    import numpy as np

    squares = float(np.square(_sums(deviations, groups)).sum())
    return math.sqrt(squares * count / (count - 1)) / len(deviations)


def _effective_number(
    values: NDArray[np.float64], groups: NDArray[np.intp] | None, count: int
) -> float:
    """Return how many right or wrong problems would tell as much of the mean as these scores do.

    The imagined problems, or clusters of them, keep it from exploding where the few scores at hand
    are all alike.
    """
    import numpy as np

    n = len(values)
    imagined = PSEUDO_COUNT * n / count
    middle = (math.fsum(values.tolist()) + imagined) / (n + 2 * imagined)
    squares = float(np.square(_sums(values - middle, groups)).sum())
    squares += imagined * n / count * (middle**2 + (1 - middle) ** 2)
    number = n * (n + 2 * imagined) * middle * (1 - middle) / squares
    if groups is not None and count > 1:
        number *= (n / (n - 1)) / (count / (count - 1))
        number *= (student(0.975, n - 1) / student(0.975, count - 1)) ** 2
    return number
