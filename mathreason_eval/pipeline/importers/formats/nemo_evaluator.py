"""NeMo Evaluator: `results.jsonl`, with `eval-*.json` beside it."""

from __future__ import annotations

from pathlib import Path

from mathreason_eval.pipeline.importers.files import LogFiles
from mathreason_eval.pipeline.importers.logs import (
    Log,
    LogFormat,
    LogRow,
    at,
    first_of,
    name_of,
    scalars,
    stated_all,
    whole,
)
from mathreason_eval.tasks.readers import Row


def read(files: LogFiles, path: Path) -> Log:
    """Return the samples of a benchmark."""
    bundle = files.beside(path, "eval-", ".json")
    told = files.document(bundle) if bundle else {}
    config = at(told, "config")
    return Log(
        rows=(_row(number, row) for number, row in files.rows(path)),
        task=name_of(at(told, "benchmark", "name")) or name_of(at(told, "benchmark")),
        model=name_of(first_of(config, "model", "model_id")) if config else None,
        version=name_of(at(told, "version")),
        settings=scalars(config),
        other_files=(bundle,) if bundle else (),
    )


def _row(number: int, row: Row) -> LogRow:
    reward = at(row, "reward")
    # A scorer that failed is stored as a reward of 0, which is no verdict.
    failed = first_of(row, "scoring_error", "error")
    judged = stated_all({"reward": reward > 0}) if isinstance(reward, int | float) else {}
    return LogRow(
        number=number,
        problem=name_of(at(row, "problem_idx")),
        sample=whole(at(row, "repeat")),
        question=first_of(row, "question", "problem"),
        prompt=at(row, "prompt"),
        golds=at(row, "expected_answer"),
        output=first_of(row, "model_response", "response"),
        finish_reason=at(row, "finish_reason"),
        verdicts={} if failed else judged,
        reward=None if failed else reward,
        completion_tokens=first_of(row, "completion_tokens", "tokens"),
        model=name_of(at(row, "model")),
        task=name_of(at(row, "benchmark")),
    )


FORMAT = LogFormat(
    name="nemo-evaluator",
    program="NeMo Evaluator",
    recognises=lambda seen: seen.kind == "rows" and seen.has("problem_idx", "repeat", "reward"),
    read=read,
)
