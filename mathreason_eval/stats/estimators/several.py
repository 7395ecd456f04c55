"""Curves over K: pass@K, pass^K, G-Pass@K, votes, and the best sample by reward.

Each returns a table with a row a problem and a column for every K from 1 to the largest number of
samples; where a problem has fewer than K samples the entry is not a number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mathreason_eval.stats.estimators.items import Item
from mathreason_eval.stats.estimators.majority import maj_curve
from mathreason_eval.stats.estimators.passk import TAUS, Curves, curves
from mathreason_eval.stats.estimators.votes import best_curve, vote_curve

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Table = NDArray[np.float64]


def pass_any(items: Sequence[Item]) -> Table:
    """Return pass@K: the chance that at least one of K samples is correct."""
    return _by_counts(items, lambda found: found.some)


def pass_all(items: Sequence[Item]) -> Table:
    """Return pass^K: the chance that all of K samples are correct."""
    return _by_counts(items, lambda found: found.every)


def g_pass(tau: float) -> Callable[[Sequence[Item]], Table]:
    """Return what gives G-Pass@K: the chance that a share tau of K samples is correct."""
    place = TAUS.index(tau)
    return lambda items: _by_counts(items, lambda found: found.enough[place])


def mg_pass(items: Sequence[Item]) -> Table:
    """Return mG-Pass@K: twice the mean of G-Pass@K over the shares above one half."""
    return _by_counts(items, lambda found: found.mean_enough)


def _by_counts(items: Sequence[Item], curve: Callable[[Curves], Table]) -> Table:
    """Return scores that depend on a problem's numbers of samples and of correct ones alone."""
    import numpy as np

    numbers = np.array([item.n for item in items])
    correct = np.array([item.correct for item in items])
    scores = np.full((len(items), numbers.max()), np.nan)
    for n in np.unique(numbers):
        rows = np.flatnonzero(numbers == n)
        scores[rows, :n] = curve(curves(int(n)))[correct[rows]]
    return scores


def majority(items: Sequence[Item]) -> Table:
    """Return maj@K: the expected credit of a vote among K samples."""
    import numpy as np

    def of_one(item: Item) -> Table:
        if not item.correct:
            return np.zeros(item.n)
        return maj_curve(item.correct, item.classes[1:], item.n - sum(item.classes))

    return _by_item(items, of_one)


def best_by_reward(items: Sequence[Item]) -> Table:
    """Return best@K: the chance that of K samples the one with the largest reward is correct."""
    return _by_item(
        items, lambda item: best_curve(item.rewards, [ballot == 0 for ballot in item.ballots])
    )


_DRAWS = 30_000
"""Seeded draws over all problems together that a weighted vote is the mean of, as a rule."""
_FEWEST, _MOST = 16, 1_000
"""Draws of one problem."""


def vote_by_reward(items: Sequence[Item]) -> Table:
    """Return vote@K: the chance that the class of answers with the largest reward is correct."""
    draws = vote_draws(items)
    return _by_item(
        items,
        lambda item: vote_curve(item.rewards, item.ballots, draws=draws, seed=item.problem.id),
    )


def vote_draws(items: Sequence[Item]) -> int:
    """Return how many orders of a problem's samples are drawn for vote@K."""
    return max(_FEWEST, min(_MOST, _DRAWS // len(items)))


def _by_item(items: Sequence[Item], curve: Callable[[Item], Table]) -> Table:
    import numpy as np

    scores = np.full((len(items), max(item.n for item in items)), np.nan)
    for row, item in enumerate(items):
        scores[row, : item.n] = curve(item)
    return scores
