"""Where a prompt's system message goes: it is a message of its own if the template takes one."""

from __future__ import annotations

from dataclasses import replace

from mathreason_eval.errors import TaskError
from mathreason_eval.models.base import Model, SystemRole, system_role
from mathreason_eval.pipeline.plan import TaskPlan

PLAIN_TEXT = "plain text"
"""Why a system text begins a prompt for base models: it has no messages."""


def with_system_placed(plan: TaskPlan, model: Model) -> TaskPlan:
    """Return a plan whose system text is where the model reads it.

    It is a message of its own unless the chat template refuses or ignores one, as far as the engine
    knows its template; then the first message of the user begins with it, and so does plain text.

    Raises:
        TaskError: if the prompt shows steps to a model that judges them.
    """
    form = plan.form
    if form.system is None:
        return plan
    if form.turns:
        raise TaskError(
            f"The prompt {form.id} of {plan.task.name} shows a problem and its steps to what "
            "judges them, which reads no system message.",
            "Leave out --system.",
        )
    if not form.chat:
        return replace(plan, form=replace(form, system_fallback=PLAIN_TEXT))
    role = system_role(model)
    if role in {SystemRole.REFUSED, SystemRole.IGNORED}:
        return replace(plan, form=replace(form, system_fallback=str(role)))
    return plan
