"""The upper bound on the tokens of an answer, where the user has set none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mathreason_eval.models.base import Model
from mathreason_eval.models.budget import thinks, tokens_left
from mathreason_eval.pipeline.plan import TaskPlan
from mathreason_eval.pipeline.spec import RunSpec
from mathreason_eval.runs.artefacts import THINKING_TOKENS
from mathreason_eval.runs.store import is_run, load_run

_STEP = 256
"""What a context leaves is rounded down to a multiple, so that a prompt a little longer, as a
larger limit brings, asks for the same."""


def with_max_tokens(plan: TaskPlan, spec: RunSpec, model: Model, out: Path | None) -> TaskPlan:
    """Return a plan with its max_tokens: as typed, as stored, for a model that thinks, by the task.

    Args:
        plan: with what the user typed, or the task says.
        spec: the user's choices.
        model: the model.
        out: the run folder, if the user named one.
    """
    if spec.max_tokens is not None:
        return plan
    if _stored(plan.task.name, out) is not None:
        return with_stored_max_tokens(plan, spec, out)
    return _allowed(plan, _for_thinking(plan, model)) if thinks(model) else plan


def with_stored_max_tokens(plan: TaskPlan, spec: RunSpec, out: Path | None) -> TaskPlan:
    """Return a plan with the max_tokens of its stored samples, where none is typed."""
    tokens = _stored(plan.task.name, out) if spec.max_tokens is None else None
    return plan if tokens is None else _allowed(plan, tokens)


def _allowed(plan: TaskPlan, tokens: int) -> TaskPlan:
    return replace(plan, sampling=replace(plan.sampling, max_tokens=tokens))


def _stored(task: str, out: Path | None) -> int | None:
    """Return what the stored samples of a task were allowed; None if there are none."""
    if out is None or not is_run(out):
        return None
    run = load_run(out)
    entry = run.manifest.tasks.get(task)
    return entry.max_tokens if entry is not None and run.has_samples() else None


def _for_thinking(plan: TaskPlan, model: Model) -> int:
    """Return what a thought may take: never less than the task says, for a prompt that is long."""
    left = tokens_left(model, (one.prompt for one in plan.prompts.values()))
    if left is None:
        return max(plan.sampling.max_tokens, THINKING_TOKENS)
    rounded = left - left % _STEP
    return max(plan.sampling.max_tokens, min(THINKING_TOKENS, rounded))
