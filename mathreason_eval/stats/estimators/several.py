"""What several samples of a problem are worth: pass@K and its kin, votes, and the best by reward.

Each is the mean over problems of an estimator that depends on counts alone, so it is worked out
once for every pair of counts, and for all K together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mathreason_eval.stats.estimators.items import Item, mean_over
from mathreason_eval.stats.estimators.majority import maj_curve
from mathreason_eval.stats.estimators.passk import TAUS, Curves, curves
from mathreason_eval.stats.estimators.votes import best_curve, vote_curve
from mathreason_eval.stats.intervals import Place
from mathreason_eval.types import Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_DRAWS = 30_000
"""Seeded draws over all problems together that a weighted vote is the mean of, as a rule."""
_FEWEST, _MOST = 16, 1_000
"""Draws of one problem."""

_OF_COUNTS: Mapping[str, Callable[[Curves], NDArray[np.float64]]] = {
    "pass@{}": lambda of: of.some,
    "pass^{}": lambda of: of.every,
}
_OF_ENOUGH: Mapping[str, Callable[[Curves], NDArray[np.float64]]] = {
    "g-pass@{}:0.5": lambda of: of.enough[TAUS.index(0.5)],
    "g-pass@{}:0.75": lambda of: of.enough[TAUS.index(0.75)],
    "g-pass@{}:1.0": lambda of: of.enough[TAUS.index(1.0)],
    "mg-pass@{}": lambda of: of.mean_enough,
}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sampled:
    """Problems of one place, with how often each was sampled."""

    place: Place
    items: Sequence[Item]
    numbers: NDArray[np.int_]

    @classmethod
    def of(cls, place: Place, items: Sequence[Item]) -> Sampled:
        """Return them as columns."""
        import numpy as np

        numbers = np.array([item.n for item in items])
        return cls(place=place, items=items, numbers=numbers)


def draws_of(name: str) -> int:
    """Return the K of `pass@K`, `pass^K`, `g-pass@K:TAU` and the like; 1 for other names."""
    _, at, k = name.replace("^", "@").partition("@")
    digits = k.partition(":")[0]
    return int(digits) if at and digits.isdecimal() else 1


def several(of: Sampled) -> Iterator[Metric]:
    """Yield for every K from 2 to n `pass@K`, `pass^K`, `maj@K`; with rewards `best@K`, `vote@K`.

    For K only problems count that have as many samples, and rewards only where all have one.
    """
    for name, curve in _OF_COUNTS.items():
        yield from _metrics(of, name, _by_counts(of, curve))
    yield from _metrics(of, "maj@{}", _by_item(of, _majority))
    if not all(item.rewards for item in of.items):
        return
    yield from _metrics(of, "best@{}", _by_item(of, _best))
    draws = max(_FEWEST, min(_MOST, _DRAWS // len(of.items)))
    votes = _by_item(of, lambda item: _weighted(item, draws))
    last = f"vote@{of.numbers.max()}"
    for metric in _metrics(of, "vote@{}", votes):
        drawn = "the one vote" if metric.name == last else f"{draws:,} seeded draws a problem"
        yield replace(metric, method=f"{metric.method}; {drawn}")


def stable(of: Sampled) -> Iterator[Metric]:
    """Yield for every K from 2 to n `g-pass@K:TAU` and `mg-pass@K`."""
    for name, curve in _OF_ENOUGH.items():
        yield from _metrics(of, name, _by_counts(of, curve))


def _metrics(of: Sampled, name: str, scores: NDArray[np.float64]) -> Iterator[Metric]:
    import numpy as np

    for k in range(2, scores.shape[1] + 1):
        chosen = np.flatnonzero(of.numbers >= k)
        size = len(chosen), int(of.numbers[chosen].sum())
        mean = mean_over([of.items[i] for i in chosen.tolist()], scores[chosen, k - 1])
        yield mean.metric(name.format(k), of.place, size)


def _by_counts(of: Sampled, curve: Callable[[Curves], NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return each problem's scores by k from its numbers of samples and of correct ones."""
    import numpy as np

    correct = np.array([item.correct for item in of.items])
    scores = np.full((len(of.items), of.numbers.max()), np.nan)
    for n in np.unique(of.numbers):
        rows = np.flatnonzero(of.numbers == n)
        scores[rows, :n] = curve(curves(int(n)))[correct[rows]]
    return scores


def _by_item(of: Sampled, curve: Callable[[Item], NDArray[np.float64]]) -> NDArray[np.float64]:
    import numpy as np

    scores = np.full((len(of.items), of.numbers.max()), np.nan)
    for row, item in enumerate(of.items):
        scores[row, : item.n] = curve(item)
    return scores


def _majority(item: Item) -> NDArray[np.float64]:
    import numpy as np

    if not item.correct:
        return np.zeros(item.n)
    return maj_curve(item.correct, item.classes[1:], item.n - sum(item.classes))


def _best(item: Item) -> NDArray[np.float64]:
    return best_curve(item.rewards, [ballot == 0 for ballot in item.ballots])


def _weighted(item: Item, draws: int) -> NDArray[np.float64]:
    return vote_curve(item.rewards, item.ballots, draws=draws, seed=item.problem.id)
