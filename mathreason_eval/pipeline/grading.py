"""Stored generations in, verdicts and metrics out: during a run, and again at any time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, Self

from mathreason_eval.errors import RunError
from mathreason_eval.grade import DEADLINE, WORKERS
from mathreason_eval.grade.graders import is_of_task, vote_key
from mathreason_eval.grade.judge import Judge
from mathreason_eval.pipeline.plan import NO_SECOND, TaskRules, stored_second, with_second
from mathreason_eval.runs.store import FileKey, Run, RunWriter, SampleKey, find_run
from mathreason_eval.stats.summary import summarize
from mathreason_eval.tasks import load_task, task_names
from mathreason_eval.text.thinking import split_thinking
from mathreason_eval.types import Generation, Metric, Problem, Records, Verdict


class JudgementWatcher(Protocol):
    """An observer of verdicts. Called from grading threads."""

    def judged(self, task: str, verdict: Verdict) -> None:
        """Take note of one verdict."""


GRADING = (WORKERS, DEADLINE)
"""(worker processes, seconds of computer algebra for one answer), by default."""


class GradingQueue:
    """Judges samples while others are generated, so that no engine waits for a grader.

    A context manager: leaving it on an error drops what has not been judged.
    """

    def __init__(
        self, grading: tuple[int, float] = GRADING, watcher: JudgementWatcher | None = None
    ) -> None:
        workers, deadline = grading
        self._judge = Judge(workers=workers, deadline=deadline)
        self._threads = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="grading")
        self._watcher = watcher
        self._pending: dict[str, list[Future[Verdict]]] = {}
        self.last_verdict = time.monotonic()

    def __enter__(self) -> Self:
        # Computer algebra takes seconds to import: meanwhile a model loads.
        self._judge.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._threads.shutdown(wait=True, cancel_futures=kind is not None)
        self._judge.close()

    def submit(self, task: str, rules: TaskRules, problem: Problem, generation: Generation) -> None:
        """Queue one sample."""
        future = self._threads.submit(self._verdict, task, rules, problem, generation)
        self._pending.setdefault(task, []).append(future)

    def verdicts(self, task: str) -> list[Verdict]:
        """Wait for and return all verdicts of a task, in the order in which they were queued."""
        return [future.result() for future in self._pending.get(task, ())]

    def _verdict(
        self, task: str, rules: TaskRules, problem: Problem, generation: Generation
    ) -> Verdict:
        verdict = self._judge.verdict(problem, generation, rules.judging)
        self.last_verdict = time.monotonic()
        if self._watcher is not None:
            self._watcher.judged(task, verdict)
        return verdict


def write_verdicts_and_metrics(
    queue: GradingQueue, writer: RunWriter, run: Run, rules: Mapping[str, TaskRules]
) -> Run:
    """Write the verdicts on everything queued, and the metrics; return the run with them.

    Tasks of the run that are not in `rules` are left unchanged.
    """
    metrics = [metric for metric in run.metrics() if metric.task not in rules]
    written: dict[FileKey, Iterable[object]] = {}
    for task, applied in rules.items():
        problems, generations = run.problems(task), run.generations(task)
        order = {problem.id: number for number, problem in enumerate(problems)}
        verdicts = sorted(queue.verdicts(task), key=lambda v: (order[v.problem_id], v.sample))
        writer.write_verdicts(task, verdicts)
        written[task, Verdict] = verdicts
        if verdicts:
            key, report = vote_key(applied.judging.grader), applied.report
            metrics += summarize(task, problems, generations, verdicts, key=key, report=report)
    writer.write_metrics(metrics)
    written["", Metric] = metrics
    return run.updated(run.manifest, written)


def split_output(output: str, reasoning: str | None = None) -> tuple[str, str | None]:
    """Return what is stored of an output: its text, and its reasoning if it ended.

    Reasoning that never ended stays in the text, so that a judge sees that it did not.
    """
    thought = split_thinking(output, reasoning)
    return (thought.text, thought.reasoning) if thought.finished else (output, reasoning)


def submit_stored(queue: GradingQueue, run: Run, task: str, rules: TaskRules) -> set[SampleKey]:
    """Queue every stored sample of a task; return which they are.

    Raises:
        RunError: if a sample belongs to no stored problem.
    """
    stored = set()
    for problem, generation in run.asked(task):
        queue.submit(task, rules, problem, generation)
        stored.add((problem.id, generation.sample))
    return stored


# --- regrade ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class OutcomeChange:
    """One sample whose outcome changed."""

    task: str
    before: Verdict
    after: Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Regrading:
    """What judging again changed."""

    run: Run
    flips: tuple[OutcomeChange, ...]
    before: Records[Metric]
    after: Records[Metric]


def regrade(
    path: Path,
    *,
    workers: int = GRADING[0],
    deadline: float = GRADING[1],
    tasks_dirs: Sequence[Path] = (),
    second: str | None = None,
) -> Regrading:
    """Judge the stored generations of a run again by the present rules; return what changed.

    Args:
        path: the run folder, or one that holds a single run.
        workers: worker processes.
        deadline: seconds of computer algebra for one answer.
        tasks_dirs: folders with tasks of the user's own.
        second: a second grader for every task; None: the one that the run was judged with, else
            the task's; `none`: no second grader.

    Raises:
        UnknownNameError: if there is no such grader.
        RunError: if the folder is no run, or another process is writing to it.
    """
    run = find_run(path)
    rules = {task: _present_rules(run, task, tasks_dirs, second) for task in run.tasks()}
    with RunWriter(run.path) as writer, GradingQueue((workers, deadline)) as queue:
        for task, applied in rules.items():
            submit_stored(queue, run, task, applied)
        # Read before they are replaced: a file is read when it is first asked for.
        before, metrics_before = {task: run.verdicts(task) for task in rules}, run.metrics()
        fresh = write_verdicts_and_metrics(queue, writer, run, rules)
        entries = fresh.manifest.tasks.items()
        tasks = {name: rules[name].applied(entry) for name, entry in entries}
        fresh = fresh.updated(replace(fresh.manifest, tasks=tasks))
        writer.write_manifest(fresh.manifest)
    return Regrading(
        run=fresh,
        flips=tuple(flip for task in before for flip in _changes(task, before[task], fresh)),
        before=metrics_before,
        after=fresh.metrics(),
    )


def _present_rules(
    run: Run, task: str, tasks_dirs: Sequence[Path], second: str | None
) -> TaskRules:
    """Return the rules of the installed task, or of the manifest where it is not installed.

    Raises:
        RunError: if it is not, and has a grader in its folder.
    """
    entry = run.manifest.tasks[task]
    asked = second or stored_second(entry)
    if task in task_names(tasks_dirs):
        return TaskRules.of(with_second(load_task(task, tasks_dirs), asked))
    other = None if asked == NO_SECOND else asked
    for grader in filter(None, (entry.grading.grade, other)):
        # A manifest may name any file; only task folders that the user has are looked into.
        if is_of_task(grader):
            raise RunError(
                f"{run.path} was judged by {grader} of the task {task}, which is not here.",
                "--tasks-dir names the folder that holds the task.",
            )
    return TaskRules.stored(replace(entry.grading, second=other), entry.report)


def _changes(task: str, before: Sequence[Verdict], run: Run) -> Iterable[OutcomeChange]:
    old = {(verdict.problem_id, verdict.sample): verdict for verdict in before}
    for verdict in run.verdicts(task):
        earlier = old.get((verdict.problem_id, verdict.sample))
        if earlier is not None and earlier.outcome != verdict.outcome:
            yield OutcomeChange(task=task, before=earlier, after=verdict)
