"""How well the first false step of a solution is found: two accuracies and their harmonic mean.

ProcessBench (arXiv:2412.06559) calls the harmonic mean F1. It is none of precision and recall: who
says of every solution that it is right gets all the right ones and an F1 of 0.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from mathreason_eval.families.processbench.grader import NOWHERE, index_of
from mathreason_eval.families.processbench.thresholds import Scored, best_threshold, f1
from mathreason_eval.stats.estimators.items import Item, mean_over
from mathreason_eval.stats.estimators.macro import unweighted
from mathreason_eval.stats.uncertainty.intervals import Mean
from mathreason_eval.steps import EVEN, first_below, scores_of
from mathreason_eval.types import Metric

Score = Callable[[Item], float]

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
    scored = _scored(items)
    if scored:
        yield from _of_reward_model(task, items, scored)
        return
    scores: dict[str, Score] = {"f1": lambda item: item.accuracy}
    n = min(item.n for item in items)
    if n > 1 and all(item.n == n for item in items):
        scores[f"f1_maj@{n}"] = majority
    for name, score in scores.items():
        yield from _by_split(task, items, name, score)


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
    slopes = 2 * (other.value / total) ** 2, 2 * (one.value / total) ** 2
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


def _of_reward_model(
    task: str, items: Sequence[Item], scored: Sequence[tuple[str, Scored]]
) -> Iterator[Metric]:
    tuning = [solution for split, solution in scored if split == _TUNED_ON]
    kinds = {true >= 0 for true, _ in tuning}
    threshold = best_threshold(tuning) if len(kinds) > 1 else EVEN
    how = f"with the largest F1 on {_TUNED_ON}" if len(kinds) > 1 else f"without {_TUNED_ON}"

    def share_right(item: Item) -> float:
        said = [scores_of(verdict.answer or "") for verdict in item.verdicts]
        true = int(item.problem.gold[0])
        hits = (scores is not None and first_below(scores, threshold) == true for scores in said)
        return sum(hits) / item.n

    for metric in _by_split(task, items, "f1", share_right):
        yield replace(metric, method=f"threshold {threshold:.6g}, {how}; {metric.method}")


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
