"""Whether prompts and max_tokens fit the context of a model that is not loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mathreason_eval.errors import UserError
from mathreason_eval.models.facts import Counter, Finding, ModelFacts, Status
from mathreason_eval.pipeline.plan import TaskPlan
from mathreason_eval.types import Prompt, SentPrompt

_TEMPLATE_BYTES = 2048
"""More than what chat templates write around a question."""
_MOST_COUNTED = 256
"""Prompts of a task whose tokens are counted, the longest."""


def context_findings(
    plans: Sequence[TaskPlan], facts: ModelFacts, *, accept: bool
) -> Iterator[tuple[Finding, UserError | None]]:
    """Yield for each task whether it fits the context, and the fault if it does not.

    Args:
        plans: what is asked.
        facts: of the model.
        accept: whether requests that do not fit are closed as samples without a text.
    """
    if facts.context is None:
        says = "how much the model holds is not known before it is loaded"
        yield Finding(subject="context", status=Status.UNKNOWN, says=says), None
        return
    for one in plans:
        yield _context_finding(one, facts, facts.context, accept=accept)


def _context_finding(
    one: TaskPlan, facts: ModelFacts, context: int, *, accept: bool
) -> tuple[Finding, UserError | None]:
    subject, wanted = f"context, {one.task.name}", one.sampling.max_tokens
    room = context - wanted
    long = [sent for sent in one.prompts.values() if _bytes(sent.prompt) > room]
    if not long:
        says = f"every prompt and {wanted:,} max_tokens fit {context:,} tokens"
        return Finding(subject=subject, status=Status.PASS, says=says), None
    tokens = _counted(long, facts.count) if room > 0 else {}
    over = {name: number for name, number in tokens.items() if number > room}
    if room > 0 and not over:
        known = bool(tokens)
        says = "every prompt and" if known else "prompts are counted when the model is loaded;"
        status = Status.PASS if known else Status.UNKNOWN
        says = f"{says} {wanted:,} max_tokens {'fit' if known else 'leave room in'} {context:,}"
        return Finding(subject=subject, status=status, says=f"{says} tokens"), None
    fault = _too_long(one, facts, context, over)
    status = Status.WARNING if accept else Status.FAULT
    finding = Finding(subject=subject, status=status, says=fault.what, hint=fault.hint)
    return finding, None if accept else fault


def _too_long(one: TaskPlan, facts: ModelFacts, context: int, over: dict[str, int]) -> UserError:
    wanted = one.sampling.max_tokens
    if not over:
        return UserError(
            f"max_tokens of {one.task.name} is {wanted:,}, and the context holds {context:,} "
            "tokens with the prompt.",
            f"Lower --max-tokens, or {facts.remedy}.",
        )
    longest = max(over, key=lambda name: over[name])
    left = context - over[longest]
    lower = f"Lower --max-tokens to {left:,} or less, or " if left > 0 else ""
    remedy = facts.remedy if lower else f"{facts.remedy[:1].upper()}{facts.remedy[1:]}"
    return UserError(
        f"{len(over):,} of {len(one.loaded.problems):,} problems of {one.task.name} do not fit the "
        f"context of {context:,} tokens: {longest} has {over[longest]:,} and max_tokens is "
        f"{wanted:,}.",
        f"{lower}{remedy}; --accept-failures closes them as no_answer.",
    )


def _bytes(prompt: Prompt) -> int:
    """Return a number of bytes that a prompt's tokens do not exceed: none is shorter than one."""
    if prompt.text is not None:
        return len(prompt.text.encode("utf-8", "surrogatepass")) + 1
    texts = (one.content.encode("utf-8", "surrogatepass") for one in prompt.messages)
    return sum(map(len, texts)) + _TEMPLATE_BYTES


def _counted(long: Sequence[SentPrompt], count: Counter | None) -> dict[str, int]:
    """Return the tokens of the longest prompts by problem, as far as they are known."""
    if count is None:
        return {}
    asked = sorted(long, key=lambda sent: -_bytes(sent.prompt))[:_MOST_COUNTED]
    tokens = count([sent.prompt for sent in asked])
    pairs = zip(asked, tokens, strict=True)
    return {sent.problem_id: number for sent, number in pairs if number is not None}
