"""The page of a model: all its results, and the problems that set it apart from the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from mathreason_eval.site import barcode
from mathreason_eval.site.leaderboard import Column, Standing
from mathreason_eval.site.pages import Values, model_names
from mathreason_eval.site.problem_page import problem_page
from mathreason_eval.site.problems import ProblemEntry
from mathreason_eval.site.task_page import known_columns

_MOST_PROBLEMS = 12
"""Problems of each kind on the page."""
_EASY = 0.5
"""The least share of samples that the mean model solves of a problem that is called easy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedProblem:
    """A problem as the page of a model lists it."""

    id: str
    href: str
    """The address of its page, from the site's root."""
    share: float
    """The mean over models of the share of judged samples that are correct."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelResult:
    """One result of a model."""

    column: Column
    standing: Standing
    stripes: Mapping[str, str]
    problems: int
    alone: tuple[NamedProblem, ...]
    """Problems that no other model ever solves."""
    missed: tuple[NamedProblem, ...]
    """Easy problems that it never solves, the easiest first."""


def model_results(column: Column, entries: Sequence[ProblemEntry]) -> Iterator[ModelResult]:
    """Yield each result of a task for the page of its model.

    Args:
        column: the task.
        entries: its problems, the hardest first.
    """
    for place, standing in enumerate(column.standings):
        samples = standing.result.entry.samples
        yield ModelResult(
            column=column,
            standing=standing,
            stripes=barcode.paths(
                [barcode.stripe(entry.asked.get(place), samples) for entry in entries]
            ),
            problems=len(entries),
            alone=_named(column, (entry for entry in entries if entry.alone == place)),
            missed=_named(column, _missed(place, entries)),
        )


def _missed(place: int, entries: Sequence[ProblemEntry]) -> Iterator[ProblemEntry]:
    for entry in reversed(entries):
        if entry.share < _EASY:
            return
        asked = entry.asked.get(place)
        if asked is not None and asked.judged and not asked.correct:
            yield entry


def _named(column: Column, entries: Iterable[ProblemEntry]) -> tuple[NamedProblem, ...]:
    return tuple(
        NamedProblem(id=entry.problem.id, href=problem_page(column, entry), share=entry.share)
        for entry in islice(entries, _MOST_PROBLEMS)
    )


def model_values(results: Sequence[ModelResult]) -> Values:
    """Return the variables of the template for a model."""
    first = results[0].standing.result
    short = model_names([result.standing.result for result in results])[first.model]
    return {
        "model": first.manifest.model,
        "short": short,
        "results": sorted(results, key=lambda one: (one.column.task, one.standing.result.page)),
        **known_columns([one.standing.result for one in results]),
        "legend": barcode.legend(result.stripes for result in results),
        "samples": sum(one.standing.result.judged for one in results),
    }
