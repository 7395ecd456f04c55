"""OpenRLHF: `--reward.remote_url` (before 0.11 `--remote_rm_url`) names this file."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from mathreason_eval.reward.counts import Reason
from mathreason_eval.reward.scoring import reasons


def reward_func(
    queries: Sequence[str],
    prompts: Sequence[str],
    labels: Sequence[Any],
    **options: object,
) -> dict[str, Any]:
    """Return `rewards`, `scores` and `extra_logs` of each query, as tensors.

    Args:
        queries: prompts with the completion glued to them.
        prompts: the prompts alone.
        labels: the golds.
        options: not used.
    """
    completions = list(map(_completion, queries, prompts))
    # By name: a trainer that calls this has it, and nobody else needs it.
    tensor = import_module("torch").tensor
    found = reasons(completions, labels)
    rewards = tensor([float(one is Reason.RIGHT) for one in found])
    logs = {
        str(reason): tensor([float(one is reason) for one in found])
        for reason in (Reason.UNDECIDED, Reason.UNFINISHED)
    }
    return {"rewards": rewards, "scores": rewards, "extra_logs": logs}


_TAIL = 64
"""Characters at the end of a prompt by which its end is found."""


def _completion(query: str, prompt: str) -> str:
    """Return a query without its prompt.

    The query is decoded from tokens: it may begin with a token that the prompt has not, and of a
    prompt that is too long OpenRLHF keeps the end.
    """
    if query.startswith(prompt):
        return query[len(prompt) :]
    tail = prompt[-_TAIL:]
    _, found, rest = query.partition(tail) if tail else ("", "", "")
    return rest if found else query
