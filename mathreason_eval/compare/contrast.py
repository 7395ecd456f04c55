"""One metric in two runs over the problems that both have: how much it changed, how surely."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mathreason_eval.stats.difference import (
    Difference,
    Pair,
    bootstrap_interval,
    difference,
    t_quantile,
)
from mathreason_eval.stats.exact_tests import exact_test
from mathreason_eval.stats.metrics import NamedMetric
from mathreason_eval.stats.multiplicity import benjamini_hochberg, holm
from mathreason_eval.types import Unit

_POWER, _LEVEL = 0.8, 0.05
"""Of the smallest change that is called detectable: two-sided."""
_ADJUSTMENTS = {"Holm": holm, "Benjamini-Hochberg": benjamini_hochberg}


@dataclass(frozen=True, kw_only=True, slots=True)
class Contrast:
    """One metric in two runs, over the problems of one slice that both have."""

    slice: str
    metric: str
    unit: Unit
    before: float
    after: float
    """Means over the shared problems."""
    difference: Difference
    """Of after - before."""
    bootstrap: tuple[float, float]
    """Ends of the paired bootstrap's 95 % interval."""
    p: float
    """Two-sided, of no difference."""
    adjusted: float
    """P with all others of its kind in view."""
    adjustment: str
    """How, and over how many."""
    test: str
    """Which test gave p."""

    @property
    def detectable(self) -> float:
        """Return the smallest true change that a test of 5 % finds with 80 % power."""
        found = self.difference
        quantiles = (t_quantile(1 - _LEVEL / 2, found.freedom), t_quantile(_POWER, found.freedom))
        return math.fsum(quantiles) * found.se


def contrast(where: str, metric: NamedMetric, pairs: Sequence[Pair]) -> Contrast:
    """Return what became of a metric, its p not yet adjusted.

    Args:
        where: the slice.
        metric: what is compared.
        pairs: what each problem of the slice brings to it in either run.

    Raises:
        ValueError: if there are no pairs, or amounts of fewer than two.
    """
    definition = metric.definition
    n = len(pairs)
    found = difference(pairs, shares=definition.is_share)
    if definition.linear is not None:
        found = replace(found, method=f"{found.method}, delta method")
    seen = exact_test(pairs, counted=definition.is_counted)
    return Contrast(
        slice=where,
        metric=metric.name,
        unit=definition.unit,
        before=math.fsum(pair.before for pair in pairs) / n,
        after=math.fsum(pair.after for pair in pairs) / n,
        difference=found,
        bootstrap=bootstrap_interval(pairs),
        p=seen.p,
        adjusted=seen.p,
        adjustment="none",
        test=seen.name,
    )


def adjusted(contrasts: Sequence[Contrast], name: str) -> list[Contrast]:
    """Return contrasts with their p-values adjusted over all of them.

    Args:
        contrasts: all of one kind.
        name: `Holm` or `Benjamini-Hochberg`.
    """
    ps = _ADJUSTMENTS[name]([one.p for one in contrasts])
    how = f"{name} over {len(ps)}"
    return [replace(one, adjusted=p, adjustment=how) for one, p in zip(contrasts, ps, strict=True)]
