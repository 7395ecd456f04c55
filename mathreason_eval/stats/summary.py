"""From verdicts to metrics: every number with its interval, its n and its method."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mathreason_eval.stats.intervals import Mean, mean_of_amounts, mean_of_scores
from mathreason_eval.stats.majority import maj_at_k
from mathreason_eval.stats.passk import pass_at_k
from mathreason_eval.types import Generation, Metric, Outcome, Problem, Records, Verdict

WHOLE = "all"
"""The slice of all problems."""

_HEALTH = (Outcome.TRUNCATED, Outcome.NO_ANSWER, Outcome.UNGRADABLE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """The samples of one problem, counted."""

    problem: Problem
    n: int
    outcomes: Mapping[Outcome, int]
    classes: tuple[int, ...]
    """Sizes of the classes of equivalent answers; the correct ones first if there are any."""
    tokens: tuple[float, ...]
    seconds: tuple[float, ...]

    @property
    def correct(self) -> int:
        """Return how many samples are correct."""
        return self.outcomes[Outcome.CORRECT]

    def share(self, outcome: Outcome) -> float:
        """Return the share of samples of one outcome."""
        return self.outcomes[outcome] / self.n

    def pass_at(self, k: int) -> float:
        """Return the problem's pass@k."""
        return pass_at_k(self.n, self.correct, k)

    def maj_at(self, k: int) -> float:
        """Return the problem's maj@k."""
        correct = 0 if self.correct else None
        return maj_at_k(self.classes, correct, self.n - sum(self.classes), k)


def outcome_counts(verdicts: Iterable[Verdict]) -> dict[Outcome, int]:
    """Return how many samples had each outcome: five counts that add up to n."""
    counts = Counter(verdict.outcome for verdict in verdicts)
    return {outcome: counts[outcome] for outcome in Outcome}


def summarize(
    task: str,
    problems: Sequence[Problem],
    generations: Sequence[Generation],
    verdicts: Sequence[Verdict],
    *,
    slices: Sequence[str] = (),
    key: Callable[[str], str],
) -> Records[Metric]:
    """Return the metrics of one task of a run.

    For the whole: `avg`, `pass@K` and `maj@K` for every K from 2 to n (for K = 1 both are `avg`),
    the shares `truncated`, `no_answer` and `ungradable`, mean `tokens` and `seconds` a sample. For
    every value of a slice: `avg` and the shares. A problem with fewer than K samples, in a run that
    was interrupted, does not count for K; `problems` says how many did.

    Args:
        task: its name.
        problems: the problems as asked; one without a verdict does not count.
        generations: the samples, for tokens and seconds.
        verdicts: their judgements.
        slices: keys of `Problem.meta` to report by.
        key: maps an answer to its class of equivalent answers.

    Raises:
        ValueError: if there are no verdicts.
    """
    items = _items(problems, generations, verdicts, key)
    if not items:
        raise ValueError(f"{task} has no verdicts to summarise.")
    metrics = list(_whole(task, items))
    for name in slices:
        for value in sorted(
            {i.problem.meta[name] for i in items if name in i.problem.meta}, key=_natural
        ):
            chosen = [item for item in items if item.problem.meta.get(name) == value]
            metrics += _rates(task, f"{name}={value}", chosen)
    return Records(metrics)


def _natural(value: object) -> tuple[bool, float, str]:
    """Sort numbers by size and before texts."""
    number = isinstance(value, int | float)
    return not number, float(value) if isinstance(value, int | float) else 0.0, str(value)


def _items(
    problems: Sequence[Problem],
    generations: Sequence[Generation],
    verdicts: Sequence[Verdict],
    key: Callable[[str], str],
) -> list[Item]:
    judged: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        judged.setdefault(verdict.problem_id, []).append(verdict)
    made: dict[str, list[Generation]] = {}
    for generation in generations:
        made.setdefault(generation.problem_id, []).append(generation)
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
    outcomes = outcome_counts(verdicts)
    wrong = Counter(
        key(verdict.answer)
        for verdict in verdicts
        if verdict.answer is not None and verdict.outcome is not Outcome.CORRECT
    )
    # Whatever their spelling, answers that equal the gold are one class.
    right = [outcomes[Outcome.CORRECT]] if outcomes[Outcome.CORRECT] else []
    return Item(
        problem=problem,
        n=len(verdicts),
        outcomes=outcomes,
        classes=(*right, *wrong.values()),
        tokens=tuple(g.completion_tokens for g in generations if g.completion_tokens is not None),
        seconds=tuple(g.seconds for g in generations if g.seconds is not None),
    )


def _whole(task: str, items: Sequence[Item]) -> Iterator[Metric]:
    rates = list(_rates(task, WHOLE, items))
    yield rates[0]
    most = max(item.n for item in items)
    for k in range(2, most + 1):
        chosen = [item for item in items if item.n >= k]
        yield _metric(task, WHOLE, f"pass@{k}", chosen, [item.pass_at(k) for item in chosen])
    for k in range(2, most + 1):
        chosen = [item for item in items if item.n >= k]
        yield _metric(task, WHOLE, f"maj@{k}", chosen, [item.maj_at(k) for item in chosen])
    yield from rates[1:]
    for name in ("tokens", "seconds"):
        counted = [item for item in items if getattr(item, name)]
        if len(counted) > 1:
            amounts = [sum(values) / len(values) for values in (getattr(i, name) for i in counted)]
            yield _of_mean(task, WHOLE, name, counted, mean_of_amounts(amounts))


def _rates(task: str, where: str, items: Sequence[Item]) -> Iterator[Metric]:
    yield _metric(task, where, "avg", items, [item.share(Outcome.CORRECT) for item in items])
    for outcome in _HEALTH:
        yield _metric(task, where, str(outcome), items, [item.share(outcome) for item in items])


def _metric(
    task: str, where: str, name: str, items: Sequence[Item], scores: Sequence[float]
) -> Metric:
    return _of_mean(task, where, name, items, mean_of_scores(scores))


def _of_mean(task: str, where: str, name: str, items: Sequence[Item], mean: Mean) -> Metric:
    return Metric(
        task=task,
        slice=where,
        name=name,
        value=mean.value,
        low=mean.low,
        high=mean.high,
        se=mean.se,
        problems=len(items),
        samples=sum(item.n for item in items),
        method=mean.method,
    )
