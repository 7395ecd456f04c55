"""verl: `STEP.jsonl` of `trainer.validation_data_dir` or `rollout_data_dir`, a file a step."""

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
    stated_all,
    whole,
)
from mathreason_eval.tasks.readers import Row

_TURN = re.compile(
    r"(?:<\|im_start\|>|<\|start_header_id\|>|<start_of_turn>|\A|\n)\s*user"
    r"(?:<\|end_header_id\|>)?\s*\n(?P<asked>.*?)"
    r"(?:<\|im_end\|>|<\|eot_id\|>|<end_of_turn>|\n)\s*(?:<\|im_start\|>|<\|start_header_id\|>"
    r"|<start_of_turn>)?(?:assistant|model)\b",
    re.DOTALL,
)
"""What a user says, in a rendered template whose special tokens may have been dropped."""
_LONGEST = 100_000
"""Characters of a prompt that are searched."""


def read(files: LogFiles, path: Path) -> Log:
    """Return the samples of a step."""
    return Log(rows=(_row(number, row) for number, row in files.rows(path)))


def _row(number: int, row: Row) -> LogRow:
    score = at(row, "score")
    return LogRow(
        number=number,
        problem=None,
        prompt=_asked(at(row, "input")),
        golds=first_of(row, "gts", "gt", "ground_truth"),
        output=at(row, "output"),
        verdicts=_verdicts(row),
        answer=at(row, "pred"),
        reward=score,
        step=whole(at(row, "step")),
    )


def _asked(text: object) -> object:
    if not isinstance(text, str):
        return None
    found = _TURN.search(text[-_LONGEST:])
    return found["asked"].strip() if found else text


def _verdicts(row: Row) -> dict[str, Stated]:
    score = at(row, "score")
    right = score > 0 if isinstance(score, int | float) else None
    return stated_all({"acc": at(row, "acc"), "score": right})


FORMAT = LogFormat(
    name="verl",
    program="verl",
    recognises=lambda seen: seen.kind == "rows" and seen.has("input", "output", "score", "step"),
    read=read,
)
