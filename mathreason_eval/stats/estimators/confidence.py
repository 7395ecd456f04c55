"""Calibration of self-consistency: the vote share of the most frequent answer as a confidence.

A problem's confidence is the fraction of all its samples, two or more, that gave the most frequent
answer. The problem is correct if that answer is; tied answers share the credit. A problem without
any answer has the confidence 0 and is wrong.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mathreason_eval.stats.difference import PSEUDO_COUNT
from mathreason_eval.stats.estimators.items import Item, clusters_of
from mathreason_eval.stats.intervals import Z95, Clusters, Mean, Place, mean_of_scores, wilson
from mathreason_eval.types import Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

BINS = 10
"""Number of bins of equal width, closed above, as in arXiv:1706.04599."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Vote:
    """The majority vote on one problem."""

    confidence: float
    """The vote share of the most frequent answer, in [0, 1]."""
    credit: float
    """1 if the most frequent answer is correct, 1 / m if it ties with m - 1 others, else 0."""
    bin: int
    """Index of the bin of the confidence, from 0."""


def vote(item: Item) -> Vote:
    """Return the majority vote on one problem."""
    most = max(item.classes, default=0)
    wins = bool(item.correct) and item.correct == most
    return Vote(
        confidence=most / item.n,
        credit=wins / item.classes.count(most) if most else 0.0,
        # In integers: 0.3 * 10 need not be 3.
        bin=max(0, -(-BINS * most // item.n) - 1),
    )


_MIN_VOTES = 2
"""Minimum number of samples per problem: one sample always agrees with itself."""


def calibration_metrics(place: Place, items: Sequence[Item]) -> Iterator[Metric]:
    """Yield `ece`, `brier`, `auroc` and `aurc` of vote shares; nothing for single samples.

    - `ece`: expected calibration error, the mean over bins of |confidence - accuracy|
    - `brier`: Brier score, the mean of (confidence - credit) squared
    - `auroc`: the chance that a correct problem has more confidence than a wrong one, ties count
      half; it does not exist if all are correct, or all wrong
    - `aurc`: area under the risk-coverage curve, the mean over m of the error rate among the m
      most confident problems (arXiv:1805.08206); ties in random order
    """
    chosen = [item for item in items if item.n >= _MIN_VOTES]
    if not chosen:
        return
    size = len(chosen), sum(item.n for item in chosen)
    for name, mean in calibration_means(
        [vote(item) for item in chosen], clusters_of(chosen)
    ).items():
        yield mean.metric(name, place, size)


def calibration_value(name: str) -> Callable[[Sequence[Item]], float | None]:
    """Return the function from problems to a metric of `calibration_metrics`, or None."""

    def value(items: Sequence[Item]) -> float | None:
        votes = [vote(item) for item in items if item.n >= _MIN_VOTES]
        found = calibration_means(votes).get(name) if votes else None
        return None if found is None else found.value

    return value


def calibration_means(votes: Sequence[Vote], clusters: Clusters | None = None) -> dict[str, Mean]:
    """Return the metrics of `calibration_metrics` by name.

    Args:
        votes: one for each problem.
        clusters: the cluster of each problem; None if all are independent.
    """
    table = _table(votes, clusters)
    squares = [v.credit * (1 - 2 * v.confidence) + v.confidence**2 for v in votes]
    found = {"ece": _calibration_error(table), "brier": mean_of_scores(squares, clusters)}
    if 0 < sum(v.credit for v in votes) < len(votes):
        found["auroc"] = _auroc(table)
    return {**found, "aurc": _aurc(table)}


# --- estimators from counts of equal votes ---------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Table:
    """Distinct votes, the most confident first, with their counts."""

    votes: tuple[Vote, ...]
    counts: Floats
    """The counts in the data, as one row."""
    resampled: Floats
    """The counts in bootstrap resamples of clusters of problems, one row per resample."""
    clusters: int


_RESAMPLES = 1000
_SEED = 20170614


def _table(votes: Sequence[Vote], clusters: Clusters | None) -> _Table:
    import numpy as np

    distinct = sorted(set(votes), reverse=True)
    column = {vote: number for number, vote in enumerate(distinct)}
    groups: dict[Hashable, list[int]] = {}
    for number, one in enumerate(votes):
        groups.setdefault(number if clusters is None else clusters[number], []).append(column[one])
    # Clusters with the same votes are interchangeable: a resample is a multinomial count of them.
    equal = Counter(tuple(sorted(group)) for group in groups.values())
    held = np.zeros((len(equal), len(distinct)))
    for row, group in enumerate(equal):
        np.add.at(held[row], list(group), 1)
    share = np.array(list(equal.values())) / len(groups)
    drawn = np.random.default_rng(_SEED).multinomial(len(groups), share, size=_RESAMPLES)
    return _Table(
        votes=tuple(distinct),
        counts=(share * len(groups) @ held)[None],
        resampled=drawn @ held,
        clusters=len(groups),
    )


def _calibration_error(table: _Table) -> Mean:
    """Return the calibration error with an interval that allows for its upward bias.

    Noise in a bin's accuracy increases the estimate: by sqrt(2 / pi) standard errors if the true
    error is 0, else by less. The lower end is that much lower than a normal interval's.
    """
    import numpy as np

    binned = np.zeros((len(table.votes), BINS))
    for row, one in enumerate(table.votes):
        binned[row, one.bin] = 1
    credit = np.array([one.credit for one in table.votes])
    gap = credit - np.array([one.confidence for one in table.votes])
    size, right, gaps = (table.counts[0] * part @ binned for part in (1.0, credit, gap))
    total = size.sum()
    # Pseudo-observations, half a correct and half a wrong cluster, so that the standard error of
    # a bin with one kind only is not 0.
    cluster_size = total / table.clusters
    pseudo = PSEUDO_COUNT * cluster_size
    accuracy = (right + pseudo) / (size + 2 * pseudo)
    noise = np.sqrt(size * accuracy * (1 - accuracy) * cluster_size) / total
    value, se = float(np.abs(gaps).sum() / total), math.sqrt(float(np.square(noise).sum()))
    bias = math.sqrt(2 / math.pi) * float(noise.sum())
    return Mean(
        value=value,
        low=max(0.0, value - bias - Z95 * se),
        high=min(1.0, value + Z95 * se),
        se=se,
        method=f"normal, and the largest bias below; {BINS} bins of equal width",
    )


def _aurc(table: _Table) -> Mean:
    """Return the area with Wilson's interval at an effective number from the bootstrap variance.

    The error rate after m problems of a level with rate r, and m0 problems with e0 errors before
    it, is (e0 + m r) / (m0 + m): its sum over m is a difference of harmonic numbers.
    """
    import numpy as np

    credit, level = _levels(table)
    most = round(float(max(table.counts.sum(), table.resampled.sum(axis=1).max())))
    # The harmonic numbers themselves: scipy's digamma takes a quarter of a second to import.
    harmonic = np.concatenate(([0.0], (1 / np.arange(1.0, most + 1)).cumsum()))

    def area(counts: Floats) -> Floats:
        size, wrong = counts @ level, (counts * (1 - credit)) @ level
        after, errors = size.cumsum(axis=1), wrong.cumsum(axis=1) - wrong
        before, rate = after - size, wrong / size.clip(1)
        shares = harmonic[after.round().astype(int)] - harmonic[before.round().astype(int)]
        sums = (size * rate + (errors - rate * before) * shares).sum(axis=1)
        areas: Floats = sums / counts.sum(axis=1)
        return areas

    value = float(area(table.counts)[0].clip(0, 1))
    variance, spread = float(area(table.resampled).var()), value * (1 - value)
    # If all problems are equal, nothing varies; the number is then that of the clusters.
    low, high = wilson(value, spread / variance if variance and spread else table.clusters)
    return Mean(
        value=value,
        low=low,
        high=high,
        se=math.sqrt(variance),
        method=f"Wilson, effective number by {_RESAMPLES:,} seeded bootstrap resamples",
    )


def _auroc(table: _Table) -> Mean:
    """Return the area under the ROC curve with Newcombe's interval (2006, Stat. Med. 25, 559-573).

    His method 5 inverts a score test: the interval contains the true areas from which the estimate
    differs by at most 1.96 of Hanley and McNeil's standard errors. Its width is never zero.
    """
    credit, level = _levels(table)
    right = (table.counts * credit) @ level
    wrong = (table.counts * (1 - credit)) @ level
    # Levels are sorted by falling confidence.
    less = wrong.sum() - wrong.cumsum(axis=1)
    rights, wrongs = float(right.sum()), float(wrong.sum())
    value = float((right * (less + wrong / 2)).sum()) / (rights * wrongs)
    # A cluster of problems counts as one.
    kept = table.clusters / float(table.counts.sum())
    numbers = rights * kept, wrongs * kept
    low, high = _newcombe(value, *numbers)
    return Mean(
        value=value,
        low=low,
        high=high,
        se=math.sqrt(_hanley(value, *numbers)),
        method="Newcombe's fifth for the area under a ROC curve",
    )


def _levels(table: _Table) -> tuple[Floats, Floats]:
    """Return the votes' credits, and the matrix that sums votes of equal confidence."""
    import numpy as np

    credit = np.array([one.credit for one in table.votes])
    shares = list(dict.fromkeys(one.confidence for one in table.votes))
    level = np.zeros((len(table.votes), len(shares)))
    for row, one in enumerate(table.votes):
        level[row, shares.index(one.confidence)] = 1
    return credit, level


def _hanley(area: float, rights: float, wrongs: float) -> float:
    """Return the variance of an area under a ROC curve, in Newcombe's simplification."""
    others = (rights + wrongs) / 2 - 1
    pairs = 1 + others * ((1 - area) / (2 - area) + area / (1 + area))
    return area * (1 - area) * max(pairs, 1.0) / (rights * wrongs)


def _newcombe(area: float, rights: float, wrongs: float) -> tuple[float, float]:
    def end(inner: float, outer: float) -> float:
        for _ in range(60):
            middle = (inner + outer) / 2
            near = abs(middle - area) <= Z95 * math.sqrt(_hanley(middle, rights, wrongs))
            inner, outer = (middle, outer) if near else (inner, middle)
        return (inner + outer) / 2

    return end(area, 0.0), end(area, 1.0)
