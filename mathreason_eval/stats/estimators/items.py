"""The judged samples of each problem, and cluster-robust means over problems."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any

from mathreason_eval.stats.columns import OUTCOMES, SampleColumns, VerdictColumns, rows_of
from mathreason_eval.stats.intervals import Z95, Clusters, Mean, mean_of_amounts, mean_of_scores
from mathreason_eval.types import AnyGeneration, Outcome, Problem, Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mathreason_eval.stats.columns import Mask, Rows
    from mathreason_eval.stats.intervals import Scores

WHOLE = "all"
"""The slice of all problems of a task."""

Same = Callable[[tuple[str, str], tuple[str, str]], bool]
"""Whether two answers, each with its key, are one class."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedSample:
    """What a metric may use of the verdict on one sample."""

    sample: int
    outcome: Outcome
    answer: str | None
    found_by: str | None
    rule: str
    second: Outcome | None
    measures: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Judged:
    """The verdicts on the samples of a task, by problem and index, and what is known of these."""

    verdicts: VerdictColumns
    amounts: Mapping[str, NDArray[np.float64]]
    """Amounts of the samples, NaN where one is not known."""
    classify: Callable[[Sequence[str]], dict[str, int]]


@dataclass(frozen=True, kw_only=True)
class Item:
    """One problem with the verdicts on its samples."""

    problem: Problem
    n: int
    """The number of samples, at least one."""
    outcomes: Mapping[Outcome, int]
    cut_answers: int | None
    """Samples truncated after an answer; None if a finish reason is unknown."""
    ends_known: bool
    """Whether every sample has a finish reason; if not, truncation is unknown."""
    refused: int
    """Number of judged samples that are refusals: see `Generation.refused`."""
    cluster: Hashable
    """The problem's cluster, equal for problems that are not independent: see `cluster_of`."""
    _task: _Judged
    _rows: slice

    @property
    def correct(self) -> int:
        """Return how many samples are correct."""
        return self.outcomes[Outcome.CORRECT]

    @property
    def accuracy(self) -> float:
        """Return the fraction of samples that are correct."""
        return self.correct / self.n

    def values(self, name: str) -> list[Any]:
        """Return a field of the verdicts, by sample index: see `JudgedSample`."""
        column = getattr(self._task.verdicts, name)[self._rows]
        found: list[Any] = column.tolist()
        return [OUTCOMES[code] for code in found] if name == "outcome" else found

    @cached_property
    def verdicts(self) -> tuple[JudgedSample, ...]:
        """Return the verdicts, by sample index."""
        names = [one.name for one in fields(JudgedSample)]
        columns = [
            [one or {} for one in self.values(name)] if name == "measures" else self.values(name)
            for name in names
        ]
        return tuple(
            JudgedSample(**dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)
        )

    @property
    def tokens(self) -> tuple[float, ...]:
        """Return the completion tokens by sample; empty unless known for every sample."""
        return self._amounts("completion_tokens")

    @property
    def reasoning_tokens(self) -> tuple[float, ...]:
        """Return the reasoning tokens by sample; empty unless known for every sample."""
        return self._amounts("reasoning_tokens")

    @property
    def seconds(self) -> tuple[float, ...]:
        """Return the seconds by sample; empty unless known for every sample."""
        return self._amounts("seconds")

    @property
    def rewards(self) -> tuple[float, ...]:
        """Return a reward model's score by sample; empty unless every sample has one."""
        return self._amounts("reward")

    def _amounts(self, name: str) -> tuple[float, ...]:
        found = self._task.amounts[name][self._rows].tolist()
        return () if any(map(math.isnan, found)) else tuple(found)

    @cached_property
    def ballots(self) -> tuple[int | None, ...]:
        """Return by sample the class of its answer: 0 for the correct class; None without one."""
        answers = self.values("answer")
        correct = [one is Outcome.CORRECT for one in self.values("outcome")]
        # Correct ones are one class, regardless of notation.
        wrong = [one for one, right in zip(answers, correct, strict=True) if not right]
        classes = self._task.classify([one for one in dict.fromkeys(wrong) if one is not None])
        return tuple(
            0 if right else None if answer is None else classes[answer]
            for answer, right in zip(answers, correct, strict=True)
        )

    @cached_property
    def classes(self) -> tuple[int, ...]:
        """Return the sizes of the classes of equivalent answers, the correct one first, if any."""
        votes = Counter(self.ballots)
        sizes = [votes[one] for one in range(1 + max(filter(None, votes), default=0))]
        return tuple(sizes if sizes[0] else sizes[1:])


def items_of(
    problems: Sequence[Problem],
    generations: Sequence[AnyGeneration] | SampleColumns,
    verdicts: Sequence[Verdict] | VerdictColumns,
    key: Callable[[str], str],
    *,
    cluster: str | None,
    same: Same | None = None,
) -> list[Item]:
    """Return the problems that have a verdict, in their order, each with its samples.

    Args:
        problems: the problems as asked.
        generations: the samples, for tokens, seconds, rewards and finish reasons.
        verdicts: the verdicts on them.
        key: maps an answer to the key of its class of equivalent answers.
        cluster: the task's `cluster:` property; None if it has none.
        same: whether two answers with different keys are one class all the same; None: never.

    Raises:
        ValueError: if a verdict is on a problem that is not in `problems`, or is the second on a
            sample.
    """
    import numpy as np

    made, judged = SampleColumns.of(generations), VerdictColumns.of(verdicts)
    asked = {problem.id: place for place, problem in enumerate(problems)}
    judged, place = _in_order(judged, asked)
    # Of several samples with one index the first counts, as in every reader.
    on = rows_of(made, judged)
    counts = _Counts(place, len(problems))
    is_cut = _of_samples(made.is_ended_by(_CUT), on) & judged.has_outcome(*_ANSWERED)
    first = made[made.distinct]
    unknown_ends = _places(first, asked)[first.is_ended_by(None)]
    table = {
        "outcomes": counts.by(judged.outcome, len(OUTCOMES)),
        "cut_answers": counts.where(is_cut),
        "refused": counts.where(_of_samples(made.is_refusal, on)),
        "unknown": np.bincount(unknown_ends[unknown_ends >= 0], minlength=len(problems)).tolist(),
    }
    task = _Judged(
        verdicts=judged,
        amounts={name: _amounts_of(getattr(made, name), on) for name in _AMOUNTS},
        # Cached, as answers repeat and a key may need algebra.
        classify=partial(_classes, key=cache(key), same=same),
    )
    return [
        Item(
            problem=problem,
            n=stop - start,
            outcomes=dict(zip(OUTCOMES, table["outcomes"][number], strict=True)),
            cut_answers=None if table["unknown"][number] else table["cut_answers"][number],
            ends_known=not table["unknown"][number],
            refused=table["refused"][number],
            cluster=cluster_of(problem, cluster),
            _task=task,
            _rows=slice(start, stop),
        )
        for number, (problem, start, stop) in enumerate(counts.each(problems))
        if stop > start
    ]


def _in_order(
    judged: VerdictColumns, asked: Mapping[str, int]
) -> tuple[VerdictColumns, NDArray[np.intp]]:
    """Return verdicts by problem and sample, and the place of each one's problem.

    Raises:
        ValueError: one is on a problem that was not asked, or is the second on a sample.
    """
    import numpy as np

    if strays := judged.problem_ids - asked.keys():
        raise ValueError(f"There are verdicts on {min(strays)!r}, which is not a problem.")
    place = _places(judged, asked)
    order = np.lexsort((judged.sample, place))
    judged, place = judged[order], place[order]
    again = (place[1:] == place[:-1]) & (judged.sample[1:] == judged.sample[:-1])
    if again.any():
        doubled = place[1:][again][0]
        twice = next(name for name, number in asked.items() if number == doubled)
        raise ValueError(f"There are two verdicts on one sample of {twice!r}.")
    return judged, place


_CUT = "length"
"""The finish reason of a truncated sample."""
_ANSWERED = (Outcome.CORRECT, Outcome.WRONG, Outcome.UNGRADABLE)
_AMOUNTS = ("completion_tokens", "reasoning_tokens", "seconds", "reward")


def _places(rows: SampleColumns | VerdictColumns, asked: Mapping[str, int]) -> Rows:
    """Return the place of each row's problem among those that were asked; -1 for another."""
    import numpy as np

    return np.array([*(asked.get(one, -1) for one in rows.problem.values), -1])[rows.problem.codes]


def _of_samples(holds: Mask, on: Rows) -> Mask:
    """Return for each verdict whether something holds of its sample, if that is there."""
    import numpy as np

    return np.append(holds, False)[on]


def _amounts_of(column: NDArray[np.float64], on: Rows) -> NDArray[np.float64]:
    """Return the amount of each verdict's sample; NaN where that is not there."""
    import numpy as np

    return np.append(column, np.nan)[on]


class _Counts:
    """Counts verdicts by problem."""

    def __init__(self, place: Rows, problems: int) -> None:
        """Take the place of each verdict's problem, in order, and their number."""
        import numpy as np

        self._place, self._problems = place, problems
        self._ends = np.cumsum(np.bincount(place, minlength=problems)).tolist()

    def each(self, problems: Sequence[Problem]) -> Iterator[tuple[Problem, int, int]]:
        """Yield each problem with its first verdict, and the one after its last."""
        return zip(problems, [0, *self._ends], self._ends, strict=False)

    def by(self, codes: NDArray[Any], most: int) -> list[list[int]]:
        """Return how many verdicts of each problem have each code."""
        import numpy as np

        found = np.bincount(self._place * most + codes, minlength=self._problems * most)
        table: list[list[int]] = found.reshape(-1, most).tolist()
        return table

    def where(self, holds: Mask) -> list[int]:
        """Return for how many verdicts of each problem something holds."""
        import numpy as np

        found: list[int] = np.bincount(self._place[holds], minlength=self._problems).tolist()
        return found


def clusters_of(items: Sequence[Item]) -> Clusters | None:
    """Return the cluster of each problem; None if all are independent."""
    clusters = [item.cluster for item in items]
    return clusters if len(set(clusters)) < len(clusters) else None


def mean_over(items: Sequence[Item], scores: Scores, z: float = Z95) -> Mean:
    """Return the mean of one score in [0, 1] per problem, with a cluster-robust error.

    Estimators use this function or `mean_amount`, so that none can ignore the clusters.

    Args:
        items: the problems.
        scores: one for each.
        z: the normal quantile of the interval's level, if it is not 95 %.

    Raises:
        ValueError: if there are no problems, or a different number of scores.
    """
    if len(scores) != len(items):
        raise ValueError(f"There are {len(items)} problems and {len(scores)} scores.")
    return mean_of_scores(scores, clusters_of(items), z)


def means_over(items: Sequence[Item], table: NDArray[np.float64]) -> Iterator[Mean]:
    """Yield the mean of each row of scores, one per problem, as `mean_over`."""
    clusters = clusters_of(items)
    return (mean_of_scores(scores, clusters) for scores in table)


def mean_in_clusters(scores: Scores, clusters: Clusters) -> Mean:
    """Return the mean of one score in [0, 1] per problem, as `mean_over`.

    Args:
        scores: of the problems.
        clusters: of each problem, its `cluster_of`.

    Raises:
        ValueError: if there are no problems.
    """
    return mean_of_scores(scores, clusters if len({*clusters}) < len(clusters) else None)


_MIN_UNITS = 2
"""Minimum number of problems, or clusters of them, that have a standard deviation."""


def mean_amount(items: Sequence[Item], amounts: Scores) -> Mean | None:
    """Return the mean of one amount per problem; None for fewer than two clusters."""
    clusters = clusters_of(items)
    if len(amounts if clusters is None else set(clusters)) < _MIN_UNITS:
        return None
    return mean_of_amounts(amounts, clusters)


def cluster_of(problem: Problem, key: str | None) -> Hashable:
    """Return the cluster of a problem, equal for all problems that are not independent of it.

    Args:
        problem: a problem of any task.
        key: the task's `cluster:` property; problems with equal values are one cluster. If it is
            None, a problem and its variants are one cluster.
    """
    if key is not None and key in problem.meta:
        return key, problem.meta[key]
    return problem.origin or problem.id


_MOST_COMPARED = 200
"""Maximum number of comparisons of classes in one problem; what is left then stays apart."""


def _classes(
    answers: Sequence[str], key: Callable[[str], str], same: Same | None
) -> dict[str, int]:
    """Return the class of each answer, from 1, in the order in which classes appear.

    A new key joins the first class one of whose keys it is the same as. That takes comparisons,
    whose number is bounded; they are made in the order of the samples, so that they always are the
    same ones.
    """
    number: dict[str, int] = {}
    seen: list[tuple[str, str]] = []
    left = _MOST_COMPARED if same is not None else 0
    last = 0
    for answer in answers:
        name = key(answer)
        if name in number:
            continue
        joined = None
        for other_name, other in seen[:left]:
            left -= 1
            if same is not None and same((name, answer), (other_name, other)):
                joined = number[other_name]
                break
        if joined is None:
            joined = last = last + 1
        number[name] = joined
        seen.append((name, answer))
    return {answer: number[key(answer)] for answer in answers}
