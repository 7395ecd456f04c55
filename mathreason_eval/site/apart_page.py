"""The page of a task with the problems that set each of its models apart from the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from mathreason_eval.site.leaderboard import Column, Standing
from mathreason_eval.site.pages import Values, result_labels
from mathreason_eval.site.problem_page import problem_page
from mathreason_eval.site.problems import ProblemEntry

_MOST_PROBLEMS, _FEWEST_PROBLEMS, _MOST_LINKS = 12, 2, 1200
"""Problems of each kind and result on the page, fewer of them the more results there are."""
_KINDS = 2
_EASY = 0.5
"""The least share of samples that the mean model solves of a problem that is called easy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedProblem:
    """A problem as it is listed."""

    id: str
    href: str
    """The address of its page, from the site's root."""
    share: float
    """The mean over models of the share of judged samples that are correct."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Apart:
    """What sets one result apart."""

    standing: Standing
    alone: tuple[NamedProblem, ...]
    """Problems that no other model ever solves."""
    missed: tuple[NamedProblem, ...]
    """Easy problems that it never solves, the easiest first."""


def apart_page(column: Column) -> str:
    """Return the address of the page, from the site's root."""
    return f"task/{column.page}/models.html"


def apart_values(column: Column, entries: Sequence[ProblemEntry]) -> Values:
    """Return the variables of the template.

    Args:
        column: the task.
        entries: its problems, the hardest first.
    """
    standings = column.standings
    most = max(_FEWEST_PROBLEMS, min(_MOST_PROBLEMS, _MOST_LINKS // (_KINDS * len(standings))))
    return {
        "column": column,
        "label": result_labels([standing.result for standing in standings]),
        "ranked": sum(standing.ranked for standing in standings),
        "results": [
            Apart(
                standing=standing,
                alone=_named(column, (one for one in entries if one.alone == place), most),
                missed=_named(column, _missed(place, entries), most),
            )
            for place, standing in enumerate(standings)
        ],
        "most": most,
    }


def _missed(place: int, entries: Sequence[ProblemEntry]) -> Iterator[ProblemEntry]:
    for entry in reversed(entries):
        if entry.share < _EASY:
            return
        asked = entry.asked.get(place)
        if asked is not None and asked.judged and not asked.correct:
            yield entry


def _named(column: Column, entries: Iterable[ProblemEntry], most: int) -> tuple[NamedProblem, ...]:
    return tuple(
        NamedProblem(id=entry.problem.id, href=problem_page(column, entry), share=entry.share)
        for entry in islice(entries, most)
    )
