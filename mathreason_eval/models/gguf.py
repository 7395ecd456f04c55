"""What a GGUF file says of itself, read from its header without any library.

The layout is https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, version 2 and later.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from mathreason_eval.errors import ModelError

_MAGIC = b"GGUF"
_OLDEST = 2
_SCALARS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
_STRING, _ARRAY = 8, 9
_LONGEST = 1 << 28
"""No text in a header is longer; a larger length means a torn file."""


def read_header(path: Path) -> Mapping[str, object]:
    """Return the file's metadata; of an array only that there is one (None).

    Raises:
        ModelError: the file is missing, or is not a GGUF file.
    """
    if not path.is_file():
        raise ModelError(f"There is no file {path}.", "Give the path of a GGUF file.")
    try:
        with path.open("rb") as file:
            return dict(_entry(file) for _ in range(_entries(file)))
    except (OSError, ValueError, KeyError, struct.error):
        raise ModelError(f"{path} is not a GGUF file, or is torn.", "Download it again.") from None


def _entries(file: BinaryIO) -> int:
    """Return the number of entries, which stands behind the magic and the number of tensors."""
    if file.read(len(_MAGIC)) != _MAGIC or _scalar(file, "I") < _OLDEST:
        raise ValueError
    _scalar(file, "Q")
    return int(_scalar(file, "Q"))


def _entry(file: BinaryIO) -> tuple[str, object]:
    """Return the next key and its value."""
    return _string(file), _value(file, int(_scalar(file, "I")))


def _value(file: BinaryIO, kind: int) -> object:
    """Return a value of the given type, or None after passing over an array."""
    if kind == _STRING:
        return _string(file)
    if kind == _ARRAY:
        _pass_array(file)
        return None
    return _scalar(file, _SCALARS[kind])


def _pass_array(file: BinaryIO) -> None:
    """Move behind an array."""
    kind, length = int(_scalar(file, "I")), int(_scalar(file, "Q"))
    if kind in _SCALARS:
        file.seek(length * struct.calcsize("<" + _SCALARS[kind]), 1)
        return
    for _ in range(length):
        _value(file, kind)


def _string(file: BinaryIO) -> str:
    """Return the next text."""
    length = int(_scalar(file, "Q"))
    if length > _LONGEST:
        raise ValueError
    return file.read(length).decode("utf-8", "replace")


def _scalar(file: BinaryIO, code: str) -> int | float | bool:
    """Return the next number."""
    layout = "<" + code
    number: int | float | bool = struct.unpack(layout, file.read(struct.calcsize(layout)))[0]
    return number
