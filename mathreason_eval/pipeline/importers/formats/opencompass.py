"""OpenCompass: `predictions/MODEL/DATA.json`, joined with the same file of `results`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from mathreason_eval.pipeline.importers.files import LogFiles
from mathreason_eval.pipeline.importers.logs import (
    FirstLook,
    Log,
    LogFormat,
    LogRow,
    Stated,
    as_list,
    at,
    listed,
    name_of,
    stated_all,
)
from mathreason_eval.text.streamed import Part

_RUN = re.compile(r"(?P<task>.+?)(?:_run(?P<run>\d+))?(?:_\d+)?\Z")
"""A data set may be asked several times, and a large one is in several files."""


def read(files: LogFiles, path: Path) -> Log:
    """Return the samples of a data set; a prediction that is a list is several."""
    results = _results(files, path)
    said = _verdicts(files, results) if results else {}
    named = _RUN.match(path.name.partition(".json")[0])
    folder = path.parent.name
    return Log(
        rows=_rows(files.parts(path), said, int(named["run"] or 0) if named else 0),
        task=named["task"] if named else None,
        model=folder if path.parent.parent.name == "predictions" else None,
        other_files=(results,) if results else (),
    )


def _results(files: LogFiles, path: Path) -> Path | None:
    inner = path.parent.parent.parent / "results" / path.parent.name / path.name
    return files.first(inner, path.with_name(f"results_{path.name}"))


Verdicts = Mapping[str, Mapping[str, Stated]]
"""By the keys of the predictions."""


def _verdicts(files: LogFiles, results: Path) -> Verdicts:
    """Return what the results say of each prediction."""
    # Newer versions have a list, older ones a mapping by the same keys.
    return {
        str(place): files.held(stated_all({"correct": at(detail, "correct")}), results)
        for key, place, detail in files.parts(results, ("details",))
        if key == "details" and place is not None
    }


def _rows(told: Iterable[Part], verdicts: Verdicts, run: int) -> Iterator[LogRow]:
    for number, (key, _, row) in enumerate(told, 1):
        outputs = as_list(at(row, "prediction"))
        said = verdicts.get(key, {})
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
