"""Two or more runs over the same problems: what changed, how surely, and who flipped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase

from mathreason_eval.compare.contrast import COUNTED, Contrast, adjusted, contrast
from mathreason_eval.compare.flips import Flip, flips
from mathreason_eval.compare.pairing import Pairing, pair, side
from mathreason_eval.errors import NotComparableError, UnknownNameError, UserError
from mathreason_eval.runs.store import Run
from mathreason_eval.stats.difference import Pair
from mathreason_eval.stats.ranking import Rank, RunScores, ranking
from mathreason_eval.stats.summary import AMOUNTS, WHOLE, by_slice

_SPREAD_NEEDS = 2
"""So many problems, at least, have a difference of amounts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is to be compared."""

    tasks: tuple[str, ...] = ()
    """Their names; empty for all that the first run shares with another."""
    metric: str = "avg"
    """Any that is a mean over problems."""
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
    pairs: Mapping[str, Pair]
    """Scores side by side, by problem; one without a score on both sides is not there."""
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
        if left := asked - len(self.pairing.shared):
            words = f"{left:,} of {asked:,} problems have no verdict in both and are left out"
            return (*self.pairing.notes, words)
        return self.pairing.notes


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
        ranks=tuple(_all_ranks(found, question.metric)) if len(runs) > 2 else (),  # noqa: PLR2004
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
    pairs = _by_problem(one, question.metric)
    shares = question.metric not in AMOUNTS
    return Comparison(
        name=name,
        pairing=one,
        pairs=pairs,
        whole=contrast(WHOLE, question.metric, list(pairs.values())),
        slices=tuple(
            contrast(where, question.metric, chosen)
            for where, chosen in _slices(one, question, pairs)
        ),
        tokens=_tokens(one),
        flips=flips(pairs) if shares else (),
    )


def _by_problem(one: Pairing, metric: str) -> Mapping[str, Pair]:
    try:
        pairs = one.by_problem(metric)
    except ValueError:
        pairs = {}
    if len(pairs) < _enough(metric):
        raise UserError(
            f"{one.before.task} has no problem with a score {metric!r} in both "
            f"{one.before.run.path} and {one.after.run.path}.",
            "Scores are avg, pass@K, maj@K, truncated, no_answer, ungradable, tokens, seconds and "
            "the grader's measures.",
        )
    return pairs


def _enough(metric: str) -> int:
    """Return how many problems a difference of a metric needs."""
    return _SPREAD_NEEDS if metric in AMOUNTS else 1


def _slices(
    one: Pairing, question: Question, pairs: Mapping[str, Pair]
) -> Iterator[tuple[str, list[Pair]]]:
    """Yield the pairs of every value of every slice."""
    names = question.slices or one.before.entry.report.slices
    items = [item for name, item in one.before.items.items() if name in pairs]
    known = {name for item in items for name in item.problem.meta}
    for name in question.slices:
        if name not in known:
            raise UnknownNameError(f"property of {one.before.task}'s problems", name, known)
    for where, group in by_slice(items, names):
        if len(group) >= _enough(question.metric):
            yield where, [pairs[item.problem.id] for item in group]


def _tokens(one: Pairing) -> Contrast | None:
    try:
        pairs = one.pairs("tokens")
    except ValueError:
        return None
    return contrast(WHOLE, "tokens", pairs) if len(pairs) >= _SPREAD_NEEDS else None


def _adjusted(found: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Return the comparisons with the p-values of each kind adjusted over all of its kind."""
    wholes = iter(adjusted([one.whole for one in found], "Holm"))
    slices = iter(adjusted([each for one in found for each in one.slices], "Benjamini-Hochberg"))
    return tuple(
        replace(one, whole=next(wholes), slices=tuple(next(slices) for _ in one.slices))
        for one in found
    )


# --- ranks -------------------------------------------------------------------------------------


def _all_ranks(found: Sequence[Comparison], metric: str) -> Iterator[Ranks]:
    if metric in AMOUNTS:
        return
    for task in dict.fromkeys(one.task for one in found):
        of_task = [one for one in found if one.task == task]
        if len(of_task) > 1:
            yield from _ranks(of_task, counted=metric == COUNTED)


def _ranks(of_task: Sequence[Comparison], *, counted: bool) -> Iterator[Ranks]:
    """Yield the ranks over the problems that all runs have; nothing if they have none."""
    first = of_task[0].pairs
    names = [name for name in first if all(name in one.pairs for one in of_task)]
    if not names:
        return
    baseline = RunScores(
        scores={name: first[name].before for name in names},
        samples={name: first[name].samples[0] for name in names},
    )
    others = [
        RunScores(
            scores={name: one.pairs[name].after for name in names},
            samples={name: one.pairs[name].samples[1] for name in names},
        )
        for one in of_task
    ]
    clusters = {name: first[name].cluster for name in names}
    places = ranking([baseline, *others], clusters, counted=counted)
    called = [run_name(0), *(one.name for one in of_task)]
    together = sorted(zip(called, places, strict=True), key=lambda both: -both[1].value)
    yield Ranks(task=of_task[0].task, problems=len(names), places=tuple(together))
