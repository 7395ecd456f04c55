"""Votes among k samples, for every k: by majority, and weighted by a reward model's scores.

The majority vote is exact, over all draws. Draw each of the n samples independently with some
probability p: given that k were drawn, all sets of k are equally likely, for every p. So the
probability that the vote among k is won is

    P(the vote is won and k are drawn) / P(k are drawn),

and the classes are independent. The generating function of the number drawn, restricted to won
votes, is then a sum over the votes t of the correct class,

    V(z) = sum_t P(correct has t) z^t * integral_0^1 prod_j (L_j(z) + y P(j has t) z^t) dy * U(z),

where L_j is that of class j with fewer than t votes, and U that of samples without an answer. d
classes that tie with the correct one give y^d, whose integral is 1 / (1 + d), the shared credit.
It is evaluated at roots of unity and transformed back into its coefficients, for several p, as
those of k far from n p would be lost to rounding. The remaining error is below 1e-10.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from mathreason_eval.stats.estimators.items import Item

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# --- majority: maj@k -------------------------------------------------------------------------


def maj_curve(right: int, others: Sequence[int], unanswered: int) -> Floats:
    """Return maj@1 to maj@n of one problem: the expected credit of a vote, in [0, 1].

    k samples are drawn without replacement from all n. The largest class of equivalent answers
    wins; classes of equal size share the credit. Samples without an answer have no vote; if none
    of the k has one, the vote is lost.

    Args:
        right: number of correct samples, at least one.
        others: number of samples of each class of wrong answers.
        unanswered: number of samples without an answer.
    """
    return _maj_curve(right, tuple(sorted(others)), unanswered)


_DECIMALS = 10
"""Decimal places that are kept: further ones are rounding errors."""


@lru_cache(maxsize=1 << 14)
def _maj_curve(right: int, others: tuple[int, ...], unanswered: int) -> Floats:
    import numpy as np

    n = right + sum(others) + unanswered
    rivals = Counter(others)
    curve = np.zeros(n)
    for drawing in _drawings(n):
        won = _won(drawing, right, rivals)
        curve[drawing.drawn - 1] = won[drawing.row, drawing.drawn % drawing.length] / drawing.chance
    curve = np.round(curve.clip(0, 1), _DECIMALS)
    curve.flags.writeable = False
    return curve


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Drawing:
    """Probabilities p of drawing each of n samples, and the k for which each is most accurate."""

    n: int
    chances: Floats
    """The probabilities p, increasing."""
    drawn: NDArray[np.int_]
    """The numbers k."""
    row: NDArray[np.int_]
    """For each k, the index of its p."""
    chance: Floats
    """For each k, the probability that k of n are drawn."""
    length: int
    """Number of points of the Fourier transform."""
    powers: NDArray[np.complex128]
    """At [t, 0, i], the i-th root of unity to the power t."""


_SPACING = 6.0
"""Distance of neighbouring p, in standard deviations of the number drawn."""
_WIDTH = 12.0
"""Standard deviations of the number drawn that a transform covers without aliasing."""
_BLOCK_LIMIT = 256
"""Largest n for which all p are evaluated at once; for larger n memory would not suffice."""


@lru_cache(maxsize=64)
def _drawings(n: int) -> tuple[_Drawing, ...]:
    import numpy as np

    # On the arcsine scale the number drawn has the standard deviation 1 / 2 sqrt(n) for every p.
    first = math.asin(math.sqrt(min(0.5, 0.7 / n)))
    count = 1 + math.ceil((math.pi / 2 - 2 * first) * 2 * math.sqrt(n) / _SPACING)
    chances = np.sin(np.linspace(first, math.pi / 2 - first, count)) ** 2
    likely = np.stack([_binomial(n, p)[1:] for p in chances])
    best = likely.argmax(axis=0)
    length = min(n + 1, math.ceil(_WIDTH * math.sqrt(n) / 2))
    turns = np.outer(np.arange(n + 1), np.arange(length // 2 + 1)) % length
    powers = np.exp(-2j * np.pi / length * np.arange(length))[turns][:, None, :]
    blocks = [np.arange(count)] if n <= _BLOCK_LIMIT else np.arange(count)[:, None]
    drawings = []
    for block in blocks:
        drawn = np.flatnonzero((best >= block[0]) & (best <= block[-1]))
        drawings.append(
            _Drawing(
                n=n,
                chances=chances[block],
                drawn=drawn + 1,
                row=best[drawn] - block[0],
                chance=likely[best[drawn], drawn],
                length=length,
                powers=powers,
            )
        )
    return tuple(drawings)


def _binomial(n: int, p: float) -> Floats:
    """Return the probabilities that 0 to n of n samples are drawn."""
    import numpy as np

    logs = _log_factorials(n)
    drawn = np.arange(n + 1)
    ways = logs[n] - logs[: n + 1] - logs[n::-1]
    chances: Floats = np.exp(ways + drawn * math.log(p) + (n - drawn) * math.log1p(-p))
    return chances


@lru_cache(maxsize=64)
def _log_factorials(n: int) -> Floats:
    import numpy as np

    return np.array([math.lgamma(i + 1) for i in range(n + 1)])


def _won(drawing: _Drawing, right: int, rivals: Mapping[int, int]) -> Floats:
    """Return P(the vote is won and k are drawn), a row for each p, a column for k mod length.

    Samples that are neither correct nor of a rival class, such as those without an answer, do not
    affect the vote.
    """
    import numpy as np

    spans = {size: _span(drawing, size) for size in (right, *rivals)}
    first = max(1, *(fewest for fewest, _ in spans.values()))
    most = spans[right][1]
    if first > most:
        return np.zeros((len(drawing.chances), drawing.length))
    contenders = [size for size in rivals if spans[size][1] >= first]
    last = min(most, max((spans[size][1] for size in contenders), default=0))
    votes, ties, weights = _rows(
        first,
        [sum(rivals[c] for c in contenders if spans[c][1] >= t) for t in range(first, last + 1)],
    )
    own = _votes_of(drawing, right)
    values = weights[:, None, None] * own.exactly[votes - own.first]
    # With more votes than any rival can have, the correct class has won: one row.
    beyond = max(first, last + 1) - own.first
    sure = own.exactly[beyond:].sum(axis=0)
    p = drawing.chances[:, None]
    either = (1 - p) + p * drawing.powers[1 % (drawing.n + 1)]
    contending = 0
    for size in contenders:
        rival = _votes_of(drawing, size)
        # Rows are sorted by votes: a class that cannot have so many has lost in all later ones.
        able = int(np.searchsorted(votes, spans[size][1], side="right"))
        at = votes[:able] - rival.first
        within = rival.fewer[at] + ties[:able, None, None] * rival.exactly[at]
        values[:able] *= _power(within, rivals[size])
        values[able:] *= either ** (size * rivals[size])
        contending += size * rivals[size]
    total = values.sum(axis=0) + sure * either**contending
    total = total * either ** (drawing.n - right - contending)
    coefficients: Floats = np.fft.irfft(total, drawing.length)
    return coefficients


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Votes:
    """Generating functions of a class's votes."""

    first: int
    """The smallest number of votes, by `_span`."""
    exactly: NDArray[np.complex128]
    """At [t - first]: of exactly t votes."""
    fewer: NDArray[np.complex128]
    """At [t - first]: of fewer than t votes."""


@lru_cache(maxsize=128)
def _votes_of(drawing: _Drawing, size: int) -> _Votes:
    import numpy as np

    first, last = _span(drawing, size)
    chances = np.stack([_binomial(size, p)[first : last + 1] for p in drawing.chances], axis=1)
    exactly = chances[:, :, None] * drawing.powers[first : last + 1]
    fewer = np.zeros_like(exactly)
    np.cumsum(exactly[:-1], axis=0, out=fewer[1:])
    return _Votes(first=first, exactly=exactly, fewer=fewer)


_TAIL = 8.0
"""(standard deviations, votes) from the mean beyond which probability is neglected."""


def _span(drawing: _Drawing, size: int) -> tuple[int, int]:
    """Return the smallest and largest number of votes of a class, without the tails."""
    least, greatest = float(drawing.chances[0]), float(drawing.chances[-1])
    low, high = size * least, size * greatest
    fewest = math.floor(low - _TAIL * math.sqrt(low * (1 - least)) - _TAIL)
    most = math.ceil(high + _TAIL * math.sqrt(high * (1 - greatest)) + _TAIL)
    return max(0, fewest), min(size, most)


_MAX_POINTS = 512
"""Points of the quadrature: those of thousands take minutes and gigabytes."""


def _rows(first: int, able: Sequence[int]) -> tuple[NDArray[np.int_], Floats, Floats]:
    """Return votes t, points y and weights by which the integral over y is an exact sum.

    Gauss-Legendre quadrature with m points is exact for polynomials of degree 2m - 1; of more
    than a thousand classes that tie it is as exact as the decimal places that are kept.

    Args:
        first: the smallest number of votes.
        able: for `first`, `first + 1`, … votes, how many classes can tie: the degree in y.
    """
    import numpy as np

    # Powers of two only, as computing points is slow; those of 2^i begin at index 2^i - 1.
    counts = [min(_MAX_POINTS, 1 << (degree // 2).bit_length()) for degree in able]
    points, weights = _gauss(max(counts, default=1))
    votes = np.repeat(np.arange(first, first + len(able)), counts)
    chosen = [i for count in counts for i in range(count - 1, 2 * count - 1)]
    return votes, points[chosen], weights[chosen]


@lru_cache(maxsize=16)
def _gauss(most: int) -> tuple[Floats, Floats]:
    """Return Gauss-Legendre points and weights on [0, 1]: of 1 point, of 2, of 4, up to `most`."""
    import numpy as np

    rules = [np.polynomial.legendre.leggauss(1 << i) for i in range(most.bit_length())]
    points = np.concatenate([points for points, _ in rules])
    return (points + 1) / 2, np.concatenate([weights for _, weights in rules]) / 2


def _power(base: NDArray[np.complex128], exponent: int) -> NDArray[np.complex128]:
    """Return a power by squaring: numpy's `**` of complex numbers takes logarithms."""
    result = base
    for bit in f"{exponent:b}"[1:]:
        result = result * result
        if bit == "1":
            result = result * base
    return result


# --- by reward: best@k, vote@k ---------------------------------------------------------------


_TABLE_CELLS = 1 << 20
"""Cells of a table that is computed at a time: with all, memory would grow with the square of n."""


def best_curve(rewards: Sequence[float], correct: Sequence[bool]) -> Floats:
    """Return best@1 to best@n of one problem: the chance that the best of k samples is correct.

    The best is the one with the largest reward among k drawn without replacement; equal rewards
    share the credit. Exact: the best of k has rank r of n in C(n - r, k - 1) of the C(n, k) draws.

    Args:
        rewards: the reward of each sample.
        correct: whether each sample is correct.
    """
    import numpy as np

    n = len(rewards)
    _, level, size = np.unique(
        -np.asarray(rewards, dtype=float), return_inverse=True, return_counts=True
    )
    right = np.bincount(level, np.asarray(correct, dtype=float))
    # above[r]: samples with a larger reward than level r; the last entry counts all n.
    above = np.concatenate([[0], np.cumsum(size)])
    curve: Floats = np.zeros(n)
    at_a_time = max(1, _TABLE_CELLS // n)
    for first in range(0, len(size), at_a_time):
        levels = slice(first, first + at_a_time)
        left = (n - above[first : first + at_a_time + 1])[:, None] - np.arange(n)
        none_above = np.cumprod(np.maximum(left, 0) / (n - np.arange(n)), axis=1)
        curve += (right[levels] / size[levels]) @ (none_above[:-1] - none_above[1:])
    return curve


MOST_ENUMERATED = 12
"""Largest number of samples of which all sets are counted, instead of some that are drawn."""


def exact_vote_curve(rewards: Sequence[float], ballots: Sequence[int | None]) -> Floats:
    """Return vote@1 to vote@n over all sets of samples: see `vote_curve`."""
    import numpy as np

    sets = _all_sets(len(rewards))
    reward = np.asarray(rewards, dtype=float)
    totals = []
    for one in range(1 + max((b for b in ballots if b is not None), default=0)):
        cast = np.array([ballot == one for ballot in ballots])
        # Multiplied only where it is cast: a reward may be infinite.
        total = sets[:, cast] @ reward[cast]
        totals.append(np.where(sets[:, cast].any(axis=1), total, -np.inf).round(9))
    most = np.max(totals, axis=0)
    won = [(total == most) & (most > -np.inf) for total in totals]
    credit = won[0] / np.maximum(np.sum(won, axis=0), 1)
    sizes = sets.sum(axis=1).astype(int)
    sums = np.bincount(sizes, credit, minlength=len(rewards) + 1)
    curve: Floats = (sums / np.bincount(sizes, minlength=len(rewards) + 1))[1:]
    return curve


@lru_cache(maxsize=MOST_ENUMERATED)
def _all_sets(n: int) -> Floats:
    """Return a row for each set of n samples: 1 for those that are in it."""
    import numpy as np

    return ((np.arange(1 << n)[:, None] >> np.arange(n)) & 1).astype(float)


_MAX_CELLS = 1 << 30
"""Orders times samples times classes: very many samples with as many answers have fewer orders."""


def vote_curve(
    rewards: Sequence[float], ballots: Sequence[int | None], *, draws: int, seed: str
) -> Floats:
    """Return vote@1 to vote@n: the chance that the class with the largest reward is correct.

    Class 0 is the correct one. A class's reward is the sum of its samples' rewards; equal sums
    share the credit; if no sample has an answer, the vote is lost. Exact for k = n; for k < n the
    mean over seeded draws: the first k samples of a random order.

    Args:
        rewards: the reward of each sample.
        ballots: the class of each sample's answer; None for a sample without one.
        draws: number of random orders.
        seed: the seed of the orders, such as the problem's id.
    """
    import numpy as np

    n, classes = len(rewards), 1 + max((b for b in ballots if b is not None), default=0)
    digest = hashlib.sha256(seed.encode("utf-8", "surrogatepass")).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    draws = max(1, min(draws, _MAX_CELLS // (n * classes)))
    value = np.asarray(rewards, dtype=float)
    choice = np.array([-1 if ballot is None else ballot for ballot in ballots])
    credit: Floats = np.zeros(n)
    at_a_time = max(1, _TABLE_CELLS // n)
    for first in range(0, draws, at_a_time):
        some = min(at_a_time, draws - first)
        order = rng.permuted(np.tile(np.arange(n), (some, 1)), axis=1)
        # One by one, so that the sum does not depend on how many are drawn at a time.
        for won in _credit(value[order], choice[order], classes):
            credit += won
    return credit / draws


def _credit(reward: Floats, choice: NDArray[np.int_], classes: int) -> Floats:
    """Return the credit of class 0 by order and by how many samples of it vote."""
    import numpy as np

    most = np.full(reward.shape, -np.inf)
    ties = np.zeros(reward.shape, dtype=int)
    own = most
    for one in range(classes):
        cast = choice == one
        total = np.where(
            cast.cumsum(axis=1) > 0, np.where(cast, reward, 0.0).cumsum(axis=1), -np.inf
        ).round(9)
        own = total if one == 0 else own
        ties = np.where(total > most, 1, ties + (total == most))
        most = np.maximum(most, total)
    # If no sample has an answer, all sums are minus infinity, and no class has won.
    won: Floats = ((own == most) & (most > -np.inf)) / np.maximum(ties, 1)
    return won


# --- tables: a row for each problem, a column for each k; NaN where it has fewer samples ------


def majority(items: Sequence[Item]) -> Floats:
    """Return maj@k: a row per problem, a column per k from 1."""
    import numpy as np

    def curve(item: Item) -> Floats:
        if not item.correct:
            return np.zeros(item.n)
        return maj_curve(item.correct, item.classes[1:], item.n - sum(item.classes))

    return _table(items, curve)


def best_by_reward(items: Sequence[Item]) -> Floats:
    """Return best@k: a row per problem, a column per k from 1."""
    return _table(
        items, lambda item: best_curve(item.rewards, [ballot == 0 for ballot in item.ballots])
    )


def vote_by_reward(items: Sequence[Item]) -> Floats:
    """Return vote@k: a row per problem, a column per k from 1."""
    draws = vote_draws(items)

    def curve(item: Item) -> Floats:
        if item.n <= MOST_ENUMERATED:
            return exact_vote_curve(item.rewards, item.ballots)
        return vote_curve(item.rewards, item.ballots, draws=draws, seed=item.problem.id)

    return _table(items, curve)


_TOTAL_DRAWS = 30_000
"""Target number of draws for vote@k over all problems together."""
_MIN_DRAWS, _MAX_DRAWS = 16, 1_000
"""Minimum and maximum number of draws per problem."""


def vote_draws(items: Sequence[Item]) -> int:
    """Return how many random orders of a problem's samples are drawn for vote@k."""
    return max(_MIN_DRAWS, min(_MAX_DRAWS, _TOTAL_DRAWS // len(items)))


def _table(items: Sequence[Item], curve: Callable[[Item], Floats]) -> Floats:
    import numpy as np

    scores = np.full((len(items), max(item.n for item in items)), np.nan)
    for row, item in enumerate(items):
        scores[row, : item.n] = curve(item)
    return scores
