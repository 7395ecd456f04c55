"""Two or more runs over the same problems: changes, tests, flipped problems and ranks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from string import ascii_uppercase

from mathreason_eval.compare.contrast import Contrast, Flip, adjust_p_values, contrast, flips
from mathreason_eval.compare.pairing import (
    PairedScores,
    Pairing,
    TaskRun,
    metric_name,
    pair,
    task_run,
)
from mathreason_eval.errors import NotComparableError, UnknownNameError, UserError
from mathreason_eval.runs.completeness import exclusions, gaps
from mathreason_eval.runs.store import Run
from mathreason_eval.stats.estimators.items import WHOLE, Item
from mathreason_eval.stats.metrics import PRIMARY
from mathreason_eval.stats.ranking import Rank, ranking
from mathreason_eval.stats.summary import by_slice, run_scores
from mathreason_eval.text.shell import of_path


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonRequest:
    """What to compare."""

    tasks: tuple[str, ...] = ()
    """Names of tasks; empty for all that the first run shares with another."""
    metric: str = PRIMARY
    """A metric whose problems have scores; `primary` for each task's own."""
    slices: tuple[str, ...] = ()
    """Properties of problems to report by; empty for those that the task declares."""
    force: bool = False
    """Whether to compare runs that are not comparable, over the shared problems."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskComparison:
    """One task of a run, compared with the baseline."""

    name: str
    """The run's name in the comparison: `B`, `C`, …; `A` is the baseline."""
    pairing: Pairing
    scores: PairedScores
    """The change over all shared problems that have the metric in both runs."""
    whole: Contrast
    slices: tuple[Contrast, ...]
    tokens: Contrast | None
    """The change of mean tokens; None if unknown in one of the runs."""
    flips: tuple[Flip, ...]
    """Changed problems, lost ones first, the strongest change first; empty for amounts."""

    @property
    def task(self) -> str:
        """Return the task's name."""
        return self.pairing.before.task

    @property
    def notes(self) -> tuple[str, ...]:
        """Return the differences that do not prevent a comparison, as phrases."""
        before, after = self.pairing.before, self.pairing.after
        asked = len(before.problems.keys() | after.problems.keys())
        shared, scored = len(self.pairing.shared), len(self.scores.pairs)
        notes = [*self.pairing.notes]
        for side in (before, after):
            notes += gaps(side.run, side.task, side.run.path.name)
            notes += exclusions(side.run, side.task, side.run.path.name)
        if left := asked - shared:
            notes.append(f"{left:,} of {asked:,} problems have no verdict in both, left out")
        if left := shared - scored:
            name = self.scores.metric.name
            notes.append(f"{left:,} of {shared:,} problems have no {name} in both, left out")
        return tuple(notes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranks:
    """The ranks of all runs of one task, over the problems that all of them have."""

    task: str
    problems: int
    places: tuple[tuple[str, Rank], ...]
    """By the run's name, the highest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparisons:
    """All comparisons of some runs with the first of them, the baseline."""

    runs: tuple[Run, ...]
    request: ComparisonRequest
    found: tuple[TaskComparison, ...]
    """By task, then by run, in the order of the runs."""
    ranks: tuple[Ranks, ...]
    """By task, for more than two runs; none for a metric without a better direction."""

    @property
    def metric(self) -> str | None:
        """Return the metric that all tasks are compared by; None if they differ in it."""
        names = {one.whole.metric for one in self.found}
        return names.pop() if len(names) == 1 else None

    @property
    def lacking(self) -> tuple[tuple[str, str], ...]:
        """Return (run's name, task) for each task that only the run or the baseline has."""
        held = {name: set(run.tasks()) for name, run in self.named.items()}
        lacking = (
            (name if task in held["A"] else "A", task)
            for name in held
            for task in sorted(held[name] ^ held["A"])
        )
        return () if self.request.tasks else tuple(dict.fromkeys(lacking))

    @property
    def named(self) -> dict[str, Run]:
        """Return the runs by their names in the comparison."""
        return {run_name(index): run for index, run in enumerate(self.runs)}


def run_name(index: int) -> str:
    """Return the name of a run, by its index from 0: `A`, `B`, …, and `R27` after `Z`."""
    return ascii_uppercase[index] if index < len(ascii_uppercase) else f"R{index + 1}"


def compare(runs: Sequence[Run], request: ComparisonRequest) -> Comparisons:
    """Return the comparison of every other run with the first, task by task.

    P-values of whole tasks are adjusted by Holm over all of them. Those of slices are adjusted by
    Benjamini and Hochberg over all slices, as they are an exploration.

    Args:
        runs: two or more; the first is the baseline.
        request: what to compare.

    Raises:
        NotComparableError: if they differ in more than the model and `force` is not set, or share
            no problem.
        UnknownNameError: if there is no such task, metric or slice.
        RunError: if a run has no verdicts.
    """
    pairings = _pairings(runs, request)
    for _, pairing in pairings:
        if pairing.obstacles and not request.force:
            raise _not_comparable(pairing)
        if not pairing.shared:
            raise NotComparableError(
                f"{pairing.before.run.path} and {pairing.after.run.path} share no problem of "
                f"{pairing.before.task} that both have judged.",
                "Run both on the same problems.",
            )
    found = _with_adjusted_p([_comparison(name, pairing, request) for name, pairing in pairings])
    return Comparisons(
        runs=tuple(runs),
        request=request,
        found=found,
        ranks=tuple(_all_ranks(found)) if len(runs) > 2 else (),  # noqa: PLR2004
    )


def _pairings(runs: Sequence[Run], request: ComparisonRequest) -> list[tuple[str, Pairing]]:
    """Return (run's name, pairing) for each task of the first run and every run that has it."""
    baseline, *others = runs
    for name in request.tasks:
        for run in runs:
            if name not in run.tasks():
                raise UnknownNameError(f"task in {run.path}", name, run.tasks())
    tasks = dict.fromkeys(request.tasks or baseline.tasks())
    for run in others:
        if not set(run.tasks()) & tasks.keys():
            raise NotComparableError(
                f"{baseline.path} and {run.path} share no task: {', '.join(baseline.tasks())} "
                f"and {', '.join(run.tasks())}.",
                "Run both on the same tasks.",
            )
    pairings = []
    for task in tasks:
        named = [(run_name(n), run) for n, run in enumerate(others, 1) if task in run.tasks()]
        if named:
            before = task_run(baseline, task)
            pairings += [(name, pair(before, task_run(run, task))) for name, run in named]
    return pairings


def _not_comparable(pairing: Pairing) -> NotComparableError:
    regrade = ""
    if set(pairing.obstacles) == {"rules"}:
        before = of_path("regrade", pairing.before.run.path)
        after = of_path("regrade", pairing.after.run.path)
        regrade = f"{before} and {after} judge both by the same rules; "
    shared = len(pairing.shared)
    return NotComparableError(
        f"{pairing.after.run.path} is not comparable with {pairing.before.run.path} on "
        f"{pairing.before.task}: {'; '.join(pairing.obstacles.values())}.",
        f"{regrade}--force compares the {shared:,} problems that both have."
        if shared
        else f"{regrade}They share no problem.",
    )


# --- one task --------------------------------------------------------------------------------


def _comparison(name: str, pairing: Pairing, request: ComparisonRequest) -> TaskComparison:
    before, after = pairing.before, pairing.after
    metric = metric_name(request.metric, [before.entry, after.entry])
    scores = pairing.scores(metric)
    if scores is None:
        raise UserError(
            f"{before.task} has no problem with a score {metric!r} in both "
            f"{before.run.path} and {after.run.path}.",
            "`mathreason list metrics` lists those that can be compared.",
        )
    tokens = pairing.scores("tokens")
    return TaskComparison(
        name=name,
        pairing=pairing,
        scores=scores,
        whole=contrast(WHOLE, scores),
        slices=tuple(
            contrast(where, part) for where, part in _slices(pairing, request.slices, scores)
        ),
        tokens=None if tokens is None else contrast(WHOLE, tokens),
        flips=flips(scores) if scores.metric.definition.is_share else (),
    )


def _slices(
    pairing: Pairing, asked: Sequence[str], whole: PairedScores
) -> Iterator[tuple[str, PairedScores]]:
    """Yield the scores of every value of every slice."""
    before = pairing.before
    names = asked or before.entry.report.slices
    items = before.select(pairing.shared if whole.totals is not None else whole.pairs)
    known = {name for item in items for name in item.problem.meta}
    for name in asked:
        if name not in known:
            raise UnknownNameError(f"property of {before.task}'s problems", name, known)
    groups = [*by_slice(items, names), *(() if whole.totals is None else _by_variant(before))]
    for where, group in groups:
        ids = {item.problem.id for item in group}
        if (scores := pairing.scores(whole.metric.name, ids)) is not None:
            yield where, scores


def _by_variant(run: TaskRun) -> Iterator[tuple[str, list[Item]]]:
    """Yield each kind of variant with the originals, if there are several kinds."""
    items = list(run.items.values())
    kinds = dict.fromkeys(item.problem.variant for item in items if item.problem.variant)
    for kind in kinds if len(kinds) > 1 else ():
        yield f"variant={kind}", [item for item in items if item.problem.variant in {None, kind}]


def _with_adjusted_p(found: Sequence[TaskComparison]) -> tuple[TaskComparison, ...]:
    wholes = iter(adjust_p_values([one.whole for one in found], "Holm"))
    slices = iter(
        adjust_p_values([each for one in found for each in one.slices], "Benjamini-Hochberg")
    )
    return tuple(
        replace(one, whole=next(wholes), slices=tuple(next(slices) for _ in one.slices))
        for one in found
    )


# --- ranks -----------------------------------------------------------------------------------


def _all_ranks(found: Sequence[TaskComparison]) -> Iterator[Ranks]:
    for task in dict.fromkeys(one.task for one in found):
        of_task = [one for one in found if one.task == task]
        if len(of_task) > 1 and of_task[0].scores.metric.definition.higher_is_better:
            yield from _ranks(of_task)


def _ranks(of_task: Sequence[TaskComparison]) -> Iterator[Ranks]:
    """Yield the ranks over the problems that all runs have; nothing if they have none."""
    first = of_task[0].scores
    ids = {name for name in first.pairs if all(name in one.scores.pairs for one in of_task)}
    if not ids:
        return
    runs = [of_task[0].pairing.before, *(one.pairing.after for one in of_task)]
    contenders = [run_scores(run.select(ids), first.metric) for run in runs]
    clusters = {name: first.pairs[name].cluster for name in contenders[0].scores}
    ranks = ranking(contenders, clusters, counted=first.metric.definition.is_counted)
    names = [run_name(0), *(one.name for one in of_task)]
    places = sorted(zip(names, ranks, strict=True), key=lambda named: -named[1].value)
    yield Ranks(task=of_task[0].task, problems=len(ids), places=tuple(places))


# --- JSON ------------------------------------------------------------------------------------


def as_json(done: Comparisons) -> dict[str, object]:
    """Return the comparisons as plain values, with every figure and flip."""
    return {
        "metric": done.metric,
        "runs": [
            {"name": name, "path": str(run.path), "model": asdict(run.manifest.model)}
            for name, run in done.named.items()
        ],
        "lacking": [{"run": name, "task": task} for name, task in done.lacking],
        "comparisons": [
            {
                "task": one.task,
                "run": one.name,
                "obstacles": one.pairing.obstacles,
                "remarks": one.notes,
                "whole": one.whole.as_json(),
                "slices": [each.as_json() for each in one.slices],
                "tokens": one.tokens and one.tokens.as_json(),
                "flips": list(_flips_as_json(one)),
            }
            for one in done.found
        ],
        "ranks": [
            {
                "task": ranks.task,
                "problems": ranks.problems,
                "places": [{"run": name, **asdict(place)} for name, place in ranks.places],
            }
            for ranks in done.ranks
        ],
    }


def _flips_as_json(one: TaskComparison) -> Iterator[dict[str, object]]:
    before, after = one.pairing.before, one.pairing.after
    for flip in one.flips:
        problem = before.problems[flip.problem_id]
        yield {
            "problem_id": problem.id,
            "question": problem.question,
            "gold": problem.gold,
            "lost": flip.lost,
            "strength": flip.strength,
            "sure": flip.is_sure,
            "before": _answers(before, flip.before, problem.id),
            "after": _answers(after, flip.after, problem.id),
        }


def _answers(run: TaskRun, score: float, problem_id: str) -> dict[str, object]:
    verdicts = run.items[problem_id].verdicts
    return {
        "score": score,
        "answers": [verdict.answer for verdict in verdicts],
        "outcomes": [str(verdict.outcome) for verdict in verdicts],
    }
