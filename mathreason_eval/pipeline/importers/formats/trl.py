"""TRL: `completions_STEP.parquet` of GRPO's `log_completions`."""

from __future__ import annotations

from pathlib import Path

from mathreason_eval.pipeline.importers.files import LogFiles
from mathreason_eval.pipeline.importers.logs import (
    Log,
    LogFormat,
    LogRow,
    at,
    last_text,
    stated_all,
    whole,
)
from mathreason_eval.tasks.readers import Row

_OWN = frozenset({"step", "prompt", "completion", "advantage", "images", "image"})
_GOLDS = ("solution", "answer", "gold", "ground_truth")


def read(files: LogFiles, path: Path) -> Log:
    """Return the completions of the steps in a file; golds are where a column has them."""
    return Log(rows=(_row(number, row) for number, row in files.rows(path)))


def _row(number: int, row: Row) -> LogRow:
    rewards = {name: at(row, name) for name in row if name not in _OWN and name not in _GOLDS}
    numbers = [one for one in rewards.values() if isinstance(one, int | float)]
    return LogRow(
        number=number,
        problem=None,
        prompt=last_text(at(row, "prompt"), "user"),
        golds=next((at(row, name) for name in _GOLDS if at(row, name) is not None), None),
        output=last_text(at(row, "completion"), "assistant"),
        verdicts=stated_all(rewards),
        reward=numbers[0] if numbers else None,
        step=whole(at(row, "step")),
    )


FORMAT = LogFormat(
    name="trl",
    program="TRL",
    recognises=lambda seen: seen.kind == "rows" and seen.has("step", "prompt", "completion"),
    read=read,
)
