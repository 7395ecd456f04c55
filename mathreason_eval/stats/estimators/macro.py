"""Means over parts of a benchmark that count alike, however many problems each has."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mathreason_eval.stats.uncertainty.intervals import Mean


def unweighted(means: Sequence[Mean], of: str) -> Mean:
    """Return the mean of independent means in [0, 1], each with the weight 1 / S.

    The variance of a stratified estimate is that of its strata, by S squared. The interval takes
    the strata's own ends (MOVER, Zou and Donner 2008): it stays in [0, 1].

    Args:
        means: one a stratum.
        of: what the strata are, for `method`.
    """
    count = len(means)
    value = math.fsum(mean.value for mean in means) / count
    low, high = _ends(value, [(mean.value, mean.low, mean.high) for mean in means])
    fixed = None
    known = [(mean.value, *mean.fixed) for mean in means if mean.fixed is not None]
    if len(known) == count:
        ends = _ends(value, [(middle, below, above) for middle, below, above, _ in known])
        fixed = (*ends, math.hypot(*(se for *_, se in known)) / count)
    return Mean(
        value=value,
        low=low,
        high=high,
        se=math.hypot(*(mean.se for mean in means)) / count,
        method=f"unweighted mean of {count} {of}, MOVER of their Wilson intervals",
        fixed=fixed,
    )


def _ends(value: float, parts: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    """Return the ends of a mean's interval from (value, low, high) of each part."""
    down = math.hypot(*(middle - low for middle, low, _ in parts)) / len(parts)
    up = math.hypot(*(high - middle for middle, _, high in parts)) / len(parts)
    return max(0.0, value - down), min(1.0, value + up)
