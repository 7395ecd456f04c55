"""OpenCompass: `predictions/MODEL/DATA.json`, joined with the same file of `results`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from mathreason_eval.pipeline.importers.files import document, is_plain
from mathreason_eval.pipeline.importers.logs import (
    FirstLook,
    Log,
    LogFormat,
    LogRow,
    as_list,
    at,
    listed,
    name_of,
    stated_all,
)

_RUN = re.compile(r"(?P<task>.+?)(?:_run(?P<run>\d+))?(?:_\d+)?\Z")
"""A data set may be asked several times, and a large one is in several files."""


def read(path: Path) -> Log:
    """Return the samples of a data set; a prediction that is a list is several."""
    told, results = document(path), _results(path)
    found = document(results) if results else {}
    named = _RUN.match(path.name.partition(".json")[0])
    folder = path.parent.name
    return Log(
        rows=_rows(told, at(found, "details"), int(named["run"] or 0) if named else 0),
        task=named["task"] if named else None,
        model=folder if path.parent.parent.name == "predictions" else None,
        other_files=(results,) if results else (),
    )


def _results(path: Path) -> Path | None:
    inner = path.parent.parent.parent / "results" / path.parent.name / path.name
    found = [one for one in (inner, path.with_name(f"results_{path.name}")) if is_plain(one)]
    return found[0] if found else None


_INDEX = re.compile(r"[0-9]{1,9}")


def _rows(told: object, details: object, run: int) -> Iterator[LogRow]:
    rows = told if isinstance(told, Mapping) else {}
    for number, (key, row) in enumerate(rows.items(), 1):
        outputs = as_list(at(row, "prediction"))
        # Newer versions have a list, older ones a mapping by the same keys.
        detail = at(
            details, int(key) if isinstance(details, list) and _INDEX.fullmatch(key) else key
        )
        said = stated_all({"correct": at(detail, "correct")})
        for place, text in enumerate(outputs):
            yield LogRow(
                number=number,
                # One data set may have a problem several times, to sample it: the text says which.
                problem=None,
                sample=run or (place if len(outputs) > 1 else None),
                question=_question(at(row, "origin_prompt")),
                golds=at(row, "gold"),
                output=text,
                verdicts=said if len(outputs) == 1 else {},
            )


def _question(prompt: object) -> object:
    if isinstance(prompt, str):
        return prompt
    asked = [one for one in listed(prompt) if at(one, "role") == "HUMAN"]
    return name_of(at(asked, -1, "prompt"))


def _recognises(seen: FirstLook) -> bool:
    if seen.kind != "document":
        return False
    row = at(seen.first, "0")
    return at(row, "origin_prompt") is not None and at(row, "prediction") is not None


FORMAT = LogFormat(name="opencompass", program="OpenCompass", recognises=_recognises, read=read)
