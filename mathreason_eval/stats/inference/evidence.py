"""Whether two runs can be alike, by the exact test that fits what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mathreason_eval.stats.inference.exchange import fall_by_exchange
from mathreason_eval.stats.inference.significance import mcnemar, sign_flip
from mathreason_eval.stats.uncertainty.difference import Pair


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What speaks against two runs being alike."""

    p: float
    """Two-sided, in (0, 1]: small if they can hardly be alike."""
    test: str
    """By which test."""


def evidence(pairs: Sequence[Pair], *, counted: bool = True) -> Evidence:
    """Return how likely so large a change is if the runs are alike: exactly, with mid-p.

    Of right and wrong it is McNemar's test, else that of sign flips, which is the same where both
    apply. Where the runs have different numbers of samples a problem, changes are not as likely
    upwards as downwards, and the test of exchanged samples has to agree.

    Args:
        pairs: the problems that both runs have.
        counted: whether scores are shares of correct samples, which alone can be exchanged.
    """
    if counted and any(one != other for one, other in (pair.samples for pair in pairs)):
        p = max(sign_flip(pairs).either, _exchanged(pairs))
        return Evidence(p=p, test="exact sign flips and exchange (mid-p)")
    if _right_or_wrong(pairs):
        lost = sum(pair.change < 0 for pair in pairs)
        gained = sum(pair.change > 0 for pair in pairs)
        return Evidence(p=mcnemar(lost, gained), test="exact McNemar (mid-p)")
    return Evidence(p=sign_flip(pairs).either, test="exact sign flips (mid-p)")


def _exchanged(pairs: Sequence[Pair]) -> float:
    """Return the two-sided p of exchanged samples."""
    back = [
        Pair(before=pair.after, after=pair.before, samples=pair.samples[::-1]) for pair in pairs
    ]
    return min(1.0, 2 * min(fall_by_exchange(pairs), fall_by_exchange(back)))


def _right_or_wrong(pairs: Sequence[Pair]) -> bool:
    """Return whether problems are right or wrong, and none shares a source with another."""
    clusters = [pair.cluster for pair in pairs if pair.cluster is not None]
    scores = {score for pair in pairs for score in (pair.before, pair.after)}
    return len(set(clusters)) == len(clusters) and scores <= {0.0, 1.0}
