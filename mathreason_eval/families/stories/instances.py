"""How accuracy moves when a problem is drawn again with other numbers, or asked again as it is.

An instance is a number: instance 3 of every problem together is one data set. The spread over these
data sets is what a score on any single one of them hides (arXiv:2410.05229).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from mathreason_eval.stats.estimators.items import Item
from mathreason_eval.stats.estimators.paired import ORIGINAL, WHOLE, drop, side_by_side
from mathreason_eval.stats.uncertainty.difference import Pair
from mathreason_eval.stats.uncertainty.intervals import Mean, mean_of_scores
from mathreason_eval.types import Metric

INSTANCE = "instance"
"""The property of a problem that says which instance of its family it is."""

INSTANCES = "instances"
"""The slice of problems that have all the instances that there are."""

_SPREAD_NEEDS = 2


def instances(task: str, items: Sequence[Item]) -> Iterator[Metric]:
    """Yield, in the slice `instances`, how accuracy moves over the instances of the same problems.

    - `avg`: mean over all instances; the accuracy of each is the slice `instance=N`
    - `sd`: standard deviation of the instances' accuracies
    - `lowest`, `highest`, `range`: of the instances' accuracies

    Only families count that have every instance. Nothing, if there are fewer than two instances.
    """
    table = _table(items)
    width = len(table[0]) if table else 0
    if width < _SPREAD_NEEDS:
        return
    columns = list(zip(*table, strict=True))
    accuracies = [math.fsum(item.accuracy for item in column) / len(table) for column in columns]
    least, most = (columns[accuracies.index(end(accuracies))] for end in (min, max))
    grain = 1 / (len(table) * min(item.n for row in table for item in row))
    means = {
        "avg": mean_of_scores([sum(item.accuracy for item in row) / width for row in table]),
        "sd": spread(accuracies, grain),
        "lowest": mean_of_scores([item.accuracy for item in least]),
        "highest": mean_of_scores([item.accuracy for item in most]),
        "range": _range([side_by_side(one, other) for one, other in zip(most, least, strict=True)]),
    }
    samples = sum(item.n for row in table for item in row)
    for name, mean in means.items():
        yield mean.metric(name, (task, INSTANCES), (len(table), samples))


def strict(task: str, items: Sequence[Item]) -> Iterator[Metric]:
    """Yield `strict`, the share of problems of which every sample is correct.

    For all problems, and, where there are variants, for originals and each variant. A problem that
    has fewer samples than others does not count; nothing, if no problem has two.
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
        scores = [float(item.correct == item.n) for item in group]
        size = len(group), most * len(group)
        yield mean_of_scores(scores).metric("strict", (task, where), size)


def spread(accuracies: Sequence[float], grain: float) -> Mean:
    """Return the standard deviation of accuracies, with its interval by the chi-squared law.

    The instances are drawn alike, and each accuracy is a mean over many problems, close to normal.

    Args:
        accuracies: one an instance, two at least.
        grain: the least difference that two accuracies can have. Where they happen to be equal,
            what rounding to it hides still is above zero.
    """
    from scipy.special import chdtri

    freedom = len(accuracies) - 1
    middle = math.fsum(accuracies) / len(accuracies)
    value = math.sqrt(math.fsum((each - middle) ** 2 for each in accuracies) / freedom)
    low, high = (math.sqrt(freedom / float(chdtri(freedom, tail))) for tail in (0.025, 0.975))
    return Mean(
        value=value,
        low=value * low,
        high=max(value, grain / math.sqrt(12)) * high,
        se=value / math.sqrt(2 * freedom),
        method=f"chi-squared over {len(accuracies)} instances",
    )


def _range(changes: Sequence[Pair]) -> Mean:
    between = drop(changes)
    return Mean(
        value=between.value,
        low=max(0.0, between.low),
        high=between.high,
        se=between.se,
        method=f"{between.method}, between the best instance and the worst, chosen afterwards",
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
