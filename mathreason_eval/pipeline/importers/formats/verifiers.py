"""verifiers: `results.jsonl` of `vf-eval`, with `metadata.json` beside it."""

from __future__ import annotations

from pathlib import Path

from mathreason_eval.pipeline.importers.files import document, log_rows
from mathreason_eval.pipeline.importers.logs import (
    Log,
    LogFormat,
    LogRow,
    at,
    last_text,
    name_of,
    scalars,
    stated_all,
)
from mathreason_eval.tasks.readers import Row

_OWN = frozenset(
    {"example_id", "prompt", "completion", "answer", "task", "info", "error", "is_completed"}
    | {"is_truncated", "stop_condition", "generation_ms", "scoring_ms", "total_ms", "trajectory"}
    | {"tool_defs", "token_usage", "timing", "metrics", "num_turns"}
)


def read(path: Path) -> Log:
    """Return the rollouts of an evaluation: of each the last message of the assistant."""
    meta = path.with_name("metadata.json")
    told = document(meta) if meta.is_file() else {}
    config = at(told, "sampling_args")
    return Log(
        rows=(_row(number, row) for number, row in log_rows(path)),
        task=name_of(at(told, "env_id")),
        model=name_of(at(told, "model")),
        version=name_of(at(told, "verifiers_version")) or name_of(at(told, "version")),
        settings={**scalars(told), **scalars(config)},
        beside=(meta,) if meta.is_file() else (),
    )


def _row(number: int, row: Row) -> LogRow:
    reward, cut, spent = at(row, "reward"), at(row, "is_truncated"), at(row, "generation_ms")
    metrics = at(row, "metrics") or {name: row[name] for name in row if name not in _OWN}
    right = {"reward": reward > 0} if isinstance(reward, int | float) else {}
    failed = at(row, "error")
    return LogRow(
        number=number,
        problem=name_of(at(row, "example_id")),
        question=last_text(at(row, "prompt"), "user"),
        golds=at(row, "answer") or None,
        output=last_text(at(row, "completion"), "assistant"),
        finish_reason={True: "length", False: "stop"}.get(cut) if isinstance(cut, bool) else None,
        verdicts=stated_all({**right, **{k: v for k, v in metrics.items() if k != "reward"}}),
        reward=reward,
        completion_tokens=at(row, "token_usage", "output_tokens"),
        seconds=spent / 1000 if isinstance(spent, int | float) else None,
        task=name_of(at(row, "task")),
        error=f"ended in an error: {str(failed)[:200]}" if failed else None,
    )


FORMAT = LogFormat(
    name="verifiers",
    program="verifiers",
    knows=lambda sight: sight.kind == "rows" and sight.has("example_id", "completion", "reward"),
    read=read,
)
