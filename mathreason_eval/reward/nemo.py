"""NeMo-RL: `ray.remote(VerifyWorker)` as the worker of a math environment; NeMo Gym: `verify`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mathreason_eval.reward.scoring import areward, reward


class VerifyWorker:
    """What NeMo-RL's math environment calls to judge responses."""

    def verify(
        self,
        pred_responses: Sequence[str],
        ground_truths: Sequence[Any],
        return_extracted_answer: bool = False,  # noqa: FBT001, FBT002  NeMo-RL's signature
        math_verify_impl: object = None,
        **options: object,
    ) -> list[float] | tuple[list[float], list[str | None]]:
        """Return the reward of each response, in order.

        Args:
            pred_responses: the responses.
            ground_truths: the golds.
            return_extracted_answer: whether the answers are returned as well; they are not known
                here, and None each.
            math_verify_impl: not used; its versions give it by place or by name.
            options: not used.
        """
        found = reward(pred_responses, ground_truths)
        return (found, [None] * len(found)) if return_extracted_answer else found


async def verify(body: Mapping[str, Any], gold: str = "expected_answer") -> dict[str, Any]:
    """Return the answer of a resources server of NeMo Gym: the request with a `reward`.

    Args:
        body: the request as JSON, with a `response` of the Responses API.
        gold: the key of the gold.
    """
    response = body.get("response")
    output = response.get("output") if isinstance(response, Mapping) else None
    found = await areward([output], [body.get(gold)])
    return {**body, "reward": found[0]}
