"""verifiers and prime-rl: `vf.Rubric(funcs=[correct_answer])`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mathreason_eval.reward.scoring import Completion, areward


async def correct_answer(
    completion: Completion,
    answer: Any,  # noqa: ANN401  as the data set has it
    state: Mapping[str, Any] | None = None,
    **others: object,
) -> float:
    """Return the reward of a rollout; the loop is not blocked.

    Args:
        completion: a text, or the messages of the rollout.
        answer: the gold.
        state: of the rollout, which says whether it was cut.
        others: not used.
    """
    cut = bool(state and state.get("is_truncated"))
    found = await areward([completion], [answer], finish_reasons=["length" if cut else None])
    return found[0]
