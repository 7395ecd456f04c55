"""JSON lines, read the same way wherever they come from.

The caller opens the file, in binary mode. What is decided here:

- A line ends at a line feed; a carriage return before it is white space, U+2028 is text.
- A byte order mark at the beginning is skipped. Blank lines are skipped, and counted.
- A line that is not UTF-8 or not JSON, is nested too deeply, or holds an integer with more digits
  than Python converts, is an error of that line. So is a last line that was cut off.
- NaN and Infinity, which Python writes although JSON has none, are null: unknown, and never a text.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mathreason_eval.errors import DataError

_DECODER = json.JSONDecoder()
_NAN_AS_NULL = json.JSONDecoder(parse_constant=lambda _: None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line that is not blank."""

    number: int
    """From 1, blank lines included."""
    value: Any
    """The parsed JSON; None as well where there is an error."""
    error: str | None = None
    """Why the line holds no JSON: `not UTF-8`; None where it holds some."""


def parse_line(line: bytes, *, keep_nan: bool = False) -> Any:  # noqa: ANN401  parsed JSON
    """Return the JSON of one line.

    Args:
        line: with or without its line feed.
        keep_nan: whether NaN and Infinity are floats, as in files that this package wrote.

    Raises:
        ValueError: saying why there is none.
    """
    decoder = _DECODER if keep_nan else _NAN_AS_NULL
    try:
        return decoder.decode(line.decode())
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_lines(lines: Iterable[bytes]) -> Iterator[Line]:
    """Yield the lines of a file, each with its JSON or with the reason why it holds none."""
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
    """Yield the number and the object of each line.

    Args:
        lines: of the file, opened in binary mode.
        path: the file, for the error.

    Raises:
        DataError: if a line holds no object; it names the file and the line.
    """
    for line in read_lines(lines):
        if not isinstance(line.value, dict):
            reason = f": {line.error}" if line.error else ""
            raise DataError(
                f"{path}, line {line.number} is not a JSON object{reason}.",
                "Write one JSON object a line, in UTF-8.",
            )
        yield line.number, line.value
