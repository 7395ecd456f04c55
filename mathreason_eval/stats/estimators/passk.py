"""The chances that some, all, or enough of k samples are right.

The k samples are drawn without replacement from the n of a problem, c of which are correct: the
number of correct ones among them is hypergeometric.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TAUS = (0.5, 0.75, 1.0)
"""Shares of correct samples that G-Pass@k asks for, as its authors report them."""


def pass_at_k(n: int, correct: int, k: int) -> float:
    """Return the unbiased pass@k of one problem, in [0, 1] (arXiv:2107.03374, eq. 1).

    The chance that at least one of k is correct: 1 - C(n - c, k) / C(n, k).

    Args:
        n: samples of the problem.
        correct: how many of them are correct.
        k: samples drawn without replacement.

    Raises:
        ValueError: unless 0 <= correct <= n and 1 <= k <= n.
    """
    return 1.0 - _all_of(n, n - correct, k, f"pass@{k} of {correct} correct")


def pass_hat_k(n: int, correct: int, k: int) -> float:
    """Return the unbiased pass^k of one problem, in [0, 1] (arXiv:2406.12045).

    The chance that all of k are correct: C(c, k) / C(n, k).

    Raises:
        ValueError: unless 0 <= correct <= n and 1 <= k <= n.
    """
    return _all_of(n, correct, k, f"pass^{k} of {correct} correct")


@lru_cache(maxsize=1 << 16)
def _all_of(n: int, marked: int, k: int, what: str) -> float:
    """Return C(marked, k) / C(n, k), as a product that neither overflows nor cancels."""
    if not 0 <= marked <= n or not 1 <= k <= n:
        raise ValueError(f"{what} among {n} samples does not exist.")
    if marked < k:
        return 0.0
    return math.prod(1.0 - k / i for i in range(marked + 1, n + 1))


def g_pass_at_k(n: int, correct: int, k: int, tau: float) -> float:
    """Return G-Pass@k of one problem, in [0, 1] (arXiv:2412.13147).

    The chance that at least a share tau of k is correct: that of ceil(tau k) or more, and of one
    where tau is 0.

    Raises:
        ValueError: unless 0 <= correct <= n and 1 <= k <= n.
    """
    # In floating point 0.7 * 10 is a little more than 7.
    least = max(1, math.ceil(round(tau * k, 9)))
    return _or_more(n, correct, k, least) / math.comb(n, k)


def mg_pass_at_k(n: int, correct: int, k: int) -> float:
    """Return mG-Pass@k of one problem, in [0, 1] (arXiv:2412.13147).

    Twice the mean of G-Pass@k over the shares above one half: (2 / k) times the sum over i from
    ceil(k / 2) + 1 to k of the chance of i or more. An odd k leaves 1 - 1 / k at most.

    Raises:
        ValueError: unless 0 <= correct <= n and 1 <= k <= n.
    """
    half = (k + 1) // 2
    ways = sum(_or_more(n, correct, k, hits) for hits in range(half + 1, k + 1))
    return 2 * ways / (k * math.comb(n, k))


def _or_more(n: int, correct: int, k: int, least: int) -> int:
    """Return how many of the draws of k hold so many correct ones or more."""
    if not 0 <= correct <= n or not 1 <= k <= n:
        raise ValueError(f"g-pass@{k} of {correct} correct among {n} samples does not exist.")
    return sum(
        math.comb(correct, hits) * math.comb(n - correct, k - hits)
        for hits in range(least, min(k, correct) + 1)
    )


# --- every k at once -------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Curves:
    """The estimators for k = 1 to n, each a matrix: at [c, k - 1] that of c correct samples."""

    some: Floats
    """pass@k."""
    every: Floats
    """pass^k."""
    enough: tuple[Floats, ...]
    """G-Pass@k by the taus of `TAUS`."""
    mean_enough: Floats
    """mG-Pass@k."""


@lru_cache(maxsize=8)
def curves(n: int) -> Curves:
    """Return all estimators of problems with n samples."""
    import numpy as np

    every = _every(n)
    at_half, excess = _at_least(n, 0.5)
    return Curves(
        some=1.0 - every[::-1],
        every=every,
        enough=tuple(at_half if tau == TAUS[0] else _at_least(n, tau)[0] for tau in TAUS),
        mean_enough=2 * excess / np.arange(1, n + 1),
    )


def _every(n: int) -> Floats:
    """Return pass^k by c and k: C(c, k) / C(n, k), each from the one before."""
    import numpy as np

    correct, drawn = np.arange(n + 1)[:, None], np.arange(n)
    return np.cumprod(np.maximum(correct - drawn, 0) / (n - drawn), axis=1)


def _at_least(n: int, tau: float) -> tuple[Floats, Floats]:
    """Return by c and k the chance of h = ceil(tau k) or more correct ones, and by how many.

    By how many is the mean of max(0, X - h). Both follow k step by step: one more draw brings a
    correct sample with the chance (c - X) / (n - k), and where h rises by one, those that had
    exactly h fall short.
    """
    import numpy as np

    correct = np.arange(n + 1.0)
    chance = np.empty((n + 1, n))
    excess = np.empty((n + 1, n))
    least = 1
    chance[:, 0], excess[:, 0] = correct / n, 0.0
    for k in range(1, n):
        reached = chance[:, k - 1] + _exactly(n, k, least - 1) * (correct - least + 1) / (n - k)
        above = excess[:, k - 1]
        above = above + ((correct - least) * chance[:, k - 1] - above) / (n - k)
        if math.ceil(tau * (k + 1)) > least:
            least += 1
            reached = reached - _exactly(n, k + 1, least - 1)
            above = above - reached
        chance[:, k], excess[:, k] = reached, above
    return chance.clip(0, 1), excess.clip(0, None)


def _exactly(n: int, k: int, hits: int) -> Floats:
    """Return by c the chance that exactly so many of k are correct."""
    import numpy as np
    from scipy.special import gammaln

    correct = np.arange(n + 1.0)
    right, wrong = correct - hits, n - correct - (k - hits)
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = (
            gammaln(correct + 1) - gammaln(hits + 1) - gammaln(right + 1)
            + gammaln(n - correct + 1) - gammaln(k - hits + 1) - gammaln(wrong + 1)
            - gammaln(n + 1) + gammaln(k + 1) + gammaln(n - k + 1)
        )  # fmt: skip
        made = np.exp(logs)
    return np.where((right >= 0) & (wrong >= 0), made, 0.0)
