"""Whether a change broke something beside the score: cut texts, missing answers, longer texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mathreason_eval.compare.pairing import PairedScores, Pairing
from mathreason_eval.gate.config import Limits
from mathreason_eval.stats.difference import Difference, Pair, difference
from mathreason_eval.stats.metrics import NamedMetric

_ENOUGH = 2
"""So many problems, at least, have a spread of amounts."""


class State(StrEnum):
    """What is known of one limit."""

    KEPT = "kept"
    BROKEN = "broken"
    """The change is beyond the limit, and it is no chance."""
    UNSURE = "unsure"
    """The change is beyond the limit, and may be chance."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One limit of one task, and what became of it."""

    name: str
    """`truncated`, `no_answer`, `ungradable` or `tokens`."""
    before: float
    after: float
    """Mean over the problems of both runs: a share, or tokens a sample."""
    change: float
    """After - before; of tokens by what they were."""
    low: float
    high: float
    """Two-sided interval of the change, in its unit, at the limit's own level."""
    limit: float
    state: State


def health(pairing: Pairing, limits: Limits, looks: int) -> Iterator[Check]:
    """Yield the checks of a task.

    A limit is broken where the change is beyond it and the paired interval excludes no change.
    Either alone would alarm too often: a rise of one sample in thirty, or a sure one of a trifle.

    Args:
        pairing: the task of two runs.
        limits: what it may change by.
        looks: how often it is looked at; each has its part of the level.
    """
    alpha = limits.alpha / looks
    for name, limit in limits.watched.items():
        scores = _known(pairing, name)
        if scores is None:
            continue
        pairs = list(scores.pairs.values())
        shares = scores.metric.definition.is_share
        # A change of amounts is one by what they were.
        if shares or (len(pairs) >= _ENOUGH and any(pair.before for pair in pairs)):
            found = difference(pairs, shares=shares)
            yield _check(scores.metric, pairs, found, (limit, alpha))


def _known(pairing: Pairing, name: str) -> PairedScores | None:
    try:
        return pairing.scores(name)
    except ValueError:
        # Imported outputs often come without their numbers of tokens, or why they ended.
        return None


def _check(
    metric: NamedMetric, pairs: Sequence[Pair], found: Difference, allowed: tuple[float, float]
) -> Check:
    """Return one check; `allowed` is the limit and the level."""
    limit, alpha = allowed
    before = sum(pair.before for pair in pairs) / len(pairs)
    # Where neither way is better, a change either way is looked for.
    two_sided = metric.definition.higher_is_better is None
    unit = 1.0 if metric.definition.is_share else before
    change = found.value / unit
    # A rise is asked for at one side only.
    low, high = (end / unit for end in found.interval(1 - alpha * (1 if two_sided else 2)))
    beyond = (abs(change) if two_sided else change) > limit
    sure = low > 0 or (two_sided and high < 0)
    return Check(
        name=metric.name,
        before=before,
        after=before + found.value,
        change=change,
        low=low,
        high=high,
        limit=limit,
        state=(State.BROKEN if sure else State.UNSURE) if beyond else State.KEPT,
    )
