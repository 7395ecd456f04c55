"""Files of logs, read strictly: rows, documents and zips, with one error for each fault."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mathreason_eval.errors import DataError
from mathreason_eval.runs.zips import NOT_READ, OpenedZip
from mathreason_eval.tasks.readers import Row, numbered_rows
from mathreason_eval.text.documents import parse_json
from mathreason_eval.text.limits import MAX_DOCUMENT_BYTES

ROWS = (".jsonl", ".jsonl.gz", ".json.gz", ".csv", ".parquet")
DOCUMENT = ".json"
ZIP = ".eval"
SUFFIXES = (*ROWS, DOCUMENT, ZIP)
_MAX_FILES = 20_000
"""Files of a folder of logs."""


def log_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """Yield (line, row) of a file of rows.

    Raises:
        DataError: if a line is not a JSON object, or the file is cut off: a log is all there or
            not used.
    """
    for one in numbered_rows(path):
        if one.error is not None:
            raise DataError(
                f"{path}, line {one.number} {one.error}.",
                "Check that it is the whole log, and not still being written.",
            )
        yield one.number, one.row


def document(path: Path) -> Any:  # noqa: ANN401  parsed JSON
    """Return the content of a JSON file; NaN, which Python writes, is a float in it.

    Raises:
        DataError: if it cannot be read, is too large, nested too deeply or no JSON.
    """
    try:
        with path.open("rb") as file:
            return parse_json(file.read(MAX_DOCUMENT_BYTES + 1), finite=False)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"it {error}"
        raise DataError(f"{path} cannot be read: {reason}.", "Check that it is complete.") from None


@contextmanager
def opened_zip(path: Path) -> Iterator[OpenedZip]:
    """Open a zip, for the documents in it.

    Raises:
        DataError: if it is damaged, hostile or larger than any log.
    """
    try:
        with OpenedZip(path) as opened:
            yield opened
    except NOT_READ as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise DataError(
            f"{path} cannot be read: {reason}.", "Check that it is complete and of your making."
        ) from None


def sibling(path: Path, pattern: str) -> Path | None:
    """Return the last of the files of a pattern in the folder of a file; None if there is none."""
    return max(filter(is_plain, path.parent.glob(pattern)), default=None)


def is_plain(path: Path) -> bool:
    """Return whether a path is that of a file, and not of a link to one."""
    return path.is_file() and not path.is_symlink()


def files_below(path: Path) -> list[Path]:
    """Return a file, or the files of a folder that may be logs, sorted; links are not followed.

    Raises:
        DataError: if there is none, or there are too many.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError(f"There is no file or folder {path}.", "Check the path after import.")
    try:
        return sorted(_walk(path))
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror}.", "Name the logs' own folder."
        ) from None


def _walk(path: Path) -> list[Path]:
    found: list[Path] = []
    folders = [path]
    seen = 0
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                seen += 1
                if seen > _MAX_FILES:
                    raise DataError(
                        f"{path} holds more than {_MAX_FILES:,} files.",
                        "Name the logs' own folder.",
                    )
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                elif entry.is_file(follow_symlinks=False) and entry.name.endswith(SUFFIXES):
                    found.append(Path(entry.path))
    return found
