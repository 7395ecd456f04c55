"""Engines that turn prompts into text, one module each, opened by name.

A backend imports its library only when it is opened: listing them costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from mathreason_eval.errors import ModelError, UnknownNameError
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
    """Return each of our backends with the way its models are named."""
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
        from mathreason_eval.models.llamacpp import open_demo

        return open_demo(options)
    backend, colon, rest = name.partition(":")
    if backend not in ENGINES:
        hint = "" if colon else "A model is named BACKEND:NAME."
        raise UnknownNameError("model backend", backend, [*ENGINES, DEMO], hint)
    if not rest:
        usage = _BACKENDS.get(backend, f"{backend}:NAME")
        raise ModelError(f"{name!r} names no model.", f"Write {usage}.")
    return ENGINES[backend](name, rest, options)
