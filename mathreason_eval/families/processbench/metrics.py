"""How well the first false step of a solution is found: two accuracies and their harmonic mean.

ProcessBench (arXiv:2412.06559) calls the harmonic mean F1. It is none of precision and recall: who
says of every solution that it is right gets all the right ones and an F1 of 0.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from mathreason_eval.families.processbench.grader import NOWHERE, index_of
from mathreason_eval.stats.estimators.items import Item, mean_over
from mathreason_eval.stats.estimators.means import unweighted
from mathreason_eval.stats.intervals import Mean
from mathreason_eval.stats.metrics import Linear
from mathreason_eval.steps import EVEN, first_below, scores_of
from mathreason_eval.types import Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Score = Callable[[Item], float]
Scored = tuple[int, tuple[float, ...]]
"""(true index of the first false step or -1, scores of the steps)."""

_TUNED_ON = "gsm8k"
"""The split on which a reward model's threshold is chosen, as in the published evaluation."""
_METHOD = "harmonic mean, MOVER of two Wilson intervals (Zou and Donner 2008)"


def first_error(task: str, items: Sequence[Item]) -> Iterator[Metric]:
    """Yield `acc_error`, `acc_correct` and `f1` of each split and length, and the splits' mean F1.

    Where the answers are scores of a reward model, a step is false below the threshold that has the
    largest F1 on the split gsm8k; `method` says which one.

    Where all problems have the same number of samples, and more than one, `f1_maj@N` as well: the
    F1 of the majority among the N indices.
    """
    # Solutions of one problem are not independent, whatever a task names under `cluster:`.
    items = [replace(item, cluster=item.problem.question) for item in items]
    found = _finder(items)
    for metric in _by_split(task, items, "f1", found.share):
        yield replace(metric, method=f"{found.how}{metric.method}")
    n = min(item.n for item in items)
    if not found.how and n > 1 and all(item.n == n for item in items):
        yield from _by_split(task, items, f"f1_maj@{n}", majority)


# --- scores of problems ----------------------------------------------------------------------


def found_shares(items: Sequence[Item]) -> NDArray[np.float64]:
    """Return of each problem the share of samples that find the first false step, in a column."""
    import numpy as np

    share = _finder(items).share
    return np.array([[share(item)] for item in items])


def linear_f1(items: Sequence[Item], scores: Sequence[float]) -> Linear:
    """Return the splits' mean F1, linearised as a mean over problems by the delta method.

    F1 is the harmonic mean of the scores of wrong and of right solutions. A split that lacks either
    kind is left out: its problems get a part of NaN and a weight of 0.

    Args:
        items: the problems.
        scores: of each, the share of samples that are correct.
    """
    splits: dict[str, dict[bool, list[int]]] = {}
    for place, item in enumerate(items):
        kinds = splits.setdefault(_split(item), {False: [], True: []})
        kinds[_is_right(item)].append(place)
    whole = [kinds for kinds in splits.values() if kinds[False] and kinds[True]]
    means = [{kind: _mean(scores, at) for kind, at in kinds.items()} for kinds in whole]
    value = sum(f1(*each.values()) for each in means) / len(whole) if whole else math.nan
    total = sum(len(at) for kinds in whole for at in kinds.values())
    parts, weights = [math.nan] * len(items), [0.0] * len(items)
    for kinds, mean in zip(whole, means, strict=True):
        for kind, at in kinds.items():
            weight = _slope(mean[kind], mean[not kind]) * total / (len(whole) * len(at))
            for place in at:
                parts[place] = value + weight * (scores[place] - mean[kind])
                weights[place] = weight
    return Linear(parts=parts, weights=weights)


def _mean(scores: Sequence[float], at: Sequence[int]) -> float:
    return math.fsum(scores[place] for place in at) / len(at)


def _slope(own: float, other: float) -> float:
    """Return how far the harmonic mean moves with one of two means; along both, if both are 0."""
    return 2 * (other / (own + other)) ** 2 if own + other else 0.5


def _split(item: Item) -> str:
    return str(item.problem.meta.get("split", "all"))


# --- metrics ---------------------------------------------------------------------------------


def _by_split(task: str, items: Sequence[Item], name: str, score: Score) -> Iterator[Metric]:
    splits = [*_of_groups(task, items, "split", name, score)]
    yield from splits
    if name == "f1":
        yield from _of_groups(task, items, "length", name, score)
    values = [metric for metric in splits if metric.name == name]
    if values:
        yield _mean_of_splits(values)


def _of_groups(
    task: str, items: Sequence[Item], key: str, name: str, score: Score
) -> Iterator[Metric]:
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(str(item.problem.meta.get(key, "all")), []).append(item)
    for value in sorted(groups):
        group = groups[value]
        place, size = (task, f"{key}={value}"), (len(group), sum(item.n for item in group))
        wrong, right = ([i for i in group if _is_right(i) is kind] for kind in (False, True))
        if not wrong or not right:
            continue
        of_wrong, of_right = (mean_over(kind, [score(i) for i in kind]) for kind in (wrong, right))
        if name == "f1":
            samples = [sum(item.n for item in kind) for kind in (wrong, right)]
            yield of_wrong.metric("acc_error", place, (len(wrong), samples[0]))
            yield of_right.metric("acc_correct", place, (len(right), samples[1]))
        yield harmonic(of_wrong, of_right).metric(name, place, size)


def _is_right(item: Item) -> bool:
    """Return whether the solution has no false step."""
    return int(item.problem.gold[0]) == NOWHERE


def harmonic(one: Mean, other: Mean) -> Mean:
    """Return the harmonic mean of two independent means in [0, 1]; 0 where both are.

    Its interval takes the ends of the two: it rises with either (MOVER).
    """
    value = f1(one.value, other.value)
    down = math.hypot(value - f1(one.low, other.value), value - f1(one.value, other.low))
    up = math.hypot(f1(one.high, other.value) - value, f1(one.value, other.high) - value)
    return Mean(
        value=value,
        low=max(0.0, value - down),
        high=min(1.0, value + up),
        se=_spread(one, other),
        method=_METHOD,
    )


def _spread(one: Mean, other: Mean) -> float:
    """Return the standard error by the delta method."""
    total = one.value + other.value
    if not total:
        return 0.0
    slopes = _slope(one.value, other.value), _slope(other.value, one.value)
    return math.hypot(slopes[0] * one.se, slopes[1] * other.se)


def _mean_of_splits(splits: Sequence[Metric]) -> Metric:
    """Return the unweighted mean over splits, which are independent."""
    means = [Mean(value=m.value, low=m.low, high=m.high, se=m.se, method=m.method) for m in splits]
    mean = unweighted(means, "split" if len(means) == 1 else "splits")
    size = sum(metric.problems for metric in splits), sum(metric.samples for metric in splits)
    return mean.metric(splits[0].name, (splits[0].task, "all"), size)


# --- reward models ---------------------------------------------------------------------------


def _scored(items: Sequence[Item]) -> list[tuple[str, Scored]]:
    """Return split, true index and scores of each sample; nothing unless all answers are scores."""
    found = []
    for item in items:
        for verdict in item.verdicts:
            scores = None if verdict.answer is None else scores_of(verdict.answer)
            if scores is not None:
                true = int(item.problem.gold[0])
                found.append((str(item.problem.meta.get("split")), (true, scores)))
            elif verdict.answer is not None:
                return []
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class _Finder:
    """How a sample's answer is taken for the index of a step."""

    share: Score
    """The share of a problem's samples that find the true index."""
    how: str
    """What `Metric.method` says of it."""


def _finder(items: Sequence[Item]) -> _Finder:
    """Return how answers are read: as an index, or as scores of steps below a threshold."""
    scored = _scored(items)
    if not scored:
        return _Finder(share=lambda item: item.accuracy, how="")
    tuning = [solution for split, solution in scored if split == _TUNED_ON]
    kinds = {true >= 0 for true, _ in tuning}
    threshold = best_threshold(tuning) if len(kinds) > 1 else EVEN
    how = f"with the largest F1 on {_TUNED_ON}" if len(kinds) > 1 else f"without {_TUNED_ON}"

    def share_right(item: Item) -> float:
        said = [scores_of(verdict.answer or "") for verdict in item.verdicts]
        true = int(item.problem.gold[0])
        hits = (scores is not None and first_below(scores, threshold) == true for scores in said)
        return sum(hits) / item.n

    return _Finder(share=share_right, how=f"threshold {threshold:.6g}, {how}; ")


# --- votes and confusion ---------------------------------------------------------------------


def majority(item: Item) -> float:
    """Return 1 if the index said most often is right, else 0.

    What names no index has no vote; of indices said equally often the one that was said first wins,
    as in the published evaluation.
    """
    said = [verdict.answer for verdict in item.verdicts if verdict.answer is not None]
    votes = Counter(index for answer in said if (index := index_of(answer)) is not None)
    return float(bool(votes) and votes.most_common(1)[0][0] == int(item.problem.gold[0]))


def confusion(items: Sequence[Item]) -> Mapping[tuple[int, int | None], int]:
    """Return how many samples said each index of each: (true, said) -> count; None named none."""
    return Counter(
        (int(item.problem.gold[0]), None if verdict.answer is None else index_of(verdict.answer))
        for item in items
        for verdict in item.verdicts
    )


# --- thresholds ------------------------------------------------------------------------------


def best_threshold(solutions: Sequence[Scored]) -> float:
    """Return the threshold with the largest F1; of equally good ones the nearest to one half.

    Nothing changes between two neighbouring scores, so one threshold between them is tried.
    """
    ends = sorted({EVEN, *(score for _, scores in solutions for score in scores)})
    tried = [EVEN, *((low + high) / 2 for low, high in pairwise(ends))]
    wrong = [_range(each) for each in solutions if each[0] >= 0]
    right = [_range(each) for each in solutions if each[0] < 0]
    return max(tried, key=lambda t: (f1(_share(wrong, t), _share(right, t)), -abs(t - EVEN)))


def _range(solution: Scored) -> tuple[float, float]:
    """Return the interval (low, high] of thresholds that find the true index.

    The false step must be below the threshold, and no earlier one.
    """
    true, scores = solution
    if true >= len(scores):
        return math.inf, -math.inf
    before = scores if true < 0 else scores[:true]
    return -math.inf if true < 0 else scores[true], min(before, default=math.inf)


def _share(ranges: Sequence[tuple[float, float]], threshold: float) -> float:
    found = sum(low < threshold <= high for low, high in ranges)
    return found / len(ranges) if ranges else 0.0


def f1(one: float, other: float) -> float:
    """Return 2ab / (a + b), and 0 where both are 0."""
    return 2 * one * other / (one + other) if one + other else 0.0
