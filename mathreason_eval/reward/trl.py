"""TRL: `GRPOTrainer(reward_funcs=math_reward)`, or `async_math_reward`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mathreason_eval.errors import DataError
from mathreason_eval.reward.scoring import Completion, Judged, ajudged, judged

_GOLDS = ("gold", "answer", "solution", "ground_truth", "target")
"""Columns of the data set that may hold golds, in order of preference."""


def math_reward(
    prompts: Sequence[object] = (),
    completions: Sequence[Completion] = (),
    **columns: Any,  # noqa: ANN401  a trainer passes the columns of any data set
) -> list[float | None]:
    """Return the reward of each completion; None where the data set has no gold: it does not apply.

    Args:
        prompts: not used.
        completions: texts, or lists of messages.
        columns: those of the data set, one of which has the golds, and whatever else TRL passes.

    Raises:
        DataError: if no column has golds.
    """
    golds = _golds(columns)
    return _applied(golds, judged(completions, golds), columns.get("log_metric"))


async def async_math_reward(
    prompts: Sequence[object] = (),
    completions: Sequence[Completion] = (),
    **columns: Any,  # noqa: ANN401  as above
) -> list[float | None]:
    """Return what `math_reward` returns, without blocking the event loop."""
    golds = _golds(columns)
    return _applied(golds, await ajudged(completions, golds), columns.get("log_metric"))


def _golds(columns: dict[str, Any]) -> Sequence[Any]:
    for name in _GOLDS:
        if isinstance(columns.get(name), list | tuple):
            return columns[name]  # type: ignore[no-any-return]
    raise DataError(
        f"No column of the data set has golds: looked for {', '.join(_GOLDS)}, found "
        f"{', '.join(columns)}.",
        "Rename the one that has them.",
    )


def _applied(golds: Sequence[object], found: Judged, log_metric: object) -> list[float | None]:
    """Return the rewards; the shares of what is not right are logged where TRL can."""
    if callable(log_metric):
        for name, share in found.counts.shares.items():
            log_metric(f"grader/{name}", share)
    return [
        None if place < len(golds) and golds[place] is None else reward
        for place, reward in enumerate(found.rewards)
    ]
