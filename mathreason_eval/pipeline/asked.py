"""Whether a session asks the problems that a folder holds: those and no others, or some, or more.

A data file may grow behind what was asked. What may not change are problems that have answers, nor
may a folder mix those of two data sets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mathreason_eval.errors import RunError
from mathreason_eval.pipeline.plan import TaskPlan
from mathreason_eval.runs.store import Run
from mathreason_eval.types import Problem


def check_asked(run: Run, plans: Sequence[TaskPlan]) -> None:
    """Raise an error unless a folder can go on with the problems and prompts of a session.

    What a folder without any sample was to ask does not count.

    Args:
        run: what the folder holds.
        plans: what the session asks.

    Raises:
        RunError: if a problem was another one or was asked by another prompt, or neither the
            problems asked before are among those of the session nor the other way round.
    """
    check_problems(run, plans)
    if run.has_samples():
        for plan in plans:
            _check_prompts(run, plan)


def check_problems(run: Run, plans: Sequence[TaskPlan]) -> None:
    """Check the problems alone, which are known before the model: see `check_asked`.

    Raises:
        RunError: as `check_asked`.
    """
    if run.has_samples():
        for plan in plans:
            if plan.task.name in run.tasks():
                _check_problems(run, plan, {one.id: one for one in plan.loaded.problems})


def _check_prompts(run: Run, plan: TaskPlan) -> None:
    for earlier in run.prompts(plan.task.name):
        if plan.prompts.get(earlier.problem_id, earlier).prompt != earlier.prompt:
            raise _other(run, f"to another prompt of {earlier.problem_id} of {plan.task.name}")


def _check_problems(run: Run, plan: TaskPlan, asked: Mapping[str, Problem]) -> None:
    task = plan.task.name
    held = {one.id: one for one in run.problems(task)}
    for name in held.keys() & asked.keys():
        # Most are equal in all that they hold, which takes no spelling of their contents.
        if held[name] != asked[name] and held[name].content != asked[name].content:
            raise _other(run, f"to another problem {name} of {task}")
    left, fresh = held.keys() - asked.keys(), asked.keys() - held.keys()
    if left and (fresh or plan.asks_all):
        many = f"{len(left):,} problems of {task} that are not asked, such as {min(left)}"
        one = f"the problem {min(left)} of {task}, which is not asked"
        raise _other(run, f"to {many if len(left) > 1 else one}")


def _other(run: Run, what: str) -> RunError:
    return RunError(
        f"{run.path} holds answers {what}.", "Was its data changed? Choose another folder with -o."
    )
