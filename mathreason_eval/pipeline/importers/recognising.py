"""Which program wrote a file or a folder of logs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mathreason_eval.errors import DataError
from mathreason_eval.pipeline.importers.files import (
    DOCUMENT,
    SUFFIXES,
    ZIP,
    document,
    files_below,
    log_rows,
    opened_zip,
)
from mathreason_eval.pipeline.importers.formats import FORMATS
from mathreason_eval.pipeline.importers.formats.inspect_ai import HEADERS
from mathreason_eval.pipeline.importers.logs import FirstLook, LogFormat


@dataclass(frozen=True, kw_only=True, slots=True)
class Recognised:
    """Files that one program wrote."""

    form: LogFormat
    files: tuple[Path, ...]


def recognised(paths: Sequence[Path], form: LogFormat | None = None) -> Recognised:
    """Return the logs among files and in folders, and their format.

    Args:
        paths: files, or whole output folders.
        form: the format, if the user names it: then files that are given by name are of it.

    Raises:
        DataError: if there is no log, or there are logs of several programs.
    """
    found: dict[str, list[Path]] = {}
    for path in paths:
        for file in files_below(path):
            if form is not None and path.is_file():
                found.setdefault(form.name, []).append(file)
            elif (known := _format_of(file)) is not None and form in (None, known):
                found.setdefault(known.name, []).append(file)
    if len(found) > 1:
        several = "; ".join(f"{name}: {files[0]}" for name, files in found.items())
        raise DataError(
            f"These are logs of {len(found)} programs ({several}).",
            f"Name one: mathreason import {next(iter(found))} PATH… -o DIR.",
        )
    if not found:
        raise _unknown(paths, form)
    ((name, files),) = found.items()
    return Recognised(form=FORMATS.get(name) or _given(form), files=tuple(dict.fromkeys(files)))


def _given(form: LogFormat | None) -> LogFormat:
    assert form is not None, "a name that is not ours is the one that was given"
    return form


def _unknown(paths: Iterable[Path], form: LogFormat | None) -> DataError:
    named = ", ".join(map(str, paths))
    if form is not None:
        return DataError(f"{named} holds no log of {form.program}.", "Name the file itself.")
    return DataError(
        f"{named} is of no known format of logs: {', '.join(FORMATS)}.",
        "Rows of your own: mathreason import jsonl FILE -t TASK -o DIR; docs/import.md has the "
        "columns.",
    )


def logs_at(path: Path) -> tuple[Path, ...]:
    """Return all files at a path that may be read with its logs; none if there is no log.

    Raises:
        DataError: if one of them cannot be read.
    """
    if path.is_file() and not path.name.endswith(SUFFIXES):
        return ()
    files = files_below(path)
    # All are looked at: what cannot be read is told, whether or not another one can.
    found = [_format_of(file) for file in files]
    if not any(found):
        return ()
    # What a reader finds beside a file counts as well.
    return tuple(files if path.is_dir() else files_below(path.parent))


def _format_of(path: Path) -> LogFormat | None:
    seen = _sight(path)
    return next((form for form in FORMATS.values() if form.recognises(seen)), None)


def _sight(path: Path) -> FirstLook:
    """Return the first look at a file.

    Raises:
        DataError: if it cannot be read.
    """
    if path.suffix == ZIP:
        with opened_zip(path) as opened:
            name = next((one for one in HEADERS if one in opened.names), None)
            first = opened.document(name) if name else None
        return FirstLook(path=path, kind="zip", first=_mapping(first))
    if path.suffix == DOCUMENT:
        return FirstLook(path=path, kind="document", first=_mapping(document(path)))
    first = next((row for _, row in log_rows(path)), None)
    return FirstLook(path=path, kind="rows", first=_mapping(first))


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
