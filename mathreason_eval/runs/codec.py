"""Records to JSON and back, fast enough for a million of them; field types are checked."""

from __future__ import annotations

import gc
import json
import math
import re
import sys
import warnings
from collections.abc import Callable, Iterator, KeysView, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from mathreason_eval.errors import RunError
from mathreason_eval.text.jsonl import parse_line
from mathreason_eval.types import Generation, Metric, Records, Verdict

RecordT = TypeVar("RecordT")

_CHUNK_BYTES = 1 << 20
"""About the number of bytes of complete lines that are parsed at once."""


class TornLineWarning(UserWarning):
    """The last line of a file is incomplete, as after a crash, and was skipped."""


# --- writing ---------------------------------------------------------------------------------


def as_line(record: object) -> bytes:
    """Return a record as a line of JSON."""
    return _json_bytes(_fields(record)) + b"\n"


def as_document(value: Any) -> bytes:  # noqa: ANN401  any dataclass
    """Return a record, or a tuple of them, as an indented JSON document."""
    plain = [asdict(each) for each in value] if isinstance(value, tuple) else asdict(value)
    return _json_bytes(plain, indent=1) + b"\n"


def _json_bytes(value: object, indent: int | None = None) -> bytes:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, indent=indent)
    try:
        return text.encode()
    except UnicodeEncodeError:
        # A lone surrogate in a model's output has no UTF-8; JSON's own escape keeps it.
        return json.dumps(value, sort_keys=True, indent=indent).encode()


def _names(kind: Any) -> KeysView[str]:  # noqa: ANN401  any dataclass
    names: KeysView[str] = kind.__dataclass_fields__.keys()
    return names


def _fields(record: object) -> dict[str, Any]:
    return {name: getattr(record, name) for name in _names(type(record))}


# --- reading ---------------------------------------------------------------------------------


def read_json(path: Path) -> Any:  # noqa: ANN401  parsed JSON
    """Return the content of a JSON file.

    Raises:
        RunError: if it cannot be read.
    """
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path} cannot be read: {error}.", _BY_HAND) from None


def read_records(path: Path, kind: type[RecordT]) -> Records[RecordT]:
    """Return the records of a JSON Lines file; none where there is no file.

    An incomplete last line is skipped, with a warning.

    Raises:
        RunError: naming the line that is not JSON, or the field of the wrong type.
    """
    if not path.is_file():
        return Records()
    with _gc_paused():
        return Records(_records(path, kind))


def converted(
    kind: type[RecordT], value: object, where: str, within: Sequence[str] = ()
) -> RecordT:
    """Return parsed JSON as a record; fields that this version does not know are left out.

    Args:
        kind: the record, or a tuple of records.
        value: what was parsed.
        where: the file and line, for the error.
        within: the fields that lead to the value in that file, outermost first.

    Raises:
        RunError: if a field is missing or of the wrong type; it names the field.
    """
    import msgspec

    try:
        record = msgspec.convert(value, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise RunError(f"{where}: {_field_error(str(error), within)}.", _BY_HAND) from None
    except UnicodeEncodeError:
        # msgspec does not locate a lone surrogate in a field that is no text, but does locate `?`.
        converted(kind, _without_surrogates(value), where, within)
        raise RunError(f"{where}: holds half a character in a name.", _BY_HAND) from None
    for number, one in enumerate(record) if isinstance(record, list) else [(None, record)]:
        if (field := _not_finite(one)) is not None:
            place = field if number is None else f"[{number}].{field}"
            raise RunError(f"{where}: {place}: expected a finite number.", _BY_HAND)
    return record


def _without_surrogates(value: object) -> object:
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


_FINITE: Mapping[type, Sequence[str]] = {
    Metric: ("value", "low", "high"),
    Verdict: ("score", "measures"),
}
"""Fields that reported numbers are computed from. Python's JSON parser accepts NaN, and so msgspec
gets it."""


def _not_finite(record: object) -> str | None:
    """Return the first field of a record that has to be finite and is not."""
    for name in _FINITE.get(type(record), ()):
        value = getattr(record, name)
        if not all(map(math.isfinite, value.values() if isinstance(value, Mapping) else (value,))):
            return name
    return None


_BY_HAND = "Was it edited by hand?"
_MSGSPEC_ERROR = re.compile(r"(?P<what>.*?)(?: - at `(?P<place>.*)`)?", re.DOTALL)
_MISSING_FIELD = re.compile(r"Object missing required field `(\w+)`")


def _field_error(message: str, within: Sequence[str]) -> str:
    """Return msgspec's message, the field first: `tasks.gsm8k.version: expected int, got str`."""
    parts = _MSGSPEC_ERROR.fullmatch(message)
    assert parts is not None
    what, place = parts["what"], ".".join(within) + (parts["place"] or "").replace("$", "")
    if missing := _MISSING_FIELD.fullmatch(what):
        what, place = "missing", f"{place}.{missing[1]}"
    place = place.removeprefix(".")
    what = what[:1].lower() + what[1:].replace("`", "")
    return f"{place}: {what}" if place else what


_DECODERS: dict[type, Callable[[bytes], list[Any]]] = {}


def _decoder(kind: type) -> Callable[[bytes], list[Any]]:
    """Return the decoder of an array of records of a kind; each is made once."""
    # Imported here because it takes as long to import as all of this package.
    import msgspec

    if kind not in _DECODERS:
        _DECODERS[kind] = msgspec.json.Decoder(list[kind]).decode  # type: ignore[valid-type]
    return _DECODERS[kind]


_REPEATED: Mapping[type, Sequence[str]] = {
    Generation: ("problem_id",),
    Verdict: ("problem_id", "rule"),
}
"""Fields whose few distinct texts are repeated, in files of a million lines."""


def _intern_texts(kind: type, records: Sequence[object]) -> None:
    """Make records with equal texts share one string, which saves a fifth of their memory."""
    intern = sys.intern
    for slot in (getattr(kind, name) for name in _REPEATED.get(kind, ())):
        read, put = slot.__get__, slot.__set__
        for record in records:
            put(record, intern(read(record)))


@contextmanager
def _gc_paused() -> Iterator[None]:
    """Pause garbage collection: records form no cycles, and it would double the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _records(path: Path, kind: type[RecordT]) -> Iterator[RecordT]:
    with path.open("rb") as file:
        number = 0
        while lines := file.readlines(_CHUNK_BYTES):
            if not lines[-1].endswith(b"\n"):
                warnings.warn(f"{path}: dropped a torn last line", TornLineWarning, stacklevel=2)
                lines.pop()
            records = _decode_lines(lines, number, path, kind)
            _intern_texts(kind, records)
            yield from records
            number += len(lines)


def _decode_lines(
    lines: Sequence[bytes], before: int, path: Path, kind: type[RecordT]
) -> list[RecordT]:
    """Return the records of some lines, decoded together, which is faster than one by one."""
    try:
        records: list[RecordT] = _decoder(kind)(b"[" + b",".join(lines) + b"]")
    except (ValueError, RecursionError):
        records = []
    if len(records) == len(lines):
        return records
    return [_record(line, f"{path}, line {n}", kind) for n, line in enumerate(lines, before + 1)]


def _record(line: bytes, where: str, kind: type[RecordT]) -> RecordT:
    """Return the record of one line; used where parsing lines together failed."""
    try:
        # Not msgspec: a lone surrogate in a model's output, or NaN, is no JSON to it.
        row = parse_line(line, keep_nan=True)
    except ValueError as error:
        raise RunError(f"{where}: {error}.", "Delete that line.") from None
    return converted(kind, row, where)
