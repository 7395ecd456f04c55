"""pass@k, pass^k and G-Pass@k of problems, for every k.

k samples are drawn without replacement from the n of a problem, c of which are correct: the number
of correct ones among them is hypergeometric.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from mathreason_eval.stats.estimators.items import Item

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Table = NDArray[np.float64]
    Counts = NDArray[np.int_]

TAUS = (0.5, 0.75, 1.0)
"""The thresholds of G-Pass@k that its authors report: required fractions of correct samples."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Curves:
    """The unbiased estimators of problems with n samples, each a matrix: of c correct and k drawn.

    A row is a count c of correct samples, a column a k. k goes from 1 to n: nothing is
    extrapolated to more samples than there are.
    """

    pass_any: Table
    """pass@k = 1 - C(n - c, k) / C(n, k): one of k or more is correct (arXiv:2107.03374, eq. 1)."""
    pass_all: Table
    """pass^k = C(c, k) / C(n, k): all k are correct (arXiv:2406.12045)."""
    g_pass: tuple[Table, ...]
    """G-Pass@k by the taus of `TAUS`: ceil(tau k) or more are correct (arXiv:2412.13147)."""
    mg_pass: Table
    """mG-Pass@k: 2 / k times the sum over i from ceil(k / 2) + 1 to k of the chance that i or more
    are correct (arXiv:2412.13147). An odd k leaves 1 - 1 / k at most."""


@lru_cache(maxsize=8)
def curves(n: int, counts: tuple[int, ...] | None = None) -> Curves:
    """Return the estimators of problems with n samples, each in [0, 1].

    Args:
        n: the number of samples.
        counts: numbers of correct samples, a row each; None for all from 0 to n, whose matrices
            grow with the square of n.
    """
    import numpy as np

    correct = np.arange(n + 1) if counts is None else np.array(counts)
    at_half, excess = _at_least(n, correct, 0.5)
    return Curves(
        pass_any=1.0 - _all_correct(n, n - correct),
        pass_all=_all_correct(n, correct),
        g_pass=tuple(at_half if tau == TAUS[0] else _at_least(n, correct, tau)[0] for tau in TAUS),
        mg_pass=2 * excess / np.arange(1, n + 1),
    )


def _all_correct(n: int, correct: Counts) -> Table:
    """Return C(c, k) / C(n, k) by c and k: products that neither overflow nor cancel."""
    import numpy as np

    drawn = np.arange(n)
    return np.cumprod(np.maximum(correct[:, None] - drawn, 0) / (n - drawn), axis=1)


def _at_least(n: int, correct: Counts, tau: float) -> tuple[Table, Table]:
    """Return P(X >= h) and E[max(0, X - h)] by c and k, for X correct of k and h = ceil(tau k).

    Both are computed recursively in k: one more draw is correct with probability
    (c - X) / (n - k), and if h rises by one, draws with exactly h no longer suffice.
    """
    import numpy as np

    chance = np.empty((len(correct), n))
    excess = np.empty((len(correct), n))
    least = 1
    chance[:, 0], excess[:, 0] = correct / n, 0.0
    for k in range(1, n):
        exactly = _exactly(n, correct, k, least - 1)
        reached = chance[:, k - 1] + exactly * (correct - least + 1) / (n - k)
        above = excess[:, k - 1]
        above = above + ((correct - least) * chance[:, k - 1] - above) / (n - k)
        if math.ceil(tau * (k + 1)) > least:
            least += 1
            reached = reached - _exactly(n, correct, k + 1, least - 1)
            above = above - reached
        chance[:, k], excess[:, k] = reached, above
    return chance.clip(0, 1), excess.clip(0, None)


def _exactly(n: int, correct: Counts, k: int, hits: int) -> Table:
    """Return the probability that exactly `hits` of k are correct, by c."""
    import numpy as np

    right, wrong = correct - hits, n - correct - (k - hits)
    log = _log_factorials(n)
    chance = np.exp(
        log[correct] - log[hits] - log[np.maximum(right, 0)]
        + log[n - correct] - log[k - hits] - log[np.maximum(wrong, 0)]
        - log[n] + log[k] + log[n - k]
    )  # fmt: skip
    return np.where((right >= 0) & (wrong >= 0), chance, 0.0)


@lru_cache(maxsize=8)
def _log_factorials(n: int) -> Table:
    """Return the logarithm of k! for k from 0 to n."""
    import numpy as np

    # Without scipy, whose import takes as long as ten thousand samples.
    return np.array([math.lgamma(k + 1) for k in range(n + 1)])


# --- scores of problems ----------------------------------------------------------------------


_ALL_UP_TO = 256
"""Samples up to which the rows of all counts are kept: the slices of a task share them."""


def by_counts(curve: Callable[[Curves], Table]) -> Callable[[Sequence[Item]], Table]:
    """Return the function that scores problems by one of the estimators in `Curves`.

    It returns a row per problem and a column per k; NaN if k exceeds a problem's samples.
    """

    def table(items: Sequence[Item]) -> Table:
        import numpy as np

        numbers = np.array([item.n for item in items])
        correct = np.array([item.correct for item in items])
        scores = np.full((len(items), numbers.max()), np.nan)
        for n in np.unique(numbers):
            rows = np.flatnonzero(numbers == n)
            if n <= _ALL_UP_TO:
                scores[rows, :n] = curve(curves(int(n)))[correct[rows]]
            else:
                counts, row = np.unique(correct[rows], return_inverse=True)
                scores[rows, :n] = curve(curves(int(n), tuple(counts.tolist())))[row]
        return scores

    return table


def g_pass(tau: float) -> Callable[[Sequence[Item]], Table]:
    """Return the function that scores problems by G-Pass@k, for one of `TAUS`."""
    index = TAUS.index(tau)
    return by_counts(lambda found: found.g_pass[index])
