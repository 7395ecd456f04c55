"""Every problem of a task by every model that was asked it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mathreason_eval.site.results import NOT_JUDGED, AskedProblem, Result, samples_page
from mathreason_eval.site.states import STATES
from mathreason_eval.types import Problem

SOLVED: Mapping[str, str] = MappingProxyType(
    {
        "never": "never solved",
        "sometimes": "sometimes",
        "always": "always solved",
        NOT_JUDGED: "not judged",
    }
)
"""How often a problem was solved, and how that is called."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """What became of one problem with one model."""

    kind: str
    """`never`, `sometimes` or `always` correct; for one sample, its state."""
    text: str
    title: str
    share: float
    href: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One problem over all models."""

    problem: Problem
    number: int
    anchor: str
    kind: str
    """`never`, `sometimes` or `always` correct."""
    correct: int
    judged: int
    share: float
    cells: tuple[Cell | None, ...]


def grid(results: Sequence[Result]) -> list[Line]:
    """Return the problems of all results, the hardest first.

    Problems of one id that ask different questions, as other data may, are different problems.
    """
    asked: dict[tuple[str, str], dict[int, AskedProblem]] = {}
    for number, result in enumerate(results):
        for one in result.problems:
            asked.setdefault((one.problem.id, one.problem.question), {})[number] = one
    anchors: set[str] = set()
    lines = []
    for of_problem in asked.values():
        line = _line(results, of_problem, anchors)
        anchors.add(line.anchor)
        lines.append(line)
    return sorted(lines, key=lambda line: line.share)


def _line(
    results: Sequence[Result], of_problem: Mapping[int, AskedProblem], anchors: set[str]
) -> Line:
    first = next(iter(of_problem.values()))
    correct = sum(one.correct for one in of_problem.values())
    judged = sum(one.judged for one in of_problem.values())
    return Line(
        problem=first.problem,
        number=first.number,
        anchor="" if first.anchor in anchors else first.anchor,
        kind=_solved(correct, judged),
        correct=correct,
        judged=judged,
        share=correct / judged if judged else 0.0,
        cells=tuple(
            _cell(result, of_problem[number]) if number in of_problem else None
            for number, result in enumerate(results)
        ),
    )


def _solved(correct: int, judged: int) -> str:
    if not judged:
        return NOT_JUDGED
    if not correct:
        return "never"
    return "always" if correct == judged else "sometimes"


def _cell(result: Result, asked: AskedProblem) -> Cell:
    if asked.page is None:
        return Cell(kind="", text="–", title="", share=0.0, href="")
    single = next(iter(asked.states)) if sum(asked.states.values()) == 1 else None
    return Cell(
        kind=single or _solved(asked.correct, asked.judged),
        text=STATES[single].glyph if single else f"{asked.correct}/{asked.judged}",
        title=", ".join(f"{count} {STATES[name].word}" for name, count in asked.states.items()),
        share=asked.correct / asked.judged if asked.judged else 0.0,
        href=f"../{samples_page(result, asked.page)}#{asked.anchor}",
    )
