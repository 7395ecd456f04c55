"""Engines that turn prompts into text, a module each, opened by name and by options as typed.

A module has `Options`, a dataclass of what `--model-arg` may set, and `open_engine(name, rest,
options)`, which returns a `base.Model`. An engine's library is imported only when a model of it is
opened: listing them costs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, fields
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, get_args, get_type_hints

from mathreason_eval.errors import MissingExtraError, ModelError, UnknownNameError
from mathreason_eval.registry import Registry

if TYPE_CHECKING:
    from mathreason_eval.models.base import Model

DEMO = "demo"
"""The embedded default model, for `mathreason run demo`."""

_BACKENDS: Mapping[str, str] = MappingProxyType(
    {
        "vllm": "vllm:FOLDER or vllm:HUB/ID[@REVISION]",
        "hf": "hf:FOLDER or hf:HUB/ID[@REVISION]",
        "llamacpp": "llamacpp:FILE.gguf",
        "openai": "openai:MODEL@http://HOST:PORT/v1",
        "prm": "prm:FOLDER or prm:HUB/ID[@REVISION]",
        "checker": "checker:equations",
        "replay": "replay:FILE.jsonl",
        "fake": "fake:echo, fake:answer=42 or fake:RULES.yaml",
    }
)

Opener = Callable[[str, str, Mapping[str, str]], "Model"]
"""(name as typed, what follows `BACKEND:`, options as typed) -> a model that is ready."""


def _opener(backend: str) -> Opener:
    def open_engine(name: str, rest: str, options: Mapping[str, str]) -> Model:
        model: Model = import_module(f"{__name__}.{backend}").open_engine(name, rest, options)
        return model

    return open_engine


ENGINES: Registry[Opener] = Registry(
    "ENGINES",
    {backend: _opener(backend) for backend in _BACKENDS},
    families=False,
    reserved=(DEMO,),
)
"""What opens models, by backend: ours, and those of installed packages."""


def backends() -> Mapping[str, str]:
    """Return each of our backends with the form of its models' names."""
    return _BACKENDS


def open_model(name: str, options: Mapping[str, str] = MappingProxyType({})) -> Model:
    """Return the engine named `BACKEND:NAME`, ready to stream; `demo` is the embedded model.

    Args:
        name: As typed: `llamacpp:/path/model.gguf`.
        options: Engine options as typed: `{"dtype": "bfloat16"}`. Each backend has its own.

    Raises:
        UnknownNameError: no such backend, or no such option.
        PluginError: the package that brings the backend cannot be imported.
        MissingExtraError: the backend's library is not installed.
        ModelError: the model cannot be opened.
    """
    if name == DEMO:
        demo: Model = import_module(f"{__name__}.llamacpp").open_demo(options)
        return demo
    backend, colon, rest = name.partition(":")
    if backend not in ENGINES:
        hint = "" if colon else "A model is named BACKEND:NAME."
        raise UnknownNameError("model backend", backend, [*ENGINES, DEMO], hint)
    if not rest:
        usage = _BACKENDS.get(backend, f"{backend}:NAME")
        raise ModelError(f"{name!r} names no model.", f"Write {usage}.")
    return ENGINES[backend](name, rest, options)


# --- what the engines' modules need to open a model ------------------------------------------


def require(packages: Iterable[str], *, extra: str, backend: str) -> None:
    """Check that the packages of a backend are installed, without importing them.

    Raises:
        MissingExtraError: naming the first that is not, and the extra that brings it.
    """
    for package in packages:
        if find_spec(package) is None:
            raise MissingExtraError(package, extra, f"The {backend} backend")


class _Record(Protocol):
    """A dataclass whose fields are all `str`, `int`, `float` or `bool`, or one of them or None."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


RecordT = TypeVar("RecordT", bound=_Record)


def read_options(record: type[RecordT], backend: str, given: Mapping[str, str]) -> RecordT:
    """Return the backend's options, each `--model-arg key=value` read as its field's type.

    A hyphen in a name counts as an underscore.

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
        values[name] = _read_value(name, value, types[name])
    return record(**values)


def read_object(name: str, text: str) -> dict[str, object]:
    """Return the JSON object in the text of an option.

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


_FLAGS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


def _read_flag(text: str) -> bool:
    return _FLAGS[text.strip().lower()]


_READERS: Mapping[type, tuple[Callable[[str], object], str]] = {
    bool: (_read_flag, "true or false"),
    int: (int, "a whole number"),
    float: (float, "a number"),
    str: (str, "a text"),
}
"""For each type of option what reads it, and what it is called in an error."""


def _read_value(name: str, text: str, annotation: object) -> object:
    """Return the text as a value of the annotated type; `int | None` is read as int."""
    kind = (get_args(annotation) or (annotation,))[0]
    read, described = _READERS[kind]
    try:
        return read(text)
    except (ValueError, KeyError):
        raise ModelError(
            f"The model option {name} is {text!r}, which is not {described}.",
            f"Write {name}=VALUE with {described}.",
        ) from None
