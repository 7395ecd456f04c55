"""How to look at growing evidence more than once without a false alarm more."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FARTHEST = 9.0
"""Standard deviations beyond which the score of no effect is not followed."""
_ORDER = 16
_PANELS = (16, 128)
"""Gauss and Legendre's points in a panel of the quadrature; its panels, at least and at most."""
_HALVINGS = 60


def _obrien_fleming(share: float, alpha: float) -> float:
    from scipy.special import ndtr, ndtri

    return float(2 * ndtr(ndtri(alpha / 2) / math.sqrt(share)))


def _pocock(share: float, alpha: float) -> float:
    return alpha * math.log1p((math.e - 1) * share)


_SPENT: dict[str, Callable[[float, float], float]] = {
    "obrien-fleming": _obrien_fleming,
    "pocock": _pocock,
}
KINDS = tuple(_SPENT)
"""The spending functions by name; the first saves nearly all of alpha for the last look."""


def spent(share: float, alpha: float, kind: str = KINDS[0]) -> float:
    """Return how much of alpha is spent once a share of the information is in (Lan, DeMets 1983).

    O'Brien and Fleming's type is 2 - 2 Phi(z / sqrt(share)) with the z of alpha / 2, Pocock's
    alpha ln(1 + (e - 1) share). Both are alpha at share 1; alpha is one-sided.
    """
    if not 0 < share <= 1:
        raise ValueError(f"A share of the information lies in (0, 1], unlike {share}.")
    if kind not in _SPENT:
        raise ValueError(f"There is no spending function {kind!r}; there are {', '.join(KINDS)}.")
    return _SPENT[kind](share, alpha)


def nominal_levels(information: Sequence[float], alpha: float, kind: str = KINDS[0]) -> list[float]:
    """Return the one-sided p-value to stay below at each look, so that all together have alpha.

    The chance that a score without effect crosses any of the bounds is alpha. The bounds follow
    one by one from the law of the scores that crossed none before (Armitage, McPherson and Rowe
    1969, JRSS A 132, 235-244), so a level depends on the looks up to its own, not on later ones.

    Args:
        information: at each look, in any unit that grows like 1 / variance: problems, for example.
            It rises, and the last is all there will be.
        alpha: the chance of a false alarm at any look, in (0, 0.5).
        kind: one of `KINDS`.
    """
    if not information or information[0] <= 0 or any(b <= a for a, b in pairwise(information)):
        raise ValueError("The information is positive and rises from look to look.")
    if not 0 < alpha < 0.5:  # noqa: PLR2004  a one-sided level
        raise ValueError(f"A one-sided alpha lies in (0, 0.5), unlike {alpha}.")
    shares = [one / information[-1] for one in information]
    totals = [0.0, *(spent(share, alpha, kind) for share in shares)]
    return _levels(shares, [after - before for before, after in pairwise(totals)])


def _levels(shares: Sequence[float], spend: Sequence[float]) -> list[float]:
    """Return the levels at which each look spends its part.

    The score is followed as Brownian motion: its variance at each look is the share itself.
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
            nodes = _nodes(-_FARTHEST * math.sqrt(share), bound, min(steps[look : look + 2]))
            points, masses = nodes[0], _masses(points, masses, step, nodes)
    return levels


def _bound(points: NDArray[Any], masses: NDArray[Any], part: float) -> float:
    """Return what is crossed with chance `part` by masses at points that move by a normal step."""
    from scipy.special import ndtr

    low, high = float(points.min()) - 40, float(points.max()) + 40
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if float(masses @ ndtr(points - middle)) > part:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _nodes(low: float, high: float, width: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return points and weights that integrate from low to high what is no narrower than width."""
    import numpy as np

    panels = min(_PANELS[1], max(_PANELS[0], math.ceil(2 * (high - low) / width / _ORDER)))
    inner, weights = np.polynomial.legendre.leggauss(_ORDER)
    half = (high - low) / panels / 2
    middles = low + half * (2 * np.arange(panels) + 1)
    return (middles[:, None] + half * inner).ravel(), np.tile(half * weights, panels)


def _masses(
    points: NDArray[Any],
    masses: NDArray[Any],
    step: float,
    nodes: tuple[NDArray[Any], NDArray[Any]],
) -> NDArray[Any]:
    """Return the masses at the nodes after a normal step from masses at points."""
    import numpy as np

    after, weights = nodes
    moves = (after[:, None] - points[None, :]) / step
    scale = weights / (step * math.sqrt(2 * math.pi))
    result: NDArray[Any] = scale * np.matmul(np.exp(-moves * moves / 2), masses)
    return result
