"""Batches of OpenAI's format, which vLLM runs as well: an output file, and the input beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
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
    name_of,
)
from mathreason_eval.tasks.readers import Row

_NUMBERED = re.compile(r"(?P<problem>.+)#(?P<sample>\d{1,9})\Z")
"""`custom_id`: the problem, and the index of the sample where a request asks for one only."""
_DONE = 200


def read(files: LogFiles, path: Path) -> Log:
    """Return the samples of a batch; a request that failed is missing."""
    asked = _input(files, path)
    requests = (
        {name_of(at(row, "custom_id")): row for _, row in files.held_rows(asked)} if asked else {}
    )
    body = at(next(iter(requests.values()), None), "body")
    return Log(
        rows=(
            row
            for number, line in files.rows(path)
            for row in _outputs(number, line, requests.get(name_of(at(line, "custom_id")), {}))
        ),
        settings={
            "temperature": at(body, "temperature"),
            "top_p": at(body, "top_p"),
            "max_tokens": first_of(body, "max_completion_tokens", "max_tokens") if body else None,
        },
        other_files=(asked,) if asked else (),
    )


def _input(files: LogFiles, path: Path) -> Path | None:
    """Return the file of the requests, by its name."""
    names = [path.name.replace("output", "input"), path.name.replace("results", "requests")]
    return files.first(*(path.with_name(name) for name in names if name != path.name))


def _outputs(number: int, row: Row, request: Mapping[str, object]) -> Iterator[LogRow]:
    key = name_of(at(row, "custom_id")) or ""
    found = _NUMBERED.match(key)
    problem, first = (found["problem"], int(found["sample"])) if found else (key or None, 0)
    question = last_text(at(request, "body", "messages"), "user") or at(request, "body", "prompt")
    body = at(row, "response", "body")
    choices = at(body, "choices")
    common = {"number": number, "problem": problem, "question": question}
    if (why := _failure(row)) is not None or not isinstance(choices, list) or not choices:
        yield LogRow(**common, sample=first, error=why or "has no choice")  # type: ignore[arg-type]
        return
    for place, choice in enumerate(choices):
        message = at(choice, "message")
        text, thought = content_parts(at(message, "content"))
        usage = at(body, "usage") if len(choices) == 1 else None
        yield LogRow(
            **common,  # type: ignore[arg-type]
            sample=first + place,
            output=at(choice, "text") if message is None else text,
            reasoning=thought
            or (first_of(message, "reasoning_content", "reasoning") if message else None),
            finish_reason=at(choice, "finish_reason"),
            prompt_tokens=at(usage, "prompt_tokens"),
            completion_tokens=at(usage, "completion_tokens"),
            model=name_of(at(body, "model")),
        )


def _failure(row: Row) -> str | None:
    error, status = at(row, "error"), at(row, "response", "status_code")
    if error is not None:
        said = first_of(error, "message", "code") if isinstance(error, Mapping) else error
        return f"ended in an error: {str(said)[:200]}"
    if status not in (None, _DONE):
        return f"has the status {status}"
    return "has no response" if at(row, "response") is None else None


FORMAT = LogFormat(
    name="openai-batch",
    program="OpenAI batch",
    recognises=lambda seen: (
        seen.kind == "rows"
        and "custom_id" in seen.first
        and ("response" in seen.first or "error" in seen.first)
    ),
    read=read,
)
