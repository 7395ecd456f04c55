"""Two runs judged again for a gate, from their stored samples alone; nothing is written.

What a folder says of right and wrong may be old, or somebody's invention: its verdicts, its golds
and, where the task is not installed, its rules. Both runs are judged by one set of rules and of
problems: the installed task's rules, else the baseline's, and the baseline's problems.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mathreason_eval.pipeline.grading import VerdictLog, present_rules, unjudged
from mathreason_eval.pipeline.plan import TaskRules
from mathreason_eval.pipeline.queue import GRADING, GradingQueue
from mathreason_eval.runs.store import FileKey, Run
from mathreason_eval.types import Problem, Verdict


def rejudged(
    before: Run,
    after: Run,
    *,
    grading: tuple[int, float] = GRADING,
    tasks_dirs: Sequence[Path] = (),
) -> tuple[Run, Run]:
    """Return views of a baseline and of a run with verdicts made now.

    Args:
        before: the baseline, whose problems and golds are taken.
        after: the run. Its problems are the baseline's where id and question are the same, and its
            own where they are not; those are in no pair.
        grading: (worker processes, seconds of computer algebra for one answer).
        tasks_dirs: folders with tasks of the user's own.

    Raises:
        RunError: if a sample belongs to no stored problem, or a task's grader is not here.
    """
    rules = {task: present_rules(before, task, tasks_dirs, None) for task in before.tasks()}
    known = {
        (task, problem.id, problem.question): problem
        for task in rules
        for problem in before.problems(task)
    }
    problems: dict[FileKey, Iterable[object]] = {
        (task, Problem): [
            known.get((task, one.id, one.question), one) for one in after.problems(task)
        ]
        for task in after.tasks()
        if task in rules
    }
    after = after.updated(after.manifest, problems)
    return judged_again(before, rules, grading), judged_again(after, rules, grading)


def judged_again(run: Run, rules: Mapping[str, TaskRules], grading: tuple[int, float]) -> Run:
    """Return a view of a run whose tasks that have rules are judged by them.

    Args:
        run: the run, whose files stay as they are.
        rules: by task.
        grading: worker processes, and the seconds that one verdict may take.

    Raises:
        RunError: if a sample belongs to no stored problem.
    """
    own = {task: rules[task] for task in run.tasks() if task in rules}
    log = VerdictLog()
    with GradingQueue(log, grading) as queue:
        for task, applied in own.items():
            log.begin(task)
            queue.judge_later(unjudged(run, task, applied))
        queue.finish()
    verdicts: dict[FileKey, Iterable[object]] = {
        (task, Verdict): log.in_order(task, run.problems(task)) for task in own
    }
    tasks = {
        name: own[name].applied(entry) if name in own else entry
        for name, entry in run.manifest.tasks.items()
    }
    return run.updated(replace(run.manifest, tasks=tasks), verdicts)
