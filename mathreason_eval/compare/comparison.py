"""Two or more runs over the same problems: what changed, how surely, and who flipped."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase

from mathreason_eval.compare.contrast import Contrast, adjusted, contrast
from mathreason_eval.compare.flips import Flip, flips
from mathreason_eval.compare.pairing import PairedScores, Pairing, metric_name, pair, side
from mathreason_eval.errors import NotComparableError, UnknownNameError, UserError
from mathreason_eval.runs.store import Run
from mathreason_eval.stats.estimators.items import WHOLE
from mathreason_eval.stats.metrics import PRIMARY
from mathreason_eval.stats.ranking import Rank, ranking
from mathreason_eval.stats.summary import by_slice, run_scores

_SPREAD_NEEDS = 2
"""So many problems, at least, have a difference of amounts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is to be compared."""

    tasks: tuple[str, ...] = ()
    """Their names; empty for all that the first run shares with another."""
    metric: str = PRIMARY
    """Any whose problems have scores; `primary` for what each task names."""
    slices: tuple[str, ...] = ()
    """Properties of problems to report by; empty for those that the task declares."""
    force: bool = False
    """Whether what is not comparable is compared over the shared problems."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One task of a run beside the baseline's."""

    name: str
    """What the run is called beside the others: `B`, `C`, …; `A` is the baseline."""
    pairing: Pairing
    scores: PairedScores
    """Those of the whole; a problem without a score on both sides is not there."""
    whole: Contrast
    slices: tuple[Contrast, ...]
    tokens: Contrast | None
    """None where a side does not know them."""
    flips: tuple[Flip, ...]
    """Problems that changed sides, lost ones first; empty for amounts."""

    @property
    def task(self) -> str:
        """Return the task's name."""
        return self.pairing.before.task

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what differs and does not forbid a comparison, a phrase each."""
        before, after = self.pairing.before, self.pairing.after
        asked = len(before.problems.keys() | after.problems.keys())
        shared, scored = len(self.pairing.shared), len(self.scores.pairs)
        notes = [*self.pairing.notes]
        if left := asked - shared:
            notes.append(f"{left:,} of {asked:,} problems have no verdict in both, left out")
        if left := shared - scored:
            name = self.scores.metric.name
            notes.append(f"{left:,} of {shared:,} problems have no {name} in both, left out")
        return tuple(notes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranks:
    """All runs of one task, over the problems that all of them have."""

    task: str
    problems: int
    places: tuple[tuple[str, Rank], ...]
    """By the runs' names, highest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparisons:
    """Everything that is said of some runs; the first of them is the baseline."""

    runs: tuple[Run, ...]
    question: Question
    found: tuple[Comparison, ...]
    """Task by task, each with every other run in their order."""
    ranks: tuple[Ranks, ...]
    """Of more than two runs, by tasks; of amounts there are none."""

    @property
    def metric(self) -> str | None:
        """Return the metric that all tasks are compared by; None if they differ in it."""
        names = {one.whole.metric for one in self.found}
        return names.pop() if len(names) == 1 else None

    @property
    def lacking(self) -> tuple[tuple[str, str], ...]:
        """Return each (run's name, task) that is not compared since one of the two lacks it."""
        held = {name: set(run.tasks()) for name, run in self.named.items()}
        lacking = (
            (name if task in held["A"] else "A", task)
            for name in held
            for task in sorted(held[name] ^ held["A"])
        )
        return () if self.question.tasks else tuple(dict.fromkeys(lacking))

    @property
    def named(self) -> dict[str, Run]:
        """Return the runs by what they are called."""
        return {run_name(place): run for place, run in enumerate(self.runs)}


def run_name(place: int) -> str:
    """Return what the run at a place, from 0, is called: `A`, `B`, …, and `R27` after `Z`."""
    return ascii_uppercase[place] if place < len(ascii_uppercase) else f"R{place + 1}"


def compare(runs: Sequence[Run], question: Question) -> Comparisons:
    """Return every other run beside the first, task by task.

    P-values of whole tasks are adjusted by Holm over all of them, those of slices by Benjamini and
    Hochberg over all slices: slices are looked through for what may be worth a test.

    Args:
        runs: two or more; the first is the baseline.
        question: what is to be compared.

    Raises:
        NotComparableError: if they differ in more than the model and this was not allowed, or
            share no problem.
        UnknownNameError: if there is no such task, metric or slice.
        RunError: if a run holds no verdicts.
    """
    pairings = _pairings(runs, question)
    for _, one in pairings:
        if one.obstacles and not question.force:
            raise _not_comparable(one)
        if not one.shared:
            raise NotComparableError(
                f"{one.before.run.path} and {one.after.run.path} share no problem of "
                f"{one.before.task} that both have judged.",
                "Run both on the same problems.",
            )
    found = _adjusted([_comparison(name, one, question) for name, one in pairings])
    return Comparisons(
        runs=tuple(runs),
        question=question,
        found=found,
        ranks=tuple(_all_ranks(found)) if len(runs) > 2 else (),  # noqa: PLR2004
    )


# --- what stands beside what -------------------------------------------------------------------


def _pairings(runs: Sequence[Run], question: Question) -> list[tuple[str, Pairing]]:
    """Return each task of the first run with that of every other run that holds it, by name."""
    baseline, *others = runs
    for name in question.tasks:
        for run in runs:
            if name not in run.tasks():
                raise UnknownNameError(f"task in {run.path}", name, run.tasks())
    tasks = dict.fromkeys(question.tasks or baseline.tasks())
    pairings = []
    for task in tasks:
        having = [(run_name(n), run) for n, run in enumerate(others, 1) if task in run.tasks()]
        if having:
            before = side(baseline, task)
            pairings += [(name, pair(before, side(run, task))) for name, run in having]
    lonely = [run for run in others if not set(run.tasks()) & set(tasks)]
    if lonely:
        raise NotComparableError(
            f"{baseline.path} and {lonely[0].path} share no task: {', '.join(baseline.tasks())} "
            f"and {', '.join(lonely[0].tasks())}.",
            "Run both on the same tasks.",
        )
    return pairings


def _not_comparable(one: Pairing) -> NotComparableError:
    shared = len(one.shared)
    regraded = "`mathreason regrade` judges both by one set of rules; " * (
        set(one.obstacles) == {"rules"}
    )
    return NotComparableError(
        f"{one.after.run.path} is not comparable with {one.before.run.path} on "
        f"{one.before.task}: {'; '.join(one.obstacles.values())}.",
        f"{regraded}--force compares the {shared:,} problems that both have."
        if shared
        else f"{regraded}They share no problem.",
    )


# --- figures -----------------------------------------------------------------------------------


def _comparison(name: str, one: Pairing, question: Question) -> Comparison:
    metric = metric_name(question.metric, [one.before.entry, one.after.entry])
    scores = _scores(one, metric)
    if scores is None:
        raise UserError(
            f"{one.before.task} has no problem with a score {metric!r} in both "
            f"{one.before.run.path} and {one.after.run.path}.",
            "`mathreason list metrics` names those whose problems have scores.",
        )
    return Comparison(
        name=name,
        pairing=one,
        scores=scores,
        whole=_contrast(WHOLE, scores),
        slices=tuple(
            _contrast(where, chosen) for where, chosen in _slices(one, question.slices, scores)
        ),
        tokens=_tokens(one),
        flips=flips(scores.own) if scores.metric.definition.is_share else (),
    )


def _contrast(where: str, scores: PairedScores) -> Contrast:
    return contrast(where, scores.metric, list(scores.pairs.values()))


def _scores(one: Pairing, metric: str, names: Collection[str] | None = None) -> PairedScores | None:
    """Return the scores of a metric; None where too few problems have one on both sides."""
    try:
        scores = one.scores(metric, names)
    except ValueError:
        return None
    needed = 1 if scores.metric.definition.is_share else _SPREAD_NEEDS
    return scores if len(scores.pairs) >= needed else None


def _slices(
    one: Pairing, asked: Sequence[str], whole: PairedScores
) -> Iterator[tuple[str, PairedScores]]:
    """Yield the scores of every value of every slice."""
    names = asked or one.before.entry.report.slices
    items = [item for name, item in one.before.items.items() if name in whole.pairs]
    known = {name for item in items for name in item.problem.meta}
    for name in asked:
        if name not in known:
            raise UnknownNameError(f"property of {one.before.task}'s problems", name, known)
    for where, group in by_slice(items, names):
        of_group = {item.problem.id for item in group}
        if (scores := _scores(one, whole.metric.name, of_group)) is not None:
            yield where, scores


def _tokens(one: Pairing) -> Contrast | None:
    scores = _scores(one, "tokens")
    return None if scores is None else _contrast(WHOLE, scores)


def _adjusted(found: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Return the comparisons with the p-values of each kind adjusted over all of its kind."""
    wholes = iter(adjusted([one.whole for one in found], "Holm"))
    slices = iter(adjusted([each for one in found for each in one.slices], "Benjamini-Hochberg"))
    return tuple(
        replace(one, whole=next(wholes), slices=tuple(next(slices) for _ in one.slices))
        for one in found
    )


# --- ranks -------------------------------------------------------------------------------------


def _all_ranks(found: Sequence[Comparison]) -> Iterator[Ranks]:
    for task in dict.fromkeys(one.task for one in found):
        of_task = [one for one in found if one.task == task]
        if len(of_task) > 1 and of_task[0].scores.metric.definition.higher_is_better:
            yield from _ranks(of_task)


def _ranks(of_task: Sequence[Comparison]) -> Iterator[Ranks]:
    """Yield the ranks over the problems that all runs have; nothing if they have none."""
    first = of_task[0].scores
    names = {name for name in first.pairs if all(name in one.scores.pairs for one in of_task)}
    if not names:
        return
    sides = [of_task[0].pairing.before, *(one.pairing.after for one in of_task)]
    contenders = [run_scores(side.chosen(names), first.metric) for side in sides]
    clusters = {name: first.pairs[name].cluster for name in contenders[0].scores}
    places = ranking(contenders, clusters, counted=first.metric.definition.is_counted)
    called = [run_name(0), *(one.name for one in of_task)]
    together = sorted(zip(called, places, strict=True), key=lambda both: -both[1].value)
    yield Ranks(task=of_task[0].task, problems=len(names), places=tuple(together))
