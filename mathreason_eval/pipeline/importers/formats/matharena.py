"""MathArena: published outputs of many models in one file."""

from __future__ import annotations

from pathlib import Path

from mathreason_eval.pipeline.importers.files import LogFiles
from mathreason_eval.pipeline.importers.logs import (
    Log,
    LogFormat,
    LogRow,
    at,
    first_of,
    last_text,
    listed,
    name_of,
    stated_all,
    whole,
)
from mathreason_eval.tasks.readers import Row


def read(files: LogFiles, path: Path) -> Log:
    """Return the samples of a competition, by model."""
    return Log(rows=(_row(number, row) for number, row in files.rows(path)), task=_task(path))


def _task(path: Path) -> str | None:
    """Return the competition that a file's or its folder's name is of: `aime_2025`."""
    for name in (path.name.partition(".")[0], path.parent.name):
        if name.endswith("_outputs"):
            return name.removesuffix("_outputs")
    return None


def _row(number: int, row: Row) -> LogRow:
    thought = [
        one for one in listed(at(row, "all_messages")) if at(one, "type") in ("cot", "reasoning")
    ]
    reasoning = at(thought, -1, "content")
    return LogRow(
        number=number,
        problem=name_of(at(row, "problem_idx")),
        sample=whole(at(row, "idx_answer")),
        question=at(row, "problem"),
        prompt=at(row, "user_message"),
        golds=at(row, "gold_answer"),
        output=first_of(row, "answer") or last_text(at(row, "messages"), "assistant"),
        reasoning=reasoning,
        verdicts=stated_all({"correct": at(row, "correct")}),
        answer=at(row, "parsed_answer"),
        prompt_tokens=at(row, "input_tokens"),
        completion_tokens=at(row, "output_tokens"),
        model=name_of(first_of(row, "model_name", "model_config")),
    )


FORMAT = LogFormat(
    name="matharena",
    program="MathArena",
    recognises=lambda seen: seen.kind == "rows" and seen.has("problem_idx", "idx_answer"),
    read=read,
)
