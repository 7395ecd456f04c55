"""Files that an export writes where the user said."""

from __future__ import annotations

from pathlib import Path

from mathreason_eval.errors import DataError
from mathreason_eval.runs.files import write_named
from mathreason_eval.text.jsonl import dumps


def write(path: Path, content: str | bytes) -> None:
    """Write a file, with its folder.

    Raises:
        DataError: if it cannot be written.
    """
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    try:
        write_named(path, data)
    except OSError as error:
        raise DataError(
            f"{path} cannot be written: {error.strerror}.", "Choose another -o."
        ) from None


def write_json(path: Path, value: object) -> None:
    """Write a value as JSON.

    Raises:
        DataError: as `write`.
    """
    write(path, f"{dumps(value, indent=2)}\n")
