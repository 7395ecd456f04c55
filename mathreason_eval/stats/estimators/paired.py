"""Originals against their variants, problem by problem: what a change costs, and who flipped.

A family is an original with its variants; families are independent, so they are the unit of every
interval, and only those that have both sides count. With several samples a problem's score is its
share of correct ones, and the samples of two problems are independent of each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mathreason_eval.stats.estimators.items import Item
from mathreason_eval.stats.inference.significance import mcnemar
from mathreason_eval.stats.uncertainty.difference import Pair, difference
from mathreason_eval.stats.uncertainty.intervals import Z95, Mean, mean_of_scores, wilson
from mathreason_eval.stats.uncertainty.prior import PSEUDO_COUNT
from mathreason_eval.types import Metric

WHOLE = "all"
ORIGINAL = "original"
"""The slice of problems that have variants."""

_OF_A_SLICE = frozenset({"avg", "drop", "cr", "limem"})
"""Metrics that are also reported of a slice such as `people=3`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """An original that has a verdict, with those of its variants that have one."""

    original: Item
    variants: Mapping[str, Item]
    """By what made them. Never empty."""


def families(items: Sequence[Item]) -> list[Family]:
    """Return the originals that have variants, in their order, joined by id."""
    variants: dict[str, dict[str, Item]] = {}
    for item in items:
        problem = item.problem
        if problem.origin is not None and problem.variant is not None:
            variants.setdefault(problem.origin, {})[problem.variant] = item
    return [
        Family(original=item, variants=variants[item.problem.id])
        for item in items
        if item.problem.origin is None and item.problem.id in variants
    ]


def memorisation(items: Sequence[Item]) -> list[dict[str, str | float]]:
    """Return a row a family: `id`, the `original`'s score, and that of each variant by its name.

    A memorised problem is one whose original is solved and whose variants are not.
    """
    return [
        {
            "id": family.original.problem.id,
            ORIGINAL: family.original.accuracy,
            **{name: item.accuracy for name, item in family.variants.items()},
        }
        for family in families(items)
    ]


def paired(task: str, items: Sequence[Item], where: str = WHOLE) -> Iterator[Metric]:
    """Yield the metrics of variants against their originals; nothing where there are none.

    Of each variant, in the slice `variant=NAME`, over the families that have it:

    - `avg` and `origin`: accuracy on the variant and on its original
    - `drop`: origin - avg; `pdr`: drop / origin, the performance drop rate (arXiv:2402.19255)
    - `cr`: consistency ratio, the share of solved originals whose variant is solved, and `limem`:
      origin * (1 - cr), memorisation by arXiv:2410.23123; both 0 where no original is solved
    - `lost`, `gained`, `kept`, `missed`: the flip table, in shares of all families
    - `mcnemar`: p of McNemar's exact test that lost and gained are alike

    And `robust`, the mean over families of the worst score among original and variants.

    Args:
        task: its name.
        items: problems with their judgements, originals and variants in any order.
        where: the slice that the items are; of one that is not all, the flips are left out.
    """
    found = families(items)
    if not found:
        return
    prefix = "" if where == WHOLE else f"{where} "
    if where == WHOLE:
        yield _worst(task, found)
        originals = [family.original for family in found]
        scores = [item.accuracy for item in originals]
        samples = sum(item.n for item in originals)
        yield mean_of_scores(scores).metric("avg", (task, ORIGINAL), (len(found), samples))
    for name in dict.fromkeys(name for family in found for name in family.variants):
        pairs = [(f.original, f.variants[name]) for f in found if name in f.variants]
        for metric in _of_variant(task, f"{prefix}variant={name}", pairs):
            if where == WHOLE or metric.name in _OF_A_SLICE:
                yield metric


def _worst(task: str, found: Sequence[Family]) -> Metric:
    together = [(family.original, *family.variants.values()) for family in found]
    scores = [min(item.accuracy for item in items) for items in together]
    samples = sum(item.n for items in together for item in items)
    return mean_of_scores(scores).metric("robust", (task, WHOLE), (len(found), samples))


def _of_variant(task: str, where: str, pairs: Sequence[tuple[Item, Item]]) -> Iterator[Metric]:
    scores = [(original.accuracy, variant.accuracy) for original, variant in pairs]
    size = len(pairs), sum(item.n for pair in pairs for item in pair)
    gold = _gold(pairs)
    means = {
        "avg": mean_of_scores([after for _, after in scores]),
        "origin": mean_of_scores([before for before, _ in scores]),
        "drop": drop([side_by_side(*pair) for pair in pairs]),
        "cr": consistency(scores),
        "limem": mean_of_scores([before * (1 - after) for before, after in scores]),
        "lost": mean_of_scores([before * (1 - after) for before, after in scores]),
        "gained": mean_of_scores([(1 - before) * after for before, after in scores]),
        "kept": mean_of_scores([before * after for before, after in scores]),
        "missed": mean_of_scores([(1 - before) * (1 - after) for before, after in scores]),
        "mcnemar": _mcnemar(scores),
    }
    if any(before for before, _ in scores):
        means["pdr"] = drop_rate(scores)
    for name, mean in means.items():
        yield replace(mean, method=mean.method + gold).metric(name, (task, where), size)


def _gold(pairs: Sequence[tuple[Item, Item]]) -> str:
    """Return whether a variant has its original's gold, in words."""
    changed = sum(original.problem.gold != variant.problem.gold for original, variant in pairs)
    if changed in {0, len(pairs)}:
        return "; gold changed" if changed else "; gold kept"
    return f"; gold changed in {changed} of {len(pairs)}"


# --- estimators ------------------------------------------------------------------------------

Scores = Sequence[tuple[float, float]]
"""For each family the score of its original and of its variant, in [0, 1]."""

_CELLS = ((1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0))
"""The kinds of family that are imagined in the interval of `pdr`, a pseudo-count of each."""


def side_by_side(original: Item, variant: Item) -> Pair:
    """Return the accuracies of two problems of a family as a change from one to the other."""
    return Pair(before=original.accuracy, after=variant.accuracy, samples=(original.n, variant.n))


def drop(changes: Sequence[Pair]) -> Mean:
    """Return the mean loss from original to variant, in [-1, 1], with the interval of a difference.

    Args:
        changes: each original beside its variant.
    """
    found = difference(changes)
    low, high = found.interval()
    return Mean(
        # Minus zero is zero.
        value=0.0 - found.value,
        low=-high,
        high=-low,
        se=found.se,
        method="paired Student's t over families, half a change imagined",
    )


def drop_rate(scores: Scores) -> Mean:
    """Return the loss as a share of the originals' accuracy, at most 1; below 0 it is a gain.

    The interval is Wald's for the logarithm of the ratio of two paired means, with half a family
    of each of the four kinds added.

    Raises:
        ZeroDivisionError: if no original has a score.
    """
    weighted = [(pair, 1.0) for pair in scores] + [(pair, PSEUDO_COUNT) for pair in _CELLS]
    n = len(scores) + PSEUDO_COUNT * len(_CELLS)
    before = math.fsum(weight * pair[0] for pair, weight in weighted) / n
    after = math.fsum(weight * pair[1] for pair, weight in weighted) / n
    spread = math.fsum(w * (pair[1] / after - pair[0] / before) ** 2 for pair, w in weighted)
    se = math.sqrt(spread) / n
    low, high = (1 - after / before * math.exp(sign * Z95 * se) for sign in (1, -1))
    value = 1 - math.fsum(pair[1] for pair in scores) / math.fsum(pair[0] for pair in scores)
    return Mean(
        value=value,
        low=min(value, low),
        high=max(value, high),
        se=se * after / before,
        method="Wald for the logarithm of the ratio, over families",
    )


def consistency(scores: Scores) -> Mean:
    """Return the share of solved originals whose variant is solved, in [0, 1].

    0 by definition where no original is solved, and the interval then says nothing.
    """
    solved = math.fsum(before for before, _ in scores)
    if solved == 0:
        return Mean(value=0.0, low=0.0, high=1.0, se=0.0, method="no original was solved")
    value = math.fsum(before * after for before, after in scores) / solved
    number = solved * solved / math.fsum(before * before for before, _ in scores)
    low, high = wilson(value, number)
    return Mean(
        value=value,
        low=low,
        high=high,
        se=math.sqrt(value * (1 - value) / number),
        method="Wilson over solved originals",
    )


def _mcnemar(scores: Scores) -> Mean:
    lost = sum(before > after for before, after in scores)
    gained = sum(before < after for before, after in scores)
    p = mcnemar(lost, gained, mid=False)
    method = f"exact McNemar test, {lost} lost and {gained} gained; p has no interval"
    return Mean(value=p, low=p, high=p, se=0.0, method=method)
