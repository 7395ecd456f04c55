"""Two runs side by side: the problems of a task that both have, and what keeps them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

from mathreason_eval.errors import RunError
from mathreason_eval.runs.manifest import Conditions, differences
from mathreason_eval.runs.store import Run
from mathreason_eval.stats.estimators.items import Item, items_of
from mathreason_eval.stats.estimators.scores import item_scores
from mathreason_eval.stats.uncertainty.difference import Pair
from mathreason_eval.types import Generation, Problem, SamplingEntry, TaskEntry, Verdict

SampledT = TypeVar("SampledT", Generation, Verdict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One task of one run, with the samples of each problem together."""

    run: Run
    task: str
    problems: Mapping[str, Problem]
    """Those asked, by id."""
    items: Mapping[str, Item]
    """Those with a verdict, by the problem's id."""

    @property
    def entry(self) -> TaskEntry:
        """Return what the manifest says of the task."""
        return self.run.manifest.tasks[self.task]

    @property
    def model(self) -> str:
        """Return the model's name as typed."""
        return self.run.manifest.model.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairing:
    """One task of two runs."""

    before: Side
    after: Side
    obstacles: Mapping[str, str]
    """Why the two are not comparable, by `version`, `data`, `prompt`, `problems`, `rules`."""
    remarks: tuple[str, ...]
    """What differs and does not forbid a comparison: sampling, the number of samples."""

    @property
    def shared(self) -> tuple[str, ...]:
        """Return the ids of the problems that have a verdict on both sides, in their order.

        Problems of one id that ask different questions, as other data may, are not shared.
        """
        return tuple(
            name
            for name, item in self.before.items.items()
            if (other := self.after.items.get(name)) is not None
            and other.problem.question == item.problem.question
        )

    def pairs(self, metric: str = "avg") -> list[Pair]:
        """Return the problems' scores side by side.

        Raises:
            ValueError: if the metric is no mean over problems, or a side does not have it.
        """
        return list(self.by_problem(metric).values())

    def by_problem(self, metric: str = "avg") -> dict[str, Pair]:
        """Return the problems' scores side by side, by the problem's id.

        Raises:
            ValueError: if the metric is no mean over problems, or a side does not have it.
        """
        before = item_scores(list(self.before.items.values()), metric)
        after = item_scores(list(self.after.items.values()), metric)
        return {
            name: Pair(
                before=before[name],
                after=after[name],
                samples=(self.before.items[name].n, self.after.items[name].n),
                cluster=self.before.items[name].cluster,
            )
            for name in self.shared
            if name in before and name in after
        }


def side(run: Run, task: str, samples: int | None = None, *, votes: bool = True) -> Side:
    """Return one task of a run with its judged samples.

    Args:
        run: the run.
        task: its name.
        samples: how many of each problem count, the first ones; None for all.
        votes: whether equal answers are to be known as equal. Graders, which know it, take longer
            to import than a gate may take to start.

    Raises:
        RunError: if the run does not hold the task, or nothing of it was judged.
    """
    problems = run.problems(task)
    verdicts = run.verdicts(task)
    if not verdicts:
        raise RunError(
            f"{run.path} holds no verdicts of {task}.", "`mathreason regrade` judges what it holds."
        )
    entry = run.manifest.tasks[task]
    key = _key(entry.grading.grade) if votes else str
    items = items_of(
        problems,
        _first(samples, run.generations(task)),
        _first(samples, verdicts),
        key,
        cluster=entry.report.cluster,
    )
    return Side(
        run=run,
        task=task,
        problems={problem.id: problem for problem in problems},
        items={item.problem.id: item for item in items},
    )


def _key(grader: str) -> Callable[[str], str]:
    from mathreason_eval.grade.graders import vote_key

    return vote_key(grader)


def _first(samples: int | None, records: Sequence[SampledT]) -> Sequence[SampledT]:
    """Return the records of the first samples of each problem."""
    if samples is None:
        return records
    return [record for record in records if record.sample < samples]


def pair(before: Side, after: Side) -> Pairing:
    """Return the same task of two runs, paired problem by problem."""
    usual = Conditions.of(before.entry, before.problems)
    own = Conditions.of(after.entry, after.problems)
    return Pairing(
        before=before,
        after=after,
        obstacles=dict(differences(own, usual)),
        remarks=tuple(_remarks(before, after)),
    )


def _remarks(before: Side, after: Side) -> Iterator[str]:
    for one in fields(SamplingEntry):
        usual, own = (getattr(side.run.manifest.sampling, one.name) for side in (before, after))
        if own != usual:
            yield f"{one.name} {own}, not {usual}"
    usual, own = before.entry.max_tokens, after.entry.max_tokens
    if own != usual:
        yield f"max_tokens {own}, not {usual}"
    most = [max(item.n for item in side.items.values()) for side in (before, after)]
    if most[0] != most[1]:
        yield f"{most[1]} samples a problem, not {most[0]}"
