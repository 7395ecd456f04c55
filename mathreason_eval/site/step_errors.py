"""What is called the first false step of a solution, and which step it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mathreason_eval.families.processbench.grader import NOWHERE, index_of
from mathreason_eval.site.charts import Axis
from mathreason_eval.site.drawings import Cell, Mark, TableChart, TableRow
from mathreason_eval.site.formats import thousands
from mathreason_eval.site.leaderboard import Column
from mathreason_eval.site.results import Result
from mathreason_eval.types import Outcome

# fmt: off
_ERRORS = (
    # class     what a judgement of a solution is
    ("found",   "the first false step"),
    ("early",   "an earlier step"),
    ("late",    "a later step"),
    ("missed",  "false step missed"),
    ("clean",   "correct, and called so"),
    ("alarm",   "correct, and called false"),
    ("mute",    "no step named"),
)
# fmt: on


def first_errors(column: Column, results: Sequence[Result]) -> TableChart | None:
    """Return what becomes of solutions with and without a false step; None for other tasks."""
    if column.reference.entry.grading.grade != "step-index":
        return None
    counts = {result.page: _error_counts(result) for result in results}
    kinds = [kind for kind in _ERRORS if any(count[kind[0]] for count in counts.values())]
    return TableChart(
        name="first-errors",
        title="What is called the first false step",
        words="Samples by what is true and what was said; a reward model says the first step that "
        "it scores below one half.",
        columns=tuple(words for _, words in kinds),
        rows=tuple(
            TableRow(
                page=page,
                cells=tuple(Cell(text=thousands(count[name])) for name, _ in kinds),
                marks=tuple(_stacked(count)),
            )
            for page, count in counts.items()
            if count
        ),
        axis=Axis(low=0, high=1, ticks=()),
        legend=tuple((f"bar {name}", words) for name, words in kinds),
    )


def _error_counts(result: Result) -> Counter[str]:
    counts: Counter[str] = Counter()
    for asked in result.problems:
        for shot in asked.shots:
            if asked.problem.gold and shot.state in set(Outcome):
                counts[_kind_of_error(int(asked.problem.gold[0]), _index(shot.answer))] += 1
    return counts


def _index(answer: str | None) -> int | None:
    return None if answer is None else index_of(answer)


def _kind_of_error(true: int, said: int | None) -> str:
    if said is None:
        return "mute"
    if true < 0:
        return "clean" if said < 0 else "alarm"
    if said < 0:
        return "missed"
    return "found" if said == true else "early" if said < true else "late"


def _stacked(count: Counter[str]) -> Iterator[Mark]:
    before = 0.0
    for name, _ in _ERRORS:
        if count[name]:
            after = before + 100 * count[name] / count.total()
            yield Mark(kind=f"bar {name}", low=round(before, 2), high=round(after, 2))
            before = after


# --- confusion -------------------------------------------------------------------------------

_MOST_CONFUSIONS = 6
"""Results whose confusion is drawn, the best ones."""
_LAST_STEP = 9
"""Steps from here on are one row and one column."""
_MUTE = _LAST_STEP + 1
"""The column of samples that name no step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfusionCell:
    """How many samples of a row say the step of a column."""

    count: int
    share: float
    """Of the samples of the row."""
    is_right: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Confusion:
    """Samples of a result by the true first false step and the one that was said."""

    page: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[ConfusionCell, ...]], ...]
    """(true step, cells by column)."""


def confusions(column: Column) -> list[Confusion]:
    """Return the confusions of the best results; none for tasks that name no step."""
    if column.reference.entry.grading.grade != "step-index":
        return []
    results = [standing.result for standing in column.standings if standing.result.judged]
    return [_confusion(result) for result in results[:_MOST_CONFUSIONS]]


def _confusion(result: Result) -> Confusion:
    counts = Counter(_pairs(result))
    trues, saids = (sorted({pair[place] for pair in counts}) for place in (0, 1))
    columns = sorted({*trues, *saids})
    totals = {true: sum(counts[true, said] for said in columns) for true in trues}
    return Confusion(
        page=result.page,
        columns=tuple(map(_step_word, columns)),
        rows=tuple(
            (
                _step_word(true),
                tuple(
                    ConfusionCell(
                        count=counts[true, said],
                        share=counts[true, said] / totals[true],
                        is_right=true == said,
                    )
                    for said in columns
                ),
            )
            for true in trues
        ),
    )


def _pairs(result: Result) -> Iterator[tuple[int, int]]:
    for asked in result.problems:
        for shot in asked.shots:
            if asked.problem.gold and shot.state in set(Outcome):
                said = _index(shot.answer)
                yield (
                    _grouped(int(asked.problem.gold[0])),
                    _MUTE if said is None else _grouped(said),
                )


def _grouped(step: int) -> int:
    return max(NOWHERE, min(step, _LAST_STEP))


def _step_word(step: int) -> str:
    words = {NOWHERE: "none", _LAST_STEP: f"{_LAST_STEP}+", _MUTE: "no answer"}
    return words.get(step, str(step))
