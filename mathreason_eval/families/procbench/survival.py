"""How far procedures are carried out before the first mistake."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mathreason_eval.stats.estimators.items import Item, mean_over
from mathreason_eval.types import Metric


def survival(task: str, items: Sequence[Item]) -> Iterator[Metric]:
    """Yield `survival@S` for each number of steps S: the share of samples right up to there.

    Only problems that take S steps or more, by their property `steps`, count for S: that a short
    one ends is no failure. A sample is right up to S if its prefix match length is at least S.
    """
    steps = [int(item.problem.meta.get("steps", 0)) for item in items]
    for length in range(1, max(steps, default=0) + 1):
        chosen = [item for item, has in zip(items, steps, strict=True) if has >= length]
        mean = mean_over(chosen, [_share(item, length) for item in chosen])
        size = len(chosen), sum(item.n for item in chosen)
        yield mean.metric(f"survival@{length}", (task, "all"), size)


def _share(item: Item, length: int) -> float:
    """Return the share of a problem's samples that are right up to a step."""
    reached = [verdict.measures.get("pml", 0.0) >= length for verdict in item.verdicts]
    return sum(reached) / item.n
