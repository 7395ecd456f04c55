"""JSON lines, read in the same way from every source.

The caller opens the file, in binary mode. The rules:

- A line ends at a line feed; a carriage return before it is white space, U+2028 is text.
- A byte order mark at the beginning is skipped. Blank lines are skipped, and counted.
- A line that is not UTF-8 or not JSON, is nested too deeply, or has an integer with more digits
  than Python converts, is an error of that line only. So is a last line that was cut off.
- So is an object with a key twice. A line of more than `MAX_LINE_BYTES` ends the reading.
- NaN and Infinity, which Python writes although JSON has none, are read as null: unknown. So is
  1e400, which is too large for a float and would be infinity.
"""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from mathreason_eval.errors import DataError
from mathreason_eval.text.documents import check_weight, is_too_deep, unique_keys
from mathreason_eval.text.limits import (
    LINE_OVERHEAD_BYTES,
    MAX_LINE_BYTES,
    MAX_NESTING,
    Expansion,
)


def _finite(digits: str) -> float | None:
    """Return a JSON number with a fraction or an exponent; None if it is too large for a float."""
    value = float(digits)
    return value if math.isfinite(value) else None


_DECODER = json.JSONDecoder()
# The type stub requires a float; the decoder accepts anything.
_NAN_AS_NULL = json.JSONDecoder(
    parse_constant=lambda _: None, parse_float=_finite, object_pairs_hook=unique_keys
)


def dumps(value: object, **layout: Any) -> str:  # noqa: ANN401  as `json.dumps`
    """Return plain values as JSON, with sorted keys; a number that JSON has no word for is null.

    Args:
        value: what `json.dumps` takes.
        layout: its other arguments.
    """
    try:
        return json.dumps(value, sort_keys=True, allow_nan=False, **layout)
    except ValueError:
        plain = json.loads(json.dumps(value, **layout), parse_constant=lambda _: None)
        return json.dumps(plain, sort_keys=True, **layout)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line that is not blank."""

    number: int
    """From 1, blank lines included."""
    value: Any
    """The parsed JSON; None also if there is an error."""
    error: str | None = None
    """Why the line is not JSON: `not UTF-8`; None if it is JSON."""


def parse_line(line: bytes, *, keep_nan: bool = False) -> Any:  # noqa: ANN401  parsed JSON
    """Return the JSON of one line.

    Args:
        line: with or without its line feed.
        keep_nan: whether NaN and Infinity are floats, as in files that this package wrote.

    Raises:
        ValueError: if it is not JSON, with the reason.
    """
    check_weight(line)
    decoder = _DECODER if keep_nan else _NAN_AS_NULL
    try:
        value = decoder.decode(line.decode())
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    # Counted first, which takes no time: a line with fewer brackets is not deep.
    if line.count(b"[") + line.count(b"{") > MAX_NESTING and is_too_deep(value):
        raise ValueError("nested too deeply")
    return value


class Lines(Protocol):
    """An open file, or what expands one."""

    def readline(self, size: int, /) -> bytes:
        """Return the next line, or the beginning of a longer one; nothing at the end."""
        ...


_CHECKED_BYTES = 1 << 20
"""Expanded bytes after which their number is checked."""


def bounded_lines(
    stream: Lines, compressed: BinaryIO | None = None, expansion: Expansion | None = None
) -> Iterator[bytes]:
    """Yield the lines of an open file.

    Args:
        stream: the file, or what expands it.
        compressed: the file that is expanded, if it is.
        expansion: of all files that are read; None: of this one.

    Raises:
        ValueError: if a line is too long, or the file expands to more than any text does.
    """
    expansion = expansion or Expansion()
    expanded = checked = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        if len(line) > MAX_LINE_BYTES:
            raise ValueError(f"a line has more than {MAX_LINE_BYTES >> 20} MiB")
        expanded += len(line) + LINE_OVERHEAD_BYTES
        if compressed is not None and expanded - checked > _CHECKED_BYTES:
            checked = expanded
            expansion.check(compressed.name, expanded, compressed.tell())
        yield line
    if compressed is not None:
        expansion.check(compressed.name, expanded, compressed.tell())


def read_lines(lines: Iterable[bytes]) -> Iterator[Line]:
    """Yield the lines of a file, each with its JSON or the reason why it is not JSON."""
    for number, line in enumerate(lines, 1):
        content = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
        if not content.strip():
            continue
        try:
            yield Line(number=number, value=parse_line(content))
        except ValueError as error:
            cut_off = "" if line.endswith(b"\n") else ", and the file ends in this line"
            yield Line(number=number, value=None, error=f"{error}{cut_off}")


def read_objects(lines: Iterable[bytes], path: object) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number, object) for each line that is not blank.

    Args:
        lines: the lines of the file, opened in binary mode.
        path: the file, for error messages.

    Raises:
        DataError: if a line is not an object; it names the file and the line.
    """
    for line in read_lines(lines):
        if not isinstance(line.value, dict):
            reason = f": {line.error}" if line.error else ""
            raise DataError(
                f"{path}, line {line.number} is not a JSON object{reason}.",
                "Write one JSON object per line, in UTF-8.",
            )
        yield line.number, line.value
