"""The power of the gate: the probability that `decide` returns a regression, or a pass."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mathreason_eval.stats.difference import pseudo_variance, t_quantile
from mathreason_eval.stats.difficulty import ChangeDistribution
from mathreason_eval.stats.estimands import (
    Estimand,
    fallen_noise,
    losses_alone_p,
    mixed_variance,
    restricted_rise,
    satterthwaite,
    tango_variance,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class GateSettings:
    """The settings of the gate for one task: see `decide`."""

    margin: float = 0.01
    alpha: float = 0.01
    """Level of a pass."""
    tasks: int = 1
    """Number of tasks in the suite; if there are several, half of alpha is the suite's own, and by
    Holm the first regression of a task has a level of the other half by their number."""
    estimand: Estimand | None = None
    """Which question decides; None for these problems from two samples in both runs on."""

    @property
    def regression_alpha(self) -> float:
        """Return the level of a regression if no other task regresses."""
        return self.alpha / (2 * self.tasks if self.tasks > 1 else 1)

    def decides(self, samples: tuple[float, float]) -> Estimand:
        """Return the question that decides with so many samples in both runs."""
        if min(samples) <= 1:
            return Estimand.NEW
        return self.estimand or Estimand.THESE


@dataclass(frozen=True, kw_only=True, slots=True)
class Power:
    """The probabilities of a pass and of a regression; the rest is inconclusive."""

    passes: float
    regression: float


def power(change: ChangeDistribution, problems: int, gate: GateSettings) -> Power:
    """Return the probability that `decide` returns a pass, and a regression.

    About these problems by the normal distribution, as the noise of many samples is one. About new
    ones the decision depends on the changes only by their sum and sum of squares. Their joint
    distribution is exact if these have few values; else each value is divided between two
    neighbouring cells, which preserves the mean.
    """
    if gate.decides(change.samples) is Estimand.THESE:
        return _power_of_these(change, problems, gate)
    totals, squares, masses = _distribution_of_sums(change, problems)
    passes, regressions = decisions(totals, squares, problems, change, gate)
    return Power(
        passes=float(masses[passes].sum()), regression=float(masses[regressions & ~passes].sum())
    )


def _power_of_these(change: ChangeDistribution, problems: int, gate: GateSettings) -> Power:
    noisy = problems * sum(w * n for w, n in zip(change.within, change.samples, strict=True))
    is_of_counts = len(change.changes) == math.prod(n + 1 for n in change.samples)
    if noisy < _FEW and is_of_counts and has_few_kinds(change.samples):
        return _drawn_power(change, problems, gate)
    from scipy.special import ndtr

    before, after = (w / n for w, n in zip(change.within, change.samples, strict=True))
    pseudo = sum(map(pseudo_variance, change.samples)) / problems
    freedom = _freedom(change, problems)
    spread = math.sqrt((before + after + pseudo) / problems)
    tested = spread
    for _ in range(2):  # The variance of a pass depends on how far from the margin it is.
        reach = t_quantile(1 - gate.alpha, freedom) * tested
        tested = math.sqrt((_tested(change, gate, reach) + pseudo) / problems)
    low = -t_quantile(1 - gate.regression_alpha, freedom) * spread
    high = -gate.margin + t_quantile(1 - gate.alpha, freedom) * tested
    mean = change.moment(1)
    # Problems that change by themselves move the mean, and no test knows of that.
    deviation = max(math.sqrt((before + after + change.between) / problems), _NEGLIGIBLE)
    return Power(
        passes=float(ndtr((mean - high) / deviation)),
        regression=float(ndtr((min(low, high) - mean) / deviation)),
    )


_FEW = 20
"""Variance of the number of correct samples below which their noise is not normal."""
_MOST_KINDS = 1_100
"""Kinds of problems, by their correct samples in both runs, of which pairs of runs are drawn."""
_DRAWS = 4_000


def has_few_kinds(samples: tuple[float, float]) -> bool:
    """Return whether pairs of runs with so many samples may be drawn for their power."""
    return math.prod(n + 1 for n in samples) <= _MOST_KINDS


def _drawn_power(change: ChangeDistribution, problems: int, gate: GateSettings) -> Power:
    """Return the power about these problems from pairs of runs that are drawn, always the same."""
    import numpy as np
    from scipy.special import ndtr

    m, n = map(int, change.samples)
    before, after = (
        side.ravel() for side in np.meshgrid(np.linspace(0, 1, m + 1), np.linspace(0, 1, n + 1),
                                             indexing="ij")
    )  # fmt: skip
    chances = change.chances / change.chances.sum()
    drawn = np.random.default_rng(0).multinomial(problems, chances, size=_DRAWS).astype(float)
    sums = NoiseSums.of(before, after, (m, n), lambda each: drawn @ each)
    passes, falls = bound_decisions_on_these(sums, problems, (m, n), gate)
    # The exchange test: with few correct samples its distribution is close to normal by mid-p.
    correct = before * m + after * n
    unit = 1 / m + 1 / n
    spread = m * n * correct * (m + n - correct) / (m + n) ** 2 / (m + n - 1) * unit**2
    z = sums.total / np.sqrt(np.maximum(drawn @ spread, _NEGLIGIBLE))
    falls &= (ndtr(z) <= gate.regression_alpha) & ~passes
    return Power(passes=float(passes.mean()), regression=float(falls.mean()))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class NoiseSums:
    """What a decision about these problems depends on: sums over problems, one of each pair."""

    total: NDArray[Any]
    """Of the changes."""
    scores: NDArray[Any]
    """Of the baseline's scores."""
    before: NDArray[Any]
    """Of the noise that is seen in the baseline, p (1 - p) / (n - 1)."""
    after: NDArray[Any]
    squares: NDArray[Any]
    """Of the squares of both, each by its degrees of freedom."""

    @classmethod
    def of(
        cls,
        before: NDArray[Any],
        after: NDArray[Any],
        samples: tuple[int, int],
        add: Callable[[NDArray[Any]], NDArray[Any]],
    ) -> NoiseSums:
        """Return the sums of scores; `add` returns the sum of each pair of runs."""
        m, n = samples
        noises = before * (1 - before) / (m - 1), after * (1 - after) / (n - 1)
        return cls(
            total=add(after - before),
            scores=add(before),
            before=add(noises[0]),
            after=add(noises[1]),
            squares=add(noises[0] ** 2 / (m - 1) + noises[1] ** 2 / (n - 1)),
        )


def bound_decisions_on_these(
    sums: NoiseSums, problems: int, samples: tuple[int, int], gate: GateSettings
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return whether `decide` would pass and see a drop by its bounds, without the exact test."""
    import numpy as np
    from scipy.special import stdtr

    (m, n), old, new = samples, sums.before, sums.after
    distance, scores = sums.total + gate.margin * problems, np.maximum(sums.scores, _LEAST)
    rise = restricted_rise(np.maximum(distance, 0), scores, old, np.maximum(old + new, _LEAST))
    parts = (np.maximum(0.0, most - gate.margin * problems / scores) for most in (1.0, rise))
    fallen = [fallen_noise(scores / n, old * m / n, part) for part in parts]
    tested = np.maximum(old, fallen_noise(scores / m, old, rise))
    tested = tested + np.maximum(new, np.maximum(*fallen))
    pseudo = sum(map(pseudo_variance, samples))
    freedom = np.clip((old + new) ** 2 / np.maximum(sums.squares, _LEAST**2), 1, _MOST_FREEDOM)
    freedom = np.where(sums.squares > 0, np.floor(freedom), _MOST_FREEDOM)
    passes = stdtr(freedom, -distance / np.sqrt(tested + pseudo)) <= gate.alpha
    falls = stdtr(freedom, sums.total / np.sqrt(old + new + pseudo)) <= gate.regression_alpha
    return np.asarray(passes), np.asarray(falls)


_LEAST = 1e-9
"""Less than the noise of one sample."""


def _tested(change: ChangeDistribution, gate: GateSettings, reach: float) -> float:
    """Return the noise by which a change so far above the margin is judged: see `TheseProblems`."""
    (m, n), mean = change.samples, change.mean
    before, after = (w / size for w, size in zip(change.within, change.samples, strict=True))
    rise = restricted_rise(reach, mean, before, before + after) if before else 1.0
    parts = (max(0.0, most - gate.margin / mean) for most in (1.0, rise))
    own = change.within[0] / n
    fallen = (fallen_noise(mean / n, own, part) for part in parts)
    return max(before, fallen_noise(mean / m, before, rise)) + max(after, *fallen)


_MOST_FREEDOM = 1_000_000


def _freedom(change: ChangeDistribution, problems: int) -> int:
    """Return about how many degrees of freedom the noise will have that is seen."""
    if not any(change.noise_squares):  # Of the chances alone; half of the variances are zero.
        return int(max(1, min(_MOST_FREEDOM, problems * (sum(change.samples) - 2) / 4)))
    total = sum(w / n for w, n in zip(change.within, change.samples, strict=True))
    squares = zip(change.noise_squares, change.samples, strict=True)
    return satterthwaite(problems * total, problems * sum(one / (n - 1) for one, n in squares))


def decisions(
    totals: NDArray[Any],
    squares: NDArray[Any],
    problems: int,
    change: ChangeDistribution,
    gate: GateSettings,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return whether `decide` would pass, and whether it would find a drop, as boolean arrays.

    About new problems. The inputs are, for each pair of runs, the sum of changes over problems and
    the sum of squared changes.
    """
    passes, drops = bound_decisions(totals, squares, problems, change.samples, gate)
    drops &= _sign_flip_p(totals, squares, change) <= gate.regression_alpha
    if change.exchange is not None:
        p = _exchange_p(totals, problems, change, change.exchange)
        drops &= p <= gate.regression_alpha
    return passes, drops


def bound_decisions(
    totals: NDArray[Any],
    squares: NDArray[Any],
    problems: int,
    samples: tuple[float, float],
    gate: GateSettings,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the same by the score test and Student's bound, without the exact tests."""
    import numpy as np

    n = problems
    value = totals / n
    pseudo = sum(map(pseudo_variance, samples))
    varied = np.maximum(squares - totals * value, 0.0) * (n / (n - 1) if n > 1 else 1.0)
    errors = np.sqrt(varied + pseudo) / n
    freedom = max(1, n - 1)
    if samples == (1, 1):
        lost, gained = (squares - totals) / 2, (squares + totals) / 2
        tested = tango_variance(lost, gained, n, gate.margin)
    else:
        tested = mixed_variance(totals, squares, n, gate.margin, np.maximum)
    distance, spread = totals + n * gate.margin, np.sqrt(np.maximum(tested, 0.0))
    passes = (distance >= t_quantile(1 - gate.alpha, freedom) * spread) & (distance > 0)
    if samples == (1, 1):
        scores = distance / np.maximum(spread, _NEGLIGIBLE)
        passes &= losses_alone_p(scores, n, gate.margin) <= gate.alpha
    drops = value + t_quantile(1 - gate.regression_alpha, freedom) * errors <= 0
    return passes, drops


def min_lost_problems(problems: int, gate: GateSettings) -> int | None:
    """Return the fewest problems that must change from always to never solved for a regression.

    With infinitely many samples, and all other problems unchanged. None if it is no regression
    even if all problems do.
    """
    import numpy as np

    lost = np.arange(1, problems + 1)
    one = ChangeDistribution(
        changes=np.array([-1.0]), chances=np.ones(1), samples=(math.inf, math.inf)
    )
    passes, drops = decisions(-lost, lost, problems, one, gate)
    drops &= ~passes & (0.5 ** (lost + 1.0) <= gate.regression_alpha)
    return int(lost[drops][0]) if drops.any() else None


_TRIES = 30
_HALF = 0.5
_CLOSE = 0.015
"""Tolerance in standard deviations, about half a percentage point of power."""


def smallest_n(
    chance: Callable[[float], float], wanted: float, low: float, high: float, *, step: float
) -> float | None:
    """Return approximately the smallest number in [low, high] whose power is at least `wanted`.

    By false position on the probit scale, on which power is nearly linear. The number is at most
    one `step` too large, or its power at most half a percentage point above `wanted`. None if the
    power is too small at `high`.

    Args:
        chance: the power, an increasing function of the number.
        wanted: the power to reach, in (0, 1).
        low: the smallest number considered.
        high: the largest number considered.
        step: the precision of the number.
    """
    from scipy.special import ndtri

    goal = float(ndtri(wanted))

    def excess(place: float) -> float:
        return float(ndtri(min(1 - 1e-9, max(1e-9, chance(place))))) - goal

    over, under = excess(high), excess(low)
    if over < 0:
        return None
    if under >= 0:
        return low
    left = 0.0
    for _ in range(_TRIES):
        # Where the line is a poor fit, as for a power close to 1, bisect.
        part = _HALF if left > _HALF else min(0.9, max(0.1, -under / (over - under)))
        middle = low + (high - low) * part
        found = excess(middle)
        if found >= 0:
            left, high, over = part, middle, found
        else:
            left, low, under = 1 - part, middle, found
        if high - low <= step or 0 <= over < _CLOSE:
            break
    return high


# --- the distribution of both sums -----------------------------------------------------------

_CELLS = (512, 256)
"""Maximum number of cells of the sum, and of the sum of squares."""
_REACH = 6
"""Standard deviations around the mean that the cells span."""
_NEGLIGIBLE = 1e-10


def _distribution_of_sums(
    change: ChangeDistribution, problems: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return sums of changes, sums of squared changes, and their probabilities.

    The Fourier transform of a sum's distribution is a power of one term's, here in two dimensions.
    """
    import numpy as np

    unit = 0.0
    if not math.isinf(change.samples[0]):
        unit = 1 / math.lcm(*map(int, change.samples))
    grids = [_grid(change, problems, power, unit**power) for power in (1, 2)]
    sizes = [size for _, _, size in grids]
    once = np.zeros(sizes)
    sides = [
        _neighbours(change.changes**power / width)
        for power, (width, _, _) in enumerate(grids, start=1)
    ]
    for row, share in sides[0]:
        for column, part in sides[1]:
            np.add.at(once, (row % sizes[0], column % sizes[1]), change.chances * share * part)
    masses = np.fft.irfft2(_power(np.fft.rfft2(once), problems), s=sizes)
    kept = masses > _NEGLIGIBLE
    totals, squares = (
        width * (low + (place - low) % size)
        for place, (width, low, size) in zip(np.nonzero(kept), grids, strict=True)
    )
    return totals, squares, masses[kept]


def _grid(
    change: ChangeDistribution, problems: int, power: int, unit: float
) -> tuple[float, int, int]:
    """Return the cells for sums of a power: their width, the first one, and their number."""
    mean = problems * change.moment(power)
    varied = max(0.0, change.moment(2 * power) - change.moment(power) ** 2)
    largest = float(abs(change.changes).max()) ** power
    reach = _REACH * math.sqrt(problems * varied) + 2 * largest
    # If nothing changes at all, there is a single cell of any width.
    width = max(unit, 2 * reach / (_CELLS[power - 1] - 2), _NEGLIGIBLE)
    return (
        width,
        math.floor((mean - reach) / width),
        1 << math.ceil(math.log2(2 * reach / width + 2)),
    )


def _neighbours(places: NDArray[Any]) -> tuple[tuple[NDArray[Any], NDArray[Any]], ...]:
    """Return the integers on both sides of real numbers, each with its part of the mass."""
    import numpy as np

    near = np.rint(places)
    below = np.where(abs(places - near) < 1e-9, near, np.floor(places))  # noqa: PLR2004
    above = places - below
    return (below.astype(np.int64), 1 - above), (below.astype(np.int64) + 1, above)


def _power(wave: NDArray[Any], times: int) -> NDArray[Any]:
    """Return an integer power by squaring, which is faster than `**` by logarithms."""
    if times == 1:
        return wave
    half = _power(wave, times // 2)
    whole: NDArray[Any] = half * half
    return whole * wave if times % 2 else whole


# --- the exact tests, given both sums --------------------------------------------------------


def _sign_flip_p(
    totals: NDArray[Any], squares: NDArray[Any], change: ChangeDistribution
) -> NDArray[Any]:
    """Return the sign-flip p: exact for single samples, else by the Edgeworth series."""
    import numpy as np
    from scipy.special import bdtr, ndtr

    if change.samples == (1, 1):
        ups = (totals + squares) / 2
        both = (bdtr(k, squares.astype(int), 0.5) for k in (ups, np.maximum(ups - 1, 0)))
        at, below = both
        return np.asarray(np.where(ups > 0, (at + below) / 2, at / 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(squares > 0, totals / np.sqrt(squares), 0.0)
        tails = np.where(squares > 0, change.moment(4) / change.moment(2) / squares, 0.0)
    density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return np.asarray(np.maximum(0.0, ndtr(z) + density * tails * (z**3 - 3 * z) / 12))


def _exchange_p(
    totals: NDArray[Any],
    problems: int,
    change: ChangeDistribution,
    exchange: tuple[NDArray[Any], NDArray[Any]],
) -> NDArray[Any]:
    """Return the p of the exchange test, by three cumulants.

    With more correct samples there is more to exchange, so the variance depends on the total, here
    linearly.
    """
    import numpy as np
    from scipy.special import ndtr

    variances, thirds = exchange
    mean, variance, third = (
        float(change.chances @ each) for each in (change.changes, variances, thirds)
    )
    spread = change.moment(2) - mean * mean
    slope = float(change.chances @ ((change.changes - mean) * variances)) / spread
    width = np.sqrt(np.maximum(problems * variance + slope * (totals - problems * mean), variance))
    z = totals / width
    density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    skew = problems * third / width**3
    return np.asarray(np.clip(ndtr(z) - density * skew * (z * z - 1) / 6, 0.0, 1.0))
