"""The two questions about a change, and the evidence on each: these problems, and new ones.

*These problems* asks whether the model solves the problems that were asked less often than before;
only the noise of sampling is in the way. *New problems* asks the same of others like them, so that
it matters as well how much the problems differ in their change.

A pass refutes a fall by the margin, so its variance is that of this hypothesis and not of the
sample: losses that were not seen have no variance there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from mathreason_eval.stats.difference import (
    Difference,
    Pair,
    by_stratum,
    cluster_rows,
    pseudo_variance,
    t_quantile,
    t_sf,
)
from mathreason_eval.stats.exact_tests import (
    PValues,
    exchange_test,
    has_unequal_samples,
    sign_flip,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_Number = TypeVar("_Number", float, "NDArray[Any]")


class Estimand(StrEnum):
    """What a change is the change of."""

    THESE = "these problems"
    """The chances of the problems that were asked; sampling is the only noise."""
    NEW = "new problems"
    """The mean over all problems like those that were asked."""


class Evidence:
    """What the pairs of one task, or of a suite, say about one of the questions."""

    estimand: Estimand
    value: float
    """The mean change."""
    se: float
    freedom: int
    problems: int

    def pass_variance(self, margin: float) -> float:
        """Return the variance of the sum of changes if the score fell by the margin."""
        raise NotImplementedError

    def pass_p(self, margin: float) -> float:
        """Return the one-sided p; null hypothesis: the score fell by the margin or more."""
        distance, variance = self.value + margin, self.pass_variance(margin)
        if variance > 0:
            return t_sf(self.problems * distance / math.sqrt(variance), self.freedom)
        return 0.0 if distance > 0 else 0.5

    def fall_p(self) -> float:
        """Return the one-sided p; null hypothesis: the score did not fall."""
        raise NotImplementedError

    def beyond_p(self, margin: float) -> float:
        """Return the one-sided p; null hypothesis: the score fell by the margin or less."""
        return t_sf((-margin - self.value) / self.se, self.freedom) if self.se else 1.0

    def upper(self, alpha: float) -> float:
        """Return the one-sided upper bound of the change at confidence 1 - alpha."""
        return min(1.0, self.value + t_quantile(1 - alpha, self.freedom) * self.se)

    def lower(self, alpha: float) -> float:
        """Return the one-sided lower bound: the largest fall that is not refuted at alpha."""
        least, most = -self.value, 1.0
        if least >= most or self.pass_p(most) > alpha:
            return -1.0
        for _ in range(_HALVINGS):
            middle = (least + most) / 2
            if self.pass_p(middle) > alpha:
                least = middle
            else:
                most = middle
        return -most


_HALVINGS = 40
"""Steps of a bisection of an interval of length 2: to a rounding error."""


def evidence(pairs: Sequence[Pair], found: Difference, *, counted: bool) -> list[Evidence]:
    """Return the evidence on each question that can be answered; that which decides comes first.

    These problems can be spoken of from two samples of each problem in both runs on: with one, how
    much of a change is the noise of sampling is unknown.

    Args:
        pairs: the problems that both runs have; of a suite, with their strata and weights.
        found: their `difference`.
        counted: whether scores are fractions of correct samples.
    """
    new = NewProblems(pairs, found, counted=counted)
    these = these_problems(pairs, counted=counted)
    return [new] if these is None else [these, new]


def these_problems(pairs: Sequence[Pair], *, counted: bool) -> TheseProblems | None:
    """Return the evidence on these problems alone; None if their noise is not known."""
    if counted and min(min(pair.samples) for pair in pairs) > 1:
        return TheseProblems(pairs)
    return None


# --- these problems --------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Noise:
    """Sums over the problems of a stratum: the sampling noise of the sum of changes."""

    before: float
    after: float
    scores: float
    """Sum of the baseline's scores."""
    first: float
    """Sum of the baseline's scores, each by its samples."""
    linear: float
    """The same, each by the samples of the run."""
    own: float
    """The noise of the run if its chances were those of the baseline."""


class TheseProblems(Evidence):
    """The mean change over the problems that were asked, with the noise of sampling.

    The variance of each problem is p (1 - p) / (n - 1) of either run, and the degrees of freedom
    are Satterthwaite's. A pass is judged by the noise that the run has if all chances fell by the
    same part, so that the mean falls by the margin; that of the sample if it is larger. Under that
    hypothesis a run that looks too good had an unlucky baseline as well, whose chances are larger
    than they look, and so is its noise where problems are hard.
    """

    estimand = Estimand.THESE

    def __init__(self, pairs: Sequence[Pair]) -> None:
        """Take the pairs, each with two samples or more in both runs."""
        self._pairs = pairs
        self._strata = [_noise(some) for some in by_stratum(pairs)]
        self.value = math.fsum(pair.change for pair in pairs) / len(pairs)
        weight = math.fsum(pair.weight**2 for pair in pairs) / len(pairs)
        sizes = [sum(pair.samples[side] for pair in pairs) / len(pairs) for side in (0, 1)]
        self._pseudo = weight * math.fsum(map(pseudo_variance, sizes))
        noise = math.fsum(one.before + one.after for one in self._strata)
        self.se = math.sqrt(noise + self._pseudo) / len(pairs)
        self.freedom = _satterthwaite(pairs)
        self.problems = len(pairs)

    def pass_variance(self, margin: float) -> float:
        """Return the variance of the sum of changes if the score fell by the margin."""
        rise = self._rise(margin)
        risen = math.fsum(fallen_noise(one.first, one.before, rise) for one in self._strata)
        before = math.fsum(one.before for one in self._strata)
        return max(before, risen) + self._pseudo + max(self._after(margin, rise))

    def _rise(self, margin: float) -> float:
        """Return how much larger the baseline's chances are if the score fell by the margin."""
        old, new, scores = (
            math.fsum(getattr(one, name) for one in self._strata)
            for name in ("before", "after", "scores")
        )
        distance = self.problems * (self.value + margin)
        return restricted_rise(max(0.0, distance), scores, old, old + new) if old else 1.0

    def fall_p(self) -> float:
        """Return the larger p of the test by the noise and of the exact exchange test."""
        return max(self.beyond_p(0.0), self._exchange.less)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the two-sided confidence interval of the change."""
        half = t_quantile((1 + level) / 2, self.freedom) * self.se
        return max(-1.0, self.value - half), min(1.0, self.value + half)

    def two_sided_p(self) -> float:
        """Return the two-sided p; null hypothesis: the mean of these problems did not change."""
        tail = t_sf(abs(self.value) / self.se, self.freedom)
        exact = self._exchange.less if self.value < 0 else self._exchange.greater
        return min(1.0, 2 * max(tail, exact))

    @cached_property
    def _exchange(self) -> PValues:
        return exchange_test(self._pairs)

    def _after(self, margin: float, rise: float) -> Iterator[float]:
        """Yield the noise of the run: as it is, and after a fall of all strata, or of one."""
        yield math.fsum(one.after for one in self._strata)
        lost = margin * len(self._pairs)
        scores = math.fsum(one.scores for one in self._strata)
        if scores:
            for part in (max(0.0, largest - lost / scores) for largest in (1.0, rise)):
                yield math.fsum(fallen_noise(one.linear, one.own, part) for one in self._strata)
        for one in self._strata if len(self._strata) > 1 else ():
            if one.scores >= lost > 0:
                rest = math.fsum(other.after for other in self._strata if other is not one)
                yield rest + fallen_noise(one.linear, one.own, 1 - lost / one.scores)


def fallen_noise(linear: _Number, own: _Number, part: _Number) -> _Number:
    """Return the noise of a run whose chances are so large a part of the baseline's.

    Args:
        linear: the sum of the baseline's scores, each by the samples of the run.
        own: the noise of the run if its chances were those of the baseline.
        part: the part that is left of every chance.
    """
    noise: _Number = part * (1 - part) * linear + part * part * own
    return noise


def restricted_rise(distance: _Number, scores: _Number, before: _Number, noise: _Number) -> _Number:
    """Return by what factor the baseline's chances are larger than seen if the score fell so much.

    The likeliest scores of both runs with that fall between them: what is too good is shared
    between the two by their noise.

    Args:
        distance: the sum of changes above that of the fall.
        scores: the sum of the baseline's scores, above zero.
        before: the noise of the baseline.
        noise: that of both runs, above zero.
    """
    rise: _Number = 1 + distance * before / noise / scores
    return rise


def _noise(pairs: Sequence[Pair]) -> _Noise:
    before = after = scores = first = linear = own = 0.0
    for pair in pairs:
        (m, n), square = pair.samples, pair.weight**2
        old, new = pair.before / pair.weight, pair.after / pair.weight
        spread = square * old * (1 - old) / (m - 1)
        before += spread
        after += square * new * (1 - new) / (n - 1)
        scores += pair.before
        first += square * old / m
        linear += square * old / n
        own += spread * m / n
    return _Noise(before=before, after=after, scores=scores, first=first, linear=linear, own=own)


def _satterthwaite(pairs: Sequence[Pair]) -> int:
    """Return the degrees of freedom of the noise of all pairs."""
    total = squares = 0.0
    for pair in pairs:
        for score, n in zip((pair.before, pair.after), pair.samples, strict=True):
            share = score / pair.weight
            part = pair.weight**2 * share * (1 - share) / (n - 1)
            total += part
            squares += part * part / (n - 1)
    return satterthwaite(total, squares)


_MOST_FREEDOM = 1_000_000
"""Degrees of freedom from which Student's t is normal."""


def satterthwaite(total: float, squares: float) -> int:
    """Return the degrees of freedom of a sum of variances (Satterthwaite 1946).

    Args:
        total: the sum of the variances.
        squares: the sum of their squares, each by its own degrees of freedom.
    """
    if not squares:
        return _MOST_FREEDOM
    return int(min(_MOST_FREEDOM, max(1, total * total / squares)))


# --- new problems ----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sums:
    """Sums over the clusters of a stratum: their changes S, sizes k and weights w."""

    size: float
    weight: float
    change: float
    ss: float
    sk: float
    kk: float
    wk: float
    ww: float

    def variance(self, lost: float) -> float:
        """Return that of the sum of changes if such a part of the clusters is lost as a whole."""
        mean = ((1 - lost) * self.change - lost * self.weight) / self.size
        kept = self.ss - 2 * mean * self.sk + mean * mean * self.kk
        gone = self.ww + 2 * mean * self.wk + mean * mean * self.kk
        return (1 - lost) * kept + lost * gone


class NewProblems(Evidence):
    """The mean change over problems like these: Student's t, and score tests for a pass.

    A fall is tested by `difference` and the exact tests. For a pass, problems that are lost as a
    whole are mixed into those that were seen until their mean is -margin, and the variance is that
    of the mixture; with one sample in both runs it is that of Tango's score test (1998). Both
    scores are compared with Student's t, which holds the level for few problems as well.
    """

    estimand = Estimand.NEW

    def __init__(self, pairs: Sequence[Pair], found: Difference, *, counted: bool) -> None:
        """Take the pairs with their difference."""
        self._pairs, self._counted = pairs, counted
        self.value, self.se, self.freedom = found.value, found.se, found.freedom
        self.problems = len(pairs)
        self._binary = counted and _is_binary(pairs)
        self._strata = [] if self._binary else [_sums(some) for some in by_stratum(pairs)]

    def pass_p(self, margin: float) -> float:
        """Return the one-sided p; null hypothesis: the score fell by the margin or more."""
        p = super().pass_p(margin)
        if self._binary and 0 < margin < 1 and self.value > -margin:
            distance = self.problems * (self.value + margin)
            z = distance / math.sqrt(self.pass_variance(margin))
            p = max(p, float(losses_alone_p(z, self.problems, margin)))
        return p

    def pass_variance(self, margin: float) -> float:
        """Return the variance of the sum of changes if the score fell by the margin."""
        if self._binary:
            return tango_variance(*self._flips, self.problems, margin)
        return max(map(self._variance, self._losses(margin)))

    @cached_property
    def _flips(self) -> tuple[int, int]:
        """The numbers of lost and of gained problems."""
        lost = sum(pair.change < 0 for pair in self._pairs)
        return lost, sum(pair.change > 0 for pair in self._pairs)

    def fall_p(self) -> float:
        """Return the largest p over the applicable tests (intersection-union)."""
        return max(self.beyond_p(0.0), self._exact)

    @cached_property
    def _exact(self) -> float:
        ps = [sign_flip(self._pairs).less]
        if self._counted and has_unequal_samples(self._pairs):
            ps.append(exchange_test(self._pairs).less)
        return max(ps)

    def _losses(self, margin: float) -> Iterator[list[float]]:
        """Yield the parts that are lost of each stratum: of all the same, or of one alone."""
        shift = len(self._pairs) * (self.value + margin)
        room = [one.weight + one.change for one in self._strata]
        yield [max(0.0, shift / sum(room)) if sum(room) else 0.0] * len(room)
        for place, most in enumerate(room if len(room) > 1 else ()):
            if most >= shift > 0:
                yield [shift / most * (place == other) for other in range(len(room))]

    def _variance(self, lost: Sequence[float]) -> float:
        each = zip(self._strata, lost, strict=True)
        return math.fsum(one.variance(part) for one, part in each)


def tango_variance(lost: _Number, gained: _Number, problems: int, margin: float) -> _Number:
    """Return N² times the variance of the mean change if it is -margin (Tango 1998).

    Statistics in Medicine 17, 891-908: by the most likely chance of a loss under this hypothesis.

    Args:
        lost: the number of lost problems.
        gained: that of gained ones.
        problems: the number of all problems.
        margin: the fall that is to be refuted.
    """
    b = -gained - lost - margin * (2 * problems - gained + lost)
    c = lost * margin * (1 + margin)
    chance = (abs(b * b - 8 * problems * c) ** 0.5 - b) / (4 * problems)
    variance: _Number = problems * (2 * chance - margin * (1 + margin))
    return variance


def losses_alone_p(z: float | NDArray[Any], problems: int, margin: float) -> NDArray[Any]:
    """Return the exact chance of a score so high, if nothing changes but the margin that is lost.

    Losses are binomial then, and their score is least normal.

    Args:
        z: scores of Tango's test.
        problems: the number of problems.
        margin: the fall that is to be refuted, in (0, 1).
    """
    import numpy as np

    lost = np.arange(problems + 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, problems + 1)))])
    chances = np.exp(
        logs[-1] - logs - logs[::-1] + lost * math.log(margin)
        + (problems - lost) * math.log1p(-margin)
    )  # fmt: skip
    variances = np.maximum(tango_variance(lost, 0 * lost, problems, margin), _LEAST)
    scores = (problems * margin - lost) / np.sqrt(variances)
    # The fewer are lost, the higher is the score.
    as_high = np.searchsorted(-scores, -np.asarray(z) + _LEAST, side="right")
    totals: NDArray[Any] = np.concatenate([[0.0], np.cumsum(chances)])
    return np.asarray(np.minimum(1.0, totals[as_high]))


_LEAST = 1e-9
"""Less than a loss of one sample, where every problem was lost already."""


def mixed_variance(
    total: _Number, squares: _Number, problems: int, margin: float, largest: Callable[..., Any]
) -> _Number:
    """Return the variance of a sum of changes if their mean is -margin.

    As `NewProblems` has it, for independent problems of weight 1.

    Args:
        total: the sum of the changes.
        squares: that of their squares.
        problems: the number of problems.
        margin: the fall that is to be refuted.
        largest: `max`, or `numpy.maximum` for arrays.
    """
    room = largest(problems + total, _LEAST)
    lost = largest((total + problems * margin) / room, 0.0)
    mean = ((1 - lost) * total - lost * problems) / problems
    kept = squares - 2 * mean * total + problems * mean * mean
    variance: _Number = (1 - lost) * kept + lost * problems * (1 + mean) * (1 + mean)
    return variance


def _is_binary(pairs: Sequence[Pair]) -> bool:
    """Return whether these are independent problems of one task with one sample in both runs."""
    clusters = [pair.cluster for pair in pairs if pair.cluster is not None]
    return len(set(clusters)) == len(clusters) and all(
        pair.samples == (1, 1) and pair.stratum is None and pair.weight == 1 for pair in pairs
    )


def _sums(pairs: Sequence[Pair]) -> _Sums:
    rows = cluster_rows(pairs)
    return _Sums(
        size=math.fsum(k for _, k, _ in rows),
        weight=math.fsum(w for _, _, w in rows),
        change=math.fsum(s for s, _, _ in rows),
        ss=math.fsum(s * s for s, _, _ in rows),
        sk=math.fsum(s * k for s, k, _ in rows),
        kk=math.fsum(k * k for _, k, _ in rows),
        wk=math.fsum(w * k for _, k, w in rows),
        ww=math.fsum(w * w for _, _, w in rows),
    )


def none_lost(problems: int, alpha: float) -> float:
    """Return the largest share of problems that may be lost if none of so many was: ln(1/a) / N."""
    return min(1.0, -math.log(alpha) / problems)
