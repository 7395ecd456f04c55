"""The functions of `reward.verl`, which verl calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mathreason_eval.reward.scoring import reward


def compute_score(
    data_source: object,
    solution_str: str,
    ground_truth: Any,  # noqa: ANN401  as the data set has it
    extra_info: object = None,
    **options: object,
) -> float:
    """Return the reward of one completion, as verl's managers `naive`, `dapo` and `prime` ask it.

    Args:
        data_source: not used.
        solution_str: the completion.
        ground_truth: its gold, or a list of accepted ones.
        extra_info: not used.
        options: not used; verl passes what the configuration has.
    """
    return reward([solution_str], [ground_truth])[0]


def compute_score_batch(
    data_sources: Sequence[object],
    solution_strs: Sequence[str],
    ground_truths: Sequence[Any],
    extra_infos: Sequence[object] = (),
    **options: object,
) -> list[float]:
    """Return the reward of each completion, as verl's manager `batch` asks it.

    Args:
        data_sources: not used.
        solution_strs: the completions.
        ground_truths: the gold of each.
        extra_infos: not used.
        options: not used.
    """
    return reward(solution_strs, ground_truths)
