"""What another package may bring: one of everything."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from mathreason_eval.grade.graders import Grader, plain
from mathreason_eval.models.base import Completion, Model, Request
from mathreason_eval.pipeline.importers.jsonl import importer
from mathreason_eval.runs.store import Run
from mathreason_eval.stats.estimators.items import Item
from mathreason_eval.tasks import PromptForm, Task
from mathreason_eval.types import Answer, Match, Measure, Metric, Problem, Unit

# --- judging -------------------------------------------------------------------------------------


def parity(gold: str, answer: str) -> bool:
    """Accept every number of the gold's parity."""
    return int(gold) % 2 == int(answer) % 2


def hang(gold: str, answer: str) -> bool:
    while True:
        time.sleep(1)


def _digits(gold: str, answer: str) -> Match:
    share = sum(one == other for one, other in zip(gold, answer, strict=False)) / len(gold)
    return Match(equal=gold == answer, rule="digits", note="digits", measures={"digits": share})


DIGITS = Grader(
    summary="digit by digit",
    compare=plain(_digits),
    measures=(Measure(name="digits", summary="share of digits that are right"),),
)
NOT_A_GRADER = "math"


def stars(text: str) -> Answer | None:
    """Find what stands between stars."""
    found = re.search(r"\*(.+?)\*", text)
    return found and Answer(text=found[1], rule="stars", span=found.span(1))


def solved(task: str, items: Sequence[Item]) -> Iterator[Metric]:
    """Yield how many problems there are, as a metric."""
    yield Metric(task=task, slice="all", name="solved", unit=Unit.SHARE, value=1.0,
                 low=0.0, high=1.0, se=0.1, problems=len(items), samples=len(items),
                 method="none")  # fmt: skip


# --- running -------------------------------------------------------------------------------------


class Parrot:
    """An engine that gives its name for an answer."""

    chat, context, opening = True, None, ""

    def __init__(self, name: str, words: str) -> None:
        self.name, self._words = name, words

    def describe(self) -> Mapping[str, object]:
        return {"backend": "parrot"}

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion]:
        for request in requests:
            yield Completion(request=request, text=f"*{self._words}*", finish_reason="stop")

    def close(self) -> None: ...


def open_engine(name: str, rest: str, options: Mapping[str, str]) -> Model:
    return Parrot(name, options.get("words", rest))


def doubles() -> Task:
    return Task(
        name="doubles",
        version=1,
        summary="Twice a number",
        license="CC0",
        extract=("stars",),
        grade="parity",
        second="digits",
        metrics=("solved",),
        prompts={"boxed": PromptForm(id="boxed", template="{{ problem.question }}", chat=True)},
        problem=_double,
        size=3,
    )


def _double(index: int, seed: int) -> Problem:
    return Problem(id=f"d{index}", question=f"Twice {index}?", gold=(str(2 * index),))


# --- in and out ----------------------------------------------------------------------------------


def _lines(path: Path) -> Iterator[Mapping[str, str]]:
    """Yield a row for each line: the problem's id, and the output after a space."""
    for line in path.read_text().splitlines():
        id_, _, said = line.partition(" ")
        yield {"id": id_, "output": said}


import_lines = importer(_lines)


def export_count(run: Run, out: Path) -> None:
    """Write how many samples a run has."""
    out.write_text(str(sum(len(run.generations(task)) for task in run.tasks())))
