"""The samples of one problem together, as every metric counts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mathreason_eval.stats.majority import maj_at_k
from mathreason_eval.stats.passk import pass_at_k
from mathreason_eval.types import Generation, Outcome, Problem, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One problem with the judgements of its samples."""

    problem: Problem
    verdicts: tuple[Verdict, ...]
    """By sample index. Never empty."""
    outcomes: Mapping[Outcome, int]
    classes: tuple[int, ...]
    """Sizes of the classes of equivalent answers; the correct ones first if there are any."""
    tokens: tuple[float, ...]
    seconds: tuple[float, ...]

    @property
    def n(self) -> int:
        """Return the number of samples."""
        return len(self.verdicts)

    @property
    def correct(self) -> int:
        """Return how many samples are correct."""
        return self.outcomes[Outcome.CORRECT]

    @property
    def accuracy(self) -> float:
        """Return the share of samples that are correct."""
        return self.correct / self.n

    def share(self, outcome: Outcome) -> float:
        """Return the share of samples of one outcome."""
        return self.outcomes[outcome] / self.n

    def values(self, measure: str) -> list[float]:
        """Return a measure of every sample; a sample without it counts 0."""
        return [verdict.measures.get(measure, 0.0) for verdict in self.verdicts]

    def mean(self, measure: str) -> float:
        """Return the mean of a measure over the samples."""
        return sum(self.values(measure)) / self.n

    def pass_at(self, k: int) -> float:
        """Return the problem's pass@k."""
        return pass_at_k(self.n, self.correct, k)

    def maj_at(self, k: int) -> float:
        """Return the problem's maj@k."""
        correct = 0 if self.correct else None
        return maj_at_k(self.classes, correct, self.n - sum(self.classes), k)


def items_of(
    problems: Sequence[Problem],
    generations: Sequence[Generation],
    verdicts: Sequence[Verdict],
    key: Callable[[str], str],
) -> list[Item]:
    """Return the problems that have a verdict, in their order, each with its samples.

    Args:
        problems: the problems as asked.
        generations: the samples, for tokens and seconds.
        verdicts: their judgements.
        key: maps an answer to its class of equivalent answers.

    Raises:
        ValueError: if a verdict is of no problem.
    """
    judged: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        judged.setdefault(verdict.problem_id, []).append(verdict)
    made: dict[str, list[Generation]] = {}
    for generation in generations:
        made.setdefault(generation.problem_id, []).append(generation)
    strays = judged.keys() - {problem.id for problem in problems}
    if strays:
        raise ValueError(f"There are verdicts on {min(strays)!r}, which is no problem.")
    return [
        _item(problem, judged[problem.id], made.get(problem.id, []), key)
        for problem in problems
        if problem.id in judged
    ]


def _item(
    problem: Problem,
    verdicts: Sequence[Verdict],
    generations: Sequence[Generation],
    key: Callable[[str], str],
) -> Item:
    outcomes = Counter(verdict.outcome for verdict in verdicts)
    wrong = Counter(
        key(verdict.answer)
        for verdict in verdicts
        if verdict.answer is not None and verdict.outcome is not Outcome.CORRECT
    )
    # Whatever their spelling, answers that equal the gold are one class.
    right = [outcomes[Outcome.CORRECT]] if outcomes[Outcome.CORRECT] else []
    return Item(
        problem=problem,
        verdicts=tuple(sorted(verdicts, key=lambda verdict: verdict.sample)),
        outcomes=outcomes,
        classes=(*right, *wrong.values()),
        tokens=tuple(g.completion_tokens for g in generations if g.completion_tokens is not None),
        seconds=tuple(g.seconds for g in generations if g.seconds is not None),
    )
