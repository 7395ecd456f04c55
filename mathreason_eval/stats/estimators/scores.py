"""The score of each problem that a metric is the mean of: what two runs are compared by."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from mathreason_eval.stats.estimators.items import Item
from mathreason_eval.types import Outcome

_AT = re.compile(r"(pass|maj)@([0-9]{1,9})")
_OUTCOMES = {
    "avg": Outcome.CORRECT,
    "truncated": Outcome.TRUNCATED,
    "no_answer": Outcome.NO_ANSWER,
    "ungradable": Outcome.UNGRADABLE,
}
"""Metrics that are the share of one outcome."""


def item_scores(items: Sequence[Item], metric: str) -> dict[str, float]:
    """Return each problem's score by its id; a problem that has none is left out.

    Args:
        items: the problems of one run.
        metric: `avg`, a share of outcomes, `pass@K`, `maj@K`, `tokens`, `seconds`, or a measure.

    Raises:
        ValueError: if the metric is no mean over problems, no problem has it, or it is `truncated`
            and not every sample has a finish reason.
    """
    if metric == "truncated" and not all(item.ends_known for item in items):
        raise ValueError("Not every sample says why its text ends, so cut ones cannot be counted.")
    score = _score(metric)
    found = {item.problem.id: value for item in items if (value := score(item)) is not None}
    if not found:
        raise ValueError(f"No problem has a score {metric!r}.")
    return found


def _score(metric: str) -> Callable[[Item], float | None]:
    if metric in _OUTCOMES:
        return lambda item: item.share(_OUTCOMES[metric])
    if metric == "tokens":
        return lambda item: _mean(item.tokens)
    if metric == "seconds":
        return lambda item: _mean(item.seconds)
    if at := _AT.fullmatch(metric):
        k = int(at[2])
        credit = Item.pass_at if at[1] == "pass" else Item.maj_at
        return lambda item: credit(item, k) if 1 <= k <= item.n else None
    return lambda item: item.mean(metric) if _measured(item, metric) else None


def _mean(amounts: Sequence[float]) -> float | None:
    return sum(amounts) / len(amounts) if amounts else None


def _measured(item: Item, measure: str) -> bool:
    return any(measure in verdict.measures for verdict in item.verdicts)
