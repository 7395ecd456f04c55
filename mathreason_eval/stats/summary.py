"""From verdicts to metrics: every number with its interval, its n and its method."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from mathreason_eval.stats.families import FAMILIES
from mathreason_eval.stats.intervals import mean_of_amounts, mean_of_scores
from mathreason_eval.stats.items import Item, items_of
from mathreason_eval.stats.paired import paired
from mathreason_eval.stats.soundness import right_by_wrong_steps
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


AMOUNTS = frozenset({"tokens", "seconds", "pml"})
"""Metrics that are no fraction of 1."""


def _both(verdict: Verdict) -> bool:
    return verdict.outcome is Outcome.CORRECT and verdict.second is Outcome.CORRECT


def _either(verdict: Verdict) -> bool:
    return Outcome.CORRECT in {verdict.outcome, verdict.second}


def is_disputed(verdict: Verdict) -> bool:
    """Return whether of two graders one calls the sample correct, and the other does not."""
    return verdict.second is not None and _both(verdict) != _either(verdict)


_BOUNDS = {"both": _both, "either": _either}
"""Metrics that bound the score where two graders differ."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What is reported of a task beside the accuracy of the whole."""

    slices: tuple[str, ...] = ()
    """Keys of `Problem.meta` to report by."""
    measures: tuple[str, ...] = ()
    """The grader's measures."""
    families: tuple[str, ...] = ()
    """Names of families of metrics."""


PLAIN = Report()


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
    key: Callable[[str], str],
    report: Report = PLAIN,
) -> Records[Metric]:
    """Return the metrics of one task of a run.

    For the whole: `avg`, `pass@K` and `maj@K` for every K from 2 to n (for K = 1 both are `avg`),
    the shares `truncated`, `no_answer` and `ungradable`, mean `tokens` and `seconds` a sample where
    two problems or more have them. For every value of a slice: `avg` and the shares. For both, the
    means of the grader's measures, and `both` and `either` where a second grader was asked: the
    shares of samples that both graders, or at least one, call correct; and what changed between
    originals and their variants. Then the task's families.

    In a run that was interrupted every problem counts with the samples it has, and for K only if it
    has K; `problems` and `samples` say how many counted.

    Args:
        task: its name.
        problems: the problems as asked; one without a verdict does not count.
        generations: the samples, for tokens and seconds.
        verdicts: their judgements.
        key: maps an answer to its class of equivalent answers.
        report: what is reported beside the accuracy of the whole.

    Raises:
        ValueError: if there are no verdicts, or one is of no problem.
    """
    items = items_of(problems, generations, verdicts, key)
    if not items:
        raise ValueError(f"{task} has no verdicts to summarise.")
    metrics = [*_whole(task, items, report), *paired(task, items)]
    for name, groups in by_slice(items, report.slices):
        metrics += [*_rates(task, name, groups, report), *paired(task, groups, name)]
    metrics += right_by_wrong_steps(task, items)
    for family in report.families:
        metrics += FAMILIES[family](task, items)
    return Records(metrics)


def by_slice(items: Sequence[Item], slices: Sequence[str]) -> Iterator[tuple[str, list[Item]]]:
    """Yield the problems of every value of every slice, as (`level=3`, problems)."""
    for name in slices:
        groups: dict[Value, list[Item]] = {}
        for item in items:
            if name in item.problem.meta:
                groups.setdefault(item.problem.meta[name], []).append(item)
        for value in sorted(groups, key=_natural):
            yield f"{name}={value}", groups[value]


def _natural(value: Value) -> tuple[bool, float, list[tuple[int, str]]]:
    """Sort numbers by size and before texts; in texts, `Level 2` before `Level 10`."""
    if not isinstance(value, str):
        return False, value, []
    # Words and digits in turn. Of two numbers the one with more digits is larger: int() would
    # refuse those of some thousand.
    words = re.split("([0-9]+)", value)
    return True, 0, [(len(w.lstrip("0")) * (i % 2), w) for i, w in enumerate(words)]


def _whole(task: str, items: Sequence[Item], report: Report) -> Iterator[Metric]:
    average, *others = _rates(task, WHOLE, items, report)
    yield average
    for name, credit in (("pass", Item.pass_at), ("maj", Item.maj_at)):
        for k in range(2, max(item.n for item in items) + 1):
            chosen = [item for item in items if item.n >= k]
            scores = [credit(item, k) for item in chosen]
            yield _of_scores(task, WHOLE, f"{name}@{k}", chosen, scores)
    yield from others
    for name, amounts in (
        ("tokens", [item.tokens for item in items]),
        ("seconds", [item.seconds for item in items]),
    ):
        yield from _of_amounts(task, WHOLE, name, [each for each in amounts if each])


def _rates(task: str, where: str, items: Sequence[Item], report: Report) -> Iterator[Metric]:
    for name, outcome in _RATES.items():
        yield _of_scores(task, where, name, items, [item.share(outcome) for item in items])
    for name in report.measures:
        if name in AMOUNTS:
            yield from _of_amounts(task, where, name, [item.values(name) for item in items])
        else:
            yield _of_scores(task, where, name, items, [item.mean(name) for item in items])
    if any(verdict.second is not None for item in items for verdict in item.verdicts):
        for name, agrees in _BOUNDS.items():
            shares = [sum(map(agrees, item.verdicts)) / item.n for item in items]
            yield _of_scores(task, where, name, items, shares)


def _of_scores(
    task: str, where: str, name: str, items: Sequence[Item], scores: Sequence[float]
) -> Metric:
    """Return the mean of one score a problem; an original and its variants are one unit of it."""
    families: dict[str, list[float]] = {}
    for item, score in zip(items, scores, strict=True):
        families.setdefault(item.problem.origin or item.problem.id, []).append(score)
    mean = mean_of_scores([sum(family) / len(family) for family in families.values()])
    if len(families) < len(items):
        mean = replace(mean, method=f"{mean.method}; a problem with its variants is one")
    samples = sum(item.n for item in items)
    return mean.metric(name, (task, where), (len(families), samples))


def _of_amounts(
    task: str, where: str, name: str, amounts: Sequence[Sequence[float]]
) -> Iterator[Metric]:
    """Yield the mean over problems of their samples' mean; nothing where it has no interval."""
    if len(amounts) > 1:
        mean = mean_of_amounts([sum(each) / len(each) for each in amounts])
        yield mean.metric(name, (task, where), (len(amounts), sum(map(len, amounts))))
