"""Records as JSON, and back: a million of them in seconds."""

from __future__ import annotations

import gc
import json
import sys
import warnings
from collections.abc import Callable, Iterator, KeysView, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from mathreason_eval.errors import RunError
from mathreason_eval.types import Generation, Outcome, Problem, Records, Verdict

RecordT = TypeVar("RecordT")

_TOGETHER = 1 << 20
"""Bytes of whole lines that are parsed at once, or one longer line."""


class TornLineWarning(UserWarning):
    """The last line of a file was cut off, as a crash leaves it, and has been left out."""


# --- out -------------------------------------------------------------------------------------


def as_line(record: object) -> bytes:
    """Return a record as a line of JSON."""
    return _json_bytes(_fields(record)) + b"\n"


def as_document(value: object) -> bytes:
    """Return a record, or a tuple of them, as a document that a person may read."""
    plain = [_fields(each) for each in value] if isinstance(value, tuple) else _fields(value)
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
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read: {error}.", "Was it edited by hand?") from None


def read_records(path: Path, kind: type[RecordT]) -> Records[RecordT]:
    """Return the records of a file of JSON lines; none where there is no file.

    A torn last line is left out, with a warning.

    Raises:
        RunError: naming the line that is not JSON, or the row that is no such record.
    """
    if not path.is_file():
        return Records()
    with _no_collection():
        return Records(decoded(kind, row, path) for row in _rows(path))


def decoded(kind: type[RecordT], row: Any, path: Path) -> RecordT:  # noqa: ANN401  parsed JSON
    """Return a row as a record; fields that this version does not know are left out.

    Raises:
        RunError: if it is none.
    """
    try:
        if kind is Verdict:
            _restore(row)
        elif kind is Problem:
            row["gold"] = tuple(row["gold"])
        made = _filled(kind, row)
        if made is not None:
            return made
        known = _names(kind)
        return kind(**{name: value for name, value in row.items() if name in known})
    except (AttributeError, TypeError, ValueError, KeyError) as error:
        raise RunError(
            f"{path} holds a row that is no {kind.__name__}: {error}.", "Was it edited by hand?"
        ) from None


_SETTERS: Mapping[type, list[tuple[str, Callable[[object, Any], None]]]] = {
    kind: [(name, getattr(kind, name).__set__) for name in _names(kind)]
    for kind in (Generation, Verdict)
}


def _filled(kind: type[RecordT], row: dict[str, Any]) -> RecordT | None:
    """Return a record of a kind that comes by the million; None for others, or without all fields.

    Its slots are filled one by one: the __init__ of a frozen dataclass goes through
    object.__setattr__ for every field, and took a fifth of the time in all.
    """
    setters = _SETTERS.get(kind)
    if setters is None or len(row) != len(setters):
        return None
    # One string for all the samples of a problem.
    row["problem_id"] = sys.intern(row["problem_id"])
    record = object.__new__(kind)
    try:
        for name, put in setters:
            put(record, row[name])
    except KeyError:
        return None
    return record


_OUTCOMES = {str(outcome): outcome for outcome in Outcome}


def _restore(row: dict[str, Any]) -> None:
    """Put what a verdict is made of in the place of JSON's types."""
    if row.get("span") is not None:
        row["span"] = tuple(row["span"])
    if row.get("second") is not None:
        row["second"] = _OUTCOMES[row["second"]]
    row["outcome"] = _OUTCOMES[row["outcome"]]
    row["rule"] = sys.intern(row["rule"])


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


def _rows(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        number = 0
        while lines := file.readlines(_TOGETHER):
            if not lines[-1].endswith(b"\n"):
                warnings.warn(f"{path}: dropped a torn last line", TornLineWarning, stacklevel=2)
                lines.pop()
            yield from _parsed(lines, number, path)
            number += len(lines)


def _parsed(lines: Sequence[bytes], before: int, path: Path) -> list[Any]:
    """Return the values of some lines: all at once, which is twice as fast as one by one."""
    try:
        rows: list[Any] = json.loads(b"[" + b",".join(lines) + b"]")
    except ValueError:
        rows = []
    if len(rows) == len(lines):
        return rows
    rows = []
    for number, line in enumerate(lines, before + 1):
        try:
            rows.append(json.loads(line))
        except ValueError as error:
            raise RunError(f"{path}, line {number}: {error}.", "Delete that line.") from None
    return rows
