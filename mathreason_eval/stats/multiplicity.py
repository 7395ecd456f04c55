"""Several tests and several looks: adjusted p-values, and alpha spending."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


def holm(ps: Sequence[float]) -> list[float]:
    """Return p-values adjusted to control the family-wise error rate (Holm 1979)."""
    adjusted = [*ps]
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = largest
    return adjusted


def benjamini_hochberg(ps: Sequence[float]) -> list[float]:
    """Return p-values adjusted to control the false discovery rate (Benjamini-Hochberg 1995)."""
    adjusted = [*ps]
    smallest = 1.0
    order = sorted(range(len(ps)), key=ps.__getitem__)
    for rank, place in reversed(list(enumerate(order, 1))):
        smallest = min(smallest, ps[place] * len(ps) / rank)
        adjusted[place] = smallest
    return adjusted


# --- group-sequential levels -----------------------------------------------------------------


def _obrien_fleming(share: float, alpha: float) -> float:
    from scipy.special import ndtr, ndtri

    return float(2 * ndtr(ndtri(alpha / 2) / math.sqrt(share)))


def _pocock(share: float, alpha: float) -> float:
    return alpha * math.log1p((math.e - 1) * share)


_SPENDING: dict[str, Callable[[float, float], float]] = {
    "obrien-fleming": _obrien_fleming,
    "pocock": _pocock,
}
SPENDING_FUNCTIONS = tuple(_SPENDING)
"""Names of the spending functions; the first, the default, spends most of alpha at the end."""


def alpha_spent(share: float, alpha: float, spending: str = SPENDING_FUNCTIONS[0]) -> float:
    """Return the alpha spent at an information fraction in (0, 1] (Lan and DeMets 1983).

    O'Brien and Fleming's type is 2 - 2 Phi(z / sqrt(share)) with the z of alpha / 2, Pocock's is
    alpha ln(1 + (e - 1) share). Both are alpha at share 1; alpha is one-sided.

    Raises:
        ValueError: if the share is outside (0, 1], or `spending` not in `SPENDING_FUNCTIONS`.
    """
    if not 0 < share <= 1:
        raise ValueError(f"An information fraction must be in (0, 1]; {share} is not.")
    if spending not in _SPENDING:
        known = ", ".join(SPENDING_FUNCTIONS)
        raise ValueError(f"There is no spending function {spending!r}; there are {known}.")
    return _SPENDING[spending](share, alpha)


def nominal_levels(
    information: Sequence[float], alpha: float, spending: str = SPENDING_FUNCTIONS[0]
) -> list[float]:
    """Return the one-sided nominal level of each look, with overall level alpha.

    Each bound follows from the distribution of the score that crossed no earlier one (Armitage,
    McPherson and Rowe 1969, JRSS A 132, 235-244), so a level does not depend on later looks.

    Args:
        information: at each look, increasing, in any unit proportional to 1 / variance, such as
            problems. The last is the maximum.
        alpha: the chance of a false positive at any look, in (0, 0.5).
        spending: one of `SPENDING_FUNCTIONS`.
    """
    if not information or information[0] <= 0 or any(b <= a for a, b in pairwise(information)):
        raise ValueError("The information must be positive and increase from look to look.")
    if not 0 < alpha < 0.5:  # noqa: PLR2004  a one-sided level
        raise ValueError(f"A one-sided alpha must be in (0, 0.5); {alpha} is not.")
    shares = [one / information[-1] for one in information]
    totals = [0.0, *(alpha_spent(share, alpha, spending) for share in shares)]
    return _levels(shares, [after - before for before, after in pairwise(totals)])


_FARTHEST = 9.0
"""Standard deviations at which the density of the score under the null hypothesis is cut off."""


def _levels(shares: Sequence[float], spend: Sequence[float]) -> list[float]:
    """Return the nominal level at which each look spends its part of alpha.

    The score is a Brownian motion whose variance at each look is the information fraction. Its
    density below the bound is propagated from look to look by quadrature.
    """
    import numpy as np
    from scipy.special import ndtr

    steps = [math.sqrt(after - before) for before, after in pairwise((0.0, *shares))]
    levels = []
    points, masses = np.zeros(1), np.ones(1)
    for look, (share, step) in enumerate(zip(shares, steps, strict=True)):
        bound = _bound(points / step, masses, spend[look]) * step
        levels.append(float(ndtr(-bound / math.sqrt(share))))
        if look + 1 < len(steps):
            start = -_FARTHEST * math.sqrt(share)
            after, weights = _nodes(start, bound, min(steps[look : look + 2]))
            moves = (after[:, None] - points[None, :]) / step
            scale = weights / (step * math.sqrt(2 * math.pi))
            points, masses = after, scale * np.matmul(np.exp(-moves * moves / 2), masses)
    return levels


_HALVINGS = 60


def _bound(points: NDArray[Any], masses: NDArray[Any], chance: float) -> float:
    """Return the bound crossed with a given probability after a standard normal step."""
    from scipy.special import ndtr

    low, high = float(points.min()) - 40, float(points.max()) + 40
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if float(masses @ ndtr(points - middle)) > chance:
            low = middle
        else:
            high = middle
    return (low + high) / 2


_ORDER = 16
_PANELS = (16, 128)
"""Minimum and maximum number of panels of the quadrature, each of `_ORDER` points."""


def _nodes(low: float, high: float, width: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return points and weights of a quadrature from low to high for densities of that width."""
    import numpy as np

    panels = min(_PANELS[1], max(_PANELS[0], math.ceil(2 * (high - low) / width / _ORDER)))
    inner, weights = np.polynomial.legendre.leggauss(_ORDER)
    half = (high - low) / panels / 2
    middles = low + half * (2 * np.arange(panels) + 1)
    return (middles[:, None] + half * inner).ravel(), np.tile(half * weights, panels)
