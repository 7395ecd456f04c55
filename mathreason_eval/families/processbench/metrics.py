"""Metrics of finding the first false step: two accuracies and their harmonic mean.

ProcessBench (arXiv:2412.06559) calls the harmonic mean F1. It is not that of precision and recall:
a critic that calls every solution correct gets an accuracy of 1 on the correct ones and an F1 of 0.
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

    If the answers are scores of a reward model, a step is false if its score is below the
    threshold with the largest F1 on the split gsm8k; `method` states the threshold.

    If all problems have the same number of samples N > 1, also `f1_maj@N`: the F1 of the majority
    vote over the N indices.
    """
    # Solutions of one problem are not independent, regardless of the task's `cluster:`.
    items = [replace(item, cluster=item.problem.question) for item in items]
    scorer = _index_scorer(items)
    for metric in _by_split(task, items, "f1", scorer.score):
        yield replace(metric, method=f"{scorer.method}{metric.method}")
    n = min(item.n for item in items)
    if not scorer.method and n > 1 and all(item.n == n for item in items):
        yield from _by_split(task, items, f"f1_maj@{n}", majority)


# --- scores of problems ----------------------------------------------------------------------


def found_shares(items: Sequence[Item]) -> NDArray[np.float64]:
    """Return a column: each problem's fraction of samples that find the first false step."""
    import numpy as np

    score = _index_scorer(items).score
    return np.array([[score(item)] for item in items])


def linear_f1(items: Sequence[Item], scores: Sequence[float]) -> Linear:
    """Return the splits' mean F1, linearised as a mean over problems by the delta method.

    F1 is the harmonic mean of the scores of wrong and of correct solutions. A split that lacks
    either kind is left out: its problems get the part NaN and the weight 0.

    Args:
        items: the problems.
        scores: the fraction of correct samples of each problem.
    """
    splits: dict[str, dict[bool, list[int]]] = {}
    for place, item in enumerate(items):
        kinds = splits.setdefault(_split(item), {False: [], True: []})
        kinds[_is_correct(item)].append(place)
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
    """Return the harmonic mean's partial derivative by `own`; one half if both means are 0."""
    return 2 * (other / (own + other)) ** 2 if own + other else 0.5


def _split(item: Item) -> str:
    return str(item.problem.meta.get("split", "all"))


# --- metrics ---------------------------------------------------------------------------------


def _by_split(task: str, items: Sequence[Item], name: str, score: Score) -> Iterator[Metric]:
    splits = [*_by_group(task, items, "split", name, score)]
    yield from splits
    if name == "f1":
        yield from _by_group(task, items, "length", name, score)
    values = [metric for metric in splits if metric.name == name]
    if values:
        yield _mean_of_splits(values)


def _by_group(
    task: str, items: Sequence[Item], key: str, name: str, score: Score
) -> Iterator[Metric]:
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(str(item.problem.meta.get(key, "all")), []).append(item)
    for value in sorted(groups):
        group = groups[value]
        place, size = (task, f"{key}={value}"), (len(group), sum(item.n for item in group))
        wrong, right = ([i for i in group if _is_correct(i) is kind] for kind in (False, True))
        if not wrong or not right:
            continue
        of_wrong, of_right = (mean_over(kind, [score(i) for i in kind]) for kind in (wrong, right))
        if name == "f1":
            samples = [sum(item.n for item in kind) for kind in (wrong, right)]
            yield of_wrong.metric("acc_error", place, (len(wrong), samples[0]))
            yield of_right.metric("acc_correct", place, (len(right), samples[1]))
        yield harmonic(of_wrong, of_right).metric(name, place, size)


def _is_correct(item: Item) -> bool:
    """Return whether the solution has no false step."""
    return int(item.problem.gold[0]) == NOWHERE


def has_none(item: Item) -> bool:
    """Return whether `acc_correct` is about a problem: whether its solution has no false step."""
    return _is_correct(item)


def has_error(item: Item) -> bool:
    """Return whether `acc_error` is about a problem: whether its solution has a false step."""
    return not _is_correct(item)


def harmonic(one: Mean, other: Mean) -> Mean:
    """Return the harmonic mean of two independent means in [0, 1]; 0 if both are 0.

    Its interval is computed from the ends of both intervals (MOVER), as it increases in both.
    """
    value = f1(one.value, other.value)
    down = math.hypot(value - f1(one.low, other.value), value - f1(one.value, other.low))
    up = math.hypot(f1(one.high, other.value) - value, f1(one.value, other.high) - value)
    return Mean(
        value=value,
        low=max(0.0, value - down),
        high=min(1.0, value + up),
        se=_delta_se(one, other),
        method=_METHOD,
    )


def _delta_se(one: Mean, other: Mean) -> float:
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
    """Return (split, (true index, scores)) of each sample; empty unless all answers are scores."""
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
class _IndexScorer:
    """How a problem is scored by the step indices in its answers."""

    score: Score
    """Returns the fraction of a problem's samples that find the true index."""
    method: str
    """Prefix of `Metric.method`; empty if answers are indices."""


def _index_scorer(items: Sequence[Item]) -> _IndexScorer:
    """Return a scorer that reads answers as indices, or as scores of steps with a threshold."""
    scored = _scored(items)
    if not scored:
        return _IndexScorer(score=lambda item: item.accuracy, method="")
    tuning = [solution for split, solution in scored if split == _TUNED_ON]
    kinds = {true >= 0 for true, _ in tuning}
    threshold = best_threshold(tuning) if len(kinds) > 1 else EVEN
    how = f"with the largest F1 on {_TUNED_ON}" if len(kinds) > 1 else f"without {_TUNED_ON}"

    def share_found(item: Item) -> float:
        answers = [scores_of(verdict.answer or "") for verdict in item.verdicts]
        true = int(item.problem.gold[0])
        hits = (scores is not None and first_below(scores, threshold) == true for scores in answers)
        return sum(hits) / item.n

    return _IndexScorer(score=share_found, method=f"threshold {threshold:.6g}, {how}; ")


# --- votes and confusion ---------------------------------------------------------------------


def majority(item: Item) -> float:
    """Return 1 if the most frequent index is correct, else 0.

    An answer without an index has no vote; of equally frequent indices the first one wins, as in
    the published evaluation.
    """
    answers = [verdict.answer for verdict in item.verdicts if verdict.answer is not None]
    votes = Counter(index for answer in answers if (index := index_of(answer)) is not None)
    return float(bool(votes) and votes.most_common(1)[0][0] == int(item.problem.gold[0]))


def confusion(items: Sequence[Item]) -> Mapping[tuple[int, int | None], int]:
    """Return the confusion matrix: (true index, answered index or None) -> number of samples."""
    return Counter(
        (int(item.problem.gold[0]), None if verdict.answer is None else index_of(verdict.answer))
        for item in items
        for verdict in item.verdicts
    )


# --- thresholds ------------------------------------------------------------------------------


def best_threshold(solutions: Sequence[Scored]) -> float:
    """Return the threshold with the largest F1; of equal ones, the nearest to one half.

    F1 is constant between two neighbouring scores, so one threshold between them is tried.
    """
    ends = sorted({EVEN, *(score for _, scores in solutions for score in scores)})
    tried = [EVEN, *((low + high) / 2 for low, high in pairwise(ends))]
    wrong = [_range(each) for each in solutions if each[0] >= 0]
    right = [_range(each) for each in solutions if each[0] < 0]
    return max(tried, key=lambda t: (f1(_share(wrong, t), _share(right, t)), -abs(t - EVEN)))


def _range(solution: Scored) -> tuple[float, float]:
    """Return the interval (low, high] of thresholds that find the true index.

    The false step's score must be below the threshold, and no earlier step's.
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
    """Return 2ab / (a + b), and 0 if both are 0."""
    return 2 * one * other / (one + other) if one + other else 0.0
