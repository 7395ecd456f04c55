"""The chance that a majority vote of k samples is right, for every k, over all draws.

Draw each of the n samples by itself with some chance p: given that k were drawn, all sets of k are
equally likely, whatever p is. So the chance of a won vote among k is

    P(the vote is won and k are drawn) / P(k are drawn),

and while the samples are drawn one by one, classes are independent. The generating function of the
number drawn, over won votes only, is then a sum over the votes t of the right class,

    V(z) = sum_t P(right has t) z^t * integral_0^1 prod_j (L_j(z) + y P(j has t) z^t) dy * U(z),

L_j that of a class j with fewer than t votes and U that of samples without an answer: d classes
that tie with the right one leave y^d, and the integral of y^d is 1 / (1 + d), the shared credit.
It is evaluated at roots of unity and turned back into its coefficients, at several p, because those
of k far from n p would drown in rounding. What is left of that is below 1e-10.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_DIGITS = 10
"""Decimal places that are free of rounding."""
_APART = 6.0
"""Standard deviations of the number drawn between one chance of drawing and the next."""
_WIDTH = 12.0
"""Standard deviations of the number drawn that a transform holds apart."""
_TAIL = 8.0
"""Standard deviations of a class's votes, and votes, beyond which nothing counts."""
_TOGETHER = 256
"""So many samples, at most, are looked at with all chances of drawing at once."""


def maj_at_k(sizes: Sequence[int], correct: int | None, unanswered: int, k: int) -> float:
    """Return maj@k of one problem, in [0, 1]: the expected credit of a vote among k samples.

    The k samples are drawn without replacement from all n. The largest class of equivalent answers
    wins; classes of equal size share the credit. Samples without an answer have no vote; where
    none of the k has one, the vote is lost.

    Args:
        sizes: how many samples each class of answers holds.
        correct: index of the class that is correct; None if no sample is.
        unanswered: samples without an answer.
        k: samples drawn.

    Raises:
        ValueError: unless 1 <= k <= n.
    """
    n = sum(sizes) + unanswered
    if not 1 <= k <= n:
        raise ValueError(f"maj@{k} of {n} samples does not exist.")
    if correct is None:
        return 0.0
    others = [size for index, size in enumerate(sizes) if index != correct]
    return float(maj_curve(sizes[correct], others, unanswered)[k - 1])


def maj_curve(right: int, others: Sequence[int], unanswered: int) -> NDArray[np.float64]:
    """Return maj@1 to maj@n of one problem.

    Args:
        right: how many samples are correct, one at least.
        others: how many samples each class of wrong answers holds.
        unanswered: samples without an answer.
    """
    return _curve(right, tuple(sorted(others)), unanswered)


@lru_cache(maxsize=1 << 14)
def _curve(right: int, others: tuple[int, ...], unanswered: int) -> NDArray[np.float64]:
    import numpy as np

    n = right + sum(others) + unanswered
    rivals = Counter(others)
    curve = np.zeros(n)
    for drawing in _drawings(n):
        won = _won(drawing, right, rivals)
        curve[drawing.drawn - 1] = won[drawing.row, drawing.drawn % drawing.length] / drawing.chance
    curve = np.round(curve.clip(0, 1), _DIGITS)
    curve.flags.writeable = False
    return curve


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Drawing:
    """Some chances with which each of n samples may be drawn, and the k that each is best for."""

    n: int
    chances: NDArray[np.float64]
    drawn: NDArray[np.int_]
    """The numbers k."""
    row: NDArray[np.int_]
    """For each k which of the chances."""
    chance: NDArray[np.float64]
    """For each k the chance that k of n are drawn."""
    length: int
    """Points of the transform."""
    powers: NDArray[np.complex128]
    """At [t, 0, i] the i-th root of unity to the t."""

    @property
    def least(self) -> float:
        """Return the smallest of the chances."""
        return float(self.chances[0])

    @property
    def greatest(self) -> float:
        """Return the largest of the chances."""
        return float(self.chances[-1])


@lru_cache(maxsize=64)
def _drawings(n: int) -> tuple[_Drawing, ...]:
    import numpy as np

    # On this scale the number drawn has the same standard deviation, 1 / 2 sqrt(n), everywhere.
    first = math.asin(math.sqrt(min(0.5, 0.7 / n)))
    count = 1 + math.ceil((math.pi / 2 - 2 * first) * 2 * math.sqrt(n) / _APART)
    chances = np.sin(np.linspace(first, math.pi / 2 - first, count)) ** 2
    likely = np.stack([_binomial(n, p)[1:] for p in chances])
    best = likely.argmax(axis=0)
    length = min(n + 1, math.ceil(_WIDTH * math.sqrt(n) / 2))
    turns = np.outer(np.arange(n + 1), np.arange(length // 2 + 1)) % length
    powers = np.exp(-2j * np.pi / length * np.arange(length))[turns][:, None, :]
    blocks = [np.arange(count)] if n <= _TOGETHER else np.arange(count)[:, None]
    made = []
    for block in blocks:
        drawn = np.flatnonzero((best >= block[0]) & (best <= block[-1]))
        made.append(
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
    return tuple(made)


def _binomial(n: int, p: float) -> NDArray[np.float64]:
    """Return the chances that 0 to n of n samples are drawn."""
    import numpy as np

    logs = _log_factorials(n)
    drawn = np.arange(n + 1)
    ways = logs[n] - logs[: n + 1] - logs[n::-1]
    made: NDArray[np.float64] = np.exp(ways + drawn * math.log(p) + (n - drawn) * math.log1p(-p))
    return made


@lru_cache(maxsize=64)
def _log_factorials(n: int) -> NDArray[np.float64]:
    import numpy as np

    return np.array([math.lgamma(i + 1) for i in range(n + 1)])


def _won(drawing: _Drawing, right: int, rivals: Mapping[int, int]) -> NDArray[np.float64]:
    """Return for each chance and number drawn, modulo the length, the chance of a won vote.

    What is neither right nor a rival, such as a sample without an answer, changes no vote.
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
    # With more votes than any contender can have, the right class has won: that is one row.
    beyond = max(first, last + 1) - own.first
    sure = own.exactly[beyond:].sum(axis=0)
    p = drawing.chances[:, None]
    either = (1 - p) + p * drawing.powers[1 % (drawing.n + 1)]
    contending = 0
    for size in contenders:
        rival = _votes_of(drawing, size)
        # Rows stand in the order of votes: a class that cannot have so many has lost anyway.
        able = int(np.searchsorted(votes, spans[size][1], side="right"))
        at = votes[:able] - rival.first
        within = rival.fewer[at] + ties[:able, None, None] * rival.exactly[at]
        values[:able] *= _power(within, rivals[size])
        values[able:] *= either ** (size * rivals[size])
        contending += size * rivals[size]
    total = values.sum(axis=0) + sure * either**contending
    total = total * either ** (drawing.n - right - contending)
    turned: NDArray[np.float64] = np.fft.irfft(total, drawing.length)
    return turned


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Votes:
    """Generating functions of a class's votes."""

    first: int
    """The fewest votes that are likely."""
    exactly: NDArray[np.complex128]
    """At [t - first], with t votes."""
    fewer: NDArray[np.complex128]
    """At [t - first], with fewer than t."""


@lru_cache(maxsize=128)
def _votes_of(drawing: _Drawing, size: int) -> _Votes:
    import numpy as np

    first, last = _span(drawing, size)
    chances = np.stack([_binomial(size, p)[first : last + 1] for p in drawing.chances], axis=1)
    exactly = chances[:, :, None] * drawing.powers[first : last + 1]
    fewer = np.zeros_like(exactly)
    np.cumsum(exactly[:-1], axis=0, out=fewer[1:])
    return _Votes(first=first, exactly=exactly, fewer=fewer)


def _span(drawing: _Drawing, size: int) -> tuple[int, int]:
    """Return the fewest and most votes that a class is at all likely to have."""
    low, high = size * drawing.least, size * drawing.greatest
    fewest = math.floor(low - _TAIL * math.sqrt(low * (1 - drawing.least)) - _TAIL)
    most = math.ceil(high + _TAIL * math.sqrt(high * (1 - drawing.greatest)) + _TAIL)
    return max(0, fewest), min(size, most)


def _rows(
    first: int, able: Sequence[int]
) -> tuple[NDArray[np.int_], NDArray[np.float64], NDArray[np.float64]]:
    """Return votes, and points y with weights: their sum is the integral over ties, exactly.

    Gauss's rule with m points integrates a polynomial of degree 2m - 1.

    Args:
        first: the fewest votes.
        able: for these, and for each more, how many classes can tie: the degree in y.
    """
    import numpy as np

    # Few numbers of points, because finding many takes long: of 2^i they begin at 2^i - 1.
    counts = [1 << (degree // 2).bit_length() for degree in able]
    points, weights = _gauss(max(counts, default=1))
    votes = np.repeat(np.arange(first, first + len(able)), counts)
    chosen = [i for count in counts for i in range(count - 1, 2 * count - 1)]
    return votes, points[chosen], weights[chosen]


@lru_cache(maxsize=16)
def _gauss(most: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the points and weights of 1, 2, 4 and so on to so many points, from 0 to 1."""
    import numpy as np

    rules = [np.polynomial.legendre.leggauss(1 << i) for i in range(most.bit_length())]
    points = np.concatenate([points for points, _ in rules])
    return (points + 1) / 2, np.concatenate([weights for _, weights in rules]) / 2


def _power(base: NDArray[np.complex128], exponent: int) -> NDArray[np.complex128]:
    """Return a power by squaring: numpy's takes logarithms."""
    result = base
    for bit in f"{exponent:b}"[1:]:
        result = result * result
        if bit == "1":
            result = result * base
    return result
