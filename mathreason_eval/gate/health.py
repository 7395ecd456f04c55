"""Whether a change affects more than the score: truncation, missing answers, longer texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from mathreason_eval.compare.pairing import PairedScores, Pairing
from mathreason_eval.gate.config import Limits
from mathreason_eval.stats.difference import difference


class LimitState(StrEnum):
    """The state of one limit."""

    KEPT = "kept"
    BROKEN = "broken"
    """The change is beyond the limit, and is significant."""
    UNSURE = "unsure"
    """The change is beyond the limit, but may be chance."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitCheck:
    """The check of one limit of one task."""

    name: str
    """`truncated`, `no_answer`, `ungradable` or `tokens`."""
    before: float
    after: float
    """Mean over the shared problems: a fraction, or tokens per sample."""
    change: float
    """After - before; for tokens, relative to before."""
    low: float
    high: float
    """Two-sided interval of the change, in its unit, at the limit's own level."""
    limit: float
    state: LimitState


def check_limits(pairing: Pairing, limits: Limits, looks: int) -> Iterator[LimitCheck]:
    """Yield the checks of a task, except of metrics that the runs do not have.

    A limit is broken if the change is beyond it and the paired interval excludes zero. Either
    condition alone would often give a false alarm: a rise of one sample in thirty, or a significant
    but unimportant one.

    Args:
        pairing: the task of two runs.
        limits: how much it may change.
        looks: the number of looks, by which alpha is divided.
    """
    for name, limit in limits.checked.items():
        scores = pairing.scores(name)
        if scores is None:
            continue
        # A change of amounts is relative to the baseline's.
        if scores.metric.definition.is_share or any(one.before for one in scores.pairs.values()):
            yield _check(scores, limit, limits.alpha / looks)


def _check(scores: PairedScores, limit: float, alpha: float) -> LimitCheck:
    pairs, definition = list(scores.pairs.values()), scores.metric.definition
    found = difference(pairs, shares=definition.is_share)
    before = sum(pair.before for pair in pairs) / len(pairs)
    # If neither direction is better, a change in either is tested; else only a rise.
    two_sided = definition.higher_is_better is None
    unit = 1.0 if definition.is_share else before
    change = found.value / unit
    low, high = (end / unit for end in found.interval(1 - alpha * (1 if two_sided else 2)))
    beyond = (abs(change) if two_sided else change) > limit
    significant = low > 0 or (two_sided and high < 0)
    return LimitCheck(
        name=scores.metric.name,
        before=before,
        after=before + found.value,
        change=change,
        low=low,
        high=high,
        limit=limit,
        state=(LimitState.BROKEN if significant else LimitState.UNSURE)
        if beyond
        else LimitState.KEPT,
    )
