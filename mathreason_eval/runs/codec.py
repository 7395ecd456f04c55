"""Records as JSON, and back: a million of them in seconds, each field of the type it should be."""

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

_TOGETHER = 1 << 20
"""Bytes of whole lines that are parsed at once, or one longer line."""


class TornLineWarning(UserWarning):
    """The last line of a file was cut off, as a crash leaves it, and has been left out."""


# --- out -------------------------------------------------------------------------------------


def as_line(record: object) -> bytes:
    """Return a record as a line of JSON."""
    return _json_bytes(_fields(record)) + b"\n"


def as_document(value: Any) -> bytes:  # noqa: ANN401  any dataclass
    """Return a record, or a tuple of them, as a document that a person may read."""
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


# --- in --------------------------------------------------------------------------------------


def read_json(path: Path) -> Any:  # noqa: ANN401  parsed JSON
    """Return what a file of JSON holds.

    Raises:
        RunError: if it cannot be read.
    """
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path} cannot be read: {error}.", _BY_HAND) from None


def read_records(path: Path, kind: type[RecordT]) -> Records[RecordT]:
    """Return the records of a file of JSON lines; none where there is no file.

    A torn last line is left out, with a warning.

    Raises:
        RunError: naming the line that is not JSON, or the field of another type.
    """
    if not path.is_file():
        return Records()
    with _no_collection():
        return Records(_records(path, kind))


def converted(
    kind: type[RecordT], value: object, where: str, within: Sequence[str] = ()
) -> RecordT:
    """Return parsed JSON as a record; fields that this version does not know are left out.

    Args:
        kind: the record, or a tuple of records.
        value: what was parsed.
        where: the file, and the line of it, for the error.
        within: the fields in which the value stands there, from the outermost.

    Raises:
        RunError: if a field is missing or of another type; it names the field.
    """
    import msgspec

    try:
        record = msgspec.convert(value, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise RunError(f"{where}: {_in_words(str(error), within)}.", _BY_HAND) from None
    except UnicodeEncodeError:
        # Of half a character where no text may be msgspec does not say the place; of `?` it does.
        converted(kind, _without_surrogates(value), where, within)
        raise RunError(f"{where}: holds half a character in a name.", _BY_HAND) from None
    for number, one in enumerate(record) if isinstance(record, list) else [(None, record)]:
        if (amiss := _not_finite(one)) is not None:
            place = amiss if number is None else f"[{number}].{amiss}"
            raise RunError(f"{where}: {place}: expected a finite number.", _BY_HAND)
    return record


def _without_surrogates(value: object) -> object:
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


_FINITE: Mapping[type, Sequence[str]] = {
    Metric: ("value", "low", "high"),
    Verdict: ("score", "measures"),
}
"""Fields that numbers on screens are made of. msgspec takes NaN from JSON as Python parses it."""


def _not_finite(record: object) -> str | None:
    """Return the first field of a record that is not finite and has to be."""
    for name in _FINITE.get(type(record), ()):
        held = getattr(record, name)
        if not all(map(math.isfinite, held.values() if isinstance(held, Mapping) else (held,))):
            return name
    return None


_BY_HAND = "Was it edited by hand?"
_SAID = re.compile(r"(?P<what>.*?)(?: - at `(?P<place>.*)`)?", re.DOTALL)
_LACKS = re.compile(r"Object missing required field `(\w+)`")


def _in_words(message: str, within: Sequence[str]) -> str:
    """Return what msgspec says, the field first: `tasks.gsm8k.version: expected int, got str`."""
    said = _SAID.fullmatch(message)
    assert said is not None
    what, place = said["what"], ".".join(within) + (said["place"] or "").replace("$", "")
    if lacking := _LACKS.fullmatch(what):
        what, place = "missing", f"{place}.{lacking[1]}"
    place = place.removeprefix(".")
    what = what[:1].lower() + what[1:].replace("`", "")
    return f"{place}: {what}" if place else what


_DECODERS: dict[type, Callable[[bytes], list[Any]]] = {}


def _decoder(kind: type) -> Callable[[bytes], list[Any]]:
    """Return what decodes an array of records of a kind; it is made once."""
    # Not at the top: it takes as long to import as all of this package.
    import msgspec

    if kind not in _DECODERS:
        _DECODERS[kind] = msgspec.json.Decoder(list[kind]).decode  # type: ignore[valid-type]
    return _DECODERS[kind]


_REPEATED: Mapping[type, Sequence[str]] = {
    Generation: ("problem_id",),
    Verdict: ("problem_id", "rule"),
}
"""Fields with the same few texts over and over, in files of a million lines."""


def _share(kind: type, records: Sequence[object]) -> None:
    """Make all records that repeat a text hold one string of it: a fifth of their memory."""
    intern = sys.intern
    for slot in (getattr(kind, name) for name in _REPEATED.get(kind, ())):
        read, put = slot.__get__, slot.__set__
        for record in records:
            put(record, intern(read(record)))


@contextmanager
def _no_collection() -> Iterator[None]:
    """Look for no cycles meanwhile: among a million new records are none, and it takes as long."""
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
        while lines := file.readlines(_TOGETHER):
            if not lines[-1].endswith(b"\n"):
                warnings.warn(f"{path}: dropped a torn last line", TornLineWarning, stacklevel=2)
                lines.pop()
            records = _decode_lines(lines, number, path, kind)
            _share(kind, records)
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
    """Return the record of one line that is amiss, or among lines of which one is."""
    try:
        # Not msgspec: a lone surrogate in a model's output, or NaN, is no JSON to it.
        row = parse_line(line, keep_nan=True)
    except ValueError as error:
        raise RunError(f"{where}: {error}.", "Delete that line.") from None
    return converted(kind, row, where)
