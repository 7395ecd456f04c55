"""Every Eval Ever: rows of instances, schema 0.3, with the aggregate document beside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mathreason_eval.pipeline.importers.files import LogFiles
from mathreason_eval.pipeline.importers.logs import (
    Log,
    LogFormat,
    LogRow,
    as_list,
    at,
    listed,
    name_of,
    scalars,
    stated_all,
)
from mathreason_eval.tasks.readers import Row


def read(files: LogFiles, path: Path) -> Log:
    """Return the samples of an evaluation: a row a metric, and several outputs a row."""
    aggregate = _aggregate(files, path)
    told = files.document(aggregate) if aggregate else {}
    config = at(told, "evaluation_results", 0, "generation_config", "generation_args")
    library = name_of(at(told, "eval_library", "name"))
    return Log(
        rows=(row for number, line in files.rows(path) for row in _outputs(number, line)),
        version=name_of(at(told, "schema_version")),
        settings={
            **scalars(config),
            "library": library,
            "library_version": at(told, "eval_library", "version"),
            "evaluation_id": at(told, "evaluation_id"),
        },
        other_files=(aggregate,) if aggregate else (),
    )


def _aggregate(files: LogFiles, path: Path) -> Path | None:
    same = path.with_name(path.name.replace("_samples.jsonl", ".json"))
    named = (same, path.with_name("aggregate.json"))
    return files.first(*(one for one in named if one != path))


def _outputs(number: int, row: Row) -> Iterator[LogRow]:
    texts = as_list(at(row, "output", "raw"))
    name = name_of(at(row, "evaluation_result_id")) or name_of(at(row, "evaluation_name"))
    bench = name_of(at(row, "evaluation_name"))
    for place, text in enumerate(texts):
        yield LogRow(
            number=number,
            problem=name_of(at(row, "sample_id")),
            sample=place,
            question=at(row, "input", "raw"),
            prompt=at(row, "input", "formatted"),
            golds=at(row, "input", "reference") or None,
            output=text,
            reasoning=at(row, "output", "reasoning_trace", place),
            verdicts=_verdict(row, name) if len(texts) == 1 else {},
            answer=_answer(row) if len(texts) == 1 else None,
            prompt_tokens=at(row, "token_usage", "input_tokens") if len(texts) == 1 else None,
            completion_tokens=at(row, "token_usage", "output_tokens") if len(texts) == 1 else None,
            model=name_of(at(row, "model_id")),
            task=bench and bench.rpartition(".")[2],
        )


def _answer(row: Row) -> object:
    taken = [one for one in listed(at(row, "answer_attribution")) if at(one, "is_terminal") is True]
    return at(taken, -1, "extracted_value")


def _verdict(row: Row, name: str | None) -> dict[str, bool | float]:
    return stated_all({name or "is_correct": at(row, "evaluation", "is_correct")})


FORMAT = LogFormat(
    name="every-eval-ever",
    program="Every Eval Ever",
    recognises=lambda seen: (
        seen.kind == "rows" and seen.has("schema_version", "sample_id", "interaction_type")
    ),
    read=read,
)
