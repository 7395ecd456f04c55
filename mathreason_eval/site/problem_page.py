"""The pages of single problems, and the lists of a task's problems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from mathreason_eval.site import barcode
from mathreason_eval.site.kept_texts import Excerpts
from mathreason_eval.site.leaderboard import Column
from mathreason_eval.site.markup import name
from mathreason_eval.site.pages import LIMITS, Values, result_labels
from mathreason_eval.site.problems import AnswerClass, ProblemEntry
from mathreason_eval.site.results import Result, Shot, samples_page
from mathreason_eval.site.sample_markup import folded_sample

PROBLEMS_PER_PAGE = 100


def problem_page(column: Column, entry: ProblemEntry) -> str:
    """Return the address of a problem's page, from the site's root."""
    return f"task/{column.page}/{entry.address}.html"


def problem_values(
    column: Column, entries: Sequence[ProblemEntry], place: int, excerpts: Excerpts
) -> Values:
    """Return the variables of the template for one problem.

    Args:
        column: its task.
        entries: all problems of the task, the hardest first.
        place: its place among them, from 0.
        excerpts: the texts of the samples.
    """
    entry = entries[place]
    results = [standing.result for standing in column.standings]
    models = len({results[number].model for number in entry.asked})
    label = result_labels(results)
    return {
        "column": column,
        "entry": entry,
        "number": place + 1,
        "total": len(entries),
        "harder": entries[place - 1] if place else None,
        "easier": entries[place + 1] if place + 1 < len(entries) else None,
        "models": models,
        "alone": None if entry.alone is None else results[entry.alone],
        "classes": [_class(entry, results, one, label, excerpts) for one in entry.classes],
        "several": any(len(one.shots) > 1 for one in entry.asked.values()),
        "label": label,
        "limits": LIMITS,
        "list": list_page(column, "all", place // PROBLEMS_PER_PAGE + 1),
    }


_MOST_FOLDED = 240
"""Samples of a problem on its page; a result's further ones are on its pages of samples."""


def _class(
    entry: ProblemEntry,
    results: Sequence[Result],
    one: AnswerClass,
    label: Mapping[str, str],
    excerpts: Excerpts,
) -> Values:
    most = max(1, _MOST_FOLDED // max(1, len(results)))
    models = len({results[number].model for number in entry.asked})
    return {
        "answer": one.answer,
        "is_gold": one.is_gold,
        "models": one.models,
        "samples": one.samples,
        "share": one.models / models if models else 0.0,
        "given": [
            _given(entry, results[given.place], _unsaid(one, given.shots), most, label, excerpts)
            for given in one.given
        ],
    }


def _unsaid(one: AnswerClass, shots: Sequence[Shot]) -> list[Shot]:
    """Return samples without their answers where these are spelled like that of their class."""
    return [replace(shot, answer=None) if shot.answer == one.answer else shot for shot in shots]


def _given(
    entry: ProblemEntry,
    result: Result,
    shots: Sequence[Shot],
    most: int,
    label: Mapping[str, str],
    excerpts: Excerpts,
) -> Values:
    who = str(name(label[result.page]))
    place = f"#{entry.anchor}"
    return {
        "result": result,
        "first": f"../../{samples_page(result, shots[0].page)}{place}",
        "shots": [
            folded_sample(
                result,
                shot,
                who=who,
                href=f"../../{samples_page(result, shot.page)}{place}:{shot.sample}",
                output=None if shot.text is None else excerpts.read(shot.text),
                longest=LIMITS["answer"],
            )
            for shot in shots[:most]
        ],
        "more": len(shots) - most,
    }


# --- lists -----------------------------------------------------------------------------------

LISTS: Mapping[str, str] = MappingProxyType(
    {
        "all": "all",
        "split": "split the models",
        "none": "solved by none",
        "every": "solved by every model",
        "alone": "solved by one model alone",
        "doubtful": "gold in doubt",
    }
)
"""The lists of a task's problems by their name in addresses."""
_KINDS = {"split": "sometimes", "none": "never", "every": "always"}


def is_listed(entry: ProblemEntry, name: str) -> bool:
    """Return whether a problem is on a list."""
    if name == "doubtful":
        return entry.doubt is not None
    if name == "alone":
        return entry.alone is not None
    return name == "all" or entry.kind == _KINDS[name]


def charts_page(column: Column) -> str:
    """Return the address of the page of a task's charts, from the site's root."""
    return f"task/{column.page}/charts.html"


def list_page(column: Column, name: str, page: int = 1) -> str:
    """Return the address of a page of a list, from the site's root."""
    return f"task/{column.page}/{name}-{page:03d}.html"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProblemList:
    """A list of a task's problems."""

    name: str
    """A key of `LISTS`."""
    word: str
    href: str
    """The address of its first page, from the site's root."""
    entries: tuple[tuple[int, ProblemEntry], ...]
    """(place among all problems from 1, the problem)."""

    @property
    def pages(self) -> int:
        """Return the number of its pages."""
        return -(-len(self.entries) // PROBLEMS_PER_PAGE)


def problem_lists(column: Column, entries: Sequence[ProblemEntry]) -> list[ProblemList]:
    """Return the lists that have a problem."""
    lists = [
        ProblemList(
            name=name,
            word=word,
            href=list_page(column, name),
            entries=tuple(
                (place, entry) for place, entry in enumerate(entries, 1) if is_listed(entry, name)
            ),
        )
        for name, word in LISTS.items()
    ]
    return [one for one in lists if one.entries]


def list_pages(column: Column, lists: Sequence[ProblemList]) -> Iterator[tuple[str, Values]]:
    """Yield the address of each page of each list, with the variables of its template."""
    for one in lists:
        for page in range(1, one.pages + 1):
            yield list_page(column, one.name, page), _list_values(column, lists, one, page)


def _list_values(
    column: Column, lists: Sequence[ProblemList], one: ProblemList, page: int
) -> Values:
    first = (page - 1) * PROBLEMS_PER_PAGE
    shown = one.entries[first : first + PROBLEMS_PER_PAGE]
    return {
        "column": column,
        "lists": lists,
        "list": one,
        "page": page,
        "pages": [(number, list_page(column, one.name, number)) for number in _numbers(one)],
        "first": first + 1,
        "last": first + len(shown),
        "rows": [
            {"place": place, "entry": entry, "stripes": _across(column, entry)}
            for place, entry in shown
        ],
        "results": len(column.standings),
    }


def _numbers(one: ProblemList) -> range:
    return range(1, one.pages + 1)


def _across(column: Column, entry: ProblemEntry) -> Mapping[str, str]:
    """Return the stripes of a problem over the results of its task, best result first."""
    return barcode.paths(
        [
            barcode.stripe(entry.asked.get(place), standing.result.entry.samples)
            for place, standing in enumerate(column.standings)
        ]
    )
