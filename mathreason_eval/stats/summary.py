"""From verdicts to metrics: every number with its interval, its n and its method."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mathreason_eval.stats.intervals import Mean, mean_of_amounts, mean_of_scores
from mathreason_eval.stats.majority import maj_at_k
from mathreason_eval.stats.passk import pass_at_k
from mathreason_eval.types import Generation, Metric, Outcome, Problem, Records, Verdict

Value = str | int | float | bool
"""What a property of a problem may be."""

WHOLE = "all"
"""The slice of all problems."""

_RATES = {
    "avg": Outcome.CORRECT,
    "truncated": Outcome.TRUNCATED,
    "no_answer": Outcome.NO_ANSWER,
    "ungradable": Outcome.UNGRADABLE,
}
"""Metrics that are the share of one outcome."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """The samples of one problem, counted."""

    problem: Problem
    n: int
    outcomes: Mapping[Outcome, int]
    classes: tuple[int, ...]
    """Sizes of the classes of equivalent answers; the correct ones first if there are any."""
    tokens: tuple[float, ...]
    seconds: tuple[float, ...]

    @property
    def correct(self) -> int:
        """Return how many samples are correct."""
        return self.outcomes[Outcome.CORRECT]

    def share(self, outcome: Outcome) -> float:
        """Return the share of samples of one outcome."""
        return self.outcomes[outcome] / self.n

    def pass_at(self, k: int) -> float:
        """Return the problem's pass@k."""
        return pass_at_k(self.n, self.correct, k)

    def maj_at(self, k: int) -> float:
        """Return the problem's maj@k."""
        correct = 0 if self.correct else None
        return maj_at_k(self.classes, correct, self.n - sum(self.classes), k)


def outcome_counts(verdicts: Iterable[Verdict]) -> dict[Outcome, int]:
    """Return how many samples had each outcome: five counts that add up to n."""
    counts = Counter(verdict.outcome for verdict in verdicts)
    return {outcome: counts[outcome] for outcome in Outcome}


def summarize(
    task: str,
    problems: Sequence[Problem],
    generations: Sequence[Generation],
    verdicts: Sequence[Verdict],
    *,
    slices: Sequence[str] = (),
    key: Callable[[str], str],
) -> Records[Metric]:
    """Return the metrics of one task of a run.

    For the whole: `avg`, `pass@K` and `maj@K` for every K from 2 to n (for K = 1 both are `avg`),
    the shares `truncated`, `no_answer` and `ungradable`, mean `tokens` and `seconds` a sample where
    two problems or more have them. For every value of a slice: `avg` and the shares.

    In a run that was interrupted every problem counts with the samples it has, and for K only if it
    has K; `problems` and `samples` say how many counted.

    Args:
        task: its name.
        problems: the problems as asked; one without a verdict does not count.
        generations: the samples, for tokens and seconds.
        verdicts: their judgements.
        slices: keys of `Problem.meta` to report by.
        key: maps an answer to its class of equivalent answers.

    Raises:
        ValueError: if there are no verdicts, or one is of no problem.
    """
    items = _items(problems, generations, verdicts, key)
    if not items:
        raise ValueError(f"{task} has no verdicts to summarise.")
    metrics = list(_whole(task, items))
    for name in slices:
        groups: dict[Value, list[Item]] = {}
        for item in items:
            if name in item.problem.meta:
                groups.setdefault(item.problem.meta[name], []).append(item)
        for value in sorted(groups, key=_natural):
            metrics += _rates(task, f"{name}={value}", groups[value])
    return Records(metrics)


def _natural(value: Value) -> tuple[bool, float, list[tuple[int, str]]]:
    """Sort numbers by size and before texts; in texts, `Level 2` before `Level 10`."""
    if not isinstance(value, str):
        return False, value, []
    # Words and digits in turn. Of two numbers the one with more digits is larger: int() would
    # refuse those of some thousand.
    words = re.split("([0-9]+)", value)
    return True, 0, [(len(w.lstrip("0")) * (i % 2), w) for i, w in enumerate(words)]


def _items(
    problems: Sequence[Problem],
    generations: Sequence[Generation],
    verdicts: Sequence[Verdict],
    key: Callable[[str], str],
) -> list[Item]:
    judged: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        judged.setdefault(verdict.problem_id, []).append(verdict)
    made: dict[str, list[Generation]] = {}
    for generation in generations:
        made.setdefault(generation.problem_id, []).append(generation)
    strays = judged.keys() - {problem.id for problem in problems}
    if strays:
        raise ValueError(f"There are verdicts on {min(strays)!r}, which is no problem.")
    return [
        _item(problem, judged[problem.id], made.get(problem.id, []), key)
        for problem in problems
        if problem.id in judged
    ]


def _item(
    problem: Problem,
    verdicts: Sequence[Verdict],
    generations: Sequence[Generation],
    key: Callable[[str], str],
) -> Item:
    outcomes = Counter(verdict.outcome for verdict in verdicts)
    wrong = Counter(
        key(verdict.answer)
        for verdict in verdicts
        if verdict.answer is not None and verdict.outcome is not Outcome.CORRECT
    )
    # Whatever their spelling, answers that equal the gold are one class.
    right = [outcomes[Outcome.CORRECT]] if outcomes[Outcome.CORRECT] else []
    return Item(
        problem=problem,
        n=len(verdicts),
        outcomes=outcomes,
        classes=(*right, *wrong.values()),
        tokens=tuple(g.completion_tokens for g in generations if g.completion_tokens is not None),
        seconds=tuple(g.seconds for g in generations if g.seconds is not None),
    )


def _whole(task: str, items: Sequence[Item]) -> Iterator[Metric]:
    average, *health = _rates(task, WHOLE, items)
    yield average
    for name, credit in (("pass", Item.pass_at), ("maj", Item.maj_at)):
        for k in range(2, max(item.n for item in items) + 1):
            chosen = [item for item in items if item.n >= k]
            scores = [credit(item, k) for item in chosen]
            yield _of_scores(task, WHOLE, f"{name}@{k}", chosen, scores)
    yield from health
    yield from _of_amounts(task, "tokens", [item.tokens for item in items if item.tokens])
    yield from _of_amounts(task, "seconds", [item.seconds for item in items if item.seconds])


def _rates(task: str, where: str, items: Sequence[Item]) -> Iterator[Metric]:
    for name, outcome in _RATES.items():
        yield _of_scores(task, where, name, items, [item.share(outcome) for item in items])


def _of_scores(
    task: str, where: str, name: str, items: Sequence[Item], scores: Sequence[float]
) -> Metric:
    samples = sum(item.n for item in items)
    return _metric(task, where, name, mean_of_scores(scores), len(items), samples)


def _of_amounts(task: str, name: str, amounts: Sequence[Sequence[float]]) -> Iterator[Metric]:
    """Yield the mean over problems of their samples' mean; nothing where it has no interval."""
    if len(amounts) > 1:
        mean = mean_of_amounts([sum(each) / len(each) for each in amounts])
        yield _metric(task, WHOLE, name, mean, len(amounts), sum(map(len, amounts)))


def _metric(task: str, where: str, name: str, mean: Mean, problems: int, samples: int) -> Metric:
    return Metric(
        task=task,
        slice=where,
        name=name,
        value=mean.value,
        low=mean.low,
        high=mean.high,
        se=mean.se,
        problems=problems,
        samples=samples,
        method=mean.method,
    )
