"""How likely the gate is to see a fall, before it is looked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mathreason_eval.stats.planning.difficulty import Law
from mathreason_eval.stats.uncertainty.difference import student
from mathreason_eval.stats.uncertainty.prior import imagined_noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

_REACH = 6
"""Standard deviations around the mean within which all that happens happens."""
_CELLS = (512, 256)
"""Values of a sum, and of a sum of squares, at most, whose chances are worked out."""
_NOTHING = 1e-10
_TRIES = 30
_HALF = 0.5
_CLOSE = 0.015
"""Standard deviations, about half a point of power."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What the gate asks of one task: see `decide`."""

    margin: float = 0.01
    alpha: float = 0.01
    """Level of a pass."""
    tasks: int = 1
    """Tasks in the suite; Holm lets one of them alone have alpha / tasks for a regression."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outlook:
    """How likely the gate is to give either answer; what is left is inconclusive."""

    passes: float
    regression: float


def outlook(change: Law, problems: int, rule: Rule) -> Outlook:
    """Return how likely `decide` is to call a pass, and to call a regression.

    The decision depends on the changes by their sum and their sum of squares. The law of both is
    exact where these have few values; else neighbouring values share a cell, in such parts that
    their mean stays.
    """
    totals, squares, masses = _sums(change, problems)
    passes, falls = calls(totals, squares, problems, change, rule)
    return Outlook(
        passes=float(masses[passes].sum()), regression=float(masses[falls & ~passes].sum())
    )


def calls(
    totals: NDArray[Any], squares: NDArray[Any], problems: int, change: Law, rule: Rule
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return whether `decide` would let pass, and whether it would see a fall.

    Args:
        totals: sums of changes over problems, one for each imagined pair of runs.
        squares: sums of squared changes.
        problems: how many there are.
        change: the law they are of.
        rule: what is asked.
    """
    passes, falls = student_calls(totals, squares, problems, change.samples, rule)
    level = rule.alpha / rule.tasks
    falls &= _sign_flip(totals, squares, change) <= level
    if change.exchange is not None:
        falls &= _exchanged(totals, problems, change, change.exchange) <= level
    return passes, falls


def student_calls(
    totals: NDArray[Any],
    squares: NDArray[Any],
    problems: int,
    samples: tuple[float, float],
    rule: Rule,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the same by the bounds of the difference alone, without the exact test of a fall."""
    import numpy as np

    n = problems
    value = totals / n
    imagined = sum(map(imagined_noise, samples))
    varied = np.maximum(squares - totals * value, 0.0) * (n / (n - 1) if n > 1 else 1.0)
    errors = np.sqrt(varied + imagined) / n
    freedom = max(1, n - 1)
    passes = value - student(1 - rule.alpha, freedom) * errors >= -rule.margin
    falls = value + student(1 - rule.alpha / rule.tasks, freedom) * errors <= 0
    return passes, falls


def whole_problems(problems: int, rule: Rule) -> int | None:
    """Return how many problems must be lost from always to never solved before that is seen.

    Endless samples do not help: with fewer lost, and all others as before, the gate calls no
    regression. None if it would not with all of them lost.
    """
    import numpy as np

    lost = np.arange(1, problems + 1)
    one = Law(changes=np.array([-1.0]), chances=np.ones(1), samples=(math.inf, math.inf))
    passes, falls = calls(-lost, lost, problems, one, rule)
    falls &= ~passes & (0.5 ** (lost + 1.0) <= rule.alpha / rule.tasks)
    return int(lost[falls][0]) if falls.any() else None


def least(
    chance: Callable[[float], float], wanted: float, low: float, high: float, *, step: float
) -> float | None:
    """Return about the least number, in [low, high], whose rising chance is the wanted one.

    By false position on the normal scale, where the power of a test is nearly straight. The number
    is no more than a step too large, or its chance no more than half a point.

    Returns:
        None, if the chance is too small at `high`.
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
        # Where the straight line misleads, as at a chance that is next to 1, halve.
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


# --- of what happens to all problems together ------------------------------------------------


def _sums(change: Law, problems: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return sums of changes and sums of squares over problems, with their chances.

    The law of a sum is the transform of a power, here in two dimensions.
    """
    import numpy as np

    unit = 0.0
    if not math.isinf(change.samples[0]):
        unit = 1 / math.lcm(*map(int, change.samples))
    frames = [_frame(change, problems, power, unit**power) for power in (1, 2)]
    sizes = [size for _, _, size in frames]
    once = np.zeros(sizes)
    sides = [
        _split(change.changes**power / width) for power, (width, _, _) in enumerate(frames, start=1)
    ]
    for row, share in sides[0]:
        for column, part in sides[1]:
            np.add.at(once, (row % sizes[0], column % sizes[1]), change.chances * share * part)
    masses = np.fft.irfft2(_power(np.fft.rfft2(once), problems), s=sizes)
    kept = masses > _NOTHING
    totals, squares = (
        width * (low + (place - low) % size)
        for place, (width, low, size) in zip(np.nonzero(kept), frames, strict=True)
    )
    return totals, squares, masses[kept]


def _power(wave: NDArray[Any], times: int) -> NDArray[Any]:
    """Return a whole power by squaring, which is faster than by logarithms."""
    if times == 1:
        return wave
    half = _power(wave, times // 2)
    whole: NDArray[Any] = half * half
    if times % 2:
        whole *= wave
    return whole


def _frame(change: Law, problems: int, power: int, unit: float) -> tuple[float, int, int]:
    """Return the width of a cell for sums of a power, the first one, and how many there are."""
    mean = problems * change.moment(power)
    varied = max(0.0, change.moment(2 * power) - change.moment(power) ** 2)
    largest = float(abs(change.changes).max()) ** power
    reach = _REACH * math.sqrt(problems * varied) + 2 * largest
    # Where nothing changes at all there is a single cell, of any width.
    width = max(unit, 2 * reach / (_CELLS[power - 1] - 2), _NOTHING)
    return (
        width,
        math.floor((mean - reach) / width),
        1 << math.ceil(math.log2(2 * reach / width + 2)),
    )


def _split(places: NDArray[Any]) -> tuple[tuple[NDArray[Any], NDArray[Any]], ...]:
    """Return the whole numbers on both sides of places, with the share that each has of them."""
    import numpy as np

    near = np.rint(places)
    below = np.where(abs(places - near) < 1e-9, near, np.floor(places))  # noqa: PLR2004
    above = places - below
    return (below.astype(np.int64), 1 - above), (below.astype(np.int64) + 1, above)


def _sign_flip(totals: NDArray[Any], squares: NDArray[Any], change: Law) -> NDArray[Any]:
    """Return the p of the sign-flip test: exact for flips, else its Edgeworth series."""
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


def _exchanged(
    totals: NDArray[Any],
    problems: int,
    change: Law,
    exchange: tuple[NDArray[Any], NDArray[Any]],
) -> NDArray[Any]:
    """Return the p of the exchange of samples, by three cumulants.

    The more correct samples there are, the more could be exchanged: so the variance goes with the
    total, here along a straight line.
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
