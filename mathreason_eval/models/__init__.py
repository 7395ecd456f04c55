"""Engines that turn prompts into text, one module each, opened by name.

A module has `Options`, a dataclass of what `--model-arg` may set, `open_engine(name, rest,
options)`, which returns a `base.Model`, and `check(rest, options, faults)`, which returns what can
be known before. An engine's library is imported only when a model of it is opened: listing them
costs nothing.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    NewType,
    Protocol,
    TypeVar,
    get_args,
    get_type_hints,
)

from mathreason_eval.errors import (
    Faults,
    MissingExtraError,
    ModelError,
    UnknownNameError,
    raise_faults,
)
from mathreason_eval.models.facts import ModelFacts
from mathreason_eval.registry import OURS, Registry
from mathreason_eval.text.secrets import Secrets, check_name, secret_values
from mathreason_eval.types import IDENTIFIED_AS, OPTIONS, ROUNDING, SCHEDULING

if TYPE_CHECKING:
    from mathreason_eval.models.base import Model

UserModel = NewType("UserModel", str)
"""A model's name that the user of this command gave: on its command line or in a call. A name in a
manifest, a log or a config is a `str` and opens nothing, for it may lead to any server or file: the
user's key would be sent there."""

DEMO = "demo"
"""The embedded default model, for `mathreason run demo`."""

_BACKENDS: Mapping[str, str] = MappingProxyType(
    {
        "vllm": "vllm:FOLDER or vllm:HUB/ID[@REVISION]",
        "hf": "hf:FOLDER or hf:HUB/ID[@REVISION]",
        "llamacpp": "llamacpp:FILE.gguf",
        "openai": "openai:MODEL@http://HOST:PORT/v1",
        "lm_eval": "lm_eval:TYPE,ARGS",
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
"""By backend, the function that opens its models: ours, and those of installed packages."""


def backends() -> Mapping[str, str]:
    """Return each of our backends with the pattern of its models' names."""
    return _BACKENDS


def open_model(name: UserModel, options: Mapping[str, str] = MappingProxyType({})) -> Model:
    """Return the engine named `BACKEND:NAME`, ready to stream; `demo` is the embedded model.

    Args:
        name: As the user typed it: `llamacpp:/path/model.gguf`.
        options: Engine options as typed: `{"dtype": "bfloat16"}`. Each backend has its own.

    Raises:
        UnknownNameError: there is no such backend, or no such option.
        PluginError: the package that provides the backend cannot be imported.
        MissingExtraError: the backend's library is not installed.
        ModelError: the model cannot be opened.
    """
    check_name(name)
    backend, rest = (DEMO, "") if name == DEMO else _divided(name)
    placement: Any = import_module(f"{__name__}.replicas.placement")
    if (placed := placement.read_placement(backend, options)) is not None:
        fleet: Model = placement.open_placed(name, backend, placed)
        return fleet
    if name == DEMO:
        demo: Model = import_module(f"{__name__}.llamacpp").open_demo(options)
        return demo
    try:
        return ENGINES[backend](name, rest, options)
    except ModelError as error:
        # Libraries repeat what they were given.
        hide = Secrets(*secret_values(options)).hide
        raise ModelError(hide(error.what), hide(error.hint)) from None


def check_model(name: str, options: Mapping[str, str] = MappingProxyType({})) -> ModelFacts:
    """Return what is known of a model without loading it, and all that keeps it from opening.

    A backend's module looks itself, by its function `check(rest, options, faults)`; nothing is
    known of what an installed package brings.

    Args:
        name: as typed.
        options: as typed.
    """
    faults = Faults()
    facts = faults.attempt(lambda: _examined(name, options, faults)) or ModelFacts()
    return replace(facts, name=name, faults=tuple(faults.found))


def _examined(name: str, options: Mapping[str, str], faults: Faults) -> ModelFacts:
    check_name(name)
    backend, rest = (DEMO, "") if name == DEMO else _divided(name)
    placement: Any = import_module(f"{__name__}.replicas.placement")
    placed = faults.attempt(lambda: placement.read_placement(backend, options))
    options = placed.rest if placed is not None else options
    if name == DEMO:
        demo: ModelFacts = import_module(f"{__name__}.llamacpp").check_demo(options, faults)
        return replace(demo, backend="llamacpp")
    if backend not in _BACKENDS:
        return ModelFacts()
    facts: ModelFacts = import_module(f"{__name__}.{backend}").check(rest, options, faults)
    if any(isinstance(fault, OptionError | UnknownNameError) for fault in faults.found):
        # It may be what decides them.
        facts = replace(facts, chat=None, context=None)
    return replace(facts, backend=backend)


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedModel:
    """A model by its name and options as typed, which can be checked before it is opened."""

    name: UserModel
    options: Mapping[str, str] = field(default_factory=dict)

    def __call__(self) -> Model:
        """Return the model, opened; raises as `open_model`."""
        return open_model(self.name, self.options)

    def check(self) -> ModelFacts:
        """Return what is known of it; see `check_model`."""
        return check_model(self.name, self.options)


def _divided(name: str) -> tuple[str, str]:
    """Return the backend of a name, and what follows it.

    Raises:
        UnknownNameError: no such backend.
        ModelError: nothing follows.
    """
    backend, colon, rest = name.partition(":")
    if backend == DEMO:
        raise ModelError(f"{DEMO} is a whole name, and {name!r} is none.", f"Write {DEMO}.")
    if backend not in ENGINES:
        hint = "" if colon else "A model is named BACKEND:NAME."
        raise UnknownNameError("model backend", backend, [*ENGINES, DEMO], hint)
    if not rest:
        usage = _BACKENDS.get(backend, f"{backend}:NAME")
        raise ModelError(f"{name!r} does not name a model.", f"Write {usage}.")
    return backend, rest


def engine_package(name: str) -> dict[str, object]:
    """Return the package, with its version, that brings the engine of a model; nothing for ours."""
    origin = ENGINES.origins().get(name.partition(":")[0], OURS)
    return {} if origin == OURS else {"package": origin}


# --- what the engines' modules need to open a model ------------------------------------------


def require(packages: Iterable[str], *, extra: str, backend: str) -> None:
    """Check that the packages of a backend are installed, without importing them.

    Raises:
        MissingExtraError: naming the first that is not, and the extra that installs it.
    """
    for package in packages:
        if find_spec(package) is None:
            raise MissingExtraError(package, extra, f"The {backend} backend")


class OptionError(ModelError):
    """A value of `--model-arg` is none of its option."""


class _Record(Protocol):
    """A dataclass whose fields are all of type `str`, `int`, `float` or `bool`, or that or None."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


RecordT = TypeVar("RecordT", bound=_Record)


def read_options(
    record: type[RecordT], backend: str, given: Mapping[str, str], faults: Faults | None = None
) -> RecordT:
    """Return the backend's options, each `--model-arg key=value` read as its field's type.

    A hyphen in a name counts as an underscore.

    Args:
        record: the options of the backend.
        backend: for errors.
        given: the options as typed.
        faults: collects what is refused, which then has its default; None: it is raised.

    Raises:
        UnknownNameError: an option that the backend does not have.
        OptionError: a value that is not of the option's type.
        SeveralFaultsError: several of these.
    """
    known = [one.name for one in fields(record)]
    types = get_type_hints(record)
    values: dict[str, Any] = {}
    refused = Faults()
    for spelled, value in given.items():
        name = spelled.strip().replace("-", "_")
        if name in known:
            least = record.__dataclass_fields__[name].metadata.get(_LEAST, _POSITIVE)
            read = partial(_read_value, name, value, types[name], least)
            refused.attempt(lambda name=name, read=read: values.update({name: read()}))  # type: ignore[misc]
        else:
            refused.found.append(UnknownNameError(f"option of {backend}:", spelled, known))
    if faults is None:
        raise_faults(refused.found)
    else:
        faults.found += refused.found
    return record(**values)


def with_options(
    described: Mapping[str, object],
    options: _Record,
    scheduling: Collection[str] = (),
    rounding: Collection[str] = (),
    more: Mapping[str, object] = MappingProxyType({}),
) -> dict[str, object]:
    """Return an engine's description with its options, grouped by what they may change.

    An option that is in neither list, a later one included, may change a text: it is part of the
    model's identity. One that is described already, by its resolved value, is not repeated.

    Args:
        described: the description.
        options: as read.
        scheduling: names of those that decide when a request runs, and nothing else.
        rounding: names of those that group requests, so that a sum may be rounded in another way.
        more: further options that the engine was given, or resolved values of some.
    """
    values = {**{one.name: getattr(options, one.name) for one in fields(options)}, **more}
    groups: dict[str, dict[str, object]] = {OPTIONS: {}, SCHEDULING: {}, ROUNDING: {}}
    for name, value in values.items():
        group = SCHEDULING if name in scheduling else ROUNDING if name in rounding else OPTIONS
        if group != OPTIONS or name not in described:
            groups[group][name] = value
    return {**described, **groups}


def of_file(backend: str, path: Path) -> dict[str, object]:
    """Return the name that identifies a local file or folder, however its path was spelled."""
    return {IDENTIFIED_AS: f"{backend}:{file_name(path)}"}


def file_name(path: Path) -> str:
    """Return the name of a file or folder, also of `.` and `..`; a link has its own."""
    return Path(os.path.abspath(path)).name  # noqa: PTH100  `resolve` would follow links


def read_object(name: str, text: str) -> dict[str, object]:
    """Return the JSON object in the text of an option.

    Raises:
        ModelError: it is no JSON object, or holds a number that is not finite.
    """
    try:
        value = json.loads(text, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        value, reason = None, str(error)
    else:
        reason = "it is another value"
    if not isinstance(value, dict):
        # Its text may hold a key.
        raise ModelError(
            f"The model option {name} is not a JSON object: {reason}.",
            f"Write {name}='{{\"key\": 1}}'.",
        )
    return value


class _InfiniteError(ValueError):
    """A number of an option is not finite."""


def _finite(text: str) -> float:
    """Return the number that a text spells.

    Raises:
        ValueError: it spells none, or one that is not finite.
    """
    number = float(text)
    if not math.isfinite(number):
        raise _InfiniteError(f"{text} is no finite number")
    return number


_FLAGS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


def _read_flag(text: str) -> bool:
    return _FLAGS[text.strip().lower()]


def _read_finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError
    return number


def _check_least(value: float, least: float | None) -> None:
    if value <= 0 if least is None else value < least:
        raise ValueError


_READERS: Mapping[type, tuple[Callable[[str], object], str]] = {
    bool: (_read_flag, "true or false"),
    int: (int, "a whole number"),
    float: (_finite, "a finite number"),
    str: (str, "a text"),
}
"""By type of an option: the function that reads it, and what an error calls it."""


_LEAST = "least"
"""The key of an option's least value in its metadata; a number without one is above 0."""
_POSITIVE = None
FROM_ZERO: Mapping[str, float] = MappingProxyType({_LEAST: 0.0})
"""The metadata of an option that may be 0."""
ANY_NUMBER: Mapping[str, float] = MappingProxyType({_LEAST: -math.inf})
"""The metadata of an option that may be any number."""


def _read_value(name: str, text: str, annotation: object, least: float | None) -> object:
    """Return the text as a value of the annotated type; `int | None` is read as int.

    Raises:
        OptionError: if it is none of that type, or a number below the least.
    """
    kind = (get_args(annotation) or (annotation,))[0]
    read, described = _READERS[kind]
    if kind in {int, float}:
        described += " above 0" if least is _POSITIVE else f" of at least {least:g}"
    try:
        value = read(text)
        # An option of 0 requests, or seconds, would be a run that asks nothing.
        if isinstance(value, int | float) and kind is not bool:
            _check_least(value, least)
    except (ValueError, KeyError):
        raise OptionError(
            f"The model option {name} is {text!r}, which is not {described}.",
            f"Write {name}=VALUE with {described}.",
        ) from None
    return value
