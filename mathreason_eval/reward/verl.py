"""verl: `custom_reward_function.path=pkg://mathreason_eval.reward.verl`, `name=compute_score`.

The functions are in another module: where verl loads this file by its path, its manager `prime`
could not send a function of it to other processes, and each reward would be 0.
"""

from __future__ import annotations

from mathreason_eval.reward.verl_scores import compute_score, compute_score_batch

__all__ = ["compute_score", "compute_score_batch"]
