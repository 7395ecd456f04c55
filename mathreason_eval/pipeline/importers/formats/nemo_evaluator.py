"""NeMo Evaluator: `results.jsonl`, with `eval-*.json` and `inference_log.jsonl` beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mathreason_eval.pipeline.importers.files import LogFiles
from mathreason_eval.pipeline.importers.logs import (
    FirstLook,
    Log,
    LogFormat,
    LogRow,
    at,
    first_of,
    mapped,
    name_of,
    scalars,
    stated_all,
    whole,
)
from mathreason_eval.tasks.readers import Row

_REQUESTS = "inference_log.jsonl"
_Requests = Mapping[tuple[int | None, int | None], Row]
"""What was asked and answered, by problem and repeat."""


def read(files: LogFiles, path: Path) -> Log:
    """Return the samples of a benchmark."""
    bundle = files.beside(path, "eval-", ".json")
    asked = files.first(path.with_name(_REQUESTS))
    told = files.document(bundle) if bundle else {}
    requests = {_key(row): row for _, row in files.held_rows(asked)} if asked else {}
    config = at(told, "config")
    return Log(
        rows=(_row(number, row, requests) for number, row in files.rows(path)),
        task=name_of(at(told, "benchmark", "name")) or name_of(at(told, "benchmark")),
        model=name_of(first_of(config, "model", "model_id")) if config else None,
        version=name_of(at(told, "sdk_version")) or name_of(at(told, "version")),
        settings=scalars(config),
        other_files=tuple(one for one in (bundle, asked) if one),
    )


def _key(row: Row) -> tuple[int | None, int | None]:
    return whole(at(row, "problem_idx")), whole(at(row, "repeat"))


def _row(number: int, row: Row, requests: _Requests) -> LogRow:
    asked = requests.get(_key(row), {})
    output = first_of(row, "model_response", "response")
    failed = first_of(row, "scoring_error", "error") or at(row, "scoring_details", "error")
    millis = at(row, "latency_ms")
    return LogRow(
        number=number,
        problem=name_of(at(row, "problem_idx")),
        sample=whole(at(row, "repeat")),
        question=first_of(row, "question", "problem") or at(row, "metadata", "question"),
        prompt=at(row, "prompt"),
        golds=at(row, "expected_answer"),
        output=output,
        finish_reason=at(row, "finish_reason") or at(asked, "finish_reason"),
        verdicts={} if failed else _verdicts(row),
        answer=at(row, "extracted_answer"),
        reward=None if failed else at(row, "reward"),
        prompt_tokens=at(asked, "prompt_tokens"),
        # Those of `tokens` are the prompt's as well.
        completion_tokens=first_of(row, "completion_tokens") or at(asked, "completion_tokens"),
        seconds=millis / 1000 if isinstance(millis, int | float) and millis else None,
        model=name_of(at(row, "model")),
        task=name_of(at(row, "benchmark")),
        # A request or a scorer that failed is stored as a reward of 0; the former has no text.
        error=f"ended in an error: {str(failed)[:200]}" if failed and not output else None,
    )


def _verdicts(row: Row) -> dict[str, bool | float]:
    reward = at(row, "reward")
    said = {"reward": reward > 0} if isinstance(reward, int | float) else {}
    return stated_all({**said, **mapped(at(row, "scorer_rewards"))})


def _recognises(seen: FirstLook) -> bool:
    # The steps of an evaluation and its trajectories, beside the results, have other columns.
    told = ("problem_idx", "repeat", "reward", "model_response")
    return seen.kind == "rows" and seen.has(*told)


FORMAT = LogFormat(
    name="nemo-evaluator", program="NeMo Evaluator", recognises=_recognises, read=read
)
