"""Means over parts of a benchmark that count alike, however many problems each has."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from mathreason_eval.stats.intervals import Mean


def unweighted(means: Sequence[Mean], of: str, *, independent: bool = True) -> Mean:
    """Return the mean of means in [0, 1], each with the weight 1 / S.

    The variance of a stratified estimate is that of its strata, by S squared. The interval takes
    the strata's own ends (MOVER, Zou and Donner 2008): it stays in [0, 1]. Where strata share
    sources their errors are added up instead, as if all strata erred alike, which is the worst.

    Args:
        means: one a stratum.
        of: what the strata are, for `method`.
        independent: whether no problem of one stratum shares a source with one of another.
    """
    count = len(means)
    value = math.fsum(mean.value for mean in means) / count
    parts = [(mean.value, mean.low, mean.high) for mean in means]
    together = math.hypot if independent else _added
    low, high = _ends(value, parts, together)
    conditional = None
    known = [(mean.value, *mean.conditional) for mean in means if mean.conditional is not None]
    if len(known) == count:
        # Samples are independent even where problems are not.
        ends = _ends(value, [each[:3] for each in known], math.hypot)
        conditional = (*ends, math.hypot(*(se for *_, se in known)) / count)
    return Mean(
        value=value,
        low=low,
        high=high,
        se=together(*(mean.se for mean in means)) / count,
        method=f"unweighted mean of {count} {of}, "
        f"{'MOVER' if independent else 'sum'} of their Wilson intervals",
        conditional=conditional,
    )


def _added(*errors: float) -> float:
    return math.fsum(errors)


def _ends(
    value: float,
    parts: Sequence[tuple[float, float, float]],
    together: Callable[..., float],
) -> tuple[float, float]:
    """Return the ends of a mean's interval from (value, low, high) of each part."""
    down = together(*(middle - low for middle, low, _ in parts)) / len(parts)
    up = together(*(high - middle for middle, _, high in parts)) / len(parts)
    return max(0.0, value - down), min(1.0, value + up)
