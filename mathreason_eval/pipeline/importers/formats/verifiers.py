"""verifiers: `results.jsonl` of `vf-eval` with `metadata.json`, or `traces.jsonl` of version 1."""

from __future__ import annotations

import re
from pathlib import Path

from mathreason_eval.pipeline.importers.files import LogFiles
from mathreason_eval.pipeline.importers.logs import (
    Log,
    LogFormat,
    LogRow,
    at,
    content_parts,
    first_of,
    last_text,
    listed,
    mapped,
    name_of,
    scalars,
    stated_all,
)
from mathreason_eval.tasks.readers import Row

_COUNTS = re.compile(r"num_turns|.*_calls")
"""Metrics of an environment that count its turns and its calls of tools: no verdicts, also if 1."""
_OWN = frozenset(
    {"example_id", "prompt", "completion", "answer", "task", "info", "error", "is_completed"}
    | {"is_truncated", "stop_condition", "generation_ms", "scoring_ms", "total_ms", "trajectory"}
    | {"tool_defs", "token_usage", "timing", "metrics", "num_turns"}
)


def read(files: LogFiles, path: Path) -> Log:
    """Return the rollouts of an evaluation: of each the last message of the assistant."""
    if at(next((row for _, row in files.rows(path)), {}), "traces") is not None:
        return _of_episodes(files, path)
    meta = files.first(path.with_name("metadata.json"))
    told = files.document(meta) if meta else {}
    config = at(told, "sampling_args")
    return Log(
        rows=(_row(number, row) for number, row in files.rows(path)),
        task=name_of(at(told, "env_id")),
        model=name_of(at(told, "model")),
        version=name_of(at(told, "version_info", "vf_version")) or name_of(at(told, "version")),
        settings={**scalars(told), **scalars(config)},
        other_files=(meta,) if meta else (),
    )


def _row(number: int, row: Row) -> LogRow:
    reward, cut, millis = at(row, "reward"), at(row, "is_truncated"), at(row, "generation_ms")
    metrics = mapped(at(row, "metrics")) or {name: row[name] for name in row if name not in _OWN}
    right = {"reward": reward > 0} if isinstance(reward, int | float) else {}
    failed = at(row, "error", "error_chain_repr") or at(row, "error")
    said = {name: one for name, one in metrics.items() if not _COUNTS.fullmatch(str(name))}
    return LogRow(
        number=number,
        problem=name_of(at(row, "example_id")),
        question=last_text(at(row, "prompt"), "user"),
        golds=at(row, "answer") or None,
        output=last_text(at(row, "completion"), "assistant"),
        finish_reason={True: "length", False: "stop"}.get(cut) if isinstance(cut, bool) else None,
        verdicts=stated_all({**right, **{k: v for k, v in said.items() if k != "reward"}}),
        reward=reward,
        prompt_tokens=at(row, "token_usage", "input_tokens"),
        completion_tokens=at(row, "token_usage", "output_tokens"),
        seconds=millis / 1000
        if isinstance(millis, int | float)
        else at(row, "timing", "generation", "duration"),
        task=name_of(at(row, "task")),
        error=f"ended in an error: {str(failed)[:200]}" if failed else None,
    )


# --- version 1: an episode a line ------------------------------------------------------------


def _of_episodes(files: LogFiles, path: Path) -> Log:
    """Return the traces of the episodes of a file: a graph of messages each."""
    rows = files.held_rows(path)
    traces = [trace for _, row in rows for trace in _traces(row)]
    sampling = at(traces[0], "agent", "config", "sampling") if traces else None
    return Log(
        rows=(_trace_row(number, row, trace) for number, row in rows for trace in _traces(row)),
        version=name_of(at(traces[0], "verifiers", "version")) if traces else None,
        settings=scalars(sampling),
    )


def _traces(row: Row) -> list[object]:
    """Return the traces of an episode; one that ended before any has one without texts."""
    return listed(at(row, "traces")) or [{"errors": at(row, "errors")}]


def _trace_row(number: int, row: Row, trace: object) -> LogRow:
    data = at(trace, "task", "data") or at(row, "task", "data")
    sampled = [one for one in listed(at(trace, "nodes")) if at(one, "sampled") is True]
    message = at(sampled, -1, "message")
    text, thought = content_parts(at(message, "content"))
    call = at(trace, "calls", -1)
    scores = {name: at(one, "score") for name, one in mapped(at(trace, "rewards")).items()}
    numbers = [one for one in scores.values() if isinstance(one, int | float)]
    right = {name: one > 0 for name, one in scores.items() if isinstance(one, int | float)}
    failed = at(trace, "errors", -1, "message")
    return LogRow(
        number=number,
        problem=name_of(at(data, "id")) or name_of(at(data, "idx")),
        question=last_text(at(data, "prompt"), "user"),
        golds=first_of(data, "answer", "gold", "solution") if data else None,
        output=text,
        reasoning=thought or (first_of(message, "reasoning_content") if message else None),
        finish_reason=at(call, "finish_reason"),
        verdicts=stated_all({**right, **scalars(at(trace, "metrics"))}),
        reward=sum(numbers) if numbers else None,
        prompt_tokens=at(call, "usage", "prompt_tokens"),
        completion_tokens=at(call, "usage", "completion_tokens"),
        model=name_of(at(call, "model")) or name_of(at(trace, "agent", "config", "model")),
        task=name_of(at(row, "env", "id")),
        error=f"ended in an error: {str(failed)[:200]}" if failed and not sampled else None,
    )


FORMAT = LogFormat(
    name="verifiers",
    program="verifiers",
    recognises=lambda seen: (
        seen.kind == "rows"
        and (seen.has("example_id", "completion", "reward") or seen.has("traces", "task", "env"))
    ),
    read=read,
)
