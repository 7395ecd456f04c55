"""lm-eval: `samples_TASK_TIME.jsonl` of `--log_samples`, with `results_TIME.json` beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from mathreason_eval.pipeline.importers.files import LogFiles
from mathreason_eval.pipeline.importers.logs import (
    Log,
    LogFormat,
    LogRow,
    as_list,
    at,
    first_of,
    mapped,
    name_of,
    scalars,
    stated_all,
)
from mathreason_eval.tasks.readers import Row

_NAMED = re.compile(r"samples_(?P<task>.+?)(?:_(?P<time>\d{4}-\d\d-\d\dT[\d.:-]+))?\Z")
_OF_A_VOTE = re.compile(r"maj", re.IGNORECASE)
"""A filter that takes a vote over the samples: its verdict is on none of them."""


def read(files: LogFiles, path: Path) -> Log:
    """Return the samples of a task: every response of a document is one."""
    found = _NAMED.match(path.name.partition(".jsonl")[0])
    task = found["task"] if found else None
    results = None
    if found and found["time"]:
        results = files.beside(path, f"results_{found['time']}", ".json")
    results = results or files.beside(path, "results", ".json")
    told = _results(files, results) if results else {}
    rows = files.rows(path)
    return Log(
        rows=(row for number, line in rows for row in _outputs(number, line, task)),
        task=task,
        model=name_of(at(told, "model_name")) or name_of(at(told, "config", "model")),
        version=name_of(at(told, "lm_eval_version")),
        settings=_settings(told, task),
        other_files=(results,) if results else (),
    )


@lru_cache(maxsize=1)
def _results(files: LogFiles, path: Path) -> Any:  # noqa: ANN401  parsed JSON
    """Return a document of results, of which there is one for the files of many tasks."""
    return files.document(path)


def _settings(told: object, task: str | None) -> dict[str, Any]:
    kwargs = at(told, "configs", task or "", "generation_kwargs")
    return {
        **scalars(at(told, "config")),
        **scalars({name: at(told, name) for name in ("git_hash", "chat_template_sha", "date")}),
        "task_version": at(told, "versions", task or ""),
        "task_hash": at(told, "task_hashes", task or ""),
        "shots": at(told, "n-shot", task or ""),
        "temperature": _temperature(kwargs),
        "max_tokens": first_of(mapped(kwargs), "max_gen_toks", "max_tokens"),
        "stop": at(kwargs, "until"),
    }


def _temperature(kwargs: object) -> object:
    """Return the temperature; without sampling it is 0, whatever is stated."""
    return 0.0 if at(kwargs, "do_sample") is False else at(kwargs, "temperature")


def _outputs(number: int, row: Row, task: str | None) -> Iterator[LogRow]:
    responses = at(row, "resps", 0)
    key = None if (doc := name_of(at(row, "doc_id"))) is None else f"{task or 'doc'}-{doc}"
    question = _question(row)
    golds = first_of(mapped(at(row, "doc")), "answer", "gold", "final_answer")
    verdicts = _verdicts(row)
    for place, text in enumerate(as_list(responses)):
        yield LogRow(
            number=number,
            problem=key,
            sample=place,
            question=question,
            prompt=at(row, "arguments", "gen_args_0", "arg_0") or at(row, "arguments", 0, 0),
            golds=at(row, "target") if golds is None else golds,
            output=text,
            # It is on the first sample alone: lm-eval's filters take that one.
            verdicts=verdicts if place == 0 else {},
            answer=at(row, "filtered_resps", 0) if place == 0 and verdicts else None,
            error=None if isinstance(text, str) else "has no response",
        )


def _question(row: Row) -> object:
    return first_of(mapped(at(row, "doc")), "question", "problem", "Problem", "query")


def _verdicts(row: Row) -> Mapping[str, Any]:
    """Return each metric by its name and its filter's, as lm-eval calls them."""
    names = at(row, "metrics")
    chosen = name_of(at(row, "filter")) or "none"
    if not isinstance(names, list) or _OF_A_VOTE.match(chosen):
        return {}
    return stated_all({f"{name},{chosen}": at(row, name) for name in names if name_of(name)})


FORMAT = LogFormat(
    name="lm-eval",
    program="lm-eval",
    recognises=lambda seen: seen.kind == "rows" and seen.has("doc_id", "doc", "resps"),
    read=read,
)
