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

TAUS = (0.5, 0.75, 1.0)
"""The thresholds of G-Pass@k that its authors report: required fractions of correct samples."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Curves:
    """The unbiased estimators of one problem, each a matrix: at [c, k - 1] for c of n correct.

    k goes from 1 to n: nothing is extrapolated to more samples than there are.
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
def curves(n: int) -> Curves:
    """Return the estimators of problems with n samples, each in [0, 1]."""
    import numpy as np

    pass_all = _all_correct(n)
    at_half, excess = _at_least(n, 0.5)
    return Curves(
        pass_any=1.0 - pass_all[::-1],
        pass_all=pass_all,
        g_pass=tuple(at_half if tau == TAUS[0] else _at_least(n, tau)[0] for tau in TAUS),
        mg_pass=2 * excess / np.arange(1, n + 1),
    )


def _all_correct(n: int) -> Table:
    """Return C(c, k) / C(n, k) by c and k: products that neither overflow nor cancel."""
    import numpy as np

    correct, drawn = np.arange(n + 1)[:, None], np.arange(n)
    return np.cumprod(np.maximum(correct - drawn, 0) / (n - drawn), axis=1)


def _at_least(n: int, tau: float) -> tuple[Table, Table]:
    """Return P(X >= h) and E[max(0, X - h)] by c and k, for X correct of k and h = ceil(tau k).

    Both are computed recursively in k: one more draw is correct with probability
    (c - X) / (n - k), and if h rises by one, draws with exactly h no longer suffice.
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


def _exactly(n: int, k: int, hits: int) -> Table:
    """Return the probability that exactly `hits` of k are correct, by c."""
    import numpy as np

    correct = np.arange(n + 1)
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
            scores[rows, :n] = curve(curves(int(n)))[correct[rows]]
        return scores

    return table


def g_pass(tau: float) -> Callable[[Sequence[Item]], Table]:
    """Return the function that scores problems by G-Pass@k, for one of `TAUS`."""
    index = TAUS.index(tau)
    return by_counts(lambda found: found.g_pass[index])
