"""Stored generations in, verdicts and metrics out: while a run goes on, and again at any time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol, Self

from mathreason_eval.errors import RunError, TaskError
from mathreason_eval.grade.graders import grader_for, grader_named, vote_key
from mathreason_eval.grade.judge import GRADER_VERSION, Judge, Judging
from mathreason_eval.grade.outside import is_of_task, recorded
from mathreason_eval.maths.compare.convention import Convention
from mathreason_eval.runs.store import FileKey, Run, RunWriter, SampleKey, distinct, find_run
from mathreason_eval.stats.metrics import find_metric
from mathreason_eval.stats.summary import Report, summarize
from mathreason_eval.tasks import Task, load_task, task_names
from mathreason_eval.types import (
    Generation,
    GradingRules,
    Metric,
    Problem,
    Records,
    ReportRules,
    RunManifest,
    TaskEntry,
    Verdict,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """How the answers of a task are judged, and what is reported of them. Stands in manifests."""

    grading: GradingRules
    reporting: ReportRules
    judging: Judging
    """The grading rules, as a judge takes them."""
    report: Report
    """The report rules, as the summary takes them, and the grader's measures."""

    @classmethod
    def of(cls, task: Task) -> Self:
        """Return the rules of a task.

        Raises:
            UnknownNameError: if its grader or its primary metric is not known.
            TaskError: if nothing can be ranked by that metric.
        """
        check_primary(task)
        return cls._located(
            task.located,
            GradingRules(
                extract=task.extract,
                grade=task.grade,
                grader_version=GRADER_VERSION,
                convention=asdict(task.convention),
                second=task.second,
                check_steps=task.check_steps,
            ),
            ReportRules(
                slices=task.slices,
                cluster=task.cluster,
                macro=task.macro,
                metrics=task.metrics,
                primary=task.primary,
            ),
        )

    @classmethod
    def stored(cls, grading: GradingRules, reporting: ReportRules) -> Self:
        """Return the rules that a manifest keeps of a task, as the graders of today apply them.

        Raises:
            UnknownNameError: if there is no such grader, or no such convention.
        """
        return cls._located(str, grading, reporting)

    @classmethod
    def _located(
        cls, located: Callable[[str], str], grading: GradingRules, reporting: ReportRules
    ) -> Self:
        """Return the rules, their graders as `located` finds them; recorded by name alone."""
        judging = Judging(
            extract=grading.extract,
            grader=located(grading.grade),
            second=None if grading.second is None else located(grading.second),
            convention=Convention.of(grading.convention or {}),
            check_steps=grading.check_steps,
        )
        report = Report(rules=reporting, measures=grader_for(judging.grader).measures)
        # What is written down is what was applied: options that were not known are now.
        applied = replace(
            grading, grader_version=GRADER_VERSION, convention=asdict(judging.convention)
        )
        return cls(grading=applied, reporting=reporting, judging=judging, report=report)

    def told(self, entry: TaskEntry) -> TaskEntry:
        """Return what a manifest says of a task that is judged by these rules."""
        return replace(entry, grading=self.grading, report=self.reporting)


def check_primary(task: Task) -> None:
    """Raise an error unless results of a task can be ranked, compared and gated by its metric.

    Raises:
        UnknownNameError: if there is no such metric.
        TaskError: if it is not one of which more is better and that every problem has.
    """
    definition = find_metric(task.primary, grader_for(task.located(task.grade)).measures).definition
    if not definition.has_scores or not definition.is_share or not definition.higher_is_better:
        raise TaskError(
            f"Results of {task.name} cannot be ranked by {task.primary}: it is no share that "
            "problems have and of which more is better.",
            "`mathreason list metrics` names those that are.",
        )


NO_SECOND = "none"
"""Asked for by this name, no second grader is asked, whatever the run or the task names."""


def with_second(task: Task, grader: str | None) -> Task:
    """Return a task with another second grader; None leaves the one it names, if any.

    Raises:
        UnknownNameError: if there is no such grader.
    """
    if grader is None:
        return task
    if grader == NO_SECOND:
        return replace(task, second=None)
    if is_of_task(grader):
        # By whatever path it was named, it is the one in this task's folder.
        return replace(task, second=recorded(grader))
    grader_named(grader)
    return replace(task, second=grader)


class JudgementWatcher(Protocol):
    """Whoever wants to see verdicts as they fall. Called from grading threads."""

    def judged(self, task: str, verdict: Verdict) -> None:
        """Take note of one verdict."""


class GradingQueue:
    """Judges samples beside the generation that makes them, so that no engine waits for a grader.

    A context manager: leaving it on an error drops what has not been judged.
    """

    def __init__(self, *, workers: int, deadline: float, watcher: JudgementWatcher | None) -> None:
        self._judge = Judge(workers=workers, deadline=deadline)
        self._threads = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="grading")
        self._watcher = watcher
        self._pending: dict[str, list[Future[Verdict]]] = {}
        self.last_verdict = time.monotonic()

    def __enter__(self) -> Self:
        # Computer algebra takes seconds to import, which it may do while a model is still loading.
        self._judge.begin()
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._threads.shutdown(wait=True, cancel_futures=kind is not None)
        self._judge.__exit__(kind, *rest)  # type: ignore[arg-type]

    def submit(self, task: str, rules: Rules, problem: Problem, generation: Generation) -> None:
        """Hand over one sample."""
        future = self._threads.submit(self._verdict, task, rules, problem, generation)
        self._pending.setdefault(task, []).append(future)

    def verdicts(self, task: str) -> list[Verdict]:
        """Wait for and return all verdicts of a task, in the order of hand-over."""
        return [future.result() for future in self._pending.get(task, ())]

    def _verdict(
        self, task: str, rules: Rules, problem: Problem, generation: Generation
    ) -> Verdict:
        verdict = self._judge.verdict(problem, generation, rules.judging)
        self.last_verdict = time.monotonic()
        if self._watcher is not None:
            self._watcher.judged(task, verdict)
        return verdict


def conclude(queue: GradingQueue, writer: RunWriter, run: Run, rules: Mapping[str, Rules]) -> Run:
    """Write the verdicts of everything submitted, and the metrics; return the run with them.

    Tasks of the run that are not in `rules` keep what they have.
    """
    metrics = [metric for metric in run.metrics() if metric.task not in rules]
    written: dict[FileKey, Iterable[object]] = {}
    for task, how in rules.items():
        problems, generations = run.problems(task), run.generations(task)
        order = {problem.id: number for number, problem in enumerate(problems)}
        verdicts = sorted(queue.verdicts(task), key=lambda v: (order[v.problem_id], v.sample))
        writer.write_verdicts(task, verdicts)
        written[task, Verdict] = verdicts
        if verdicts:
            key = vote_key(how.judging.grader)
            metrics += summarize(task, problems, generations, verdicts, key=key, report=how.report)
    writer.write_metrics(metrics)
    written["", Metric] = metrics
    return run.updated(run.manifest, written)


def submit_stored(queue: GradingQueue, run: Run, task: str, rules: Rules) -> set[SampleKey]:
    """Hand over every stored sample of a task; return which they are.

    Raises:
        RunError: if a sample belongs to no stored problem.
    """
    problems = {problem.id: problem for problem in run.problems(task)}
    stored = distinct(run.generations(task))
    for (problem_id, _), generation in stored.items():
        if problem_id not in problems:
            raise RunError(
                f"{run.path}/{task} has a sample of {problem_id!r}, which is not in its problems.",
                "Was a file of this folder replaced?",
            )
        queue.submit(task, rules, problems[problem_id], generation)
    return set(stored)


# --- regrade ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Flip:
    """One sample whose outcome changed."""

    task: str
    before: Verdict
    after: Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Regrading:
    """What judging again changed."""

    run: Run
    flips: tuple[Flip, ...]
    before: Records[Metric]
    after: Records[Metric]


def regrade(
    path: Path,
    *,
    workers: int = 2,
    deadline: float = 5.0,
    tasks_dirs: Sequence[Path] = (),
    second: str | None = None,
) -> Regrading:
    """Judge the stored generations of a run again with the rules of today; return what changed.

    Args:
        path: the run folder, or one that holds a single run.
        workers: grading processes.
        deadline: seconds for one judgement.
        tasks_dirs: folders with tasks of the user's own.
        second: a grader that is asked beside each task's own; None: the one that the run was
            judged with, else the task's; `none` asks none.

    Raises:
        UnknownNameError: if there is no such grader.
        RunError: if the folder is no run, or another process is writing to it.
    """
    run = find_run(path)
    rules = {task: _rules_today(run, task, tasks_dirs, second) for task in run.tasks()}
    with (
        RunWriter(run.path) as writer,
        GradingQueue(workers=workers, deadline=deadline, watcher=None) as queue,
    ):
        for task, how in rules.items():
            submit_stored(queue, run, task, how)
        # What was there before, before it is replaced: files are read when they are asked for.
        before, metrics_before = {task: run.verdicts(task) for task in rules}, run.metrics()
        fresh = conclude(queue, writer, run, rules).updated(with_rules(run, rules))
        writer.write_manifest(fresh.manifest)
    return Regrading(
        run=fresh,
        flips=tuple(flip for task in before for flip in _flips(task, before[task], fresh)),
        before=metrics_before,
        after=fresh.metrics(),
    )


def with_rules(run: Run, rules: Mapping[str, Rules]) -> RunManifest:
    """Return the run's manifest with the rules that now stand behind its verdicts."""
    tasks = {name: rules[name].told(entry) for name, entry in run.manifest.tasks.items()}
    return replace(run.manifest, tasks=tasks)


def _rules_today(run: Run, task: str, tasks_dirs: Sequence[Path], second: str | None) -> Rules:
    """Return the rules of the installed task, or of the manifest where it is not installed.

    Raises:
        RunError: if it is not, and has a grader in its folder.
    """
    entry = run.manifest.tasks[task]
    asked = second or (entry.grading.second and recorded(entry.grading.second))
    if task in task_names(tasks_dirs):
        return Rules.of(with_second(load_task(task, tasks_dirs), asked))
    beside = None if asked == NO_SECOND else asked
    for grader in filter(None, (entry.grading.grade, beside)):
        # Whatever file a manifest names, only a task's folder that the user has is looked into.
        if is_of_task(grader):
            raise RunError(
                f"{run.path} was judged by {grader} of the task {task}, which is not here.",
                "--tasks-dir names the folder that holds the task.",
            )
    return Rules.stored(replace(entry.grading, second=beside), entry.report)


def _flips(task: str, before: Sequence[Verdict], run: Run) -> Iterable[Flip]:
    old = {(verdict.problem_id, verdict.sample): verdict for verdict in before}
    for verdict in run.verdicts(task):
        earlier = old.get((verdict.problem_id, verdict.sample))
        if earlier is not None and earlier.outcome != verdict.outcome:
            yield Flip(task=task, before=earlier, after=verdict)
