"""Two runs side by side: the problems of a task that both have, and what keeps them apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

from mathreason_eval.errors import RunError
from mathreason_eval.runs.manifest import Conditions, differences
from mathreason_eval.runs.store import Run
from mathreason_eval.stats.difference import Pair
from mathreason_eval.stats.estimators.items import Item, items_of
from mathreason_eval.stats.metrics import (
    DEFAULT_METRIC,
    PRIMARY,
    NamedMetric,
    ProblemScore,
    find_metric,
    our_metric,
    problem_scores,
)
from mathreason_eval.types import Generation, Problem, SamplingEntry, TaskEntry, Verdict

SampledT = TypeVar("SampledT", Generation, Verdict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One task of one run, with the samples of each problem together."""

    run: Run
    task: str
    problems: Mapping[str, Problem]
    """Those asked, by id."""
    items: Mapping[str, Item]
    """Those with a verdict, by the problem's id."""

    @property
    def entry(self) -> TaskEntry:
        """Return what the manifest says of the task."""
        return self.run.manifest.tasks[self.task]

    @property
    def model(self) -> str:
        """Return the model's name as typed."""
        return self.run.manifest.model.name

    def chosen(self, names: Collection[str]) -> list[Item]:
        """Return some of its problems, in their order."""
        return [item for name, item in self.items.items() if name in names]


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedScores:
    """One metric of the problems that both runs have, by the problem's id."""

    metric: NamedMetric
    pairs: Mapping[str, Pair]
    """What each problem brings to the metric in either run; their means are its values."""
    own: Mapping[str, tuple[float, float]]
    """The problem's own scores, as shares or amounts; of a mean the same as the pair's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairing:
    """One task of two runs."""

    before: Side
    after: Side
    obstacles: Mapping[str, str]
    """Why the two are not comparable, by `version`, `data`, `prompt`, `problems`, `rules`."""
    notes: tuple[str, ...]
    """What differs and does not forbid a comparison: sampling, the number of samples."""

    @property
    def shared(self) -> tuple[str, ...]:
        """Return the ids of the problems that have a verdict on both sides, in their order.

        Problems of one id that ask different questions, as other data may, are not shared.
        """
        return tuple(
            name
            for name, item in self.before.items.items()
            if (other := self.after.items.get(name)) is not None
            and other.problem.question == item.problem.question
        )

    def scores(self, metric: str, names: Collection[str] | None = None) -> PairedScores:
        """Return a metric of the shared problems that have it in both runs.

        Args:
            metric: one whose problems have scores.
            names: the problems' ids; None for all.

        Raises:
            UnknownNameError: if there is no such metric.
            ValueError: if problems have no scores of it, or these do not say what it needs.
        """
        found = metric_of(self.before.entry, metric)
        chosen = {name for name in self.shared if names is None or name in names}
        before, after = (
            problem_scores(side.chosen(chosen), found) for side in (self.before, self.after)
        )
        both = [name for name in before if name in after]
        return PairedScores(
            metric=found,
            pairs={name: self._pair(name, before[name], after[name]) for name in both},
            own={name: (before[name].own, after[name].own) for name in both},
        )

    def _pair(self, name: str, before: ProblemScore, after: ProblemScore) -> Pair:
        items = self.before.items[name], self.after.items[name]
        # A run from before its task named a cluster knows of none.
        told = items[0 if self.before.entry.report.cluster is not None else 1]
        return Pair(
            before=before.part,
            after=after.part,
            samples=(items[0].n, items[1].n),
            cluster=told.cluster,
            weight=math.hypot(before.weight, after.weight) / math.sqrt(2),
        )


def metric_name(asked: str, entries: Iterable[TaskEntry]) -> str:
    """Return the name of the metric that a task is compared by.

    Args:
        asked: its name, or `primary` for what the task names.
        entries: of the task in each run; folders of earlier formats name none.
    """
    if asked != PRIMARY:
        return asked
    return next(filter(None, (entry.report.primary for entry in entries)), DEFAULT_METRIC)


def metric_of(entry: TaskEntry, name: str) -> NamedMetric:
    """Return a metric of a task by its name.

    Raises:
        UnknownNameError: naming the nearest.
    """
    if found := our_metric(name):
        return found
    # Graders, who know their measures, take longer to import than a gate may take to start.
    from mathreason_eval.grade.graders import measures_of

    return find_metric(name, measures_of(entry.grading.grade))


def side(run: Run, task: str, samples: int | None = None, *, votes: bool = True) -> Side:
    """Return one task of a run with its judged samples.

    Args:
        run: the run.
        task: its name.
        samples: how many of each problem count, the first ones; None for all.
        votes: whether equal answers are to be known as equal. Graders, which know it, take longer
            to import than a gate may take to start.

    Raises:
        RunError: if the run does not hold the task, nothing of it was judged, or a verdict is of
            nothing in it or the second on a sample.
    """
    problems = run.problems(task)
    verdicts = run.verdicts(task)
    if not verdicts:
        raise RunError(
            f"{run.path} holds no verdicts of {task}.", "`mathreason regrade` judges what it holds."
        )
    entry = run.manifest.tasks[task]
    key = _key(entry.grading.grade) if votes else str
    try:
        items = items_of(
            problems,
            _first(samples, run.generations(task)),
            _first(samples, verdicts),
            key,
            cluster=entry.report.cluster,
        )
    except ValueError as error:
        raise RunError(
            f"{run.path}/{task}: {error}", "`mathreason regrade` judges what it holds."
        ) from None
    return Side(
        run=run,
        task=task,
        problems={problem.id: problem for problem in problems},
        items={item.problem.id: item for item in items},
    )


def _key(grader: str) -> Callable[[str], str]:
    from mathreason_eval.grade.graders import vote_key

    return vote_key(grader)


def _first(samples: int | None, records: Sequence[SampledT]) -> Sequence[SampledT]:
    """Return the records of the first samples of each problem."""
    if samples is None:
        return records
    return [record for record in records if record.sample < samples]


def pair(before: Side, after: Side) -> Pairing:
    """Return the same task of two runs, paired problem by problem."""
    usual = Conditions.of(before.entry, before.problems)
    own = Conditions.of(after.entry, after.problems)
    return Pairing(
        before=before,
        after=after,
        obstacles=dict(differences(own, usual)),
        notes=tuple(_notes(before, after)),
    )


def _notes(before: Side, after: Side) -> Iterator[str]:
    for one in fields(SamplingEntry):
        usual, own = (getattr(side.run.manifest.sampling, one.name) for side in (before, after))
        if own != usual:
            yield f"{one.name} {own}, not {usual}"
    for rule in ("primary", "cluster"):
        usual, own = (getattr(side.entry.report, rule) for side in (before, after))
        if own != usual and None not in {own, usual}:
            yield f"{rule} {own}, not {usual}, which is used for both"
    usual, own = before.entry.max_tokens, after.entry.max_tokens
    if own != usual:
        yield f"max_tokens {own}, not {usual}"
    most = [max(item.n for item in side.items.values()) for side in (before, after)]
    if most[0] != most[1]:
        yield f"{most[1]} samples a problem, not {most[0]}"
