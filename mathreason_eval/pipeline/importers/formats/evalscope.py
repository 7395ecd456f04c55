"""evalscope: `reviews/MODEL/BENCHMARK_SUBSET.jsonl`, joined with the same file of `predictions`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from mathreason_eval.pipeline.importers.files import LogFiles
from mathreason_eval.pipeline.importers.logs import (
    FirstLook,
    Log,
    LogFormat,
    LogRow,
    at,
    content_parts,
    last_text,
    name_of,
    stated_all,
    whole,
)
from mathreason_eval.tasks.readers import Row

_REVIEWS, _PREDICTIONS = "reviews", "predictions"


def read(files: LogFiles, path: Path) -> Log:
    """Return the samples of a benchmark's subset; of predictions alone if there are no reviews."""
    if at(dict(_first(files, path)), "sample_score") is None:
        rows = [(number, row, row) for number, row in files.held_rows(path)]
        others: tuple[Path, ...] = ()
    else:
        other = _counterpart(files, path, _REVIEWS, _PREDICTIONS)
        told = (
            {name_of(at(row, "index")): row for _, row in files.held_rows(other)} if other else {}
        )
        rows = [
            (number, row, told.get(name_of(at(row, "index")), {}))
            for number, row in files.held_rows(path)
        ]
        others = (other,) if other else ()
    ranks = _ranks([row for _, row, _ in rows])
    return Log(
        rows=(
            _row(number, row, made, ranks[place]) for place, (number, row, made) in enumerate(rows)
        ),
        task=_task(path),
        model=next((found for _, _, made in rows if (found := name_of(at(made, "model")))), None),
        other_files=others,
    )


def _first(files: LogFiles, path: Path) -> Row:
    return next((row for _, row in files.rows(path)), {})


def _counterpart(files: LogFiles, path: Path, here: str, there: str) -> Path | None:
    """Return the file of the same name in the other folder, or with the other word in its name."""
    parts = list(path.parts)
    for place in range(len(parts) - 1, -1, -1):
        if here in parts[place]:
            parts[place] = parts[place].replace(here, there)
            return files.first(Path(*parts))
    return None


def _task(path: Path) -> str | None:
    name = path.name.partition(".jsonl")[0]
    for word in (_REVIEWS, _PREDICTIONS):
        name = name.removeprefix(f"{word}_")
    return name or None


def _ranks(rows: list[Row]) -> list[int | None]:
    """Return the index of each sample: its rank in its group, whose rows come as they end."""
    groups: dict[object, list[tuple[int, int]]] = defaultdict(list)
    for place, row in enumerate(rows):
        number = whole(at(row, "sample_score", "sample_id"))
        number = whole(at(row, "index")) if number is None else number
        groups[_key(row)].append((place if number is None else number, place))
    ranks: list[int | None] = [None] * len(rows)
    for group in groups.values():
        for rank, (_, place) in enumerate(sorted(group)):
            ranks[place] = rank
    return ranks


def _key(row: Row) -> str | None:
    group = at(row, "sample_score", "group_id")
    return name_of(at(row, "index") if group is None else group)


def _row(number: int, row: Row, made: Mapping[str, object], sample: int | None) -> LogRow:
    choice = at(made, "model_output", "choices", 0)
    text, thought = content_parts(at(choice, "message", "content"))
    usage = at(made, "model_output", "usage")
    said = at(row, "sample_score", "score", "prediction")
    failed = at(made, "model_output", "error")
    return LogRow(
        number=number,
        problem=_key(row),
        sample=sample,
        prompt=last_text(at(row, "messages"), "user"),
        golds=at(row, "target"),
        output=said if text is None else text,
        reasoning=thought,
        finish_reason=at(choice, "stop_reason"),
        verdicts=stated_all(at(row, "sample_score", "score", "value")),
        answer=at(row, "sample_score", "score", "extracted_prediction"),
        prompt_tokens=at(usage, "input_tokens"),
        completion_tokens=at(usage, "output_tokens"),
        seconds=at(made, "model_output", "time"),
        error=f"ended in an error: {str(failed)[:200]}" if failed else None,
    )


def _recognises(seen: FirstLook) -> bool:
    if seen.kind != "rows":
        return False
    if seen.has("index", "sample_score"):
        return True
    alone = _counterpart(seen.files, seen.path, _PREDICTIONS, _REVIEWS) is None
    return seen.has("index", "model_output") and alone


FORMAT = LogFormat(name="evalscope", program="evalscope", recognises=_recognises, read=read)
