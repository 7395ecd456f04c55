"""Files that an export writes where the user said."""

from __future__ import annotations

from pathlib import Path

from mathreason_eval.errors import DataError
from mathreason_eval.runs.files import write_below, write_named
from mathreason_eval.text.jsonl import dumps


def write(path: Path, content: str | bytes, within: Path | None = None) -> None:
    """Write a file, with its folder.

    Args:
        path: the file.
        content: all of it.
        within: the folder that the user named, below which no link is followed; None if the user
            named the file.

    Raises:
        DataError: if it cannot be written.
    """
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    try:
        if within is not None:
            write_below(path, data, within)
        else:
            write_named(path, data)
    except OSError as error:
        raise DataError(
            f"{path} cannot be written: {error.strerror}.", "Choose another -o."
        ) from None


def write_json(path: Path, value: object, within: Path | None = None) -> None:
    """Write a value as JSON; arguments and errors are those of `write`."""
    write(path, f"{dumps(value, indent=2)}\n", within)
