"""OpenRLHF: `--remote_rm_url` names this file, or one that imports `reward_func` from it."""

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
    completions = [
        query.removeprefix(prompt) for query, prompt in zip(queries, prompts, strict=False)
    ]
    # By name: a trainer that calls this has it, and nobody else needs it.
    tensor = import_module("torch").tensor
    found = reasons(completions, labels)
    rewards = tensor([float(one is Reason.RIGHT) for one in found])
    logs = {
        str(reason): tensor([float(one is reason) for one in found])
        for reason in (Reason.UNDECIDED, Reason.UNFINISHED)
    }
    return {"rewards": rewards, "scores": rewards, "extra_logs": logs}
