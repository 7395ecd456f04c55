"""verifiers and prime-rl: `trace_reward` in a task; before 0.4 `correct_answer` in a rubric."""

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


async def trace_reward(
    trace: Any,  # noqa: ANN401  a Trace of verifiers
    answer: Any,  # noqa: ANN401  as the data set has it
) -> float:
    """Return the reward of a rollout, for a method of a task that is marked with `vf.reward`.

    Args:
        trace: of the rollout: its `last_reply` is judged, and `is_truncated` says it was cut.
        answer: the gold.
    """
    cut = bool(getattr(trace, "is_truncated", False))
    reply = getattr(trace, "last_reply", None)
    found = await areward([reply], [answer], finish_reasons=["length" if cut else None])
    return found[0]
