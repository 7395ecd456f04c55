"""Which program wrote a file or a folder of logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mathreason_eval.errors import DataError
from mathreason_eval.pipeline.importers.files import (
    DOCUMENT,
    SUFFIXES,
    ZIP,
    LogFiles,
)
from mathreason_eval.pipeline.importers.formats import FORMATS
from mathreason_eval.pipeline.importers.formats.inspect_ai import HEADERS
from mathreason_eval.pipeline.importers.logs import FirstLook, LogFormat


@dataclass(frozen=True, kw_only=True, slots=True)
class Recognised:
    """Files that one program wrote."""

    form: LogFormat
    files: tuple[Path, ...]
    all: LogFiles
    """All that may be read with them."""


def recognised(paths: Sequence[Path], form: LogFormat | None = None) -> Recognised:
    """Return the logs among files and in folders, and their format.

    Args:
        paths: files, or whole output folders.
        form: the format, if the user names it: then files that are given by name are of it.

    Raises:
        DataError: if there is no log, or there are logs of several programs.
    """
    found: dict[str, list[Path]] = {}
    every = LogFiles(paths)
    for path in paths:
        if path.is_file() and not path.name.endswith(SUFFIXES):
            raise DataError(
                f"{path} is no log by its name: those end in {', '.join(SUFFIXES)}.",
                "Check the path, or rename the file.",
            )
        for file in every.below(path):
            if form is not None and path.is_file():
                found.setdefault(form.name, []).append(file)
            elif (known := _format_of(every, file)) is not None and form in (None, known):
                found.setdefault(known.name, []).append(file)
    if len(found) > 1:
        several = "; ".join(f"{name}: {files[0]}" for name, files in found.items())
        raise DataError(
            f"These are logs of {len(found)} programs ({several}).",
            f"Name one: mathreason import {next(iter(found))} PATH… -o DIR.",
        )
    if not found:
        raise _unknown(every, paths, form)
    ((name, files),) = found.items()
    return Recognised(
        form=FORMATS.get(name) or _given(form), files=tuple(dict.fromkeys(files)), all=every
    )


def _given(form: LogFormat | None) -> LogFormat:
    assert form is not None, "a name that is not ours is the one that was given"
    return form


def _unknown(every: LogFiles, paths: Sequence[Path], form: LogFormat | None) -> DataError:
    """Return the error of paths without a log, with what is there instead."""
    named = ", ".join(map(str, paths))
    files = [file for path in paths for file in every.below(path)]
    if not files:
        kinds = ", ".join(SUFFIXES)
        return DataError(f"{named} holds no file that may be a log: {kinds}.", "Check the path.")
    if form is not None:
        others = dict.fromkeys(one.name for file in files if (one := _format_of(every, file)))
        hint = f"It has logs of {', '.join(others)}: leave {form.name} out." if others else ""
        return DataError(
            f"{named} holds no log of {form.program}.", hint or "Name the file itself."
        )
    return DataError(
        f"{named} is of no known format of logs: {', '.join(FORMATS)}. {_seen(every, files[0])}",
        "Rows of your own: mathreason import jsonl FILE -t TASK -o DIR; docs/import.md has the "
        "columns.",
    )


_MOST_NAMED = 8
"""Members of a first row that an error names."""


def _seen(every: LogFiles, file: Path) -> str:
    """Return what is at the beginning of a file, in a sentence."""
    first = list(_sight(every, file).first)
    if not first:
        return f"{file.name} begins with nothing that is named."
    more = ", …" if len(first) > _MOST_NAMED else ""
    return f"{file.name} begins with {', '.join(map(str, first[:_MOST_NAMED]))}{more}."


def logs_at(path: Path) -> tuple[Path, ...]:
    """Return all files at a path that may be read with its logs; none if there is no log.

    Raises:
        DataError: if one of them cannot be read.
    """
    if path.is_file() and not path.name.endswith(SUFFIXES):
        return ()
    files = LogFiles([path])
    # All are looked at: what cannot be read is told, whether or not another one can.
    found = [_format_of(files, file) for file in files.below(path)]
    # What a reader finds beside a file counts as well.
    return files.all if any(found) else ()


def _format_of(files: LogFiles, path: Path) -> LogFormat | None:
    seen = _sight(files, path)
    return next((form for form in FORMATS.values() if form.recognises(seen)), None)


def _sight(files: LogFiles, path: Path) -> FirstLook:
    """Return the first look at a file.

    Raises:
        DataError: if it cannot be read.
    """
    if path.suffix == ZIP:
        with files.zip(path) as opened:
            name = next((one for one in HEADERS if one in opened.names), None)
            first = opened.document(name) if name else None
        return FirstLook(path=path, kind="zip", first=_mapping(first), files=files)
    if path.suffix == DOCUMENT:
        return FirstLook(path=path, kind="document", first=_members(files, path), files=files)
    first = next((row for _, row in files.rows(path)), None)
    return FirstLook(path=path, kind="rows", first=_mapping(first), files=files)


_SAMPLES, _FIRST_ROW = "samples", "0"
_MAX_MEMBERS = 1_000
"""Members of a document among which are those by which it is known."""


def _members(files: LogFiles, path: Path) -> Mapping[str, object]:
    """Return the first members of a document, without values but for that of a row.

    The samples of a log, which may be most of it, are not read for it.
    """
    found: dict[str, object] = {}
    for key, _, value in files.parts(path, (_SAMPLES,)):
        found[key] = value if key == _FIRST_ROW else None
        if key in (_SAMPLES, _FIRST_ROW) or len(found) == _MAX_MEMBERS:
            break
    return found


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
