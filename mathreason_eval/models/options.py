"""Engine options: `--model-arg key=value` read into a backend's own record of options."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any, ClassVar, Protocol, TypeVar, get_args, get_type_hints

from mathreason_eval.errors import ModelError, UnknownNameError

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


class _Record(Protocol):
    """A dataclass whose fields are all `str`, `int`, `float` or `bool`, or one of them or None."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


RecordT = TypeVar("RecordT", bound=_Record)


def read_options(record: type[RecordT], backend: str, given: Mapping[str, str]) -> RecordT:
    """Return the backend's options, each value read as its field's type.

    A hyphen is as good as an underscore in a name.

    Raises:
        UnknownNameError: an option that the backend does not have.
        ModelError: a value that is not of the option's type.
    """
    known = [field.name for field in fields(record)]
    types = get_type_hints(record)
    values: dict[str, Any] = {}
    for spelled, value in given.items():
        name = spelled.strip().replace("-", "_")
        if name not in known:
            raise UnknownNameError(f"option of {backend}:", spelled, known)
        values[name] = _value(name, value, types[name])
    return record(**values)


def read_object(name: str, text: str) -> dict[str, object]:
    """Return the JSON object that an option spells.

    Raises:
        ModelError: it is no JSON object.
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise ModelError(
            f"The model option {name} is {text!r}, not a JSON object.",
            f"Write {name}='{{\"key\": 1}}'.",
        )
    return value


def _value(name: str, text: str, annotation: object) -> str | int | float | bool:
    """Return the text as a value of the annotated type, where `None` stands for "not given"."""
    kinds = [kind for kind in (get_args(annotation) or (annotation,)) if kind is not type(None)]
    kind = kinds[0]
    try:
        if kind is bool:
            return _flag(text)
        if kind is int:
            return int(text)
        if kind is float:
            return float(text)
    except ValueError:
        raise ModelError(
            f"The model option {name} is {text!r}, which is not {_KINDS[kind]}.",
            f"Write {name}=VALUE with {_KINDS[kind]}.",
        ) from None
    return text


def _flag(text: str) -> bool:
    """Return what a yes or a no says."""
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(text)
    return word in _TRUE
