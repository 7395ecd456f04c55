"""Runs read for a site: one result a task of a run, with every sample in its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mathreason_eval.compare.pairing import metric_name, metric_of, task_run
from mathreason_eval.errors import UserError
from mathreason_eval.runs.addresses import SAMPLES_PER_PAGE
from mathreason_eval.runs.store import Run
from mathreason_eval.runs.store import Sample as StoredSample
from mathreason_eval.stats.estimators.items import Item
from mathreason_eval.stats.metrics import DEFAULT_METRIC, PRIMARY, NamedMetric, contender
from mathreason_eval.stats.ranking import RunScores
from mathreason_eval.text import page_name
from mathreason_eval.types import (
    Generation,
    Metric,
    Outcome,
    Problem,
    RunManifest,
    TaskEntry,
    Verdict,
)

NOT_JUDGED = "not_judged"
"""The state of a sample that is stored and has no verdict yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One sample with everything known of it."""

    asked: AskedProblem
    generation: Generation
    verdict: Verdict | None
    page: int
    """The page it stands on, from 1."""

    @property
    def state(self) -> str:
        """Return its outcome, or `not_judged`."""
        return NOT_JUDGED if self.verdict is None else str(self.verdict.outcome)

    @property
    def anchor(self) -> str:
        """Return the name by which its page can be opened at it."""
        return f"{self.asked.anchor}:{self.generation.sample}"


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedProblem:
    """One problem of a result: how its samples fared and where they are shown."""

    problem: Problem
    anchor: str
    number: int
    """Its place in the run, from 1."""
    states: Mapping[str, int]
    """How many of its samples are in each state."""
    page: int | None
    """The page of its first sample, from 1; None if it has none."""

    @property
    def judged(self) -> int:
        """Return how many samples have a verdict."""
        return sum(self.states.values()) - self.states.get(NOT_JUDGED, 0)

    @property
    def correct(self) -> int:
        """Return how many samples are correct."""
        return self.states.get(Outcome.CORRECT, 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """One task of one run, without its samples."""

    page: str
    """The run's name among the site's pages."""
    manifest: RunManifest
    task: str
    task_page: str
    """The task's name among the site's pages."""
    problems: tuple[AskedProblem, ...]
    states: Mapping[str, int]
    """How many samples are in each state: the five outcomes and not judged."""
    metrics: tuple[Metric, ...]
    contenders: Mapping[str, RunScores]
    """What each problem brings, by the metrics that results may be ranked by."""

    @property
    def model(self) -> str:
        """Return the model's name as typed."""
        return self.manifest.model.name

    @property
    def entry(self) -> TaskEntry:
        """Return what the manifest says of the task."""
        return self.manifest.tasks[self.task]

    @property
    def stored(self) -> int:
        """Return how many samples there are."""
        return sum(self.states.values())

    @property
    def judged(self) -> int:
        """Return how many samples have a verdict: the n that the outcomes add up to."""
        return self.stored - self.states[NOT_JUDGED]

    @property
    def missing(self) -> int:
        """Return how many samples were asked for and are not there."""
        return max(0, len(self.problems) * self.manifest.samples - self.stored)

    @property
    def complete(self) -> bool:
        """Return whether every sample asked for is there and judged."""
        return not self.missing and self.judged == self.stored

    @property
    def pages(self) -> int:
        """Return on how many pages its samples stand."""
        return -(-self.stored // SAMPLES_PER_PAGE)

    def metric(self, name: str = "avg", where: str = "all") -> Metric | None:
        """Return a metric of a slice, if the run has it."""
        return next((m for m in self.metrics if (m.name, m.slice) == (name, where)), None)


def samples_page(result: Result, page: int) -> str:
    """Return the address of a page of samples, from the site's root."""
    return f"run/{result.page}/{result.task_page}-samples-{page:03d}.html"


def read_result(
    run: Run, page: str, task: str, task_page: str
) -> tuple[Result, tuple[Sample, ...]]:
    """Return one task of a run and its samples, problem by problem.

    Raises:
        RunError: if the folder judges or holds samples that belong to nothing in it.
    """
    asked, samples = _in_order(run.problems(task), run.samples(task))
    result = Result(
        page=page,
        manifest=run.manifest,
        task=task,
        task_page=task_page,
        problems=asked,
        states=_total(one.states for one in asked),
        metrics=tuple(metric for metric in run.metrics() if metric.task == task),
        contenders=_contenders(run, task),
    )
    return result, samples


def _contenders(run: Run, task: str) -> Mapping[str, RunScores]:
    """Return the run as a ranking takes it, by the accuracy and by the task's primary metric."""
    if not run.verdicts(task):
        return {}
    entry = run.manifest.tasks[task]
    names = dict.fromkeys((metric_name(PRIMARY, [entry]), DEFAULT_METRIC))
    metrics = [metric for name in names if (metric := _metric(entry, name)) is not None]
    votes = any(metric.definition.needs_votes for metric in metrics)
    items = list(task_run(run, task, votes=votes).items.values())
    return {metric.name: found for metric in metrics if (found := _contender(items, metric))}


def _metric(entry: TaskEntry, name: str) -> NamedMetric | None:
    """Return a metric of a task; None where the package that brings it is not installed."""
    try:
        return metric_of(entry, name)
    except UserError:
        return None


def _contender(items: Sequence[Item], metric: NamedMetric) -> RunScores | None:
    try:
        return contender(items, metric)
    except ValueError:
        return None


def _in_order(
    problems: Sequence[Problem], stored: Iterable[StoredSample]
) -> tuple[tuple[AskedProblem, ...], tuple[Sample, ...]]:
    """Return problems in the run's order, and samples by problem and index."""
    by_problem: dict[str, list[StoredSample]] = {problem.id: [] for problem in problems}
    for one in stored:
        by_problem[one.problem.id].append(one)
    asked: list[AskedProblem] = []
    samples: list[Sample] = []
    for number, problem in enumerate(problems, 1):
        held = by_problem[problem.id]
        here = AskedProblem(
            problem=problem,
            anchor=page_name(problem.id),
            number=number,
            states=_count(one.verdict for one in held),
            page=len(samples) // SAMPLES_PER_PAGE + 1 if held else None,
        )
        asked.append(here)
        for one in held:
            page = len(samples) // SAMPLES_PER_PAGE + 1
            samples.append(
                Sample(asked=here, generation=one.generation, verdict=one.verdict, page=page)
            )
    return tuple(asked), tuple(samples)


def _count(verdicts: Iterable[Verdict | None]) -> Mapping[str, int]:
    return Counter(NOT_JUDGED if one is None else str(one.outcome) for one in verdicts)


def _total(parts: Iterable[Mapping[str, int]]) -> Mapping[str, int]:
    total: Counter[str] = Counter()
    for states in parts:
        total.update(states)
    return {state: total[state] for state in (*map(str, Outcome), NOT_JUDGED)}
