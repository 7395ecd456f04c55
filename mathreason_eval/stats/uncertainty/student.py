"""Student's law without a library: importing one takes longer than a gate may take to start."""

from __future__ import annotations

import math

_ENOUGH = 1e-15
"""Relative change of a continued fraction at which it has converged."""
_MOST = 10_000
"""Steps after which it is taken as it is: far more than a million degrees of freedom need."""
_HALVINGS = 200


def tail(distance: float, freedom: float) -> float:
    """Return P(T > distance), for any distance, with a relative error near 1e-10."""
    if distance < 0:
        return 1 - tail(-distance, freedom)
    square = distance * distance
    if math.isinf(square):
        return 0.0
    share = freedom / (freedom + square)
    return _incomplete_beta(freedom / 2, 0.5, share, square / (freedom + square)) / 2


def quantile(share: float, freedom: int) -> float:
    """Return the quantile of Student's law: below it lies this share, in (0, 1)."""
    if share < 0.5:  # noqa: PLR2004  the middle
        return -quantile(1 - share, freedom)
    beyond = 1 - share
    low, high = 0.0, 1.0
    while tail(high, freedom) > beyond:
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        if tail(middle, freedom) > beyond:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _incomplete_beta(a: float, b: float, x: float, rest: float) -> float:
    """Return the regularised incomplete beta function at x = 1 - rest, by its fraction."""
    if not x or not rest:
        return 1.0 if x else 0.0
    # The fraction converges fast on one side of the mean only.
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(b, a, rest, x)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(scale + a * math.log(x) + b * math.log(rest)) / a
    return front * _fraction(a, b, x)


def _fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction of the incomplete beta function (Lentz 1976)."""
    found = down = 1 / (1 - (a + b) * x / (a + 1))
    up = 1.0
    for step in range(2, _MOST):
        m = step // 2
        if step % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        down = 1 / (1 + term * down)
        up = 1 + term / up
        found *= up * down
        if abs(up * down - 1) < _ENOUGH:
            break
    return found
