"""From verdicts to metrics: every number with its interval, its n and its method."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from mathreason_eval.errors import PluginError, UnknownNameError
from mathreason_eval.stats.estimators.confidence import confidence
from mathreason_eval.stats.estimators.items import Item, items_of, mean_amount, mean_over
from mathreason_eval.stats.estimators.macro import unweighted
from mathreason_eval.stats.estimators.paired import paired
from mathreason_eval.stats.intervals import Mean, Place, conditional_interval
from mathreason_eval.stats.metrics import (
    AMOUNTS,
    BOUNDS,
    CONSISTENCY,
    FAMILIES,
    METRICS,
    OF_SAMPLES,
    OF_SEVERAL,
    STEPS,
    MetricDefinition,
    measured,
    our_metric,
    score_table,
)
from mathreason_eval.types import (
    Generation,
    Measure,
    Metric,
    Outcome,
    Problem,
    Records,
    ReportRules,
    Verdict,
)

Value = str | int | float | bool
"""What a property of a problem may be."""

WHOLE = "all"
"""The slice of all problems."""

_NO_RULES = ReportRules(slices=(), cluster=None, macro=None, metrics=(), primary=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What is reported of a task beside the accuracy of the whole."""

    rules: ReportRules = _NO_RULES
    measures: tuple[Measure, ...] = ()
    """The grader's."""


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
        UnknownNameError: if there is no such family.
        PluginError: if a family yields what is no metric of its own of this task.
    """
    rules = report.rules
    items = items_of(problems, generations, verdicts, key, cluster=rules.cluster)
    if not items:
        raise ValueError(f"{task} has no verdicts to summarise.")
    metrics = [*_whole(task, items, report), *paired(task, items)]
    for name, group in by_slice(items, rules.slices):
        metrics += [*_rates((task, name), group, report), *paired(task, group, name)]
    metrics += estimates((task, WHOLE), items, STEPS.values())
    for family in rules.metrics:
        metrics += _of_family(family, task, items, {(one.slice, one.name) for one in metrics})
    return Records(metrics)


def _of_family(
    family: str, task: str, items: Sequence[Item], taken: set[tuple[str, str]]
) -> list[Metric]:
    """Return what a family of metrics yields; a second `avg` of the same place is refused."""
    if family not in FAMILIES:
        raise UnknownNameError("family of metrics", family, FAMILIES)
    found = [*FAMILIES[family].estimate(task, items)]
    for one in found:
        if not isinstance(one, Metric):
            why = f"{type(one).__name__}, which is no Metric"
        elif one.task != task or (one.slice, one.name) in taken or our_metric(one.name):
            why = f"{one.name} of {one.slice} of {one.task}, which is not its own"
        elif not all(map(math.isfinite, (one.value, one.low, one.high))):
            why = f"{one.name}, which is not finite"
        else:
            taken.add((one.slice, one.name))
            continue
        raise PluginError(
            f"The family of metrics {family} yields {why}.", "Fix, update or uninstall its package."
        )
    return found


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
    place = task, WHOLE
    average, *others = _rates(place, items, report)
    yield average
    yield from estimates(place, items, OF_SEVERAL.values())
    yield from others
    if report.rules.macro is not None:
        yield from _macro(task, items, report.rules.macro)
    yield from estimates(place, items, AMOUNTS.values())
    yield from estimates(place, items, CONSISTENCY.values())
    yield from confidence(place, items)


def _rates(place: Place, items: Sequence[Item], report: Report) -> Iterator[Metric]:
    yield from estimates(place, items, OF_SAMPLES.values())
    for measure in report.measures:
        yield from _of_samples(place, items, measured(measure))
    yield from estimates(place, items, BOUNDS.values())


def estimates(
    place: Place, items: Sequence[Item], definitions: Iterable[MetricDefinition]
) -> Iterator[Metric]:
    """Yield the metrics that these problems say enough for, each with its interval."""
    for definition in definitions:
        if definition.known(items):
            yield from (_of_samples if definition.curve is None else _of_curve)(
                place, items, definition
            )


def _of_samples(
    place: Place, items: Sequence[Item], definition: MetricDefinition
) -> Iterator[Metric]:
    """Yield the mean over problems of their samples' mean; nothing where it has no interval."""
    held = [item for item in items if definition.has(item)]
    if held and (found := _mean(held, definition)) is not None:
        mean, samples = found
        yield mean.metric(definition.name, place, (len(held), samples))


def _mean(items: Sequence[Item], definition: MetricDefinition) -> tuple[Mean, int] | None:
    """Return the mean over problems of their samples' mean, and how many samples there are.

    None where the definition has no scores of samples, or amounts have no interval.
    """
    if definition.samples is None:
        return None
    samples = definition.samples(items)
    shares = definition.is_share
    mean = mean_over(items, samples.mean) if shares else mean_amount(items, samples.mean)
    if mean is None:
        return None
    return conditional_interval(mean, samples, shares=shares), int(samples.number.sum())


def _of_curve(
    place: Place, items: Sequence[Item], definition: MetricDefinition
) -> Iterator[Metric]:
    """Yield one metric for every K from 2 to the most samples of a problem."""
    import numpy as np

    table = score_table(definition, items)
    for k in range(2, table.shape[1] + 1):
        rows = np.flatnonzero(~np.isnan(table[:, k - 1]))
        chosen = [items[row] for row in rows.tolist()]
        mean = mean_over(chosen, table[rows, k - 1])
        if definition.note is not None:
            mean = replace(mean, method=f"{mean.method}; {definition.note(items, k)}")
        size = len(chosen), sum(item.n for item in chosen)
        yield mean.metric(definition.name.format(k=k), place, size)


def _macro(task: str, items: Sequence[Item], key: str) -> Iterator[Metric]:
    """Yield the mean over the values of a property of the accuracy on each, all weighing alike."""
    groups = [group for _, group in by_slice(items, (key,))]
    found = [one for group in groups if (one := _mean(group, METRICS["avg"])) is not None]
    if found:
        held = [item for group in groups for item in group]
        apart = sum(len({item.cluster for item in group}) for group in groups)
        mean = unweighted(
            [each for each, _ in found],
            f"values of {key}",
            independent=apart == len({item.cluster for item in held}),
        )
        yield mean.metric("macro", (task, WHOLE), (len(held), sum(number for _, number in found)))
