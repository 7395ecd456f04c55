"""The job of a worker that judges whole rows, from text to verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from mathreason_eval.grade.jobs.batch import judge_row
from mathreason_eval.grade.judge import Judge


def prepare() -> None:
    """Have nothing to import: computer algebra lives in a worker of this worker's own."""


@cache
def _judge(deadline: float) -> Judge:
    """Return this process's judge; its worker ends with it."""
    judge = Judge(workers=1, deadline=deadline)
    judge.begin()
    return judge


def answers(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the judgement of each row of a request."""
    judge = _judge(request["deadline"])
    for row in request["rows"]:
        yield judge_row(judge, row)
