"""How much a score depends on the numbers drawn for a template.

A task whose problems have the property `instance` has the same families of problems several times,
with different names and numbers. Each instance is a data set, and a score on a single one does not
show the spread over them (arXiv:2410.05229).

Some spread is noise: problems of an instance and samples of a problem are drawn at random. It is
estimated as in a randomised block design whose blocks are families (or clusters of them): the noise
is the residual of a score after the effects of its family and its instance.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from mathreason_eval.stats.difference import pseudo_variance
from mathreason_eval.stats.estimators.items import WHOLE, Item, mean_over
from mathreason_eval.stats.estimators.paired import ORIGINAL
from mathreason_eval.stats.intervals import Z95, Mean
from mathreason_eval.types import Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

INSTANCE = "instance"
"""The property of a problem with the number of its instance."""

INSTANCES = "instances"
"""The slice of problems that have every instance."""

_SPREAD_NEEDS = 2
_TAIL = 0.025


def instances(task: str, items: Sequence[Item]) -> Iterator[Metric]:
    """Yield, in the slice `instances`, metrics of the variation of accuracy over instances.

    - `avg`: mean over all instances; the accuracy of each is the slice `instance=N`
    - `sd`: standard deviation of the instances' accuracies, noise subtracted
    - `lowest`, `highest`, `range`: of the instances' accuracies, with intervals that allow for the
      selection among them

    Only families that have every instance count. Nothing if there are fewer than two instances;
    only the mean if all families are one cluster, as the noise cannot be estimated then.
    """
    table = _table(items)
    width = len(table[0]) if table else 0
    if width < _SPREAD_NEEDS:
        return
    firsts = [row[0] for row in table]
    averages = [sum(item.accuracy for item in row) / width for row in table]
    means = {"avg": mean_over(firsts, averages)}
    if len({item.cluster for item in firsts}) >= _SPREAD_NEEDS:
        layout = layout_of(
            [[item.accuracy for item in row] for row in table],
            [item.cluster for item in firsts],
            len(table) * width / sum(1 / item.n for row in table for item in row),
        )
        lowest, highest = _ends(table)
        means |= {
            "sd": spread(layout),
            "lowest": lowest,
            "highest": highest,
            "range": span(layout),
        }
    samples = sum(item.n for row in table for item in row)
    for name, mean in means.items():
        yield mean.metric(name, (task, INSTANCES), (len(table), samples))


def strict(task: str, items: Sequence[Item]) -> Iterator[Metric]:
    """Yield `strict`, the fraction of problems with all samples correct, pass^n, by slices.

    For all problems, and, if there are variants, for originals and each variant. Only problems with
    the largest number of samples count; nothing if that is one. It falls as n grows, so `method`
    states n, and only runs with the same n can be compared by it.
    """
    most = max(item.n for item in items)
    if most < _SPREAD_NEEDS:
        return
    groups: dict[str, list[Item]] = {WHOLE: []}
    paired = any(item.problem.variant is not None for item in items)
    for item in items:
        if item.n == most:
            groups[WHOLE].append(item)
            if paired:
                name = item.problem.variant
                groups.setdefault(ORIGINAL if name is None else f"variant={name}", []).append(item)
    for where, group in groups.items():
        mean = mean_over(group, [float(item.correct == item.n) for item in group])
        mean = replace(mean, method=f"pass^{most}; {mean.method}")
        yield mean.metric("strict", (task, where), (len(group), most * len(group)))


# --- instances against families --------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Layout:
    """Accuracies of instances and their noise, from a randomised block design."""

    accuracies: NDArray[Any]
    """Accuracy of each instance."""
    noise: float
    """The variance of each accuracy due to drawing problems and samples; never zero."""
    blocks: int
    """Number of families, or clusters of them."""

    @property
    def instances(self) -> int:
        """Return the number of instances."""
        return len(self.accuracies)

    @property
    def freedom(self) -> int:
        """Return the degrees of freedom of the noise."""
        return (self.instances - 1) * (self.blocks - 1)


def layout_of(
    scores: Sequence[Sequence[float]], clusters: Sequence[Hashable], samples: float
) -> Layout:
    """Return the accuracies of instances and their noise.

    Args:
        scores: a row per family, a column per instance.
        clusters: the cluster of each family; families of one cluster are a block. At least two.
        samples: the number of samples per score, for the pseudo-observations.
    """
    import numpy as np

    number: dict[Hashable, int] = {}
    places = [number.setdefault(cluster, len(number)) for cluster in clusters]
    rows = np.asarray(scores, dtype=float)
    families, width, blocks = *rows.shape, len(number)
    accuracies = rows.mean(axis=0)
    # Residuals of family and instance effects, summed over the families of a block.
    left = rows - rows.mean(axis=1, keepdims=True) - accuracies + rows.mean()
    sums = np.zeros((blocks, width))
    np.add.at(sums, places, left)
    squares = float(np.square(sums).sum()) / (width - 1) * blocks / (blocks - 1)
    squares += pseudo_variance(samples, families / blocks)
    return Layout(accuracies=accuracies, noise=squares / families**2, blocks=blocks)


def spread(layout: Layout) -> Mean:
    """Return the standard deviation over instances with the noise subtracted, at least 0.

    Its interval is Williams' for a variance component (1962, Biometrika 49, 278-281).
    """
    from scipy.special import chdtri, fdtri

    freedom = layout.instances - 1
    seen = float(layout.accuracies.var(ddof=1))
    value = math.sqrt(max(0.0, seen - layout.noise))

    def end(tail: float, seen: float) -> float:
        ratio = float(fdtri(freedom, layout.freedom, 1 - tail)) * layout.noise
        return math.sqrt(max(0.0, seen - ratio) * freedom / float(chdtri(freedom, tail)))

    # Instances that differ by less than noise are not evidence of equality.
    low, high = end(_TAIL, seen), end(1 - _TAIL, max(seen, layout.noise))
    return Mean(
        value=value,
        low=low,
        high=high,
        se=(high - low) / (2 * Z95),
        method=f"Williams over {layout.instances} instances, noise of problems and samples off",
    )


def span(layout: Layout) -> Mean:
    """Return the range of the instances' accuracies with Tukey's interval.

    It holds for all pairs of instances simultaneously at 95 %, so also for the most distant pair.
    """
    value = float(layout.accuracies.max() - layout.accuracies.min())
    error = math.sqrt(layout.noise)
    half = _range_quantile(layout.instances, layout.freedom) * error
    return Mean(
        value=value,
        low=max(0.0, value - half),
        high=min(1.0, value + half),
        se=math.sqrt(2) * error,
        method=f"Tukey's studentized range over all pairs of {layout.instances} instances",
    )


@lru_cache(maxsize=64)
def _range_quantile(instances: int, freedom: int) -> float:
    """Return the 95 % quantile of the studentized range, which takes a second to compute."""
    from scipy.stats import studentized_range

    return float(studentized_range.ppf(1 - 2 * _TAIL, instances, freedom))


def _ends(table: Sequence[Sequence[Item]]) -> tuple[Mean, Mean]:
    """Return the lowest and the highest accuracy of an instance.

    The intervals of all instances hold simultaneously at 95 % (Sidak), whichever is selected.
    """
    columns = list(zip(*table, strict=True))
    together = (1 - 2 * _TAIL) ** (1 / len(columns))
    z = NormalDist().inv_cdf((1 + together) / 2)
    means = [mean_over(column, [item.accuracy for item in column], z) for column in columns]
    method = f"{means[0].method}, of all {len(columns)} instances together (Sidak)"
    lows, highs = [mean.low for mean in means], [mean.high for mean in means]
    least, most = (end(means, key=lambda mean: mean.value) for end in (min, max))
    return (
        replace(least, low=min(lows), high=min(highs), method=method),
        replace(most, low=max(lows), high=max(highs), method=method),
    )


def _table(items: Sequence[Item]) -> list[list[Item]]:
    """Return a row for each family that has every instance: its problems in their order."""
    families: dict[str, dict[int, Item]] = {}
    for item in items:
        if INSTANCE in item.problem.meta:
            name = item.problem.origin or item.problem.id
            families.setdefault(name, {})[int(item.problem.meta[INSTANCE])] = item
    every = sorted({instance for family in families.values() for instance in family})
    return [
        [family[instance] for instance in every]
        for family in families.values()
        if len(family) == len(every)
    ]
