"""From verdicts to metrics, each with its interval, n and method; and the scores of problems."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import groupby
from typing import TYPE_CHECKING

from mathreason_eval.errors import PluginError, UnknownNameError
from mathreason_eval.stats.columns import SampleColumns, VerdictColumns
from mathreason_eval.stats.copies import Copies, copied_samples, copies_note, without_copies
from mathreason_eval.stats.estimators.confidence import calibration_metrics
from mathreason_eval.stats.estimators.items import (
    WHOLE,
    Item,
    Same,
    items_of,
    mean_amount,
    mean_over,
    means_over,
)
from mathreason_eval.stats.estimators.means import unweighted
from mathreason_eval.stats.estimators.paired import paired
from mathreason_eval.stats.estimators.totals import Totals, left_out
from mathreason_eval.stats.intervals import Mean, Place, conditional_interval
from mathreason_eval.stats.metrics import (
    AMOUNTS,
    CONSISTENCY,
    CUTS,
    FAMILIES,
    FINDING,
    GRADER_BOUNDS,
    METRICS,
    MULTI_SAMPLE,
    OUTCOME_SHARES,
    STEPS,
    Linear,
    MetricDefinition,
    NamedMetric,
    measured,
    our_metric,
)
from mathreason_eval.stats.ranking import RunScores
from mathreason_eval.types import (
    AnyGeneration,
    Measure,
    Metric,
    Outcome,
    Problem,
    Records,
    ReportRules,
    Verdict,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Value = str | int | float | bool
"""The value of a property of a problem."""

_NO_RULES = ReportRules(slices=(), cluster=None, macro=None, metrics=(), primary=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What is reported for a task in addition to the metrics that every task has."""

    rules: ReportRules = _NO_RULES
    measures: tuple[Measure, ...] = ()
    """The measures of the task's grader."""
    greedy: bool = False
    """Whether the temperature is known to be 0, at which equal samples are copies."""
    same: Same | None = None
    """Whether two answers with different keys are one vote all the same; None: never."""


PLAIN = Report()


def outcome_counts(verdicts: Sequence[Verdict] | VerdictColumns) -> dict[Outcome, int]:
    """Return the number of samples with each outcome: five counts whose sum is n."""
    columns = VerdictColumns.of(verdicts)
    return {outcome: int(columns.has_outcome(outcome).sum()) for outcome in Outcome}


def summarize(
    task: str,
    problems: Sequence[Problem],
    generations: Sequence[AnyGeneration] | SampleColumns,
    verdicts: Sequence[Verdict] | VerdictColumns,
    *,
    key: Callable[[str], str],
    report: Report = PLAIN,
) -> Records[Metric]:
    """Return the metrics of one task of a run.

    For the whole task:

    - `avg`, and for every K from 2 to n `pass@K`, `pass^K` and `maj@K` (for K = 1 all are `avg`)
    - `best@K` and `vote@K`, if every sample has a reward
    - the shares `truncated` (if every sample has a finish reason), `no_answer`, `ungradable`
      and, if there is a refusal, `refused`
    - `weakly_found` and `not_claimed`, if there are such samples
    - `macro`, if the task names a property for it
    - mean `tokens` and `seconds`, if every sample has them and there are two or more problems
    - `g-pass@K:TAU` and `mg-pass@K`; `ece`, `brier`, `auroc` and `aurc` for several samples

    For every value of a slice, `avg` and the shares. For the whole task and for slices, the means
    of the grader's measures; if there is a second grader, `both` and `either`, the shares of
    samples that both graders, or at least one, judged correct; and the metrics of variants. Then
    the metrics of the task's families.

    In an interrupted run every problem counts with the samples it has, and for K only if it has K;
    `problems` and `samples` are the numbers that count. Copies of samples do not count, and
    `method` says so.

    Args:
        task: its name.
        problems: the problems as asked; those without a verdict do not count.
        generations: the samples, for tokens, seconds, rewards and finish reasons.
        verdicts: the verdicts on them.
        key: maps an answer to the key of its class of equivalent answers.
        report: what is reported in addition.

    Raises:
        ValueError: if there are no verdicts, or one is on a problem that is not in `problems`.
        UnknownNameError: if there is no such family.
        PluginError: if a family yields anything but its own finite metrics of this task.
    """
    samples = SampleColumns.of(generations)
    copies = copied_samples(samples, greedy=report.greedy)
    items = items_of(
        problems,
        without_copies(samples, copies),
        without_copies(VerdictColumns.of(verdicts), copies),
        key,
        cluster=report.rules.cluster,
        same=report.same,
    )
    if not items:
        raise ValueError(f"{task} has no verdicts to summarise.")
    metrics = _metrics(task, items, report)
    return Records(metrics if not copies else _with_note(metrics, copies))


def _metrics(task: str, items: Sequence[Item], report: Report) -> list[Metric]:
    """Return the metrics of a task, of its slices and of its families."""
    metrics = [*_whole(task, items, report), *paired(task, items)]
    for name, group in by_slice(items, report.rules.slices):
        metrics += [*_rates((task, name), group, report), *paired(task, group, name)]
    metrics += available_metrics((task, WHOLE), items, STEPS.values())
    for family in report.rules.metrics:
        metrics += _of_family(family, task, items, {(one.slice, one.name) for one in metrics})
    return metrics


def _with_note(metrics: Iterable[Metric], copies: Copies) -> Iterator[Metric]:
    """Yield the metrics that independent samples suffice for, their method noting the copies."""
    told = copies_note(copies)
    for one in metrics:
        # More samples than repeat none are only of problems with failed requests.
        if (ours := our_metric(one.name)) is None or ours.k <= copies.independent:
            yield replace(one, method=f"{one.method}; {told}")


def _of_family(
    family: str, task: str, items: Sequence[Item], taken: set[tuple[str, str]]
) -> list[Metric]:
    """Return the metrics of a family; one that the task already has for a slice is refused."""
    if family not in FAMILIES:
        raise UnknownNameError("family of metrics", family, FAMILIES)
    found = [*FAMILIES[family].estimate(task, items)]
    places = {place for place, _ in taken}
    for one in found:
        if not isinstance(one, Metric):
            why = f"{type(one).__name__}, which is not a Metric"
        elif one.task != task or (one.slice, one.name) in taken or _is_ours(one, places):
            why = f"{one.name} of {one.slice} of {one.task}, which is not its own"
        elif not all(math.isfinite(each) for each in _figures(one)):
            why = f"{one.name}, which is not finite"
        else:
            taken.add((one.slice, one.name))
            continue
        raise PluginError(
            f"The family of metrics {family} yields {why}.", "Fix, update or uninstall its package."
        )
    return found


def _figures(metric: Metric) -> Iterator[float]:
    values = (getattr(metric, one.name) for one in fields(Metric))
    yield from (value for value in values if isinstance(value, float))


def _is_ours(metric: Metric, places: Collection[str]) -> bool:
    """Return whether a metric has the name of one that the summary itself computes."""
    return metric.slice in places and our_metric(metric.name) is not None


def by_slice(items: Sequence[Item], slices: Sequence[str]) -> Iterator[tuple[str, list[Item]]]:
    """Yield (`level=3`, problems) for every value of every slice."""
    for name in slices:
        groups: dict[Value, list[Item]] = {}
        for item in items:
            if name in item.problem.meta:
                groups.setdefault(item.problem.meta[name], []).append(item)
        for value in sorted(groups, key=_natural):
            yield f"{name}={value}", groups[value]


def _natural(value: Value) -> tuple[bool, float, list[tuple[int, str]]]:
    """Return a sort key: numbers before texts, and `Level 2` before `Level 10`."""
    if not isinstance(value, str):
        return False, value, []
    # Alternately words and digits. Numbers are compared by length first: int() would refuse
    # thousands of digits.
    words = re.split("([0-9]+)", value)
    return True, 0, [(len(w.lstrip("0")) * (i % 2), w) for i, w in enumerate(words)]


def _whole(task: str, items: Sequence[Item], report: Report) -> Iterator[Metric]:
    place = task, WHOLE
    average, *others = _rates(place, items, report)
    yield average
    yield from available_metrics(place, items, MULTI_SAMPLE.values())
    yield from others
    if report.rules.macro is not None:
        yield from _macro(task, items, report.rules.macro)
    yield from available_metrics(place, items, AMOUNTS.values())
    yield from available_metrics(place, items, FINDING.values())
    yield from available_metrics(place, items, CUTS.values())
    yield from available_metrics(place, items, CONSISTENCY.values())
    yield from calibration_metrics(place, items)


def _rates(place: Place, items: Sequence[Item], report: Report) -> Iterator[Metric]:
    yield from available_metrics(place, items, OUTCOME_SHARES.values())
    for measure in report.measures:
        yield from _of_samples(place, items, measured(measure))
    yield from available_metrics(place, items, GRADER_BOUNDS.values())


def available_metrics(
    place: Place, items: Sequence[Item], definitions: Iterable[MetricDefinition]
) -> Iterator[Metric]:
    """Yield the metrics for which these problems have the data, each with its interval."""
    for definition in definitions:
        if definition.known(items):
            yield from (_of_samples if definition.curve is None else _of_curve)(
                place, items, definition
            )


def _of_samples(
    place: Place, items: Sequence[Item], definition: MetricDefinition
) -> Iterator[Metric]:
    """Yield the mean over problems of their samples' mean, if it has an interval."""
    held = [item for item in items if definition.has(item)]
    if held and (found := _mean(held, definition)) is not None:
        mean, samples = found
        yield mean.metric(definition.name, place, (len(held), samples))


def _mean(items: Sequence[Item], definition: MetricDefinition) -> tuple[Mean, int] | None:
    """Return the mean over problems of their samples' mean, and the number of samples.

    None if the definition has no scores of samples, or amounts have no interval.
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
    """Yield one metric for every K from 2 to the largest number of samples of a problem."""
    import numpy as np

    table = score_table(definition, items)
    numbers = np.array([item.n for item in items])
    has = ~np.isnan(table)
    # Mostly the same problems have a score for several K.
    for _, ks in groupby(range(2, table.shape[1] + 1), lambda k: has[:, k - 1].tobytes()):
        columns = [k - 1 for k in ks]
        rows = np.flatnonzero(has[:, columns[0]])
        chosen = [items[row] for row in rows.tolist()]
        size = len(chosen), int(numbers[rows].sum())
        for k, mean in zip(columns, means_over(chosen, table[rows][:, columns].T), strict=True):
            noted = mean
            if definition.note is not None:
                noted = replace(mean, method=f"{mean.method}; {definition.note(items, k + 1)}")
            yield noted.metric(definition.name.format(k=k + 1), place, size)


def _macro(task: str, items: Sequence[Item], key: str) -> Iterator[Metric]:
    """Yield the unweighted mean over the values of a property of the accuracy on each."""
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
        yield mean.metric(MACRO, (task, WHOLE), (len(held), sum(number for _, number in found)))


MACRO = "macro"
"""The metric whose parts a task names."""


def macro_by(key: str) -> MetricDefinition:
    """Return `macro` for a property: every value of it weighs the same."""

    def linear(items: Sequence[Item], scores: Sequence[float]) -> Linear:
        counts = Counter(item.problem.meta[key] for item in items)
        means = dict.fromkeys(counts, 0.0)
        for item, score in zip(items, scores, strict=True):
            means[item.problem.meta[key]] += score / counts[item.problem.meta[key]]
        value = math.fsum(means.values()) / len(means)
        values = [item.problem.meta[key] for item in items]
        weights = [len(items) / len(counts) / counts[one] for one in values]
        parts = [
            value + weight * (score - means[one])
            for one, score, weight in zip(values, scores, weights, strict=True)
        ]
        return Linear(parts=parts, weights=weights)

    return replace(
        METRICS[MACRO],
        samples=METRICS["avg"].samples,
        has=lambda item: key in item.problem.meta,
        linear=linear,
    )


def of_family(metric: NamedMetric, families: Sequence[str]) -> MetricDefinition:
    """Return the definition of a metric that only the estimator of a family computes.

    Args:
        metric: the metric.
        families: those that the task names.
    """

    def value(items: Sequence[Item]) -> float | None:
        yielded = (one for family in families for one in FAMILIES[family].estimate("", items))
        return next((one.value for one in yielded if one.name == metric.name), None)

    mine = (one for family in families for one in FAMILIES[family].definitions)
    return (
        replace(metric.definition, value=value)
        if metric.definition in mine
        else (metric.definition)
    )


# --- scores of problems ----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class ProblemScore:
    """One problem's score by a metric."""

    own: float
    """A fraction in [0, 1], or an amount."""
    part: float
    """Its contribution: the metric's value is the mean of all parts. For a mean, the score."""
    weight: float = 1.0
    """The derivative of the value with respect to the score, times N; 1 for a mean."""
    group: Hashable = None
    """What it is drawn with, if that is not its cluster."""


def problem_scores(items: Sequence[Item], metric: NamedMetric) -> dict[str, ProblemScore]:
    """Return the problems' scores by a metric, by id; problems without a score are left out.

    Args:
        items: problems of one run.
        metric: a metric that has scores.

    Raises:
        ValueError: if the metric has no scores, or no problem has the data that it needs.
    """
    definition = metric.definition
    if not definition.has_scores or not definition.known(items):
        raise ValueError(f"These problems have no score {metric.name!r}.")
    if definition.totals is not None:
        return _of_totals(definition.totals(items), metric)
    held = [item for item in items if definition.has(item)]
    if definition.value is not None:
        return _of_value(definition.value, held, metric)
    table = score_table(definition, held) if held else None
    if table is None or metric.k > table.shape[1]:
        raise ValueError(f"No problem has a score {metric.name!r}.")
    scores: list[float] = table[:, metric.k - 1].tolist()
    found = [(i, score) for i, score in zip(held, scores, strict=True) if not math.isnan(score)]
    if not found:
        raise ValueError(f"No problem has a score {metric.name!r}.")
    return _parts(definition, found)


def _of_totals(totals: Totals, metric: NamedMetric) -> dict[str, ProblemScore]:
    if not totals.units or not math.isfinite(totals.of_all):
        raise ValueError(f"These problems have no score {metric.name!r}.")
    parts, weight = totals.influences()
    return {
        unit.problem.id: ProblemScore(own=own, part=part, weight=weight)
        for unit, part, own in zip(
            totals.units, parts, totals.value(totals.rows).tolist(), strict=True
        )
    }


def _of_value(
    value: Callable[[Sequence[Item]], float | None], held: Sequence[Item], metric: NamedMetric
) -> dict[str, ProblemScore]:
    found = left_out(held, value) if held else None
    if found is None:
        raise ValueError(f"These problems have no score {metric.name!r}.")
    return {
        # A single problem has no score of its own.
        item.problem.id: ProblemScore(own=math.nan, part=part, group=group)
        for item, (part, group) in zip(held, found, strict=True)
    }


def _parts(
    definition: MetricDefinition, found: Sequence[tuple[Item, float]]
) -> dict[str, ProblemScore]:
    if definition.linear is None:
        return {item.problem.id: ProblemScore(own=score, part=score) for item, score in found}
    line = definition.linear([item for item, _ in found], [score for _, score in found])
    return {
        item.problem.id: ProblemScore(own=score, part=part, weight=weight)
        for (item, score), part, weight in zip(found, line.parts, line.weights, strict=True)
        if not math.isnan(part)
    }


def run_scores(items: Sequence[Item], metric: NamedMetric) -> RunScores:
    """Return the scores of one run's problems, for a ranking.

    Raises:
        ValueError: as `problem_scores`.
    """
    found = problem_scores(items, metric)
    squares = math.fsum(score.weight**2 for score in found.values()) / len(found)
    return RunScores(
        scores={name: score.part for name, score in found.items()},
        samples={item.problem.id: item.n for item in items if item.problem.id in found},
        weight=math.sqrt(squares),
    )


def score_table(definition: MetricDefinition, items: Sequence[Item]) -> NDArray[np.float64]:
    """Return the scores of problems: an array with a row per problem and a column per K."""
    if definition.curve is not None:
        return definition.curve(items)
    assert definition.samples is not None, "a metric that has scores"
    return definition.samples(items).mean[:, None]
