"""Whether a run is whole: an answer from half of one would be an answer to another question."""

from __future__ import annotations

from collections.abc import Iterator

from mathreason_eval.runs.store import Run


def flaws(run: Run, task: str, role: str) -> Iterator[tuple[str, str]]:
    """Yield what a task of a run lacks, as (`missing`, a phrase).

    Only what is called `missing` may be allowed; nothing can be said of a task without samples.

    Args:
        run: the run.
        task: the task.
        role: what the run is called: `the run` or `the baseline`.
    """
    if task not in run.manifest.tasks:
        yield "task", f"{role} does not hold this task"
        return
    problems = {problem.id for problem in run.problems(task)}
    stored = {(generation.problem_id, generation.sample) for generation in run.generations(task)}
    judged = {(verdict.problem_id, verdict.sample) for verdict in run.verdicts(task)}
    if not problems or not stored:
        yield "empty", f"{role} is empty"
        return
    if not judged:
        yield "verdicts", f"{role} holds no verdicts; `mathreason regrade {run.path}` makes them"
        return
    if judged - stored or any(problem not in problems for problem, _ in judged):
        yield "verdicts", f"{role} judges samples that it does not hold; regrade it"
    missing = len(problems) * run.manifest.samples - len(stored)
    if missing > 0:
        yield "missing", f"{missing:,} of {missing + len(stored):,} samples of {role} are missing"
    elif unjudged := len(stored - judged):
        yield "missing", f"{unjudged:,} samples of {role} are not judged; regrade it"
    elif run.manifest.finished is None:
        yield "missing", f"{role} is not finished; the command that began it goes on"
