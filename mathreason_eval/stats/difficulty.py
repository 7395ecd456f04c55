"""The distribution of the difficulty of problems, and of their change if a model gets worse."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mathreason_eval.stats.difference import PSEUDO_COUNT, Pair

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class Difficulty:
    """A logit-normal distribution of the probability p that a problem is solved."""

    mean: float
    """Mean of p."""
    within: float
    """Mean of p (1 - p): the variance of one sample within its problem."""
    logit_mean: float
    logit_sd: float
    estimated: bool
    """Whether `within` was estimated; if not, it is its maximum: all problems equally hard."""

    @property
    def between(self) -> float:
        """Return the variance of p between problems."""
        return self.mean * (1 - self.mean) - self.within


def fit_difficulty(counts: Sequence[tuple[int, int]]) -> Difficulty:
    """Return the logit-normal distribution with the moments of a run.

    The variance within problems is the unbiased mean of p (1 - p) n / (n - 1). With one sample per
    problem it is unknown; its maximum is used, mean (1 - mean), which predicts less power than a
    run will have.

    Args:
        counts: (correct samples, samples) of each problem.

    Raises:
        ValueError: if there are no problems.
    """
    if not counts:
        raise ValueError("A difficulty needs at least one problem.")
    edge = PSEUDO_COUNT / (len(counts) + 2 * PSEUDO_COUNT)
    share = math.fsum(correct / n for correct, n in counts) / len(counts)
    mean = min(1 - edge, max(edge, share))
    repeated = [c / n * (1 - c / n) * n / (n - 1) for c, n in counts if n > 1]
    most = mean * (1 - mean)
    within = min(most, math.fsum(repeated) / len(repeated)) if repeated else most
    sd = 0.0
    if within < most:
        sd = _root(lambda width: within - _variance_within(mean, width), _MAX_LOGIT)
    return Difficulty(
        mean=mean,
        within=within,
        logit_mean=_logit_mean(mean, sd),
        logit_sd=sd,
        estimated=bool(repeated),
    )


_MAX_LOGIT = 40.0
"""Logits beyond which a problem is never or always solved."""


def _logit_mean(mean: float, sd: float) -> float:
    """Return the mean of the logits for which the probabilities have the given mean."""
    noise = sd * _normal_quantiles()
    far = _MAX_LOGIT + 4 * sd
    return _root(lambda centre: float(_expit(centre + noise).mean()) - mean, far, -far)


def _variance_within(mean: float, sd: float) -> float:
    """Return the mean of p (1 - p)."""
    chances = _expit(_logit_mean(mean, sd) + sd * _normal_quantiles())
    return float((chances * (1 - chances)).mean())


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeDistribution:
    """The distribution of a problem's change of score from one run to the next."""

    changes: NDArray[Any]
    chances: NDArray[Any]
    samples: tuple[float, float]
    """Samples per problem in each run; infinite for the change of the probability itself."""
    mean: float = 0.0
    """Mean of p before the change."""
    within: tuple[float, float] = (0.0, 0.0)
    """Mean of p (1 - p) in each run."""
    between: float = 0.0
    """Variance of the change of p between problems."""
    noise_squares: tuple[float, float] = (0.0, 0.0)
    """Mean square of what is seen as a problem's noise in each run, p (1 - p) / (n - 1)."""
    exchange: tuple[NDArray[Any], NDArray[Any]] | None = None
    """For each change, the variance and the third cumulant of that problem's change if samples are
    exchanged between the runs at random; None if the runs have equal numbers of samples."""

    def moment(self, power: int) -> float:
        """Return the mean of the change to a power."""
        return float(self.chances @ self.changes**power)


def change_distribution(
    difficulty: Difficulty, drop: float, samples: tuple[float, float], *, spread: float = 0.0
) -> ChangeDistribution:
    """Return the distribution of a problem's change if the mean score drops by `drop`.

    Every problem gets harder by the same amount on the logit scale, as in the Rasch model: problems
    of medium difficulty drop most, and those that were never solved cannot drop.

    Args:
        difficulty: the distribution before the change.
        drop: the drop of the mean score, as a fraction of 1.
        samples: samples per problem in each run; infinite for exact probabilities.
        spread: the standard deviation of what each problem changes by itself, on the logit scale,
            as between two models that are equally good.

    Raises:
        ValueError: if the mean is not above the drop.
    """
    import numpy as np
    from scipy.special import ndtri

    logits = difficulty.logit_mean + difficulty.logit_sd * _normal_quantiles()
    if spread:
        own = spread * ndtri((np.arange(_OWN_QUANTILES) + 0.5) / _OWN_QUANTILES)
        moved = (logits[:, None] + own[None, :]).ravel()
        logits = np.repeat(logits, _OWN_QUANTILES)
    else:
        moved = logits
    before = _expit(logits)
    harder = 0.0
    if drop >= difficulty.mean:
        raise ValueError("A score cannot drop by more than its value.")
    if drop or spread:
        goal, far = float(before.mean()) - drop, 3 * _MAX_LOGIT
        harder = _root(lambda step: goal - float(_expit(moved - step).mean()), far, -far)
    after = _expit(moved - harder)
    return _distribution(before, after, np.full(len(before), 1 / len(before)), samples)


def whole_problems(
    difficulty: Difficulty, drop: float, samples: tuple[float, float]
) -> ChangeDistribution:
    """Return the same if problems are lost as a whole, and the others stay as they are."""
    import numpy as np

    before = _expit(difficulty.logit_mean + difficulty.logit_sd * _normal_quantiles())
    lost = drop / float(before.mean())
    weights = np.repeat([1 - lost, lost], len(before)) / len(before)
    after = np.concatenate([before, np.zeros(len(before))])
    return _distribution(np.tile(before, 2), after, weights, samples)


def spread_of(difficulty: Difficulty, between: float) -> float:
    """Return the `spread` for which the changes of p have such a variance; the largest if none."""
    if between <= 0:
        return 0.0

    def excess(spread: float) -> float:
        ends = (math.inf, math.inf)
        return change_distribution(difficulty, 0.0, ends, spread=spread).between - between

    return _root(excess, _MOST_SPREAD)


_MOST_SPREAD = 6.0
_OWN_QUANTILES = 15
"""Number of quantiles of what a problem changes by itself."""


def variance_between(pairs: Sequence[Pair]) -> tuple[float, float]:
    """Return the variance of the true changes between problems, and its standard error.

    That of the seen changes less the mean noise of sampling; negative values are chance.

    Args:
        pairs: the problems of two runs, with two samples or more in each.
    """
    n, changes = len(pairs), [pair.change for pair in pairs]
    mean = math.fsum(changes) / n
    seen = math.fsum((one - mean) ** 2 for one in changes) / (n - 1)
    noise = math.fsum(
        score * (1 - score) / (count - 1)
        for pair in pairs
        for score, count in zip((pair.before, pair.after), pair.samples, strict=True)
    )
    return seen - noise / n, seen * math.sqrt(2 / (n - 1))


def _distribution(
    before: NDArray[Any], after: NDArray[Any], weights: NDArray[Any], samples: tuple[float, float]
) -> ChangeDistribution:
    """Return the distribution of the change of shares whose chances are these, with weights."""
    import numpy as np

    mean = float(weights @ before)
    within = tuple(float(weights @ (p * (1 - p))) for p in (before, after))
    moved = after - before
    known: dict[str, Any] = {
        "samples": samples,
        "mean": mean,
        "within": (within[0], within[1]),
        "between": float(weights @ moved**2) - float(weights @ moved) ** 2,
    }
    if math.isinf(samples[0]):
        return ChangeDistribution(changes=moved, chances=weights, **known)
    n, m = map(int, samples)
    changes = np.linspace(0, 1, m + 1)[None, :] - np.linspace(0, 1, n + 1)[:, None]
    counts = _binomial(n, before), _binomial(m, after)
    squares = tuple(
        float(_seen_noise(size) ** 2 @ (count @ weights))
        for size, count in zip((n, m), counts, strict=True)
    )
    chances = (weights * counts[0]) @ counts[1].T
    return ChangeDistribution(
        changes=changes.ravel(),
        chances=chances.ravel(),
        exchange=None if n == m else _exchange_cumulants(n, m),
        noise_squares=(squares[0], squares[1]),
        **known,
    )


def _seen_noise(n: int) -> NDArray[Any]:
    """Return what is taken for a problem's noise, by how many of its n samples are correct."""
    import numpy as np

    share = np.linspace(0, 1, n + 1)
    return np.asarray(share * (1 - share) / max(1, n - 1))


def _exchange_cumulants(old: int, new: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the second and third cumulant of the change, by counts of correct samples in each run.

    If samples are exchanged at random, the number of correct ones in the new run is hypergeometric.
    """
    import numpy as np

    both = old + new
    correct = (np.arange(old + 1)[:, None] + np.arange(new + 1)[None, :]).ravel()
    unit = 1 / old + 1 / new
    variance = old * new * correct * (both - correct) / (both * both * (both - 1))
    third = variance * (both - 2 * correct) * (old - new) / (both * (both - 2))
    return variance * unit**2, third * unit**3


def _binomial(n: int, chances: NDArray[Any]) -> NDArray[Any]:
    """Return the binomial probabilities: a row for each of 0 to n correct, a column per problem."""
    import numpy as np
    from scipy.special import gammaln, xlog1py, xlogy

    counts = np.arange(n + 1)[:, None]
    ways = gammaln(n + 1) - gammaln(counts + 1) - gammaln(n - counts + 1)
    return np.asarray(np.exp(ways + xlogy(counts, chances) + xlog1py(n - counts, -chances)))


_QUANTILES = 400
"""Number of problems (quantiles) that represent a distribution of difficulty."""


def _normal_quantiles() -> NDArray[Any]:
    import numpy as np
    from scipy.special import ndtri

    quantiles: NDArray[Any] = ndtri((np.arange(_QUANTILES) + 0.5) / _QUANTILES)
    return quantiles


def _expit(logits: NDArray[Any]) -> NDArray[Any]:
    from scipy.special import expit

    chances: NDArray[Any] = expit(logits)
    return chances


_HALVINGS = 40


def _root(rising: Callable[[float], float], high: float, low: float = 0.0) -> float:
    """Return where an increasing function crosses zero, by bisection."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if rising(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
