"""Exact tests of paired scores: sign flips, McNemar, and exchange of samples between the runs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from mathreason_eval.stats.difference import Pair, cluster_changes

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class ExactTest:
    """A test of the null hypothesis that two runs do not differ."""

    p: float
    """Two-sided p-value, in (0, 1]."""
    name: str
    """Name of the test."""


def exact_test(pairs: Sequence[Pair], *, counted: bool = True) -> ExactTest:
    """Return the exact two-sided test, with mid-p, that applies to the pairs.

    McNemar's test if every score is 0 or 1, else sign flips, which give the same p in that case. If
    the runs have different numbers of samples per problem, changes are not symmetric under the null
    hypothesis, and the p is the larger one of the sign-flip and the exchange test.

    Args:
        pairs: the problems that both runs have.
        counted: whether scores are fractions of correct samples: only these can be exchanged.
    """
    if counted and has_unequal_samples(pairs):
        p = max(sign_flip(pairs).two_sided, exchange_test(pairs).two_sided)
        return ExactTest(p=p, name="exact sign flips and exchange (mid-p)")
    if _is_binary(pairs):
        lost = sum(pair.change < 0 for pair in pairs)
        gained = sum(pair.change > 0 for pair in pairs)
        return ExactTest(p=mcnemar(lost, gained), name="exact McNemar (mid-p)")
    return ExactTest(p=sign_flip(pairs).two_sided, name="exact sign flips (mid-p)")


def has_unequal_samples(pairs: Sequence[Pair]) -> bool:
    """Return whether any problem has more samples in one run than in the other."""
    return any(pair.samples[0] != pair.samples[1] for pair in pairs)


def _is_binary(pairs: Sequence[Pair]) -> bool:
    """Return whether every score is 0 or 1, and no two problems share a cluster."""
    clusters = [pair.cluster for pair in pairs if pair.cluster is not None]
    scores = {score for pair in pairs for score in (pair.before, pair.after)}
    return len(set(clusters)) == len(clusters) and scores <= {0.0, 1.0}


def mcnemar(lost: int, gained: int, *, mid: bool = True) -> float:
    """Return the two-sided p of McNemar's exact test, in (0, 1]; 1 if nothing flipped.

    The mid-p subtracts half the probability of the result itself (Fagerland, Lydersen and Laake
    2013).
    """
    n = lost + gained
    fewer = min(lost, gained)
    tail = 2 * sum(math.comb(n, flips) for flips in range(fewer + 1))
    if mid:
        tail -= math.comb(n, fewer)
    # Integers can be divided even if neither fits a float.
    return min(1.0, float(Fraction(tail, 2**n)))


_MAX_STEPS = 1 << 16
"""Maximum steps of the sum of all changes (the length of its table); finer ones are rounded."""
_NOISE = 1e-13
"""Rounding error of a Fourier transform; a smaller p is reported as this."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PValues:
    """Mid-p-values (Lancaster 1961), each in (0, 1]. Null hypothesis: the runs do not differ."""

    less: float
    """One-sided; the alternative is a drop."""
    greater: float
    """One-sided; the alternative is a rise."""

    @property
    def two_sided(self) -> float:
        """Return twice the smaller, at most 1."""
        return min(1.0, 2 * min(self.less, self.greater))


def _p_values(chances: NDArray[Any], observed: int, smallest: float = _NOISE) -> PValues:
    """Return the mid-p-values of a distribution at the observed index."""
    own = float(chances[observed]) / 2
    tails = (chances[:observed], chances[observed + 1 :])
    less, greater = (min(1.0, max(smallest, float(tail.sum()) + own)) for tail in tails)
    return PValues(less=less, greater=greater)


# --- sign flips ------------------------------------------------------------------------------


def sign_flip(pairs: Sequence[Pair]) -> PValues:
    """Return the exact permutation test of paired scores.

    Over all 2 ** N ways to swap the runs problem by problem, or cluster by cluster, by convolution
    and without sampling (Fisher 1935; Pagano and Tritchler 1983, JASA 78, 435-440). With one
    sample per problem it is McNemar's exact test. If k clusters changed, no p is below 2 ** -k / 2.
    """
    steps = [step for step in _integer_changes(pairs) if step]
    if not steps:
        return PValues(less=0.5, greater=0.5)
    chances = _distribution_of_signed_sums([abs(step) for step in steps])
    smallest = max(_NOISE, 2.0 ** -len(steps) / 2)
    return _p_values(chances, len(chances) // 2 + sum(steps), smallest)


_FINEST = 10_000
"""Maximum number of steps of a score between 0 and 1; finer scores are rounded."""


_ROUNDING = 1e-6
"""Maximum distance of a sum of fractions from an integer by rounding."""


def _score_steps(pairs: Sequence[Pair], changes: Iterable[float]) -> int:
    """Return the number of steps into which a score of 1 is divided."""
    counted = math.lcm(*{size for pair in pairs for size in pair.samples})
    steps = (change * counted for change in changes)
    if counted <= _FINEST and all(abs(step - round(step)) < _ROUNDING for step in steps):
        return counted
    # A measure, or pass@K, has other values than fractions of the samples.
    return _FINEST


def _integer_changes(pairs: Sequence[Pair]) -> list[int]:
    """Return each cluster's change in steps; rounding ignores the sign, so the test stays exact."""
    changes = cluster_changes(pairs)
    steps = float(_score_steps(pairs, changes))
    total = math.fsum(map(abs, changes)) * steps
    steps *= min(1.0, _MAX_STEPS / total) if total else 1.0
    return [int(math.copysign(round(abs(change) * steps), change)) for change in changes]


def _distribution_of_signed_sums(sizes: Sequence[int]) -> NDArray[Any]:
    """Return the probability of each sum of the sizes with random signs, from -S to S.

    The characteristic function is a product of cosines; its Fourier transform is the distribution.
    """
    import numpy as np

    largest = sum(sizes)
    length = _fast_length(2 * largest + 1)
    angles = 2 * np.pi * np.arange(length // 2 + 1) / length
    values, counts = np.unique(np.asarray(sizes), return_counts=True)
    wave = np.ones_like(angles)
    for value, count in zip(values, counts, strict=True):
        wave *= np.cos(angles * value) ** count
    chances = np.fft.irfft(wave, n=length)
    # The sums below zero are at the end of the transform, and what is between is empty.
    sums = np.concatenate([chances[length - largest :], chances[: largest + 1]])
    held: NDArray[Any] = np.clip(sums, 0.0, 1.0)
    return held


_FACTORS = (1, 3, 5, 9, 15, 25, 27, 45, 75, 81, 125, 135)
"""Products of 3 and 5: times a power of two, a length that is transformed fast."""


def _fast_length(least: int) -> int:
    """Return a length from `least` on of small factors; a prime is transformed ten times slower."""
    return min(factor << (-(-least // factor) - 1).bit_length() for factor in _FACTORS)


# --- exchange of samples ---------------------------------------------------------------------

_Kind = tuple[int, int, int, float]
"""(correct samples of both runs, samples in the first run, samples in the second, weight)."""


def exchange_test(pairs: Sequence[Pair]) -> PValues:
    """Return the exact test of exchanged samples; null hypothesis: no problem changed.

    Given how many of a problem's samples are correct in both runs, their number in the first run
    is then hypergeometric. The distribution of the mean change is the convolution over problems,
    exactly and without sampling (Fisher's exact test, stratified; Zelen 1971, Biometrika 58,
    129-137).

    Student's t and sign flips assume that changes are symmetric under the null hypothesis. With
    eight samples in one run and one in the other they are not, for easy and hard problems. The
    scores must be fractions of correct samples.
    """
    import numpy as np

    kinds = Counter(map(_kind, pairs))
    steps = _steps_per_unit(kinds)
    tables = {kind: _exchange_distribution(kind, steps) for kind in kinds}
    lowest = sum(min(tables[kind]) * count for kind, count in kinds.items())
    length = 1 + sum((max(tables[k]) - min(tables[k])) * count for k, count in kinds.items())
    # A power of two is transformed fastest; the rest of the array is zero.
    size = max(2, 1 << (length - 1).bit_length())
    wave = np.ones(size // 2 + 1, dtype=complex)
    for kind, count in kinds.items():
        line = np.zeros(size)
        for step, chance in tables[kind].items():
            line[step - min(tables[kind])] = chance
        wave *= np.fft.rfft(line) ** count
    chances = np.clip(np.fft.irfft(wave, n=size)[:length], 0.0, 1.0)
    observed = -lowest + sum(_step(_kind(pair), _correct_before(pair), steps) for pair in pairs)
    return _p_values(chances, observed)


def fisher(pair: Pair) -> float:
    """Return the two-sided p of Fisher's exact test of one problem's samples, twice the smaller."""
    first, second = pair.samples
    before = _correct_before(pair)
    correct = _kind(pair)[0]
    ways = math.comb(first + second, correct)
    lowest, most = max(0, correct - second), min(first, correct)
    # The tail on the side of what was seen; integers, as floats overflow.
    is_lost = before * second > (correct - before) * first
    tail = range(before, most + 1) if is_lost else range(lowest, before + 1)
    chance = sum(math.comb(first, one) * math.comb(second, correct - one) for one in tail)
    return min(1.0, 2 * float(Fraction(chance, ways)))


def _correct_before(pair: Pair) -> int:
    return round(pair.before / pair.weight * pair.samples[0])


def _kind(pair: Pair) -> _Kind:
    after = round(pair.after / pair.weight * pair.samples[1])
    return _correct_before(pair) + after, *pair.samples, pair.weight


def _steps_per_unit(kinds: Mapping[_Kind, int]) -> float:
    """Return the steps of a score between 0 and 1: whole samples of both runs, if they fit."""
    finest = math.lcm(*{size for _, first, second, _ in kinds for size in (first, second)})
    if any(weight != 1 for *_, weight in kinds):
        finest = _FINEST
    changing = math.fsum(
        count * weight
        for (correct, first, second, weight), count in kinds.items()
        if 0 < correct < first + second
    )
    return min(float(finest), _MAX_STEPS / max(1.0, changing))


def _step(kind: _Kind, before: int, steps: float) -> int:
    """Return the change in steps if `before` of the correct samples are in the first run."""
    correct, first, second, weight = kind
    return round(((correct - before) / second - before / first) * weight * steps)


def _exchange_distribution(kind: _Kind, steps: float) -> dict[int, float]:
    """Return {change in steps: probability} if samples are exchanged at random."""
    correct, first, second, _ = kind
    ways = math.comb(first + second, correct)
    chances: dict[int, float] = {}
    for before in range(max(0, correct - second), min(first, correct) + 1):
        step = _step(kind, before, steps)
        chance = math.comb(first, before) * math.comb(second, correct - before) / ways
        chances[step] = chances.get(step, 0) + chance
    return chances
