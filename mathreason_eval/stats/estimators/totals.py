"""Metrics that are functions of sums over units, such as ratios, as means over the same units.

To first order the error of a smooth function of sums is that of a mean of each unit's
contribution, found by leaving it out (the jackknife, Efron and Stein 1981): so tests and intervals
of means apply. The joint bootstrap of two runs needs no such approximation.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mathreason_eval.stats.difference import bootstrap_sums, cluster_sums
from mathreason_eval.stats.estimators.items import Item

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Table = NDArray[Any]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Totals:
    """Rows of which a metric is a function of the sums."""

    units: Sequence[Item]
    """What each row is of: a problem, or the original of a family."""
    rows: Table
    extremes: Table
    """Rows that a unit may have at its best and at its worst."""
    value: Callable[[Table], Table]
    """Sums, along the last axis, to values; not finite where there is none."""

    @property
    def of_all(self) -> float:
        """Return the metric's value; not finite if it has none."""
        return float(self.value(self.rows.sum(axis=0)))

    def influences(self) -> tuple[list[float], float]:
        """Return each unit's contribution, whose mean is the value, and the range of one.

        The contribution of a unit without which there is no value is the value.
        """
        import numpy as np

        n, sums, value = len(self.rows), self.rows.sum(axis=0), self.of_all
        # Where there is no value it is infinite, or no number.
        with np.errstate(invalid="ignore"):
            moved = _finite((n - 1) * (value - self.value(sums - self.rows)))
            possible = _finite((n + 1) * (self.value(sums + self.extremes) - value))
        parts = value + moved - moved.mean()
        return parts.tolist(), float(np.ptp(possible))


def _finite(moved: Table) -> Table:
    import numpy as np

    return np.where(np.isfinite(moved), moved, 0.0)


def joint_bootstrap(
    runs: tuple[Totals, Totals], names: Sequence[str], clusters: Sequence[Hashable]
) -> tuple[float, float]:
    """Return the 95 % percentile interval of the change, units and clusters drawn for both runs.

    Args:
        runs: the rows of both.
        names: the ids of the units that both have.
        clusters: the cluster of each.
    """
    import numpy as np

    width = runs[0].rows.shape[1]
    found = []
    for run in runs:
        place = {unit.problem.id: number for number, unit in enumerate(run.units)}
        found.append(run.rows[[place[name] for name in names]])
    sums = cluster_sums(np.hstack(found).tolist(), clusters)
    drawn = np.vstack(list(bootstrap_sums(sums, np.random.default_rng(0))))
    with np.errstate(invalid="ignore"):
        changes = runs[1].value(drawn[:, width : 2 * width]) - runs[0].value(drawn[:, :width])
    low, high = np.quantile(changes[np.isfinite(changes)], (0.025, 0.975))
    return float(low), float(high)


# --- whatever can be computed ----------------------------------------------------------------

_GROUPS = 100
"""Most groups of clusters that are left out, one after another."""


def left_out(
    items: Sequence[Item], value: Callable[[Sequence[Item]], float | None]
) -> list[tuple[float, Hashable]] | None:
    """Return each problem's contribution to any metric, with the group that it is of.

    The jackknife by groups of whole clusters. Equal problems are in equal groups in every run.
    None if there is no value.

    Args:
        items: the problems.
        value: the metric of some problems; None if it has none for them.
    """
    whole = value(items)
    if whole is None:
        return None
    names = sorted({repr(item.cluster) for item in items})
    group = {name: number % _GROUPS for number, name in enumerate(names)}
    groups = [group[repr(item.cluster)] for item in items]
    parts: dict[int, float] = {}
    for one in set(groups):
        rest = [item for item, other in zip(items, groups, strict=True) if other != one]
        without = value(rest) if rest else None
        # As many groups as this one would be all problems.
        times = len(items) / (len(items) - len(rest))
        parts[one] = whole if without is None else times * whole - (times - 1) * without
    middle = sum(parts[one] for one in groups) / len(groups)
    return [(whole + parts[one] - middle, ("group", one)) for one in groups]
