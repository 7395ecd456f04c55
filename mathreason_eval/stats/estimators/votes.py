"""What a reward model makes of several samples: the best of them, and a vote that it weighs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def best_curve(rewards: Sequence[float], correct: Sequence[bool]) -> NDArray[np.float64]:
    """Return best@1 to best@n of one problem: the chance that the best of k samples is correct.

    The best is the one with the largest reward among k drawn without replacement; those with equal
    rewards share the credit. Exact: the best of k has rank r of n in C(n - r, k - 1) of the C(n, k)
    draws.

    Args:
        rewards: of each sample.
        correct: whether each sample is.
    """
    import numpy as np

    n = len(rewards)
    worth = np.asarray(rewards, dtype=float)
    _, level, size = np.unique(-worth, return_inverse=True, return_counts=True)
    right = np.bincount(level, np.asarray(correct, dtype=float))
    # Above[r]: samples of a larger reward than level r has; the last entry has all n above it.
    above = np.concatenate([[0], np.cumsum(size)])
    left = (n - above)[:, None] - np.arange(n)
    none_above = np.cumprod(np.maximum(left, 0) / (n - np.arange(n)), axis=1)
    made: NDArray[np.float64] = (right / size) @ (none_above[:-1] - none_above[1:])
    return made


def vote_curve(
    rewards: Sequence[float], ballots: Sequence[int | None], *, draws: int, seed: str
) -> NDArray[np.float64]:
    """Return vote@1 to vote@n of one problem: how likely the class of most reward is correct.

    Class 0 is the correct one. A class has the sum of its samples' rewards; classes with equal sums
    share the credit, and where nobody answered the vote is lost. For k = n it is the one vote that
    there is; for k < n the mean over seeded draws: the first k of the samples in random order.

    Args:
        rewards: of each sample.
        ballots: the class of each sample's answer; None for a sample without one.
        draws: how many orders are drawn.
        seed: what the orders depend on, such as the problem's id.
    """
    import numpy as np

    n, classes = len(rewards), 1 + max((b for b in ballots if b is not None), default=0)
    digest = hashlib.sha256(seed.encode("utf-8", "surrogatepass")).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    order = rng.permuted(np.tile(np.arange(n), (draws, 1)), axis=1)
    worth = np.asarray(rewards, dtype=float)[order]
    choice = np.array([-1 if ballot is None else ballot for ballot in ballots])[order]
    most = np.full((draws, n), -np.inf)
    sums = []
    for one in range(classes):
        cast = choice == one
        total = np.where(
            cast.cumsum(axis=1) > 0, np.where(cast, worth, 0.0).cumsum(axis=1), -np.inf
        )
        sums.append(total.round(9))
        most = np.maximum(most, sums[-1])
    # Where nobody answered all classes are at minus infinity, and none has won.
    won = [(total == most) & (most > -np.inf) for total in sums]
    made: NDArray[np.float64] = (won[0] / np.maximum(np.sum(won, axis=0), 1)).mean(axis=0)
    return made
