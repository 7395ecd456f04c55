"""The judged samples of each problem, and cluster-robust means over problems."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from mathreason_eval.stats.intervals import Z95, Clusters, Mean, mean_of_amounts, mean_of_scores
from mathreason_eval.types import AnyGeneration, Outcome, Problem, Verdict

if TYPE_CHECKING:
    from mathreason_eval.stats.intervals import Scores

WHOLE = "all"
"""The slice of all problems of a task."""

Same = Callable[[tuple[str, str], tuple[str, str]], bool]
"""Whether two answers, each with its key, are one class."""
_OUTCOMES = tuple(Outcome)
_PROBLEM = attrgetter("problem_id")


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One problem with the verdicts on its samples."""

    problem: Problem
    verdicts: tuple[Verdict, ...]
    """The verdicts, by sample index. Never empty."""
    outcomes: Mapping[Outcome, int]
    classes: tuple[int, ...]
    """Sizes of the classes of equivalent answers; the correct class first if there is one."""
    tokens: tuple[float, ...]
    """Completion tokens by sample; empty unless known for every sample."""
    reasoning_tokens: tuple[float, ...]
    """Reasoning tokens by sample; empty unless known for every sample."""
    cut_answers: int | None
    """Samples truncated after an answer; None if a finish reason is unknown."""
    seconds: tuple[float, ...]
    """Seconds by sample; empty unless known for every sample."""
    ballots: tuple[int | None, ...]
    """By sample, the class of its answer: 0 for the correct class; None without an answer."""
    rewards: tuple[float, ...]
    """A reward model's score by sample; empty unless every sample has one."""
    ends_known: bool
    """Whether every sample has a finish reason; if not, truncation is unknown."""
    refused: int
    """Number of judged samples that are refusals: see `Generation.refused`."""
    cluster: Hashable
    """The problem's cluster, equal for problems that are not independent: see `cluster_of`."""

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
        """Return the fraction of samples that are correct."""
        return self.correct / self.n


def items_of(
    problems: Sequence[Problem],
    generations: Sequence[AnyGeneration],
    verdicts: Sequence[Verdict],
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
    judged: dict[str, list[Verdict]] = defaultdict(list)
    made: dict[str, list[AnyGeneration]] = defaultdict(list)
    # The samples of a problem are mostly adjacent: one look-up per group.
    for problem_id, verdicts_on in groupby(verdicts, _PROBLEM):
        judged[problem_id] += verdicts_on
    for problem_id, generations_on in groupby(generations, _PROBLEM):
        made[problem_id] += generations_on
    strays = judged.keys() - {problem.id for problem in problems}
    if strays:
        raise ValueError(f"There are verdicts on {min(strays)!r}, which is not a problem.")
    # Cached, as answers repeat and a key may need algebra.
    key = cache(key)
    return [
        _item(
            problem,
            judged[problem.id],
            made.get(problem.id, []),
            classify=partial(_classes, key=key, same=same),
            cluster=cluster_of(problem, cluster),
        )
        for problem in problems
        if problem.id in judged
    ]


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


def _item(
    problem: Problem,
    verdicts: Sequence[Verdict],
    generations: Sequence[AnyGeneration],
    *,
    classify: Callable[[Sequence[str]], dict[str, int]],
    cluster: Hashable,
) -> Item:
    verdicts = sorted(verdicts, key=attrgetter("sample"))
    if len({verdict.sample for verdict in verdicts}) < len(verdicts):
        raise ValueError(f"There are two verdicts on one sample of {problem.id!r}.")
    # Of several lines on one sample the first counts, as in every reader.
    by_sample = {one.sample: one for one in reversed(generations)}
    generations = [*by_sample.values()][::-1]
    ends = [one.finish_reason for one in generations]
    # The sample of each verdict, if there is one of each: else nothing is known of every one.
    made = [by_sample[one.sample] for one in verdicts if one.sample in by_sample]
    made = made if len(made) == len(verdicts) else []
    outcomes = [verdict.outcome for verdict in verdicts]
    counts = {outcome: outcomes.count(outcome) for outcome in _OUTCOMES}
    ballots = _ballots(verdicts, classify)
    votes = Counter(ballots)
    sizes = [votes[ballot] for ballot in range(1 + max(filter(None, ballots), default=0))]
    return Item(
        problem=problem,
        verdicts=tuple(verdicts),
        outcomes=counts,
        classes=tuple(sizes if sizes[0] else sizes[1:]),
        tokens=_known(_COMPLETION_TOKENS, made),
        seconds=_known(_SECONDS, made),
        reasoning_tokens=_known(_REASONING_TOKENS, made),
        cut_answers=_cut_answers(verdicts, generations, ends),
        ballots=tuple(ballots),
        rewards=_known(_REWARD, made),
        ends_known=None not in ends,
        refused=_refused(verdicts, generations),
        cluster=cluster,
    )


def _ballots(
    verdicts: Sequence[Verdict], classify: Callable[[Sequence[str]], dict[str, int]]
) -> list[int | None]:
    """Return the class of each sample's answer: 0 for correct ones, regardless of notation."""
    votes = [one.answer for one in verdicts if one.outcome is not Outcome.CORRECT]
    classes = classify([answer for answer in votes if answer is not None])
    return [
        0
        if one.outcome is Outcome.CORRECT
        else (None if one.answer is None else classes[one.answer])
        for one in verdicts
    ]


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


def _refused(verdicts: Sequence[Verdict], generations: Sequence[AnyGeneration]) -> int:
    refused = {one.sample for one in generations if one.is_refusal}
    return sum(verdict.sample in refused for verdict in verdicts) if refused else 0


def _cut_answers(
    verdicts: Sequence[Verdict], generations: Sequence[AnyGeneration], ends: Sequence[str | None]
) -> int | None:
    """Return how many samples have an answer and were truncated after it; None if unknown."""
    if None in ends:
        return None
    if _CUT not in ends:
        return 0
    cut = {one.sample for one, end in zip(generations, ends, strict=True) if end == _CUT}
    return sum(one.sample in cut and one.outcome in _ANSWERED for one in verdicts)


_CUT = "length"
"""The finish reason of a truncated sample."""
_ANSWERED = frozenset({Outcome.CORRECT, Outcome.WRONG, Outcome.UNGRADABLE})
_COMPLETION_TOKENS, _REASONING_TOKENS, _SECONDS, _REWARD = map(
    attrgetter, ("completion_tokens", "reasoning_tokens", "seconds", "reward")
)


def _known(
    read: Callable[[AnyGeneration], float | None], made: Sequence[AnyGeneration]
) -> tuple[float, ...]:
    """Return a field of each judged sample; () unless every sample has it."""
    found = [*map(read, made)]
    return () if None in found else tuple(found)  # type: ignore[arg-type]
