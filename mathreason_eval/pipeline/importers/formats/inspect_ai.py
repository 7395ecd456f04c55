"""Inspect: `.eval`, a zip with a document a sample, or the same log as one JSON document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mathreason_eval.errors import DataError
from mathreason_eval.pipeline.importers.files import ZIP, LogFiles
from mathreason_eval.pipeline.importers.logs import (
    Log,
    LogFormat,
    LogRow,
    Stated,
    at,
    content_parts,
    first_of,
    last_text,
    mapped,
    name_of,
    scalars,
    stated,
    whole,
)
from mathreason_eval.text.limits import MAX_TEXT_BYTES

HEADERS = ("header.json", "_journal/start.json")
"""Members with the description of the evaluation; the second of one that never ended."""
_SAMPLE = re.compile(r"samples/.+\.json")
_ATTACHED = re.compile(r"attachment://([0-9a-f]{32})")


def read(files: LogFiles, path: Path) -> Log:
    """Return the samples of an evaluation."""
    if path.suffix == ZIP:
        with files.zip(path) as opened:
            name = next((name for name in HEADERS if name in opened.names), None)
            header = opened.document(name) if name else None
        return _log(header, _in_zip(files, path))
    header = {key: one for key, _, one in files.parts(path, ("samples",)) if key in _HEADER}
    taken = files.parts(path, ("samples",))
    return _log(
        header, (one for key, place, one in taken if key == "samples" and place is not None)
    )


_HEADER = ("eval", "plan", "status")


def _in_zip(files: LogFiles, path: Path) -> Iterator[object]:
    with files.zip(path) as opened:
        for name in opened.names:
            if _SAMPLE.fullmatch(name):
                yield opened.document(name)


def _log(told: object, samples: Iterable[object]) -> Log:
    spec = at(told, "eval")
    config = {
        **scalars(at(spec, "model_generate_config")),
        **scalars(at(told, "plan", "config")),
    }
    task = name_of(at(spec, "task"))
    return Log(
        rows=(_row(number, sample) for number, sample in enumerate(samples, 1)),
        task=task and task.rpartition("/")[2],
        model=name_of(at(spec, "model")),
        version=name_of(at(spec, "packages", "inspect_ai")),
        settings={
            **config,
            **{f"task_{name}": value for name, value in scalars(at(spec, "task_args")).items()},
            "epochs": at(spec, "config", "epochs"),
            "dataset": at(spec, "dataset", "name"),
            "commit": at(spec, "revision", "commit"),
            "status": at(told, "status"),
        },
    )


def _row(number: int, sample: object) -> LogRow:
    choice = at(sample, "output", "choices", 0)
    text, thought = content_parts(at(choice, "message", "content"))
    epoch = whole(at(sample, "epoch"))
    attached = at(sample, "attachments")
    usage = at(sample, "output", "usage")
    verdicts = _verdicts(at(sample, "scores"))
    return LogRow(
        number=number,
        problem=name_of(at(sample, "id")),
        sample=epoch - 1 if epoch else None,
        question=_whole_text(last_text(at(sample, "input"), "user"), attached),
        golds=at(sample, "target") or None,
        output=_whole_text(text, attached),
        reasoning=_whole_text(thought, attached),
        finish_reason=at(choice, "stop_reason"),
        verdicts=verdicts,
        answer=at(sample, "scores", _scorer(verdicts), "answer"),
        prompt_tokens=at(usage, "input_tokens"),
        completion_tokens=at(usage, "output_tokens"),
        seconds=at(sample, "output", "time"),
        error=_error(sample),
    )


def _error(sample: object) -> str | None:
    said = at(sample, "error", "message") or at(sample, "output", "error")
    if at(sample, "error") is None and not said:
        return None
    return f"ended in an error: {str(said)[:200]}"


def _whole_text(text: str | None, attached: object) -> str | None:
    """Return a text with what the log keeps apart put back."""
    if text is None or "attachment://" not in text:
        return text
    parts = [str(at(attached, found[1]) or found[0]) for found in _ATTACHED.finditer(text)]
    if sum(map(len, parts)) > MAX_TEXT_BYTES:
        raise DataError(
            f"A text of the log has attachments of more than {MAX_TEXT_BYTES >> 20} MiB.",
            "Check that the log is of your making.",
        )
    put_back = iter(parts)
    return _ATTACHED.sub(lambda _: next(put_back), text)


def _scorer(verdicts: Mapping[str, Stated]) -> str:
    """Return the scorer of the verdict that is compared with ours."""
    name = next((name for name, said in verdicts.items() if isinstance(said, bool)), "")
    return name.partition("/")[0]


def _verdicts(scores: object) -> dict[str, Stated]:
    found: dict[str, Stated] = {}
    for name, score in mapped(scores).items():
        value = at(score, "value")
        parts: Mapping[str, Any] = value if isinstance(value, Mapping) else {"": value}
        for part, one in parts.items():
            # P is partly right, N no answer.
            half = {"P": 0.5, "N": False}.get(one, one) if isinstance(one, str) else one
            if (said := stated(half)) is not None:
                found[f"{name}/{part}" if part else str(name)] = said
    return found


FORMAT = LogFormat(
    name="inspect",
    program="Inspect",
    recognises=lambda seen: (
        (seen.kind == "zip" and first_of(seen.first, "eval") is not None)
        or (seen.kind == "document" and seen.has("version", "eval", "samples"))
    ),
    read=read,
)
