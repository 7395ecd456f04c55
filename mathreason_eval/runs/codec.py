"""Records to JSON and back, fast enough for a million of them; field types are checked."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
import math
import os
import re
import warnings
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, KeysView, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, asdict, fields, is_dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, get_type_hints

from mathreason_eval.errors import RunError
from mathreason_eval.runs.descriptors import opened_stored
from mathreason_eval.text.documents import check_weight, parse_json
from mathreason_eval.text.jsonl import parse_line
from mathreason_eval.text.limits import MAX_DOCUMENT_BYTES, MAX_LINE_BYTES, MAX_NESTING
from mathreason_eval.types import (
    FailedRequest,
    Generation,
    Metric,
    Problem,
    Prompt,
    Records,
    SentPrompt,
    StepRewards,
    Verdict,
)

RecordT = TypeVar("RecordT")

_CHUNK_BYTES = 1 << 18
"""Bytes of complete lines that are parsed at once, approximately: they fit a processor's cache."""


class TornLineWarning(UserWarning):
    """The last line of a file is incomplete, as after a crash, and was skipped."""


# --- writing ---------------------------------------------------------------------------------


def as_line(record: object) -> bytes:
    """Return a record as a line of JSON.

    Raises:
        RunError: if a number in it is not finite.
    """
    # msgspec is ten times as fast, but writes NaN as null and no lone surrogate at all.
    if (floats := _FLOATS.get(type(record))) is not None and _are_finite(floats(record)):
        with contextlib.suppress(UnicodeEncodeError):
            return _encoder()(record) + b"\n"
    return _json_bytes(_fields(record)) + b"\n"


_FLOATS: Mapping[type, Callable[[Any], Iterable[object]]] = {
    Generation: lambda one: (one.seconds, one.reward),
    Verdict: lambda one: (one.score, *one.measures.values()),
    FailedRequest: lambda one: (one.seconds,),
    StepRewards: lambda one: (one.reward, *one.scores),
    Problem: lambda one: (*one.meta.values(), one.given),
}
"""The values of a record that may hold a float."""


def _are_finite(values: Iterable[object]) -> bool:
    for value in values:
        if isinstance(value, float):
            if not math.isfinite(value):
                return False
        elif isinstance(value, Mapping | list | tuple):
            inner = value.values() if isinstance(value, Mapping) else value
            if not _are_finite(inner):
                return False
    return True


@cache
def _encoder() -> Callable[[object], bytes]:
    # Imported here because it takes as long to import as all of this package.
    import msgspec

    return msgspec.json.Encoder(order="sorted").encode


def as_document(value: Any) -> bytes:  # noqa: ANN401  any dataclass
    """Return a record, or a tuple of them, as an indented JSON document.

    Raises:
        RunError: if a number in it is not finite.
    """
    if isinstance(value, tuple):
        return b"".join(document_pieces(value))
    return _json_bytes(asdict(value), indent=1) + b"\n"


def document_pieces(records: Iterable[Any]) -> Iterator[bytes]:
    """Yield a list of records as an indented JSON document, a record at a time.

    Raises:
        RunError: if a number in it is not finite.
    """
    before = b"["
    for record in records:
        # A line feed in a text is escaped: every one here is between lines.
        yield before + b"\n " + _json_bytes(asdict(record), indent=1).replace(b"\n", b"\n ")
        before = b","
    yield b"[]\n" if before == b"[" else b"\n]\n"


def _json_bytes(value: object, indent: int | None = None) -> bytes:
    write = partial(
        json.dumps, value, sort_keys=True, indent=indent, default=_spelled, allow_nan=False
    )
    try:
        text = write(ensure_ascii=False)
    except ValueError:
        raise _not_stored(value) from None
    try:
        return text.encode()
    except UnicodeEncodeError:
        # A lone surrogate in a model's output has no UTF-8; JSON's own escape keeps it.
        return write().encode()


def _spelled(value: Any) -> dict[str, Any]:  # noqa: ANN401  any dataclass
    return value.spelled() if isinstance(value, Prompt) else asdict(value)


def _not_stored(value: object) -> RunError:
    """Return the error of a value with a number that JSON has no word for."""
    place, number = next(_infinite(value))
    return RunError(
        f"{'.'.join(place)} is {number}, and a run folder holds finite numbers only.",
        "Change the setting, or tell the author of the package that gave it.",
    )


def _infinite(
    value: object, place: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], float]]:
    """Yield each number that is not finite, with the keys that lead to it."""
    if isinstance(value, float) and not math.isfinite(value):
        yield place, value
    elif is_dataclass(value):
        yield from _infinite(_fields(value), place)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _infinite(each, (*place, str(key)))
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from _infinite(each, (*place, str(number)))


def _names(kind: Any) -> KeysView[str]:  # noqa: ANN401  any dataclass
    names: KeysView[str] = kind.__dataclass_fields__.keys()
    return names


def _fields(record: object) -> dict[str, Any]:
    return {name: getattr(record, name) for name in _names(type(record))}


# --- reading ---------------------------------------------------------------------------------


def read_json(path: Path, *, finite: bool = False) -> Any:  # noqa: ANN401  parsed JSON
    """Return the content of a JSON file.

    Args:
        path: the file.
        finite: whether NaN and Infinity, which Python writes, are errors.

    Raises:
        RunError: if it cannot be read.
    """
    try:
        with opened_stored(path, path.parent) as file:
            return parse_json(file.read(MAX_DOCUMENT_BYTES + 1), finite=finite)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"it {error}"
        raise RunError(
            f"{path} cannot be read: {reason}.",
            "If it was edited by hand, undo that; or repeat its `mathreason run` with --repair.",
        ) from None


def spelled_prompts(path: Path) -> dict[str, str]:
    """Return the SHA-256 of each prompt of a file by problem, as it is spelled there.

    That is its own digest where this package wrote the file: nothing else is parsed, which takes a
    quarter of the time. Nothing where the file cannot be read, or has two of a problem.
    """
    import msgspec

    line: Any = msgspec.defstruct("Line", [("problem_id", str), ("prompt", msgspec.Raw)], gc=False)
    try:
        with opened_stored(path, _run_of(path)) as file:
            content = file.read().rstrip(b"\n").replace(b"\n", b",")
        lines = msgspec.json.decode(b"[" + content + b"]", type=list[line])
    except (OSError, ValueError, RecursionError):
        return {}
    with gc_paused():
        spelled = {one.problem_id: hashlib.sha256(one.prompt).hexdigest() for one in lines}
    return spelled if len(spelled) == len(lines) else {}


def read_records(path: Path, kind: type[RecordT]) -> Records[RecordT]:
    """Return the records of a JSON Lines file; none where there is no file.

    Raises:
        RunError: as `read_chunks`, or naming the second line on one problem where each has one.
    """
    with gc_paused():
        found = Records(record for records in read_chunks(path, kind) for record in records)
    if (name := _UNIQUE.get(kind)) is not None:
        _check_unique(path, [getattr(record, name) for record in found])
    return found


def read_lines(path: Path, kind: type[RecordT], lines: Sequence[int]) -> Records[RecordT]:
    """Return the records of some lines of a JSON Lines file, counted from 0, in their order.

    Raises:
        RunError: as `read_chunks`.
    """
    found, first, place = list[RecordT](), 0, 0
    with gc_paused():
        for records in read_chunks(path, kind):
            last = bisect_left(lines, first + len(records), place)
            found += [records[line - first] for line in lines[place:last]]
            first, place = first + len(records), last
    return Records(found)


_UNIQUE: Mapping[type, str] = {Problem: "id", SentPrompt: "problem_id"}
"""The field of which each line of a file has another value."""


def _check_unique(path: Path, names: Sequence[str]) -> None:
    if len(set(names)) == len(names):
        return
    first: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        if (line := first.setdefault(name, number)) != number:
            raise RunError(
                f"{path}, line {number}: problem {name!r} is on line {line} already.",
                "Delete one of them; or repeat its `mathreason run` with --repair.",
            )


def read_chunks(
    path: Path, kind: type[RecordT], *, as_rows: bool = False
) -> Iterator[Sequence[RecordT]]:
    """Yield the records of a JSON Lines file, some at a time; none where there is no file.

    An incomplete last line is skipped, with a warning.

    Args:
        path: the file.
        kind: the record.
        as_rows: whether its fields are enough, without its properties, to be put into columns:
            read as strictly, in two thirds of the time.

    Raises:
        RunError: naming the line that is not JSON, or the field of the wrong type.
    """
    if not path.is_file():
        return
    try:
        yield from _chunks(path, kind, as_rows=as_rows)
    except OSError as error:
        raise RunError(
            f"{path} cannot be read: {error.strerror}.", "Check its permissions and the disk."
        ) from None


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
        raise RunError(f"{where}: a name contains a lone surrogate.", _BY_HAND) from None
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
    Generation: ("reward",),
    Problem: ("meta", "given"),
}
"""Fields that reported numbers are computed from. Python's JSON parser accepts NaN, and so msgspec
gets it."""


def _not_finite(record: object) -> str | None:
    """Return the name of the first field of a record that must be finite and is not, or None."""
    for name in _FINITE.get(type(record), ()):
        if not _are_finite((getattr(record, name),)):
            return name
    return None


_BY_HAND = "If it was edited by hand, undo that edit."
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


@cache
def _decoder(kind: type) -> Callable[[bytes], list[Any]]:
    """Return the decoder of a JSON array of records of a kind."""
    # Imported here because importing it takes as long as importing this whole package.
    import msgspec

    return msgspec.json.Decoder(list[kind]).decode  # type: ignore[valid-type]


@cache
def _row_decoder(kind: type) -> Callable[[bytes], list[Any]]:
    """Return the decoder of lines, each with one object, into rows with the fields of a record."""
    import msgspec

    return msgspec.json.Decoder(_row_kind(kind)).decode_lines


def _row_kind(kind: Any) -> type:  # noqa: ANN401  any dataclass
    """Return a type with the fields of a record, of the same types, that is decoded faster."""
    import msgspec

    types = get_type_hints(kind)
    defaults = {
        one.name: msgspec.field(default_factory=one.default_factory)
        if one.default_factory is not MISSING
        else one.default
        for one in fields(kind)
    }
    return msgspec.defstruct(
        f"{kind.__name__}Row",
        [
            (name, types[name]) if default is MISSING else (name, types[name], default)
            for name, default in defaults.items()
        ],
        kw_only=True,
        gc=False,
    )


_REPEATED: Mapping[type, Sequence[str]] = {
    Generation: ("problem_id", "finish_reason"),
    Verdict: ("problem_id", "rule", "found_by", "judged_by", "note", "answer"),
}
"""Fields that repeat a few distinct texts, in files of up to a million lines."""


_SMALL_BYTES = 100 << 20
"""Bytes of a file whose records need not share their texts: a few tens of megabytes more, and a
third less time."""
_MOST_SHARED = 20_000
"""Texts that are remembered to be shared; with more they are forgotten, as a file may have millions
of different ones. The samples of a problem, whose texts are alike, are next to each other."""


def _share_texts(kind: type, records: Sequence[object], known: dict[object, object]) -> None:
    """Make records share one string per distinct text, which saves a fifth of their memory."""
    for slot in (getattr(kind, name) for name in _REPEATED.get(kind, ())):
        texts = [*map(slot.__get__, records)]
        # A loop in C: with one in Python this takes as long as decoding the file.
        deque(map(slot.__set__, records, map(known.setdefault, texts, texts)), maxlen=0)
        if len(known) > _MOST_SHARED:
            known.clear()


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pause garbage collection: records form no cycles, and it would double the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _chunks(path: Path, kind: type[RecordT], *, as_rows: bool) -> Iterator[Sequence[RecordT]]:
    with opened_stored(path, _run_of(path)) as file:
        number = 0
        shared: dict[object, object] = {}
        size = os.fstat(file.fileno()).st_size
        while lines := _some_lines(file, path, min(_CHUNK_BYTES, size + 1)):
            if not lines.endswith(b"\n"):
                warnings.warn(f"{path}: dropped a torn last line", TornLineWarning, stacklevel=2)
                lines = lines[: lines.rfind(b"\n") + 1]
            records = _decode_lines(lines, kind, as_rows=as_rows)
            if lines and not records:
                records = _records_one_by_one(lines, number, path, kind)
            if size > _SMALL_BYTES and not as_rows:
                _share_texts(kind, records, shared)
            yield records
            number += len(records)


def _run_of(path: Path) -> Path:
    """Return the run folder of a task's file."""
    return path.parents[1]


def _some_lines(file: BinaryIO, path: Path, most: int) -> bytes:
    """Return the next lines of a file, of so many bytes together or somewhat more.

    Raises:
        RunError: if one is too long.
    """
    lines = file.read(most)
    if len(lines) < most or lines.endswith(b"\n"):
        return lines
    lines += file.readline(MAX_LINE_BYTES + 1)
    # No other line is longer than a chunk, which is of no weight.
    last = lines[lines.rfind(b"\n", 0, len(lines) - 1) + 1 :]
    if len(last) > MAX_LINE_BYTES:
        raise RunError(f"{path} has a line of more than {MAX_LINE_BYTES >> 20} MiB.", _REPAIR)
    try:
        check_weight(last)
    except ValueError as error:
        raise RunError(f"{path} has a line that {error}.", _REPAIR) from None
    return lines


def _decode_lines(lines: bytes, kind: type[RecordT], *, as_rows: bool) -> list[RecordT]:
    """Return the records of some lines, decoded together; none if that is not possible."""
    # What a benchmark says of a problem is any JSON, of any depth; the others have none.
    deep = kind is Problem and any(
        line.count(b"[") + line.count(b"{") > MAX_NESTING for line in lines.split(b"\n")
    )
    records: list[RecordT] = []
    of: Any = kind  # mypy takes a type for no key of a cache
    # A line that is no single object is told with its number, one by one.
    with contextlib.suppress(ValueError, RecursionError):
        if as_rows and _is_an_object_each(lines):
            records = _row_decoder(of)(lines)
        elif lines and not deep:
            records = _decoder(of)(b"[" + lines[:-1].replace(b"\n", b",") + b"]")
    return records if len(records) == len(lines) - len(lines.replace(b"\n", b"")) else []


def _is_an_object_each(lines: bytes) -> bool:
    """Return whether every line begins and ends as an object does, so that none has a part of one.

    A value that goes over several lines has no `}` at the end of one and `{` at the next.
    """
    import numpy as np

    characters = np.frombuffer(lines, np.uint8)
    ends = np.flatnonzero(characters == ord("\n"))
    if not len(ends) or not ends[0]:
        return False
    begins = characters[np.append(0, ends[:-1] + 1)]
    return bool(((begins == ord("{")) & (characters[ends - 1] == ord("}"))).all())


def _records_one_by_one(
    lines: bytes, before: int, path: Path, kind: type[RecordT]
) -> list[RecordT]:
    """Return the records of lines one of which msgspec refuses, and another parser may not."""
    return [
        read_record(line + b"\n", f"{path}, line {n}", kind)
        for n, line in enumerate(lines[:-1].split(b"\n"), before + 1)
    ]


def read_record(line: bytes, where: str, kind: type[RecordT]) -> RecordT:
    """Return the record of one line; used where parsing lines together failed.

    Raises:
        RunError: if the line contains none.
    """
    try:
        # Not msgspec: it rejects a lone surrogate in a model's output, and NaN.
        row = parse_line(line, keep_nan=True)
    except ValueError as error:
        raise RunError(f"{where}: {error}.", _DAMAGED.get(kind, _REPAIR)) from None
    return converted(kind, row, where)


_REPAIR = "Repeat its `mathreason run` with --repair: damaged samples are requested again."
_DAMAGED: Mapping[type, str] = {
    Verdict: "Delete this file: `mathreason regrade` writes it again.",
}
"""What to do about a file of records with a damaged line."""
