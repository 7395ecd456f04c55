"""The mean change between two runs over the same problems: Student's interval, bootstrap."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """One problem in two runs."""

    before: float
    """Its score in the first run, usually the fraction of its samples that are correct."""
    after: float
    """Its score in the second run."""
    samples: tuple[int, int] = (1, 1)
    """Number of samples in each run, of which the scores are means."""
    cluster: Hashable = None
    """Its cluster, such as a source shared with other problems; None if it is independent."""
    weight: float = 1.0
    """Derivative of the metric with respect to the problem's score, times N; 1 for a mean."""
    stratum: Hashable = None
    """The task, where several are taken together."""

    @property
    def change(self) -> float:
        """Return after - before."""
        return self.after - self.before


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """The mean of after - before over problems, as an estimate for new problems of this kind."""

    value: float
    se: float
    """Standard error, pseudo-observations included; never zero for shares."""
    freedom: int
    """Degrees of freedom of Student's t: number of clusters minus one."""
    problems: int
    clusters: int
    bound: float
    """Maximum absolute value: 1 for shares, infinity for amounts."""
    method: str

    def lower(self, alpha: float) -> float:
        """Return the one-sided lower bound at confidence 1 - alpha."""
        return max(-self.bound, self.value - self._half_width(alpha))

    def upper(self, alpha: float) -> float:
        """Return the one-sided upper bound at confidence 1 - alpha."""
        return min(self.bound, self.value + self._half_width(alpha))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the two-sided confidence interval (low, high) of `value`, within ± `bound`.

        Student's t at `freedom` with `se`; `level` is between 0 and 1.
        """
        tail = (1 - level) / 2
        return self.lower(tail), self.upper(tail)

    def p_above(self, point: float) -> float:
        """Return the one-sided p, null hypothesis: the true change is at or above a point."""
        return self._p(point - self.value)

    def p_below(self, point: float) -> float:
        """Return the one-sided p, null hypothesis: the true change is at or below a point."""
        return self._p(self.value - point)

    def _p(self, distance: float) -> float:
        """Return the probability that an estimate is too large by more than a distance."""
        if not self.se:
            return 0.0 if distance > 0 else 1.0
        return t_sf(distance / self.se, self.freedom)

    def _half_width(self, alpha: float) -> float:
        return t_quantile(1 - alpha, self.freedom) * self.se


PSEUDO_COUNT = 0.5
"""Pseudo-observations, half a success and half a failure (Jeffreys), wherever any are added.

This number had the best coverage in the simulations of docs/statistics.md: without any, nominal
95 % was 89 to 92 % for 30 easy problems; with one or two of each kind, 97 to 98 % even for 100.
"""


def pseudo_variance(samples: float, cluster_size: float = 1.0) -> float:
    """Return what one run's pseudo-observations add to N² times the variance of a mean change.

    Half a problem, or half a cluster of problems, is added to those that changed between two runs.
    It changed by one of n samples, with the square 1 / n. Each run adds half of this.
    """
    return PSEUDO_COUNT / 2 / samples * cluster_size * cluster_size


_MIN_AMOUNTS = 2
"""Fewest amounts that have a variance."""


def difference(pairs: Sequence[Pair], *, shares: bool = True) -> Difference:
    """Return the mean change with its standard error, over problems or clusters of them.

    Student's interval of the paired differences (Miller 2024, arXiv:2411.00640, section 3.3). For
    shares, `pseudo_variance` is added, half a changed problem: so the width is never zero, and
    thirty problems without a change do not prove that nothing would change. Two whole ones around
    zero (Agresti and Min 2005, Statistics in Medicine 24, 729-740) have too high a coverage for
    thirty problems, and shrink a true change towards zero.

    Changes are summed by cluster before squaring (Liang and Zeger 1986, with the factor
    G / (G - 1)). Amounts such as tokens get no pseudo-observation, and are not limited to [-1, 1].

    Raises:
        ValueError: if there are no pairs, or amounts of fewer than two.
    """
    n = len(pairs)
    if not n or (n < _MIN_AMOUNTS and not shares):
        raise ValueError("A difference needs a shared problem; for amounts, two.")
    parts = [_squares(some, shares=shares) for some in by_stratum(pairs)]
    squares = math.fsum(part for part, _ in parts)
    groups = sum(count for _, count in parts)
    # Satterthwaite's degrees of freedom; of one stratum, the number of clusters minus one.
    freedoms = math.fsum(part * part / max(1, count - 1) for part, count in parts)
    freedom = squares * squares / freedoms if freedoms and len(parts) > 1 else groups - len(parts)
    added = ", half a change added" if shares else ""
    return Difference(
        value=math.fsum(pair.change for pair in pairs) / n,
        se=math.sqrt(squares) / n,
        freedom=max(1, int(freedom)),
        problems=n,
        clusters=groups,
        bound=1.0 if shares else math.inf,
        method=f"paired Student's t over {describe_units(n, groups)}{added}",
    )


def _squares(pairs: Sequence[Pair], *, shares: bool) -> tuple[float, int]:
    """Return the variance of the sum of changes of one stratum, and its number of clusters."""
    n = len(pairs)
    sums = cluster_changes(pairs, math.fsum(pair.change for pair in pairs) / n)
    groups = len(sums)
    factor = groups / (groups - 1) if groups > 1 else 1.0
    squares = math.fsum(one * one for one in sums) * factor
    if shares:
        squares += (
            math.fsum(
                pair.weight**2 * pseudo_variance(size, n / groups)
                for pair in pairs
                for size in pair.samples
            )
            / n
        )
    return squares, groups


def by_stratum(pairs: Sequence[Pair]) -> list[list[Pair]]:
    """Return the pairs of each stratum, in the order in which the strata appear."""
    strata: dict[Hashable, list[Pair]] = {}
    for pair in pairs:
        strata.setdefault(pair.stratum, []).append(pair)
    return list(strata.values())


def cluster_changes(pairs: Sequence[Pair], mean: float = 0.0) -> list[float]:
    """Return each cluster's sum of (change - mean); an independent pair is its own cluster."""
    return [change - mean * size for change, size, _ in cluster_rows(pairs)]


def cluster_rows(pairs: Sequence[Pair]) -> list[tuple[float, int, float]]:
    """Return (sum of changes, number of pairs, sum of weights) of each cluster."""
    rows: dict[Hashable, tuple[float, int, float]] = {}
    for number, pair in enumerate(pairs):
        single = pair.cluster is None
        key = ("single", number) if single else (pair.stratum, "cluster", pair.cluster)
        change, size, weight = rows.get(key, (0.0, 0, 0.0))
        rows[key] = change + pair.change, size + 1, weight + pair.weight
    return list(rows.values())


def describe_units(problems: int, clusters: int) -> str:
    """Return the name of the independent units: `problems` or `12 clusters of problems`.

    Args:
        problems: the number of problems.
        clusters: the number of clusters; that of problems if all are independent.
    """
    return "problems" if clusters == problems else f"{clusters:,} clusters of problems"


# --- the bootstrap ---------------------------------------------------------------------------

RESAMPLES = 10_000
"""Number of bootstrap resamples: with replacement, each as large as the original."""
_FEWEST_RESAMPLES, _MOST_DRAWN = 1_000, 20_000_000
"""Fewest resamples, and units that are drawn in all: of very many units fewer samples suffice."""


def bootstrap_interval(pairs: Sequence[Pair]) -> tuple[float, float]:
    """Return the paired bootstrap's 95 % percentile interval of the mean change (Efron 1979).

    Whole pairs and clusters are resampled. Its width is zero if no problem changed, unlike that of
    `difference`.

    Raises:
        ValueError: if there are no pairs.
    """
    if not pairs:
        raise ValueError("A bootstrap needs a shared problem.")
    import numpy as np

    sums = cluster_sums([[pair.change] for pair in pairs], [pair.cluster for pair in pairs])
    drawn = np.vstack(list(bootstrap_sums(sums, np.random.default_rng(0))))
    tail = (1 - 0.95) / 2
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], (tail, 1 - tail))
    return float(low), float(high)


def cluster_sums(rows: Sequence[Sequence[float]], clusters: Sequence[Hashable]) -> NDArray[Any]:
    """Return a row per cluster: its column sums, and in a last column its number of rows.

    A row whose cluster is None is independent.
    """
    import numpy as np

    numbers: dict[Hashable, int] = {}
    index = [
        numbers.setdefault(("single", row) if name is None else ("cluster", name), len(numbers))
        for row, name in enumerate(clusters)
    ]
    columns = np.column_stack([np.asarray(rows, dtype=float), np.ones(len(rows))])
    sums = np.zeros((len(numbers), columns.shape[1]))
    np.add.at(sums, index, columns)
    return sums


_MAX_CELLS = 1 << 22
"""Maximum number of cells of the table of resamples in memory at once."""
_MULTINOMIAL_COST = 8
"""Time of a multinomial draw per distinct unit, relative to drawing an index per unit."""


def bootstrap_sums(units: NDArray[Any], rng: Generator) -> Iterator[NDArray[Any]]:
    """Yield the column sums of `RESAMPLES` resamples of rows, in blocks limited by memory.

    Of distinct units fewer are drawn where there are very many.
    """
    import numpy as np

    # Equal units are drawn together: 0 or 1 in two runs gives only four distinct rows.
    size = len(units)
    kinds, counts = np.unique(units, axis=0, return_counts=True)
    step = max(1, _MAX_CELLS // size)
    alike = len(kinds) < size / _MULTINOMIAL_COST
    wanted = RESAMPLES
    if not alike:
        wanted = min(RESAMPLES, max(_FEWEST_RESAMPLES, _MOST_DRAWN // size))
    for start in range(0, wanted, step):
        draws = min(step, wanted - start)
        if alike:
            yield rng.multinomial(size, counts / size, size=draws) @ kinds
        else:
            drawn = rng.integers(size, size=(draws, size)) + size * np.arange(draws)[:, None]
            times = np.bincount(drawn.ravel(), minlength=draws * size).reshape(draws, size)
            yield times.astype(float) @ units


# --- Student's t distribution ----------------------------------------------------------------
#
# Without scipy, whose import would take too long for a gate.


@lru_cache(maxsize=256)
def t_quantile(share: float, freedom: int) -> float:
    """Return the quantile of Student's t at a probability in (0, 1)."""
    if share < 0.5:  # noqa: PLR2004  the median
        return -t_quantile(1 - share, freedom)
    beyond = 1 - share
    low, high = 0.0, 1.0
    while t_sf(high, freedom) > beyond:
        low, high = high, 2 * high
    while low < (middle := (low + high) / 2) < high:
        if t_sf(middle, freedom) > beyond:
            low = middle
        else:
            high = middle
    return middle


def t_sf(t: float, freedom: float) -> float:
    """Return Student's P(T > t), for any t, with a relative error near 1e-10."""
    if t < 0:
        return 1 - t_sf(-t, freedom)
    square = t * t
    if math.isinf(square):
        return 0.0
    x = freedom / (freedom + square)
    return _incomplete_beta(freedom / 2, 0.5, x, square / (freedom + square)) / 2


def _incomplete_beta(a: float, b: float, x: float, rest: float) -> float:
    """Return the regularised incomplete beta function at x = 1 - rest, by continued fraction."""
    if not x or not rest:
        return 1.0 if x else 0.0
    # The fraction converges fast on one side of the mean only.
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(b, a, rest, x)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(scale + a * math.log(x) + b * math.log(rest)) / a
    return front * _beta_fraction(a, b, x)


_CONVERGED = 1e-15
"""Relative change of a continued fraction at which it has converged."""
_MAX_STEPS = 10_000
"""Maximum number of steps, far more than a million degrees of freedom need."""


def _beta_fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction of the incomplete beta function (Lentz 1976)."""
    value = down = 1 / (1 - (a + b) * x / (a + 1))
    up = 1.0
    for step in range(2, _MAX_STEPS):
        m = step // 2
        if step % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        down = 1 / (1 + term * down)
        up = 1 + term / up
        value *= up * down
        if abs(up * down - 1) < _CONVERGED:
            break
    return value
