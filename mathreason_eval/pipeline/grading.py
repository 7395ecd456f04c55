"""Stored generations in, verdicts and metrics out: while a run goes on, and again at any time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self

from mathreason_eval.errors import RunError
from mathreason_eval.grade.graders import grader_for, grader_named, vote_key
from mathreason_eval.grade.judge import GRADER_VERSION, Judge, Judging
from mathreason_eval.grade.outside import is_of_task, recorded
from mathreason_eval.maths.compare.convention import Convention
from mathreason_eval.runs.store import Run, RunWriter, load_run
from mathreason_eval.stats.summary import Report, summarize
from mathreason_eval.tasks import Task, load_task, task_names
from mathreason_eval.types import (
    Generation,
    Metric,
    Problem,
    Records,
    RunManifest,
    Verdict,
)

SampleKey = tuple[str, int]
"""(problem id, sample index)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """How the answers of a task are judged, and what is reported of them. Stands in manifests."""

    judging: Judging
    report: Report

    @classmethod
    def of(cls, task: Task) -> Self:
        """Return the rules of a task.

        Raises:
            UnknownNameError: if its grader is not known.
        """
        return cls._made(
            Judging(
                extract=task.extract,
                grader=task.located(task.grade),
                second=None if task.second is None else task.located(task.second),
                convention=task.convention,
                check_steps=task.check_steps,
            ),
            Report(
                slices=task.slices, families=task.metrics, cluster=task.cluster, macro=task.macro
            ),
        )

    @classmethod
    def stored(cls, entry: Mapping[str, Any]) -> Self:
        """Return the rules that a manifest keeps of a task."""
        return cls._made(
            Judging(
                extract=tuple(entry["extract"]),
                grader=entry["grade"],
                second=entry.get("second"),
                convention=Convention.of(entry.get("convention", {})),
                check_steps=entry.get("check_steps", False),
            ),
            Report(
                slices=tuple(entry["slices"]),
                families=tuple(entry.get("metrics", ())),
                cluster=entry.get("cluster"),
                macro=entry.get("macro"),
            ),
        )

    @classmethod
    def _made(cls, judging: Judging, report: Report) -> Self:
        measures = grader_for(judging.grader).measures
        return cls(judging=judging, report=replace(report, measures=measures))

    def entry(self) -> dict[str, object]:
        """Return what the manifest says of how a task was judged."""
        return {
            "extract": list(self.judging.extract),
            "grade": recorded(self.judging.grader),
            "second": None if self.judging.second is None else recorded(self.judging.second),
            "convention": asdict(self.judging.convention),
            "check_steps": self.judging.check_steps,
            "slices": list(self.report.slices),
            "cluster": self.report.cluster,
            "macro": self.report.macro,
            "metrics": list(self.report.families),
            "grader_version": GRADER_VERSION,
        }


def with_second(task: Task, grader: str | None) -> Task:
    """Return a task with another grader beside its own; None leaves the one it names.

    Raises:
        UnknownNameError: if there is no such grader.
    """
    if grader is None:
        return task
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


def conclude(
    queue: GradingQueue, writer: RunWriter, run: Run, rules: Mapping[str, Rules]
) -> Records[Metric]:
    """Write the verdicts of everything submitted, and the metrics; return the run's metrics.

    Tasks of the run that are not in `rules` keep what they have.
    """
    metrics = [metric for metric in run.metrics() if metric.task not in rules]
    for task, how in rules.items():
        problems, generations = run.problems(task), run.generations(task)
        order = {problem.id: number for number, problem in enumerate(problems)}
        verdicts = sorted(queue.verdicts(task), key=lambda v: (order[v.problem_id], v.sample))
        writer.write_verdicts(task, verdicts)
        if verdicts:
            key = vote_key(how.judging.grader)
            metrics += summarize(task, problems, generations, verdicts, key=key, report=how.report)
    writer.write_metrics(metrics)
    return Records(metrics)


def distinct(generations: Iterable[Generation]) -> dict[SampleKey, Generation]:
    """Return the generations by problem and sample; of two with one key the first counts."""
    by_key: dict[SampleKey, Generation] = {}
    for generation in generations:
        by_key.setdefault((generation.problem_id, generation.sample), generation)
    return by_key


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
        path: the run folder.
        workers: grading processes.
        deadline: seconds for one judgement.
        tasks_dirs: folders with tasks of the user's own.
        second: a grader that is asked beside each task's own.

    Raises:
        UnknownNameError: if there is no such grader.
        RunError: if the folder is no run, or another process is writing to it.
    """
    run = load_run(path)
    before = {task: run.verdicts(task) for task in run.tasks()}
    metrics_before = run.metrics()
    rules = {task: _rules_today(run, task, tasks_dirs, second) for task in run.tasks()}
    with (
        RunWriter(path) as writer,
        GradingQueue(workers=workers, deadline=deadline, watcher=None) as queue,
    ):
        for task, how in rules.items():
            submit_stored(queue, run, task, how)
        metrics_after = conclude(queue, writer, run, rules)
        writer.write_manifest(with_rules(run, rules))
    fresh = load_run(path)
    return Regrading(
        run=fresh,
        flips=tuple(flip for task in before for flip in _flips(task, before[task], fresh)),
        before=metrics_before,
        after=metrics_after,
    )


def with_rules(run: Run, rules: Mapping[str, Rules]) -> RunManifest:
    """Return the run's manifest with the rules that now stand behind its verdicts."""
    tasks = {name: {**entry, **rules[name].entry()} for name, entry in run.manifest.tasks.items()}
    return replace(run.manifest, tasks=tasks)


def _rules_today(run: Run, task: str, tasks_dirs: Sequence[Path], second: str | None) -> Rules:
    """Return the rules of the installed task, or of the manifest where it is not installed.

    Raises:
        RunError: if it is not, and has a grader in its folder.
    """
    if task in task_names(tasks_dirs):
        return Rules.of(with_second(load_task(task, tasks_dirs), second))
    entry = {**run.manifest.tasks[task], **({"second": second} if second else {})}
    for grader in (entry["grade"], entry.get("second")):
        # Whatever file a manifest names, only a task's folder that the user has is looked into.
        if grader is not None and is_of_task(str(grader)):
            raise RunError(
                f"{run.path} was judged by {grader} of the task {task}, which is not here.",
                "--tasks-dir names the folder that holds the task.",
            )
    return Rules.stored(entry)


def _flips(task: str, before: Sequence[Verdict], run: Run) -> Iterable[Flip]:
    old = {(verdict.problem_id, verdict.sample): verdict for verdict in before}
    for verdict in run.verdicts(task):
        earlier = old.get((verdict.problem_id, verdict.sample))
        if earlier is not None and earlier.outcome != verdict.outcome:
            yield Flip(task=task, before=earlier, after=verdict)
