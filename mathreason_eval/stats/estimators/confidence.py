"""Whether a model that agrees with itself is right: the vote share as a confidence.

Of a problem with two samples or more, the confidence is the share of all its samples that gave the
most frequent answer, and it is right if that answer is; of answers equally frequent each counts for
its part. A problem that no sample answered has the confidence 0 and is wrong.
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

BINS = 10
"""Bins of equal width, closed above, as usual for the calibration error (arXiv:1706.04599)."""

_RESAMPLES = 1000
_SEED = 20170614
_VOTES = 2
"""So many samples, at least, can agree."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Vote:
    """How a problem's samples agreed."""

    confidence: float
    credit: float
    """1 if the most frequent answer is correct, its part of a tie, else 0."""
    bin: int
    """The bin of the confidence, from 0."""


def vote(item: Item) -> Vote:
    """Return how the samples of one problem agreed."""
    most = max(item.classes, default=0)
    wins = bool(item.correct) and item.correct == most
    return Vote(
        confidence=most / item.n,
        credit=wins / item.classes.count(most) if most else 0.0,
        # In whole numbers: 0.3 * 10 need not be 3.
        bin=max(0, -(-BINS * most // item.n) - 1),
    )


def confidence(place: Place, items: Sequence[Item]) -> Iterator[Metric]:
    """Yield `ece`, `brier`, `auroc` and `aurc` of vote shares; nothing where all have one sample.

    - `ece`: expected calibration error, the mean distance of confidence and accuracy over bins
    - `brier`: mean squared distance of confidence and right or wrong
    - `auroc`: the chance that a right problem has more confidence than a wrong one, ties half;
      there is none where all are right, or all wrong
    - `aurc`: area under the risk-coverage curve, the mean error among the most confident problems
      over every number of them (arXiv:1805.08206); ties in random order
    """
    chosen = [item for item in items if item.n >= _VOTES]
    if not chosen:
        return
    size = len(chosen), sum(item.n for item in chosen)
    for name, mean in estimates([vote(item) for item in chosen], clusters_of(chosen)).items():
        yield mean.metric(name, place, size)


def estimates(votes: Sequence[Vote], clusters: Clusters | None = None) -> dict[str, Mean]:
    """Return the metrics of `confidence` by name.

    Args:
        votes: one a problem.
        clusters: of each problem its cluster; None if all are independent.
    """
    table = _table(votes, clusters)
    squares = [v.credit * (1 - 2 * v.confidence) + v.confidence**2 for v in votes]
    found = {"ece": _calibration_error(table), "brier": mean_of_scores(squares, clusters)}
    if 0 < sum(v.credit for v in votes) < len(votes):
        found["auroc"] = _auroc(table)
    return {**found, "aurc": _aurc(table)}


# --- estimators over counts of votes that are alike ------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Table:
    """Votes that are alike together, the most confident first."""

    votes: tuple[Vote, ...]
    counts: NDArray[np.float64]
    """How many there are of each, in one row."""
    resampled: NDArray[np.float64]
    """The same, a row for each time that problems, or clusters of them, were drawn again."""
    clusters: int


def _table(votes: Sequence[Vote], clusters: Clusters | None) -> _Table:
    import numpy as np

    kinds = sorted(set(votes), reverse=True)
    column = {kind: number for number, kind in enumerate(kinds)}
    groups: dict[Hashable, list[int]] = {}
    for number, one in enumerate(votes):
        groups.setdefault(number if clusters is None else clusters[number], []).append(column[one])
    # Clusters that hold the same votes are alike, so it is counts of them that are drawn again.
    alike = Counter(tuple(sorted(group)) for group in groups.values())
    held = np.zeros((len(alike), len(kinds)))
    for row, group in enumerate(alike):
        np.add.at(held[row], list(group), 1)
    share = np.array(list(alike.values())) / len(groups)
    drawn = np.random.default_rng(_SEED).multinomial(len(groups), share, size=_RESAMPLES)
    return _Table(
        votes=tuple(kinds),
        counts=(share * len(groups) @ held)[None],
        resampled=drawn @ held,
        clusters=len(groups),
    )


def _calibration_error(table: _Table) -> Mean:
    """Return the error with an interval that allows for its bias.

    With few problems a bin is never exactly as accurate as confident, so the error found is too
    large: by the mean size of that noise where the truth is zero, by less elsewhere. The lower end
    therefore lies deeper than the upper end lies high.
    """
    import numpy as np

    binned = np.zeros((len(table.votes), BINS))
    for row, one in enumerate(table.votes):
        binned[row, one.bin] = 1
    credit = np.array([one.credit for one in table.votes])
    gap = credit - np.array([one.confidence for one in table.votes])
    size, right, gaps = (table.counts[0] * part @ binned for part in (1.0, credit, gap))
    total = size.sum()
    # Half a right and half a wrong problem more, or cluster of them, so that a bin of one kind is
    # not beyond doubt.
    alike = total / table.clusters
    accuracy = (right + PSEUDO_COUNT * alike) / (size + 2 * PSEUDO_COUNT * alike)
    noise = np.sqrt(size * accuracy * (1 - accuracy) * alike) / total
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
    """Return the area with Wilson's interval of as many problems as its bootstrap variance tells.

    The error among the first m of a level with rate r, after m0 problems with e0 errors, is
    (e0 + m r) / (m0 + m): its sum over m has a harmonic number for each end.
    """
    from scipy.special import digamma

    credit, level = _levels(table)

    def area(counts: NDArray[np.float64]) -> NDArray[np.float64]:
        size, wrong = counts @ level, (counts * (1 - credit)) @ level
        before, errors = size.cumsum(axis=1) - size, wrong.cumsum(axis=1) - wrong
        rate = wrong / size.clip(1)
        harmonic = digamma(before + size + 1) - digamma(before + 1)
        sums = (size * rate + (errors - rate * before) * harmonic).sum(axis=1)
        made: NDArray[np.float64] = sums / counts.sum(axis=1)
        return made

    return _by_effective_number(table, area)


def _auroc(table: _Table) -> Mean:
    """Return the area under the ROC curve with Newcombe's interval (2006, Stat. Med. 25, 559-573).

    His method 5 asks for which true areas the one found is within 1.96 standard errors; the
    standard error is Hanley and McNeil's. It is never of width zero.
    """
    credit, level = _levels(table)
    right = (table.counts * credit) @ level
    wrong = (table.counts * (1 - credit)) @ level
    # Levels stand by falling confidence: what follows is less confident.
    less = wrong.sum() - wrong.cumsum(axis=1)
    rights, wrongs = float(right.sum()), float(wrong.sum())
    value = float((right * (less + wrong / 2)).sum()) / (rights * wrongs)
    # Clusters of problems tell as much as so many fewer problems.
    kept = table.clusters / float(table.counts.sum())
    low, high = _newcombe(value, rights * kept, wrongs * kept)
    return Mean(
        value=value,
        low=low,
        high=high,
        se=math.sqrt(_hanley(value, rights * kept, wrongs * kept)),
        method="Newcombe's fifth for the area under a ROC curve",
    )


def _levels(table: _Table) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the votes' credits, and a matrix that adds up votes of one confidence."""
    import numpy as np

    credit = np.array([one.credit for one in table.votes])
    shares = list(dict.fromkeys(one.confidence for one in table.votes))
    level = np.zeros((len(table.votes), len(shares)))
    for row, one in enumerate(table.votes):
        level[row, shares.index(one.confidence)] = 1
    return credit, level


def _by_effective_number(
    table: _Table, statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> Mean:
    value = float(statistic(table.counts)[0].clip(0, 1))
    variance = float(statistic(table.resampled).var())
    spread = value * (1 - value)
    # Where all problems are alike nothing varies; they are taken for right or wrong ones.
    number = spread / variance if variance and spread else table.clusters
    low, high = wilson(value, number)
    return Mean(
        value=value,
        low=low,
        high=high,
        se=math.sqrt(variance),
        method=f"Wilson, effective number by {_RESAMPLES:,} seeded bootstrap resamples",
    )


def _hanley(area: float, rights: float, wrongs: float) -> float:
    """Return the variance of an area under a ROC curve, as Newcombe simplifies it."""
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
