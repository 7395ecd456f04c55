"""Stored generations in, verdicts and metrics out: during a run, and again at any time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mathreason_eval.errors import RunError
from mathreason_eval.grade.graders import is_of_task, vote_key, vote_same
from mathreason_eval.grade.judge import is_settled
from mathreason_eval.pipeline.plan import NO_SECOND, TaskRules, stored_second_grader, with_second
from mathreason_eval.pipeline.queue import GRADING, GradingQueue, Job
from mathreason_eval.runs.completeness import check_samples
from mathreason_eval.runs.reading import SampleKey
from mathreason_eval.runs.store import FileKey, Run, find_folder, load_run
from mathreason_eval.runs.writer import RunWriter
from mathreason_eval.stats.columns import VerdictColumns
from mathreason_eval.stats.summary import summarize
from mathreason_eval.tasks import load_task, task_names
from mathreason_eval.text.thinking import split_thinking
from mathreason_eval.types import GenerationInfo, Metric, Problem, Records, Verdict


class VerdictLog:
    """The verdicts of a session: those that counted before it, and each new one as it falls."""

    def __init__(self, writer: RunWriter | None = None) -> None:
        """Begin a log.

        Args:
            writer: where each new verdict is appended; without it they are only written at the end.
        """
        self._writer = writer
        self._held: dict[str, list[Verdict]] = {}
        self._lines: dict[str, int] = {}
        """By task, how many verdicts its file holds, with those that do not count."""

    def begin(self, task: str) -> None:
        """Take note of a task, all of whose samples are judged in this session."""
        self._held[task], self._lines[task] = [], 0

    def resume(self, task: str, run: Run) -> Mapping[SampleKey, Verdict]:
        """Take note of a task and its verdicts; return those that settle stored samples."""
        verdicts, samples = run.sorted_verdicts(task), run.distinct_infos(task)
        settled = {
            key: verdict
            for verdict in verdicts
            if (key := (verdict.problem_id, verdict.sample)) in samples
            and verdict.judged_output is not None
            and is_settled(verdict)
        }
        self._held[task], self._lines[task] = [*settled.values()], run.stored_verdicts(task).stored
        return settled

    def add(self, task: str, verdicts: Sequence[Verdict]) -> None:
        """Append verdicts; see `VerdictSink`."""
        if self._writer is not None:
            self._writer.append_verdicts(task, verdicts)
            self._lines[task] += len(verdicts)
        self._held[task] += verdicts

    def write(self, task: str, problems: Iterable[Problem], writer: RunWriter) -> Sequence[Verdict]:
        """Return the verdicts in the order of problems and samples, as the file now has them."""
        held, in_order = self._held[task], self.in_order(task, problems)
        if self._writer is None or in_order != held or self._lines[task] != len(held) or not held:
            writer.write_verdicts(task, in_order)
        return in_order

    def in_order(self, task: str, problems: Iterable[Problem]) -> Sequence[Verdict]:
        """Return the verdicts of a task by problem as asked and by sample."""
        place = {problem.id: number for number, problem in enumerate(problems)}
        return sorted(self._held[task], key=lambda one: (place[one.problem_id], one.sample))


def write_results(
    log: VerdictLog, writer: RunWriter, run: Run, rules: Mapping[str, TaskRules]
) -> Run:
    """Write all verdicts in order, and the metrics; return the run with them.

    Tasks of the run that are not in `rules` are left unchanged.
    """
    metrics = list(kept_metrics(run, rules))
    written: dict[FileKey, Iterable[object]] = {}
    for task, applied in rules.items():
        verdicts = log.write(task, run.problems(task), writer)
        written[task, Verdict] = verdicts
        metrics += summary_of(run, task, verdicts, applied)
    writer.write_metrics(metrics)
    written["", Metric] = metrics
    return run.updated(run.manifest, written)


def summarized(run: Run, task: str, writer: RunWriter, tasks_dirs: Sequence[Path]) -> Run:
    """Return a run with new metrics of a task, of the verdicts that count now; none is made again.

    Args:
        run: the run, read anew.
        task: one of its tasks.
        writer: of its folder.
        tasks_dirs: folders with tasks of the user's own.
    """
    log = VerdictLog()
    log.begin(task)
    log.add(task, run.verdicts(task))
    run = write_results(log, writer, run, {task: present_rules(run, task, tasks_dirs, None)})
    writer.write_manifest(run.manifest)
    return run


def kept_metrics(run: Run, tasks: Collection[str]) -> Sequence[Metric]:
    """Return the metrics of a run's other tasks, which are written again as they are.

    Raises:
        RunError: if there are others and they cannot be read.
    """
    if run.manifest.tasks.keys() <= {*tasks}:
        return ()
    return [metric for metric in run.metrics() if metric.task not in tasks]


def summary_of(
    run: Run, task: str, verdicts: Sequence[Verdict] | VerdictColumns, rules: TaskRules
) -> Sequence[Metric]:
    """Return the metrics of a task of a run; none where nothing is judged."""
    if not verdicts:
        return ()
    grader = rules.judging.grader
    report = replace(
        rules.report, greedy=run.manifest.sampling.temperature == 0, same=vote_same(grader)
    )
    problems, samples = run.problems(task), run.sample_columns(task)
    return summarize(task, problems, samples, verdicts, key=vote_key(grader), report=report)


def split_output(output: str, reasoning: str | None = None) -> tuple[str, str | None]:
    """Return an output as it is stored: its text, and its reasoning if that ended, else None.

    Reasoning that never ended stays in the text, where the judge recognises it as such, and so does
    reasoning that nothing follows: its mark shows that it ended.
    """
    thought = split_thinking(output, reasoning)
    unanswered = reasoning is None and thought.reasoning and not thought.text.strip()
    if unanswered or not thought.finished:
        return output, reasoning
    return thought.text, thought.reasoning


def unjudged(
    run: Run, task: str, rules: TaskRules, settled: Collection[SampleKey] = ()
) -> Iterator[Job]:
    """Return the stored samples of a task that have no settled verdict, read one by one.

    Raises:
        RunError: if a sample belongs to no stored problem.
    """
    problems = {problem.id: problem for problem in run.problems(task)}
    infos = run.distinct_infos(task)
    if strays := {problem for problem, _ in infos} - problems.keys():
        raise run.stray(task, min(strays))
    waiting = {key: one for key, one in infos.items() if key not in settled}
    # The file is not read a second time where nothing waits.
    return _jobs(run, task, rules, problems, waiting) if waiting else iter(())


def _jobs(
    run: Run,
    task: str,
    rules: TaskRules,
    problems: Mapping[str, Problem],
    waiting: dict[SampleKey, GenerationInfo],
) -> Iterator[Job]:
    for generation in run.stream(task):
        info = waiting.pop((generation.problem_id, generation.sample), None)
        if info is not None:
            problem = problems[generation.problem_id]
            yield Job(task, rules, problem, generation, info.output_digest)


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
        path: the run folder, or a folder that contains a single run.
        workers: worker processes.
        deadline: seconds of computer algebra for one answer.
        tasks_dirs: folders with tasks of the user's own.
        second: a second grader for every task; None: the one that the run was judged with, or
            the task's; `none`: no second grader.

    Raises:
        UnknownNameError: if there is no such grader.
        RunError: if the folder is not a run, lacks problems or samples that it had, or another
            process is writing to it.
    """
    folder, log = find_folder(path), VerdictLog()
    with RunWriter(folder) as writer, GradingQueue(log, (workers, deadline)) as queue:
        # Under the lock: until then another process may have written.
        run = load_run(folder)
        rules = {task: present_rules(run, task, tasks_dirs, second) for task in run.tasks()}
        # Read before they are replaced: a view reads a file when it is first asked for.
        before = {task: run.sorted_verdicts(task) for task in run.tasks()}
        for task in rules:
            check_samples(run, task)
        for task, applied in rules.items():
            log.begin(task)
            queue.judge_later(unjudged(run, task, applied))
        metrics_before = run.metrics()
        queue.finish()
        fresh = write_results(log, writer, run, rules)
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


def present_rules(run: Run, task: str, tasks_dirs: Sequence[Path], second: str | None) -> TaskRules:
    """Return the rules of the installed task, or of the manifest where it is not installed.

    Raises:
        RunError: if it is not installed and its grader is in its task folder.
    """
    entry = run.manifest.tasks[task]
    asked = second or stored_second_grader(entry)
    if task in task_names(tasks_dirs):
        return TaskRules.of(with_second(load_task(task, tasks_dirs), asked))
    other = None if asked == NO_SECOND else asked
    for grader in filter(None, (entry.grading.grade, other)):
        # A manifest may name any file; only the user's own task folders are searched.
        if is_of_task(grader):
            raise RunError(
                f"{run.path} was judged by {grader} of the task {task}, which was not found.",
                "Name the folder that contains the task with --tasks-dir.",
            )
    return TaskRules.stored(replace(entry.grading, second=other), entry.report)


def _changes(task: str, before: Sequence[Verdict], run: Run) -> Iterable[OutcomeChange]:
    old = {(verdict.problem_id, verdict.sample): verdict for verdict in before}
    for verdict in run.verdicts(task):
        earlier = old.get((verdict.problem_id, verdict.sample))
        if earlier is not None and earlier.outcome != verdict.outcome:
            yield OutcomeChange(task=task, before=earlier, after=verdict)
