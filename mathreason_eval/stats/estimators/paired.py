"""Originals and their variants, paired: robustness, performance drop, consistency, memorisation.

A family is an original with its variants. Families are independent and the unit of every interval;
those that lack an original or variants are left out. A problem's score is the fraction of its
samples that are correct, and samples of different problems are independent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from mathreason_eval.stats.difference import PSEUDO_COUNT, Pair, difference
from mathreason_eval.stats.estimators.items import WHOLE, Item, mean_over
from mathreason_eval.stats.estimators.totals import Totals
from mathreason_eval.stats.exact_tests import mcnemar
from mathreason_eval.stats.intervals import Z95, Mean, wilson
from mathreason_eval.types import Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

ORIGINAL = "original"
"""The slice of problems that have variants."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """A judged original with its judged variants."""

    original: Item
    variants: Mapping[str, Item]
    """The variants by name. Never empty."""


def families(items: Sequence[Item]) -> list[Family]:
    """Return the families, in the order of their originals, joined by id."""
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


def memorisation_rows(items: Sequence[Item]) -> list[dict[str, str | float]]:
    """Return a row for each family: `id`, the score of the `original`, and of each variant by name.

    An original that is solved while its variants are not suggests memorisation.
    """
    return [
        {
            "id": family.original.problem.id,
            ORIGINAL: family.original.accuracy,
            **{name: item.accuracy for name, item in family.variants.items()},
        }
        for family in families(items)
    ]


_OF_A_SLICE = frozenset({"avg", "drop", "cr", "limem"})
"""The metrics that slices such as `people=3` also have."""


def paired(task: str, items: Sequence[Item], where: str = WHOLE) -> Iterator[Metric]:
    """Yield the metrics of variants and their originals; nothing if there are no variants.

    For each kind of variant, in the slice `variant=NAME`, over the families that have it:

    - `avg` and `origin`: accuracy on the variant and on its original
    - `drop`: origin - avg; `pdr`: drop / origin, the performance drop rate (arXiv:2402.19255)
    - `cr`: consistency ratio, the share of solved originals whose variant is solved, and `limem`:
      origin * (1 - cr), memorisation by arXiv:2410.23123; both 0 if no original is solved
    - `lost`, `gained`, `kept`, `missed`: the four cells of original and variant solved or not,
      as shares of all families
    - `mcnemar`: p-value of McNemar's exact test; null hypothesis: lost and gained are equally
      likely

    And `robust`, the mean over families of the chance that one sample of the original and one of
    each variant are all correct: unbiased, so its mean is the same for any number of samples.

    Args:
        task: its name.
        items: judged problems, originals and variants in any order.
        where: the slice of the items; for slices only `_OF_A_SLICE` is yielded.
    """
    found = families(items)
    if not found:
        return
    prefix = "" if where == WHOLE else f"{where} "
    if where == WHOLE:
        yield _robust(task, found)
        originals = [family.original for family in found]
        scores = [item.accuracy for item in originals]
        samples = sum(item.n for item in originals)
        yield mean_over(originals, scores).metric("avg", (task, ORIGINAL), (len(found), samples))
    for name in dict.fromkeys(name for family in found for name in family.variants):
        pairs = [(f.original, f.variants[name]) for f in found if name in f.variants]
        for metric in _of_variant(task, f"{prefix}variant={name}", pairs):
            if where == WHOLE or metric.name in _OF_A_SLICE:
                yield metric


def _robust(task: str, found: Sequence[Family]) -> Metric:
    together = [(family.original, *family.variants.values()) for family in found]
    scores = [math.prod(item.accuracy for item in items) for items in together]
    samples = sum(item.n for items in together for item in items)
    mean = mean_over([family.original for family in found], scores)
    return mean.metric("robust", (task, WHOLE), (len(found), samples))


def _of_variant(task: str, where: str, pairs: Sequence[tuple[Item, Item]]) -> Iterator[Metric]:
    changes = [pair_of(*pair) for pair in pairs]
    originals = [original for original, _ in pairs]

    def mean_of(score: Callable[[float, float], float]) -> Mean:
        return mean_over(originals, [score(pair.before, pair.after) for pair in changes])

    size = len(pairs), sum(item.n for pair in pairs for item in pair)
    gold = _gold(pairs)
    means = {
        "avg": mean_of(lambda _, after: after),
        "origin": mean_of(lambda before, _: before),
        "drop": drop(changes),
        "cr": consistency(changes),
        "limem": mean_of(lambda before, after: before * (1 - after)),
        "lost": mean_of(lambda before, after: before * (1 - after)),
        "gained": mean_of(lambda before, after: (1 - before) * after),
        "kept": mean_of(lambda before, after: before * after),
        "missed": mean_of(lambda before, after: (1 - before) * (1 - after)),
        "mcnemar": _mcnemar(changes),
    }
    if any(pair.before for pair in changes):
        means["pdr"] = drop_rate(changes)
    for name, mean in means.items():
        yield replace(mean, method=mean.method + gold).metric(name, (task, where), size)


def _gold(pairs: Sequence[tuple[Item, Item]]) -> str:
    """Return a phrase for `method`: whether variants have the gold of their originals."""
    changed = sum(original.problem.gold != variant.problem.gold for original, variant in pairs)
    if changed in {0, len(pairs)}:
        return "; gold changed" if changed else "; gold kept"
    return f"; gold changed in {changed} of {len(pairs)}"


# --- two runs --------------------------------------------------------------------------------

_OF_SUMS: Mapping[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    # Along the last axis: the number of variants, the sums of the originals' and of the variants'
    # scores, and that of their products.
    "origin": lambda t: t[..., 1] / t[..., 0],
    "drop": lambda t: (t[..., 1] - t[..., 2]) / t[..., 0],
    "pdr": lambda t: 1 - t[..., 2] / t[..., 1],
    "cr": lambda t: t[..., 3] / t[..., 1],
    "limem": lambda t: (t[..., 1] - t[..., 3]) / t[..., 0],
    "gained": lambda t: (t[..., 2] - t[..., 3]) / t[..., 0],
    "kept": lambda t: t[..., 3] / t[..., 0],
    "missed": lambda t: 1 - (t[..., 1] + t[..., 2] - t[..., 3]) / t[..., 0],
}
_CORNERS = ((1, 0, 0, 0), (1, 1, 0, 0), (1, 0, 1, 0), (1, 1, 1, 1))


def _variant_totals(value: Callable[[NDArray[Any]], NDArray[Any]], items: Sequence[Item]) -> Totals:
    """Return the sums of all families, each original counting once for each of its variants."""
    import numpy as np

    found = families(items)
    rows = []
    for family in found:
        original = family.original.accuracy
        scores = [item.accuracy for item in family.variants.values()]
        rows.append((len(scores), original * len(scores), sum(scores), original * sum(scores)))
    table = np.array(rows, dtype=float).reshape(-1, len(_CORNERS[0]))
    size = table[:, 0].mean() if rows else 1.0
    return Totals(
        units=[family.original for family in found],
        rows=table,
        extremes=size * np.array(_CORNERS, dtype=float),
        value=partial(_quiet, value),
    )


def _robust_totals(items: Sequence[Item]) -> Totals:
    import numpy as np

    found = families(items)
    rows = [
        (1.0, f.original.accuracy * math.prod(item.accuracy for item in f.variants.values()))
        for f in found
    ]
    return Totals(
        units=[family.original for family in found],
        rows=np.array(rows).reshape(-1, 2),
        extremes=np.array([(1.0, 0.0), (1.0, 1.0)]),
        value=partial(_quiet, lambda sums: sums[..., 1] / sums[..., 0]),
    )


def _quiet(value: Callable[[NDArray[Any]], NDArray[Any]], sums: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    # Without a solved original there is no ratio, which is no error.
    with np.errstate(divide="ignore", invalid="ignore"):
        return value(sums)


FAMILY_TOTALS: Mapping[str, Callable[[Sequence[Item]], Totals]] = {
    "robust": _robust_totals,
    **{name: partial(_variant_totals, value) for name, value in _OF_SUMS.items()},
}
"""By metric, the sums over families of which it is a function: for the variants together."""


# --- estimators ------------------------------------------------------------------------------


def pair_of(original: Item, variant: Item) -> Pair:
    """Return the accuracies of an original (before) and its variant (after) as a pair."""
    return Pair(
        before=original.accuracy,
        after=variant.accuracy,
        samples=(original.n, variant.n),
        cluster=original.cluster,
    )


def drop(changes: Sequence[Pair]) -> Mean:
    """Return the mean loss from original to variant, in [-1, 1], with the interval of a difference.

    Args:
        changes: the pairs of original and variant.
    """
    found = difference(changes)
    low, high = found.interval()
    return Mean(
        # Turns -0.0 into 0.0.
        value=0.0 - found.value,
        low=-high,
        high=-low,
        se=found.se,
        method=f"paired Student's t over {_over(changes)}, half a change added",
    )


_CELLS = ((1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0))
"""(before, after) of the pseudo-observations in the interval of `pdr`, a pseudo-count of each."""


def drop_rate(changes: Sequence[Pair]) -> Mean:
    """Return the drop divided by the originals' accuracy, at most 1; below 0 it is a gain.

    The interval is Wald's for the logarithm of the ratio of two paired means, with half a family
    added for each of the four cells, or half a cluster of families if they share sources.

    Args:
        changes: the pairs of original and variant.

    Raises:
        ZeroDivisionError: if the accuracy of the originals is 0.
    """
    groups = _groups(changes)
    size = len(changes) / len(groups)
    pseudo = PSEUDO_COUNT * size
    n = len(changes) + pseudo * len(_CELLS)
    before, after = (
        (math.fsum(sums) + pseudo * math.fsum(cells)) / n
        for sums, cells in zip(zip(*groups, strict=True), zip(*_CELLS, strict=True), strict=True)
    )
    spread = math.fsum((late / after - early / before) ** 2 for early, late in groups)
    spread += pseudo * size * math.fsum((b / after - a / before) ** 2 for a, b in _CELLS)
    se = math.sqrt(spread) / n
    low, high = (1 - after / before * math.exp(sign * Z95 * se) for sign in (1, -1))
    early, late = (math.fsum(sums) for sums in zip(*groups, strict=True))
    value = 1 - late / early
    return Mean(
        value=value,
        low=min(value, low),
        high=max(value, high),
        se=se * after / before,
        method=f"Wald for the logarithm of the ratio, over {_over(changes)}",
    )


def consistency(changes: Sequence[Pair]) -> Mean:
    """Return the fraction of solved originals whose variant is solved, in [0, 1].

    0 by definition if no original is solved, with the interval [0, 1]. The interval treats the
    families of a cluster as one.

    Args:
        changes: the pairs of original and variant.
    """
    solved = math.fsum(pair.before for pair in changes)
    if solved == 0:
        return Mean(value=0.0, low=0.0, high=1.0, se=0.0, method="no original was solved")
    value = math.fsum(pair.before * pair.after for pair in changes) / solved
    number = solved * solved / math.fsum(before * before for before, _ in _groups(changes))
    low, high = wilson(value, number)
    return Mean(
        value=value,
        low=low,
        high=high,
        se=math.sqrt(value * (1 - value) / number),
        method="Wilson over solved originals",
    )


def _mcnemar(changes: Sequence[Pair]) -> Mean:
    groups = _groups(changes)
    lost = sum(before > after for before, after in groups)
    gained = sum(before < after for before, after in groups)
    p = mcnemar(lost, gained, mid=False)
    method = f"exact McNemar test, {lost} lost and {gained} gained; p has no interval"
    return Mean(value=p, low=p, high=p, se=0.0, method=method)


def _groups(changes: Sequence[Pair]) -> list[tuple[float, float]]:
    """Return (sum of scores before, sum of scores after) of each cluster of families."""
    groups: dict[Hashable, list[Pair]] = {}
    for number, pair in enumerate(changes):
        name = ("alone", number) if pair.cluster is None else ("together", pair.cluster)
        groups.setdefault(name, []).append(pair)
    return [
        (math.fsum(pair.before for pair in group), math.fsum(pair.after for pair in group))
        for group in groups.values()
    ]


def _over(changes: Sequence[Pair]) -> str:
    groups = len(_groups(changes))
    return "families" if groups == len(changes) else f"{groups:,} clusters of families"
