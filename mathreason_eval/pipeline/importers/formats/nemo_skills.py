"""NeMo-Skills: `output-rsN.jsonl`, a file a sample."""

from __future__ import annotations

import re
from pathlib import Path

from mathreason_eval.pipeline.importers.files import LogFiles
from mathreason_eval.pipeline.importers.logs import (
    Log,
    LogFormat,
    LogRow,
    Stated,
    at,
    first_of,
    name_of,
    stated_all,
)
from mathreason_eval.tasks.readers import Row

_SEEDED = re.compile(r"output-rs(\d+)")


def read(files: LogFiles, path: Path) -> Log:
    """Return the samples of a file: number N of each problem."""
    found = _SEEDED.match(path.name)
    sample = int(found[1]) if found else None
    # The folder of an evaluation is `eval-results/BENCHMARK`.
    task = path.parent.name if path.parent.parent.name == "eval-results" else None
    return Log(rows=(_row(number, row, sample) for number, row in files.rows(path)), task=task)


def _row(number: int, row: Row, sample: int | None) -> LogRow:
    began, ended = at(row, "generation_start_time"), at(row, "generation_end_time")
    timed = isinstance(began, int | float) and isinstance(ended, int | float)
    return LogRow(
        number=number,
        problem=name_of(at(row, "id")),
        sample=sample,
        question=first_of(row, "problem", "question"),
        golds=at(row, "expected_answer"),
        output=at(row, "generation"),
        reasoning=first_of(row, "reasoning_content", "_reasoning"),
        finish_reason=at(row, "finish_reason"),
        verdicts=_verdicts(row),
        answer=at(row, "predicted_answer"),
        prompt_tokens=at(row, "num_input_tokens"),
        completion_tokens=at(row, "num_generated_tokens"),
        seconds=ended - began if timed else None,
    )


_YES = re.compile(r"judgement:\s*(yes|no)\b", re.IGNORECASE)


def _verdicts(row: Row) -> dict[str, Stated]:
    told = {name: at(row, name) for name in ("symbolic_correct", "is_correct")}
    judged = at(row, "judgement")
    if isinstance(judged, str) and (found := _YES.search(judged)):
        told["judgement"] = found[1].lower() == "yes"
    return stated_all(told)


FORMAT = LogFormat(
    name="nemo-skills",
    program="NeMo-Skills",
    recognises=lambda seen: seen.kind == "rows" and seen.has("generation", "expected_answer"),
    read=read,
)
