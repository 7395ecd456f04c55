"""Whether right answers come by right steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mathreason_eval.stats.estimators.items import Item, mean_over
from mathreason_eval.types import Metric, Outcome

FALSE_STEP = "false_step"
"""The measure of a right answer: 1 if an equation on the way to it is false, else 0."""


def right_by_wrong_steps(task: str, items: Sequence[Item]) -> Iterator[Metric]:
    """Yield `right_by_wrong_steps`: of the right answers, the share with a false step before them.

    The mean over problems that have a right answer whose steps were checked; nothing, if none has.
    What is found is a lower bound: an error that writes no false equation is not seen.
    """
    checked, shares, samples = [], [], 0
    for item in items:
        found = [
            verdict.measures[FALSE_STEP]
            for verdict in item.verdicts
            if verdict.outcome is Outcome.CORRECT and FALSE_STEP in verdict.measures
        ]
        if found:
            checked.append(item)
            shares.append(sum(found) / len(found))
            samples += len(found)
    if shares:
        size = len(shares), samples
        yield mean_over(checked, shares).metric("right_by_wrong_steps", (task, "all"), size)
