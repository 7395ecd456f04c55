"""`margin: auto`: the smallest margin that an unchanged model passes in 80 % of runs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mathreason_eval.errors import UserError
from mathreason_eval.gate.sample_size import MOST_SAMPLES
from mathreason_eval.stats.difficulty import Difficulty, change_distribution, fit_difficulty
from mathreason_eval.stats.estimands import Estimand
from mathreason_eval.stats.power import GateSettings, power, smallest_n

AUTO = math.nan
"""The margin of settings that say `auto`, until the runs are known: nothing is above it."""

_PASSES = 0.8
"""How often an unchanged model has to pass."""
_STEP = 1e-4
"""Margins are whole hundredths of a percentage point."""
_MOST = 0.5
"""The largest margin, as a part of the baseline's score: a model that lost half would pass."""


def is_auto(margin: float) -> bool:
    """Return whether a margin is still to be found."""
    return math.isnan(margin)


def auto_margin(
    task: str,
    counts: Sequence[tuple[int, int]],
    samples: tuple[int, int],
    rules: tuple[float, Estimand | None],
) -> float:
    """Return the smallest margin that an unchanged model passes in 80 % of runs.

    From the baseline alone: its scores and the noise of its samples.

    Args:
        task: its name, for the message.
        counts: (correct, samples) of each problem of the baseline.
        samples: samples per problem of the baseline and of the run.
        rules: alpha of the task, and which question decides.

    Raises:
        UserError: if it is half of the baseline's score or more; it names the samples that allow a
            smaller one.
    """
    known, problems = fit_difficulty(counts), len(counts)
    score = math.fsum(correct / n for correct, n in counts) / problems
    found = _smallest(known, problems, samples, rules)
    if found is not None and found < _MOST * score:
        return found
    margin = "above 50 pp" if found is None else f"{100 * found:.3g} pp"
    raise UserError(
        f"The smallest margin that an unchanged model passes in 80 % of runs of {task} is "
        f"{margin}, and half of the baseline's score is {50 * score:.1f} pp.",
        _remedy(known, (score, problems), samples, rules),
    )


def _remedy(
    known: Difficulty,
    observed: tuple[float, int],
    samples: tuple[int, int],
    rules: tuple[float, Estimand | None],
) -> str:
    """Return which number of samples allows a smaller margin; `observed` is (score, problems)."""
    score, problems = observed
    count = max(2, *samples)
    while (count := 2 * count) <= MOST_SAMPLES:
        found = _smallest(known, problems, (count, count), rules)
        if found is not None and found < _MOST * score:
            return f"{count:,} samples per problem in both runs allow one of {100 * found:.3g} pp."
    return "No number of samples allows a smaller one: take more problems, or easier ones."


def _smallest(
    known: Difficulty,
    problems: int,
    samples: tuple[int, int],
    rules: tuple[float, Estimand | None],
) -> float | None:
    alpha, estimand = rules
    change = change_distribution(known, 0.0, samples)

    def passes(margin: float) -> float:
        gate = GateSettings(margin=margin, alpha=alpha, estimand=estimand)
        return power(change, problems, gate).passes

    found = smallest_n(passes, _PASSES, _STEP, 0.5, step=_STEP)
    return None if found is None else math.ceil(found / _STEP) * _STEP


def suite_margin(parts: Sequence[tuple[float, int]], *, by_problem: bool) -> float:
    """Return the margin of a suite from those of its tasks.

    Margins are multiples of standard errors, and add up as these do.

    Args:
        parts: (smallest margin, number of problems) of each task.
        by_problem: whether every problem weighs the same; else every task does.
    """
    total = sum(problems for _, problems in parts)
    weights = (problems / total if by_problem else 1 / len(parts) for _, problems in parts)
    squares = ((weight * margin) ** 2 for weight, (margin, _) in zip(weights, parts, strict=True))
    return math.ceil(math.sqrt(math.fsum(squares)) / _STEP) * _STEP
