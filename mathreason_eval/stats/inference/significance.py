"""Whether a change can be chance: exact tests of paired scores, and many tests at once."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from mathreason_eval.stats.uncertainty.difference import Pair

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FINEST = 10_000
"""Steps of a score between 0 and 1, at most; finer scores are rounded."""
_ROUNDING = 1e-6
"""Sums of shares lie this near to whole steps, at least."""
_LONGEST = 1 << 16
"""Steps that all changes together have, at most: so long is the table of sums."""
_NOISE = 1e-13
"""Below this a sum of rounded cosines says nothing; smaller p are given as this."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SignFlip:
    """P-values of a sign-flip test, each in (0, 1]."""

    fell: float
    """Chance of a fall as large by luck alone, if the two runs were alike: one-sided."""
    rose: float
    """The same of a rise."""
    either: float
    """Two-sided: twice the smaller, at most 1."""
    flips: int
    """Clusters that changed at all. No test can have a p below 2 ** -flips."""


def sign_flip(pairs: Sequence[Pair], *, mid: bool = True) -> SignFlip:
    """Return how likely so large a change is if each problem's might as well be its reverse.

    The exact permutation test of paired scores: over all 2 ** N ways to swap the runs problem by
    problem, or cluster by cluster, by convolution and without drawing (Fisher 1935; Pagano and
    Tritchler 1983, JASA 78, 435-440). Of one sample a problem it is McNemar's exact test.

    Args:
        pairs: the problems that both runs have.
        mid: count results as large as the one at hand by half (Lancaster 1961): the level is then
            met on average and not from below. False is the strict test, never above its level.
    """
    steps = [step for step in _whole_steps(pairs) if step]
    if not steps:
        even = 0.5 if mid else 1.0
        return SignFlip(fell=even, rose=even, either=1.0, flips=0)
    chances = _chances_of_sums([abs(step) for step in steps])
    middle = len(chances) // 2
    total = sum(steps)
    own = float(chances[middle + total]) * (0.5 if mid else 1.0)
    least = max(_NOISE, 2.0 ** -len(steps) * (0.5 if mid else 1.0))
    fell = min(1.0, max(least, float(chances[: middle + total].sum()) + own))
    rose = min(1.0, max(least, float(chances[middle + total + 1 :].sum()) + own))
    return SignFlip(fell=fell, rose=rose, either=min(1.0, 2 * min(fell, rose)), flips=len(steps))


def _whole_steps(pairs: Sequence[Pair]) -> list[int]:
    """Return the changes in whole steps; rounding is by size alone, so the test stays exact."""
    together: dict[Hashable, float] = {}
    for number, pair in enumerate(pairs):
        name = ("alone", number) if pair.cluster is None else ("together", pair.cluster)
        together[name] = together.get(name, 0.0) + pair.change
    steps = float(_steps_of_one(pairs, together.values()))
    whole = math.fsum(map(abs, together.values())) * steps
    steps *= min(1.0, _LONGEST / whole) if whole else 1.0
    return [int(math.copysign(round(abs(change) * steps), change)) for change in together.values()]


def _steps_of_one(pairs: Sequence[Pair], changes: Iterable[float]) -> int:
    """Return the steps of a score of one: those of counted samples where all changes are such."""
    counted = math.lcm(*{size for pair in pairs for size in pair.samples})
    if counted <= _FINEST and all(_is_whole(change * counted) for change in changes):
        return counted
    # A measure or pass@K of few samples takes other values than shares of the samples.
    return _FINEST


def _is_whole(number: float) -> bool:
    return abs(number - round(number)) < _ROUNDING


def _chances_of_sums(sizes: Sequence[int]) -> NDArray[Any]:
    """Return the chance of every sum of the sizes with random signs, from -S to S.

    Its characteristic function is a product of cosines, whose Fourier transform is its law.
    """
    import numpy as np

    largest = sum(sizes)
    length = 2 * largest + 1
    angles = 2 * np.pi * np.arange(largest + 1) / length
    values, counts = np.unique(np.asarray(sizes), return_counts=True)
    wave = np.ones_like(angles)
    for value, count in zip(values, counts, strict=True):
        wave *= np.cos(angles * value) ** count
    return np.clip(np.fft.fftshift(np.fft.irfft(wave, n=length)), 0.0, 1.0)


def mcnemar(lost: int, gained: int, *, mid: bool = True) -> float:
    """Return the two-sided p of McNemar's exact test, in (0, 1]; 1 where nothing flipped.

    Args:
        lost: problems that were right and are wrong.
        gained: problems that were wrong and are right.
        mid: take half the chance of the result at hand off (Fagerland, Lydersen and Laake 2013).
    """
    n = lost + gained
    fewer = min(lost, gained)
    tail = 2 * sum(math.comb(n, flips) for flips in range(fewer + 1))
    if mid:
        tail -= math.comb(n, fewer)
    # Whole numbers of any size have a quotient where neither would fit a float.
    return min(1.0, float(Fraction(tail, 2**n)))


def holm(ps: Sequence[float]) -> list[float]:
    """Return the p-values adjusted so that the chance of any false alarm stays (Holm 1979)."""
    adjusted = [0.0] * len(ps)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = largest
    return adjusted


def benjamini_hochberg(ps: Sequence[float]) -> list[float]:
    """Return the p-values adjusted so that the share of false alarms among alarms stays (1995)."""
    adjusted = [0.0] * len(ps)
    least = 1.0
    order = sorted(range(len(ps)), key=ps.__getitem__)
    for rank, place in reversed(list(enumerate(order, 1))):
        least = min(least, ps[place] * len(ps) / rank)
        adjusted[place] = least
    return adjusted
