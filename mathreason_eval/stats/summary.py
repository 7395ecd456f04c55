"""From verdicts to metrics: every number with its interval, its n and its method."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from mathreason_eval.stats.estimators.confidence import confidence
from mathreason_eval.stats.estimators.items import Item, items_of, mean_amount, mean_over
from mathreason_eval.stats.estimators.macro import unweighted
from mathreason_eval.stats.estimators.paired import paired
from mathreason_eval.stats.estimators.several import Sampled, several, stable
from mathreason_eval.stats.estimators.soundness import right_by_wrong_steps
from mathreason_eval.stats.intervals import Mean, Place, SampleMoments, conditional_interval
from mathreason_eval.stats.metrics import FAMILIES
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
    cluster: str | None = None
    """Key of `Problem.meta` whose value is the same where problems share a source."""
    macro: str | None = None
    """Key of `Problem.meta` over whose values accuracy is averaged as well, each alike."""


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

    For the whole: `avg`; `pass@K`, `pass^K` and `maj@K` for every K from 2 to n (for K = 1 all are
    `avg`); where every sample has a reward, `best@K` and `vote@K`; the shares `truncated`
    (where every sample says why it ended), `no_answer` and `ungradable`; `macro`, if the task names
    one; mean `tokens` and `seconds` a sample where two problems or more have them; `g-pass@K:TAU`
    and `mg-pass@K`; and of several samples `ece`, `brier`, `auroc` and `aurc`. For every value of a
    slice: `avg` and the shares. For both, the means of the grader's measures, and `both` and
    `either` where a second grader was asked: the shares of samples that both graders, or at least
    one, call correct; and what changed between originals and their variants. Then the task's
    families.

    In a run that was interrupted every problem counts with the samples it has, and for K only if it
    has K; `problems` and `samples` say how many counted.

    Args:
        task: its name.
        problems: the problems as asked; one without a verdict does not count.
        generations: the samples, for tokens, seconds and why they ended.
        verdicts: their judgements.
        key: maps an answer to its class of equivalent answers.
        report: what is reported beside the accuracy of the whole.

    Raises:
        ValueError: if there are no verdicts, or one is of no problem.
    """
    items = items_of(problems, generations, verdicts, key, cluster=report.cluster)
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
    sampled = Sampled.of((task, WHOLE), items)
    yield average
    yield from several(sampled)
    yield from others
    if report.macro is not None:
        yield from _macro(task, items, report.macro)
    for name, amounts in (
        ("tokens", [item.tokens for item in items]),
        ("seconds", [item.seconds for item in items]),
    ):
        yield from _of_amounts((task, WHOLE), name, items, amounts)
    yield from stable(sampled)
    yield from confidence((task, WHOLE), items)


def _rates(task: str, where: str, items: Sequence[Item], report: Report) -> Iterator[Metric]:
    place = task, where
    for name, outcome in _RATES.items():
        if name == "truncated" and not all(item.ends_known for item in items):
            # What may have been cut without saying so cannot be counted as whole.
            continue
        yield _share(outcome, items).metric(name, place, _size(items))
    for name in report.measures:
        values = [item.values(name) for item in items]
        if name in AMOUNTS:
            yield from _of_amounts(place, name, items, values)
        else:
            yield _of_values(values, items).metric(name, place, _size(items))
    if any(verdict.second is not None for item in items for verdict in item.verdicts):
        for name, agrees in _BOUNDS.items():
            values = [[float(agrees(verdict)) for verdict in item.verdicts] for item in items]
            yield _of_values(values, items).metric(name, place, _size(items))


def _share(outcome: Outcome, items: Sequence[Item]) -> Mean:
    import numpy as np

    hits = np.array([item.outcomes[outcome] for item in items])
    samples = SampleMoments.from_counts(hits, np.array([item.n for item in items]))
    return conditional_interval(mean_over(items, samples.mean), samples)


def _of_values(values: Sequence[Sequence[float]], items: Sequence[Item]) -> Mean:
    samples = SampleMoments.from_values(values)
    return conditional_interval(mean_over(items, samples.mean), samples)


def _of_amounts(
    place: Place, name: str, items: Sequence[Item], amounts: Sequence[Sequence[float]]
) -> Iterator[Metric]:
    """Yield the mean over problems of their samples' mean; nothing where it has no interval."""
    held = [(item, each) for item, each in zip(items, amounts, strict=True) if each]
    if not held:
        return
    samples = SampleMoments.from_values([each for _, each in held])
    mean = mean_amount([item for item, _ in held], samples.mean)
    if mean is not None:
        size = len(held), int(samples.number.sum())
        yield conditional_interval(mean, samples, shares=False).metric(name, place, size)


def _macro(task: str, items: Sequence[Item], key: str) -> Iterator[Metric]:
    """Yield the mean over the values of a property of the accuracy on each, all weighing alike."""
    groups = [group for _, group in by_slice(items, (key,))]
    if groups:
        means = [_share(Outcome.CORRECT, group) for group in groups]
        held = [item for group in groups for item in group]
        apart = sum(len({item.cluster for item in group}) for group in groups)
        mean = unweighted(
            means,
            f"values of {key}",
            independent=apart == len({item.cluster for item in held}),
        )
        yield mean.metric("macro", (task, WHOLE), _size(held))


def _size(items: Sequence[Item]) -> tuple[int, int]:
    return len(items), sum(item.n for item in items)
