"""The change of a mean between two runs over the same problems, with its interval."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from mathreason_eval.stats.uncertainty.prior import imagined_noise
from mathreason_eval.stats.uncertainty.student import quantile, tail

_ENOUGH = 2
"""So many problems, at least, have a spread."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """One problem in two runs."""

    before: float
    """Its score in the one run, as a rule the share of its samples that are correct."""
    after: float
    """Its score in the other."""
    samples: tuple[int, int] = (1, 1)
    """How many samples each score is the mean of."""
    cluster: Hashable = None
    """What it shares with other problems, such as a source; None if it stands for itself."""
    weight: float = 1.0
    """How far the metric moves where the problem's score does, times the number of problems."""

    @property
    def change(self) -> float:
        """Return after - before."""
        return self.after - self.before


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """The mean of after - before over problems; it asks how the next such problems would fare."""

    value: float
    se: float
    """Standard error, with the imagined change in it; never zero for shares."""
    freedom: int
    """Degrees of freedom of Student's law: clusters less one."""
    problems: int
    clusters: int
    bound: float
    """How far it can be from zero at all: 1 for shares, infinite for amounts."""
    method: str

    def lower(self, alpha: float) -> float:
        """Return the one-sided lower bound at confidence 1 - alpha."""
        return max(-self.bound, self.value - self._half(alpha))

    def upper(self, alpha: float) -> float:
        """Return the one-sided upper bound at confidence 1 - alpha."""
        return min(self.bound, self.value + self._half(alpha))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the two-sided interval."""
        tail = (1 - level) / 2
        return self.lower(tail), self.upper(tail)

    def p_above(self, point: float) -> float:
        """Return the one-sided p of a true change at or above a point: small if far below it."""
        return self._below(point - self.value)

    def p_below(self, point: float) -> float:
        """Return the one-sided p of a true change at or below a point: small if far above it."""
        return self._below(self.value - point)

    def _below(self, distance: float) -> float:
        """Return the chance that a value lies farther than a distance from the truth."""
        if not self.se:
            return 0.0 if distance > 0 else 1.0
        return tail(distance / self.se, self.freedom)

    def _half(self, alpha: float) -> float:
        return student(1 - alpha, self.freedom) * self.se


def difference(pairs: Sequence[Pair], *, shares: bool = True) -> Difference:
    """Return the mean change with its standard error, over problems or clusters of them.

    Student's interval of the paired differences (Miller 2024, arXiv:2411.00640, section 3.3). For
    shares half a problem more is imagined to have changed, either way: so it is never of width
    zero, and thirty problems on which nothing changed do not prove that nothing would. Its squared
    change is that of one sample of n. Two whole ones around zero (Agresti and Min 2005, Statistics
    in Medicine 24, 729-740) cover more than they say where there are thirty problems, and draw a
    true change towards zero.

    Clusters add up before they are squared (Liang and Zeger 1986, with the factor G / (G - 1)), and
    it is half a cluster that is imagined.

    Args:
        pairs: the problems that both runs have.
        shares: whether the scores are shares, in [0, 1]; False for amounts such as tokens.

    Raises:
        ValueError: if there are no pairs, or amounts of fewer than two.
    """
    n = len(pairs)
    if not n or (n < _ENOUGH and not shares):
        raise ValueError("A difference needs a problem that both runs have, of amounts two.")
    value = math.fsum(pair.change for pair in pairs) / n
    sums = _sums(pairs, value)
    groups = len(sums)
    factor = groups / (groups - 1) if groups > 1 else 1.0
    squares = math.fsum(one * one for one in sums) * factor
    if shares:
        squares += (
            math.fsum(
                pair.weight**2 * imagined_noise(size, n / groups)
                for pair in pairs
                for size in pair.samples
            )
            / n
        )
    return Difference(
        value=value,
        se=math.sqrt(squares) / n,
        freedom=max(1, groups - 1),
        problems=n,
        clusters=groups,
        bound=1.0 if shares else math.inf,
        method=_method(n, groups, shares=shares),
    )


def _sums(pairs: Sequence[Pair], value: float) -> list[float]:
    """Return how far each cluster's changes add up beyond the mean change."""
    alone: list[float] = []
    together: dict[Hashable, float] = {}
    for pair in pairs:
        if pair.cluster is None:
            alone.append(pair.change - value)
        else:
            together[pair.cluster] = together.get(pair.cluster, 0.0) + pair.change - value
    return [*alone, *together.values()]


def _method(n: int, groups: int, *, shares: bool) -> str:
    over = "problems" if groups == n else f"{groups:,} clusters of problems"
    return f"paired Student's t over {over}{', half a change imagined' if shares else ''}"


@lru_cache(maxsize=256)
def student(share: float, freedom: int) -> float:
    """Return the quantile of Student's law."""
    return quantile(share, freedom)
