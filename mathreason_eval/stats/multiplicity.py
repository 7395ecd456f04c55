"""Several tests and several looks: adjusted p-values, and alpha spending."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


def holm(ps: Sequence[float]) -> list[float]:
    """Return p-values adjusted to bound the chance of any false positive (Holm 1979)."""
    adjusted = [0.0] * len(ps)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = largest
    return adjusted


def benjamini_hochberg(ps: Sequence[float]) -> list[float]:
    """Return p-values adjusted to bound the false discovery rate (Benjamini and Hochberg 1995)."""
    adjusted = [0.0] * len(ps)
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
"""Their names; the first, the default, keeps nearly all of alpha for the last look."""


def alpha_spent(share: float, alpha: float, spending: str = SPENDING_FUNCTIONS[0]) -> float:
    """Return the alpha spent at a share of the information, in (0, 1] (Lan, DeMets 1983).

    O'Brien and Fleming's type is 2 - 2 Phi(z / sqrt(share)) with the z of alpha / 2, Pocock's
    alpha ln(1 + (e - 1) share). Both are alpha at share 1; alpha is one-sided.

    Raises:
        ValueError: if the share is outside (0, 1], or `spending` not in `SPENDING_FUNCTIONS`.
    """
    if not 0 < share <= 1:
        raise ValueError(f"A share of the information lies in (0, 1], unlike {share}.")
    if spending not in _SPENDING:
        known = ", ".join(SPENDING_FUNCTIONS)
        raise ValueError(f"There is no spending function {spending!r}; there are {known}.")
    return _SPENDING[spending](share, alpha)


def nominal_levels(
    information: Sequence[float], alpha: float, spending: str = SPENDING_FUNCTIONS[0]
) -> list[float]:
    """Return the one-sided nominal level of each look, so that all looks together have alpha.

    The bounds follow one by one from the distribution of the score that crossed none before
    (Armitage, McPherson and Rowe 1969, JRSS A 132, 235-244), so a level depends on the looks up to
    its own, not on later ones.

    Args:
        information: at each look, in any unit that grows like 1 / variance: problems, for example.
            It rises, and the last is all there will be.
        alpha: the chance of a false positive at any look, in (0, 0.5).
        spending: one of `SPENDING_FUNCTIONS`.
    """
    if not information or information[0] <= 0 or any(b <= a for a, b in pairwise(information)):
        raise ValueError("The information is positive and rises from look to look.")
    if not 0 < alpha < 0.5:  # noqa: PLR2004  a one-sided level
        raise ValueError(f"A one-sided alpha lies in (0, 0.5), unlike {alpha}.")
    shares = [one / information[-1] for one in information]
    totals = [0.0, *(alpha_spent(share, alpha, spending) for share in shares)]
    return _levels(shares, [after - before for before, after in pairwise(totals)])


_FARTHEST = 9.0
"""Standard deviations at which the density of the score under the null hypothesis is cut off."""


def _levels(shares: Sequence[float], spend: Sequence[float]) -> list[float]:
    """Return the level at which each look spends its part of alpha.

    The score is a Brownian motion: its variance at each look is the share of the information. Its
    density below the bound is followed from look to look by quadrature.
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
    """Return the bound that masses at points cross with a chance after a standard normal step."""
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
"""Gauss-Legendre points in a panel of the quadrature; its panels, at least and at most."""


def _nodes(low: float, high: float, width: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return points and weights that integrate, from low to high, densities of a given width."""
    import numpy as np

    panels = min(_PANELS[1], max(_PANELS[0], math.ceil(2 * (high - low) / width / _ORDER)))
    inner, weights = np.polynomial.legendre.leggauss(_ORDER)
    half = (high - low) / panels / 2
    middles = low + half * (2 * np.arange(panels) + 1)
    return (middles[:, None] + half * inner).ravel(), np.tile(half * weights, panels)
