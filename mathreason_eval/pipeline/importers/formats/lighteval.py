"""lighteval: `details_TASK_TIME.parquet` of `--save-details`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from mathreason_eval.pipeline.importers.files import LogFiles
from mathreason_eval.pipeline.importers.logs import (
    Log,
    LogFormat,
    LogRow,
    as_list,
    at,
    first_of,
    name_of,
    scalars,
    stated_all,
)
from mathreason_eval.tasks.readers import Row

_NAMED = re.compile(r"details_(?P<task>.+)_(?P<time>\d{4}-\d\d-\d\dT[\d.:-]+)\Z")


def read(files: LogFiles, path: Path) -> Log:
    """Return the samples of a task; the model is told by the folders and by the results."""
    found = _NAMED.match(path.name.partition(".parquet")[0])
    results = _results(files, path, found["time"]) if found else None
    told = files.document(results) if results else {}
    config = at(told, "config_general")
    kwargs = at(config, "model_config", "generation_parameters") or {}
    model = at(config, "model_name")
    folders = path.parent.relative_to(path.parent.parent.parent).parts if found else ()
    return Log(
        rows=(row for number, line in files.rows(path) for row in _outputs(number, line)),
        task=_task(found["task"]) if found else None,
        model=name_of(model)
        or name_of(at(config, "model_config", "model_name"))
        or (folders[0] if len(folders) > 1 else None),
        version=name_of(at(config, "lighteval_sha")),
        settings={
            **scalars(at(config, "model_config")),
            "temperature": at(kwargs, "temperature"),
            "top_p": at(kwargs, "top_p"),
            "max_tokens": at(kwargs, "max_new_tokens"),
        },
        other_files=(results,) if results else (),
    )


def _results(files: LogFiles, path: Path, time: str) -> Path | None:
    """Return the results of the same time: below `results` where the rows are below `details`."""
    for folder in path.parents[:6]:
        if folder.name == "details":
            return files.below_folder(folder.parent / "results", f"results_{time}.json")
    return None


def _task(name: str) -> str:
    """Return a task's name without suite and shots: `gsm8k` of `lighteval|gsm8k|5`."""
    parts = [part for part in name.split("|") if part]
    if len(parts) > 1 and parts[-1].isdigit():
        parts = parts[:-1]
    return parts[-1] if parts else name


def _outputs(number: int, row: Row) -> Iterator[LogRow]:
    doc, response = at(row, "doc"), at(row, "model_response")
    texts = at(response, "text")
    if doc is None:
        yield from _older(number, row)
        return
    verdicts = stated_all(at(row, "metric"))
    texts = as_list(texts)
    thoughts = at(response, "reasonings")
    for place, text in enumerate(texts):
        tokens = at(response, "output_tokens", place)
        yield LogRow(
            number=number,
            problem=name_of(at(doc, "id")),
            sample=place,
            question=at(doc, "specific", "question") or at(doc, "specific", "problem"),
            prompt=at(doc, "query"),
            golds=_gold(doc),
            output=text,
            reasoning=at(thoughts, place),
            completion_tokens=len(tokens) if isinstance(tokens, list) and tokens else None,
            # Of several samples, a metric is of all of them.
            verdicts=verdicts if len(texts) == 1 else {},
        )


def _gold(doc: object) -> object:
    places = at(doc, "gold_index")
    golds = [at(doc, "choices", place) for place in as_list(places) if isinstance(place, int)]
    return [gold for gold in golds if gold is not None] or None


def _older(number: int, row: Row) -> Iterator[LogRow]:
    """Yield the samples of a row as they were before there was a column `doc`."""
    for place, text in enumerate(as_list(at(row, "predictions"))):
        yield LogRow(
            number=number,
            problem=None,
            sample=place,
            prompt=first_of(row, "example", "full_prompt"),
            golds=at(row, "gold"),
            output=text,
            verdicts=stated_all(at(row, "metrics")) if place == 0 else {},
        )


FORMAT = LogFormat(
    name="lighteval",
    program="lighteval",
    recognises=lambda seen: (
        seen.kind == "rows"
        and (
            seen.has("doc", "model_response", "metric")
            or seen.has("example", "predictions", "gold", "metrics")
        )
    ),
    read=read,
)
