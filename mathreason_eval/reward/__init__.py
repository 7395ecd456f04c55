"""The grader as a reward, for whatever trains a model: see `reward` and `areward`.

The modules beside this one are called as trainers call a reward: `trl`, `verl`, `openrlhf`,
`slime`, `nemo` and `verifiers`. None of them imports its trainer.
"""

from __future__ import annotations

from mathreason_eval.reward.counts import Counts, Reason, counts
from mathreason_eval.reward.scoring import (
    Judged,
    RewardOptions,
    ajudged,
    areward,
    judged,
    reasons,
    reward,
)

__all__ = [
    "Counts",
    "Judged",
    "Reason",
    "RewardOptions",
    "ajudged",
    "areward",
    "counts",
    "judged",
    "reasons",
    "reward",
]
