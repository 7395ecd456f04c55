"""The judged samples of each problem, and means over problems that keep to their clusters."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from mathreason_eval.stats.intervals import Z95, Clusters, Mean, mean_of_amounts, mean_of_scores
from mathreason_eval.types import Generation, Outcome, Problem, Verdict

if TYPE_CHECKING:
    from mathreason_eval.stats.intervals import Scores

WHOLE = "all"
"""The slice of all problems of a task."""

_OUTCOMES = tuple(Outcome)
_PROBLEM = attrgetter("problem_id")


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One problem with the verdicts on its samples."""

    problem: Problem
    verdicts: tuple[Verdict, ...]
    """By sample index. Never empty."""
    outcomes: Mapping[Outcome, int]
    classes: tuple[int, ...]
    """Sizes of the classes of equivalent answers; the correct class first if there is one."""
    tokens: tuple[float, ...]
    seconds: tuple[float, ...]
    ballots: tuple[int | None, ...]
    """By sample, the class of its answer: 0 for the correct one; None for no answer."""
    rewards: tuple[float, ...]
    """By sample, a reward model's score; empty unless every sample has one."""
    ends_known: bool
    """Whether every sample has a finish reason, without which truncation cannot be told."""
    cluster: Hashable
    """The same for all problems that are not independent of each other: see `cluster_of`."""

    @property
    def n(self) -> int:
        """Return the number of samples."""
        return len(self.verdicts)

    @property
    def correct(self) -> int:
        """Return how many samples are correct."""
        return self.outcomes[Outcome.CORRECT]

    @property
    def accuracy(self) -> float:
        """Return the share of samples that are correct."""
        return self.correct / self.n


def items_of(
    problems: Sequence[Problem],
    generations: Sequence[Generation],
    verdicts: Sequence[Verdict],
    key: Callable[[str], str],
    *,
    cluster: str | None,
) -> list[Item]:
    """Return the problems that have a verdict, in their order, each with its samples.

    Args:
        problems: the problems as asked.
        generations: the samples, for tokens, seconds, rewards and finish reasons.
        verdicts: the verdicts on them.
        key: maps an answer to its class of equivalent answers.
        cluster: the property that the task names under `cluster:`, if any.

    Raises:
        ValueError: if a verdict is on a problem that is not among them, or a second one on a
            sample.
    """
    judged: dict[str, list[Verdict]] = defaultdict(list)
    made: dict[str, list[Generation]] = defaultdict(list)
    # The samples of a problem are mostly adjacent: one look-up for each group.
    for problem_id, verdicts_on in groupby(verdicts, _PROBLEM):
        judged[problem_id] += verdicts_on
    for problem_id, generations_on in groupby(generations, _PROBLEM):
        made[problem_id] += generations_on
    strays = judged.keys() - {problem.id for problem in problems}
    if strays:
        raise ValueError(f"There are verdicts on {min(strays)!r}, which is no problem.")
    # Answers repeat, and a key may need algebra.
    key = cache(key)
    return [
        _item(
            problem,
            judged[problem.id],
            made.get(problem.id, []),
            key=key,
            cluster=cluster_of(problem, cluster),
        )
        for problem in problems
        if problem.id in judged
    ]


def clusters_of(items: Sequence[Item]) -> Clusters | None:
    """Return the cluster of each problem; None where each is a cluster of its own."""
    clusters = [item.cluster for item in items]
    return clusters if len(set(clusters)) < len(clusters) else None


def mean_over(items: Sequence[Item], scores: Scores, z: float = Z95) -> Mean:
    """Return the mean of one score in [0, 1] for each problem, its error by clusters of problems.

    Estimators take their means here or by `mean_amount`, so that none can forget the clusters.

    Args:
        items: the problems.
        scores: one for each.
        z: the normal quantile of the interval's level, where it is not 95 %.

    Raises:
        ValueError: if there are no problems, or a different number of scores.
    """
    if len(scores) != len(items):
        raise ValueError(f"There are {len(items)} problems and {len(scores)} scores.")
    return mean_of_scores(scores, clusters_of(items), z)


_MIN_UNITS = 2
"""The fewest problems, or clusters of them, that have a standard deviation."""


def mean_amount(items: Sequence[Item], amounts: Scores) -> Mean | None:
    """Return the mean of one amount for each problem; None for fewer than two clusters."""
    clusters = clusters_of(items)
    if len(amounts if clusters is None else set(clusters)) < _MIN_UNITS:
        return None
    return mean_of_amounts(amounts, clusters)


def cluster_of(problem: Problem, key: str | None) -> Hashable:
    """Return the cluster of a problem: the same for all that are not independent of it.

    Args:
        problem: a problem of any task.
        key: the property that the task names under `cluster:`; problems with the same value of it
            are one cluster. Without it a problem is in one cluster with its variants.
    """
    if key is not None and key in problem.meta:
        return key, problem.meta[key]
    return problem.origin or problem.id


def _item(
    problem: Problem,
    verdicts: Sequence[Verdict],
    generations: Sequence[Generation],
    *,
    key: Callable[[str], str],
    cluster: Hashable,
) -> Item:
    verdicts = sorted(verdicts, key=attrgetter("sample"))
    if len({verdict.sample for verdict in verdicts}) < len(verdicts):
        raise ValueError(f"There are two verdicts on one sample of {problem.id!r}.")
    # Of several lines on one sample the first counts, as everywhere.
    generations = [*{one.sample: one for one in reversed(generations)}.values()][::-1]
    outcomes = [verdict.outcome for verdict in verdicts]
    counts = {outcome: outcomes.count(outcome) for outcome in _OUTCOMES}
    # All correct answers are one class, however they are written.
    classes: dict[str, int] = {}
    ballots: list[int | None] = []
    for verdict in verdicts:
        if verdict.outcome is Outcome.CORRECT:
            ballots.append(0)
        elif verdict.answer is None:
            ballots.append(None)
        else:
            ballots.append(classes.setdefault(key(verdict.answer), len(classes) + 1))
    votes = Counter(ballots)
    sizes = [votes[ballot] for ballot in range(len(classes) + 1)]
    return Item(
        problem=problem,
        verdicts=tuple(verdicts),
        outcomes=counts,
        classes=tuple(sizes if sizes[0] else sizes[1:]),
        tokens=tuple(g.completion_tokens for g in generations if g.completion_tokens is not None),
        seconds=tuple(g.seconds for g in generations if g.seconds is not None),
        ballots=tuple(ballots),
        rewards=_rewards(verdicts, generations),
        ends_known=all(g.finish_reason is not None for g in generations),
        cluster=cluster,
    )


def _rewards(verdicts: Sequence[Verdict], generations: Sequence[Generation]) -> tuple[float, ...]:
    """Return the rewards by sample; none unless every sample has one."""
    by_sample = {one.sample: one.reward for one in generations if one.reward is not None}
    found = [by_sample[verdict.sample] for verdict in verdicts if verdict.sample in by_sample]
    return tuple(found) if len(found) == len(verdicts) else ()
