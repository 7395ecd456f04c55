"""How difficult problems are, from a run, and how their scores would change if the model did."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mathreason_eval.stats.uncertainty.prior import PSEUDO_COUNT

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PROBLEMS = 400
"""Imagined problems that stand for a law of difficulties: its quantiles."""
_HALVINGS = 40
_HARDEST = 40.0
"""Logits beyond which a problem is never or always solved."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difficulty:
    """The chances of problems to be solved: the logit is normal over problems."""

    mean: float
    """Of the chances."""
    seeds: float
    """Mean of p (1 - p): the variance of one sample within its problem."""
    centre: float
    """Mean of the logits."""
    spread: float
    """Their standard deviation."""
    estimated: bool
    """Whether `seeds` was seen; else it is the most that it can be, all problems being alike."""

    @property
    def questions(self) -> float:
        """Return the variance of the chances between problems."""
        return self.mean * (1 - self.mean) - self.seeds


@dataclass(frozen=True, kw_only=True, slots=True)
class Law:
    """How a problem's score changes from one run to the next."""

    changes: NDArray[Any]
    chances: NDArray[Any]
    samples: tuple[float, float]
    """Of each run, a problem; infinite for the chances themselves."""
    exchange: tuple[NDArray[Any], NDArray[Any]] | None = None
    """The variance, for each change, and the third cumulant that its problem's change would have if
    samples were exchanged between the runs at random; None where runs have equally many."""

    def moment(self, power: int) -> float:
        """Return the mean of a power of the change."""
        return float(self.chances @ self.changes**power)


def difficulty(counts: Sequence[tuple[int, int]]) -> Difficulty:
    """Return the law of difficulties with the mean and the seed noise of a run.

    The seed part is the unbiased mean of p (1 - p) n / (n - 1). Of one sample a problem it cannot
    be known; then it is taken for the most that it can be, mean (1 - mean), which promises less
    than a run will show.

    Args:
        counts: of each problem, how many of how many samples are correct.

    Raises:
        ValueError: if there are no problems.
    """
    if not counts:
        raise ValueError("Without problems nothing is known of their difficulty.")
    shares = [correct / n for correct, n in counts]
    edge = PSEUDO_COUNT / (len(counts) + 2 * PSEUDO_COUNT)
    mean = min(1 - edge, max(edge, math.fsum(shares) / len(shares)))
    repeated = [c / n * (1 - c / n) * n / (n - 1) for c, n in counts if n > 1]
    most = mean * (1 - mean)
    seeds = min(most, math.fsum(repeated) / len(repeated)) if repeated else most
    spread = 0.0
    if seeds < most:
        spread = _root(lambda width: seeds - _seeds(mean, width), _HARDEST)
    return Difficulty(
        mean=mean,
        seeds=seeds,
        centre=_centre(mean, spread),
        spread=spread,
        estimated=bool(repeated),
    )


def law(difficulties: Difficulty, fall: float, samples: tuple[float, float]) -> Law:
    """Return how the score of a problem changes if the mean falls by so much.

    Every problem gets harder by the same on the logit scale, as in Rasch's model, so middling
    problems fall most, and those that were never solved cannot fall at all.

    Raises:
        ValueError: if the mean is not that large.
    """
    import numpy as np

    logits = difficulties.centre + difficulties.spread * _quantiles()
    before = _expit(logits)
    harder = 0.0
    if fall:
        if fall >= difficulties.mean:
            raise ValueError("A score cannot fall by more than it is.")
        goal = float(before.mean()) - fall
        harder = _root(lambda step: goal - float(_expit(logits - step).mean()), 3 * _HARDEST)
    after = _expit(logits - harder)
    if math.isinf(samples[0]):
        weights = np.full(len(before), 1 / len(before))
        return Law(changes=after - before, chances=weights, samples=samples)
    old, new = (
        _binomial(int(n), chances) for n, chances in zip(samples, (before, after), strict=True)
    )
    changes = np.linspace(0, 1, len(new))[None, :] - np.linspace(0, 1, len(old))[:, None]
    return Law(
        changes=changes.ravel(),
        chances=(old @ new.T / len(before)).ravel(),
        samples=samples,
        exchange=None if samples[0] == samples[1] else _exchange(len(old) - 1, len(new) - 1),
    )


def _exchange(old: int, new: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return two cumulants of the change where the correct samples might stand in either run.

    Of so many correct ones those in the new run are hypergeometric.
    """
    import numpy as np

    both = old + new
    correct = (np.arange(old + 1)[:, None] + np.arange(new + 1)[None, :]).ravel()
    unit = 1 / old + 1 / new
    variance = old * new * correct * (both - correct) / (both * both * (both - 1))
    third = variance * (both - 2 * correct) * (old - new) / (both * (both - 2))
    return variance * unit**2, third * unit**3


def _quantiles() -> NDArray[Any]:
    import numpy as np
    from scipy.special import ndtri

    found: NDArray[Any] = ndtri((np.arange(_PROBLEMS) + 0.5) / _PROBLEMS)
    return found


def _expit(logits: NDArray[Any]) -> NDArray[Any]:
    from scipy.special import expit

    found: NDArray[Any] = expit(logits)
    return found


def _root(rising: Callable[[float], float], high: float, low: float = 0.0) -> float:
    """Return where a rising function crosses zero."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if rising(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _centre(mean: float, spread: float) -> float:
    """Return the mean of the logits at which the chances have their mean."""
    noise = spread * _quantiles()
    far = _HARDEST + 4 * spread
    return _root(lambda centre: float(_expit(centre + noise).mean()) - mean, far, -far)


def _seeds(mean: float, spread: float) -> float:
    """Return the mean of p (1 - p)."""
    chances = _expit(_centre(mean, spread) + spread * _quantiles())
    return float((chances * (1 - chances)).mean())


def _binomial(n: int, chances: NDArray[Any]) -> NDArray[Any]:
    """Return the chance of 0 to n correct samples, a row each, of every problem."""
    import numpy as np
    from scipy.special import gammaln, xlog1py, xlogy

    counts = np.arange(n + 1)[:, None]
    ways = gammaln(n + 1) - gammaln(counts + 1) - gammaln(n - counts + 1)
    return np.asarray(np.exp(ways + xlogy(counts, chances) + xlog1py(n - counts, -chances)))
