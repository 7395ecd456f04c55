"""One task of two runs, paired problem by problem, and what makes them incomparable."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache, partial

from mathreason_eval.errors import RunError
from mathreason_eval.runs.completeness import check_stored
from mathreason_eval.runs.manifest import Conditions, differences
from mathreason_eval.runs.store import Run
from mathreason_eval.stats.copies import (
    ColumnsT,
    Copies,
    copied_samples,
    copies_note,
    repeats_note,
    without_copies,
)
from mathreason_eval.stats.difference import Pair
from mathreason_eval.stats.estimators.items import Item, Same, items_of
from mathreason_eval.stats.estimators.totals import Totals
from mathreason_eval.stats.metrics import (
    DEFAULT_METRIC,
    PRIMARY,
    NamedMetric,
    find_metric,
    our_metric,
)
from mathreason_eval.stats.summary import MACRO, ProblemScore, macro_by, of_family, problem_scores
from mathreason_eval.types import Problem, SamplingEntry, TaskEntry


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskRun:
    """One task of one run, with the samples of each problem together."""

    run: Run
    task: str
    problems: Mapping[str, Problem]
    """All problems that were asked, by id."""
    items: Mapping[str, Item]
    """The problems with a verdict, by id."""
    copies: Copies
    """The samples that repeat an earlier one; the items do not contain them."""

    @property
    def entry(self) -> TaskEntry:
        """Return the task's entry in the manifest."""
        return self.run.manifest.tasks[self.task]

    def select(self, names: Collection[str]) -> list[Item]:
        """Return the judged problems with the given ids, in the run's order."""
        return [item for name, item in self.items.items() if name in names]


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedScores:
    """The scores of the problems that both runs have, by one metric."""

    metric: NamedMetric
    pairs: Mapping[str, Pair]
    """Each problem's contribution to the metric in both runs; their means are its values."""
    own: Mapping[str, tuple[float, float]]
    """Each problem's own scores, (before, after) by id; for a mean, those of `pairs`."""
    totals: tuple[Totals, Totals] | None = None
    """The sums of both runs, if the metric is a function of such."""


_MIN_AMOUNTS = 2
"""Minimum number of problems whose amounts have a variance."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairing:
    """One task of two runs."""

    before: TaskRun
    after: TaskRun
    obstacles: Mapping[str, str]
    """Why the two are not comparable: a phrase by `version`, `data`, `prompt`, `problems`, …"""
    notes: tuple[str, ...]
    """Differences that do not prevent a comparison: sampling, the number of samples."""

    @property
    def shared(self) -> tuple[str, ...]:
        """Return the ids of the problems that have a verdict in both runs, in the baseline's order.

        Problems with the same id but different questions are not shared.
        """
        return tuple(
            name
            for name, item in self.before.items.items()
            if (other := self.after.items.get(name)) is not None
            and other.problem.question == item.problem.question
        )

    def scores(self, metric: str, names: Collection[str] | None = None) -> PairedScores | None:
        """Return a metric of the shared problems that have it in both runs.

        None if no problem has it (for amounts: fewer than two); imported outputs, for example,
        often lack token counts or finish reasons.

        Args:
            metric: its name.
            names: the problems' ids; None for all.

        Raises:
            UnknownNameError: if there is no such metric.
        """
        selected = {name for name in self.shared if names is None or name in names}
        sides = [run.select(selected) for run in (self.before, self.after)]
        named = _for_both(metric_of(self.before.entry, metric), sides)
        try:
            before, after = (problem_scores(side, named) for side in sides)
        except ValueError:
            return None
        both = [name for name in before if name in after]
        if len(both) < (1 if named.definition.is_share else _MIN_AMOUNTS):
            return None
        return PairedScores(
            metric=named,
            pairs=self._pairs(both, before, after),
            own={name: (before[name].own, after[name].own) for name in both},
            totals=self._totals(named, sides),
        )

    @staticmethod
    def _totals(
        named: NamedMetric, sides: Sequence[Sequence[Item]]
    ) -> tuple[Totals, Totals] | None:
        of = named.definition.totals
        return None if of is None else (of(sides[0]), of(sides[1]))

    def _pairs(
        self,
        names: Iterable[str],
        before: Mapping[str, ProblemScore],
        after: Mapping[str, ProblemScore],
    ) -> dict[str, Pair]:
        """Return the scores of problems in both runs, by id."""
        items = self.before.items, self.after.items
        # A run from before its task had a `cluster:` has none.
        told = items[0 if self.before.entry.report.cluster is not None else 1]
        pairs = {}
        for name in names:
            old, new = before[name], after[name]
            pairs[name] = Pair(
                before=old.part,
                after=new.part,
                samples=(items[0][name].n, items[1][name].n),
                cluster=told[name].cluster if old.group is None else old.group,
                weight=math.hypot(old.weight, new.weight) / _ROOT_OF_TWO,
            )
        return pairs


_ROOT_OF_TWO = math.sqrt(2)


def task_run(run: Run, task: str, samples: int | None = None, *, checked: bool = False) -> TaskRun:
    """Return one task of a run with its judged samples.

    Args:
        run: the run.
        task: its name.
        samples: number of samples per problem that count, the first ones; None for all.
        checked: whether it is known that what is stored fits together.

    Raises:
        RunError: if the run does not have the task, none of its samples was judged, or something
            that was stored of it is gone.
    """
    if not checked:
        check_stored(run, task)
    problems = run.problems(task)
    verdicts = run.verdict_columns(task)
    if not verdicts:
        raise RunError(
            f"{run.path} has no verdicts of {task}.", "`mathreason regrade` judges its samples."
        )
    entry = run.manifest.tasks[task]
    # Only metrics of votes need it, and importing graders is slow.
    votes = cache(partial(_votes, entry.grading.grade))

    def key(answer: str) -> str:
        return votes()[0](answer)

    def is_same(one: tuple[str, str], other: tuple[str, str]) -> bool:
        same = votes()[1]
        return same is not None and same(one, other)

    made = _first(samples, run.sample_columns(task))
    copies = copied_samples(made, greedy=run.manifest.sampling.temperature == 0)
    try:
        items = items_of(
            problems,
            without_copies(made, copies),
            without_copies(_first(samples, verdicts), copies),
            key,
            cluster=entry.report.cluster,
            same=is_same,
        )
    except ValueError as error:
        raise RunError(
            f"{run.path}/{task}: {error}", "`mathreason regrade` judges its samples again."
        ) from None
    return TaskRun(
        run=run,
        task=task,
        problems={problem.id: problem for problem in problems},
        items={item.problem.id: item for item in items},
        copies=copies,
    )


def _votes(grader: str) -> tuple[Callable[[str], str], Same | None]:
    """Return what groups equal answers."""
    from mathreason_eval.grade.graders import vote_key, vote_same

    return vote_key(grader), vote_same(grader)


def _first(samples: int | None, rows: ColumnsT) -> ColumnsT:
    """Return the rows of the first `samples` samples of each problem."""
    return rows if samples is None else rows[rows.sample < samples]


def pair(before: TaskRun, after: TaskRun) -> Pairing:
    """Return the same task of two runs, paired problem by problem."""
    conditions = [Conditions.of(run.entry, run.problems.values()) for run in (after, before)]
    return Pairing(
        before=before,
        after=after,
        obstacles={**dict(differences(*conditions)), **_sampling_obstacle(before, after)},
        notes=tuple(_notes(before, after)),
    )


def _sampling_obstacle(before: TaskRun, after: TaskRun) -> dict[str, str]:
    """Return what is known to differ in how tokens were sampled, under its name; else nothing."""
    found = [
        phrase
        for old, new, phrase in _sampling_differences(before, after)
        if None not in {old, new}
    ]
    return {"sampling": "; ".join(found)} if found else {}


def _sampling_differences(
    before: TaskRun, after: TaskRun
) -> Iterator[tuple[float | str | None, float | str | None, str]]:
    """Yield (before, after, phrase) for each setting that is not the same, or not known."""
    entries = [side.run.manifest.sampling for side in (before, after)]
    is_greedy = all(entry.temperature == 0 for entry in entries)
    for one in fields(SamplingEntry):
        old, new = (getattr(entry, one.name) for entry in entries)
        if one.name == "think_budget":
            # None is known here: no thought was ended.
            old, new = (value or "none" for value in (old, new))
        # At temperature 0 there is nothing to choose from.
        if new != old and not (is_greedy and one.name == "top_p"):
            was, other = ("unknown" if value is None else value for value in (new, old))
            yield old, new, f"{one.name} {was}, not {other}"


def _notes(before: TaskRun, after: TaskRun) -> Iterator[str]:
    for old, new, phrase in _sampling_differences(before, after):
        if None in {old, new}:
            yield phrase
    for rule in ("primary", "cluster"):
        old, new = (getattr(side.entry.report, rule) for side in (before, after))
        if new != old and None not in {old, new}:
            yield f"{rule} {new}, not {old}, which is used for both"
    if after.entry.max_tokens != before.entry.max_tokens:
        yield f"max_tokens {after.entry.max_tokens}, not {before.entry.max_tokens}"
    for side in (before, after):
        if side.copies:
            yield f"of {side.run.path.name} {copies_note(side.copies)}"
        if repeated := repeats_note(side.copies):
            yield f"of {side.run.path.name} {repeated}"
    old, new = (
        max((item.n for item in side.items.values()), default=0) for side in (before, after)
    )
    if new != old:
        yield f"{new} samples per problem, not {old}"


# --- metrics ---------------------------------------------------------------------------------


def metric_name(asked: str, entries: Iterable[TaskEntry]) -> str:
    """Return the name of the metric that a task is compared by.

    Args:
        asked: its name, or `primary` for the task's primary metric.
        entries: the task's entry in each run; folders of earlier formats name no primary metric.
    """
    if asked != PRIMARY:
        return asked
    return next(filter(None, (entry.report.primary for entry in entries)), DEFAULT_METRIC)


def _for_both(named: NamedMetric, sides: Sequence[Sequence[Item]]) -> NamedMetric:
    """Return the metric of as many samples as both runs have, for one of all samples."""
    if named.definition.of_all is None or not all(sides):
        return named
    most = min(max(item.n for item in side) for side in sides)
    same = find_metric(named.definition.of_all.format(k=most))
    return replace(same, name=named.name)


def metric_of(entry: TaskEntry, name: str) -> NamedMetric:
    """Return a metric of a task by its name.

    Raises:
        UnknownNameError: if there is no such metric; it suggests the nearest name.
    """
    if found := our_metric(name):
        if name == MACRO and entry.report.macro is not None:
            return replace(found, definition=macro_by(entry.report.macro))
        return found
    # Graders declare their measures, but importing them is slow and most gates need none.
    from mathreason_eval.grade.graders import measures_of

    found = find_metric(name, measures_of(entry.grading.grade))
    if found.definition.has_scores or found.definition.of_all is not None:
        return found
    return replace(found, definition=of_family(found, entry.report.metrics))
