"""A task as a folder: what its files say, and what is wrong with them."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from mathreason_eval.errors import TaskError, UnknownNameError
from mathreason_eval.maths.compare.convention import Convention
from mathreason_eval.tasks.prompts import PromptForm
from mathreason_eval.tasks.task import HubData, ProblemMaker, RowReader, Task
from mathreason_eval.types import Problem

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*\Z")
"""A task's name is also the name of a folder in every run."""

_KEYS = frozenset(
    (
        *("name", "version", "summary", "source", "paper", "license"),
        *("data", "shots", "columns", "reader", "generate"),
        *("prompts", "max_tokens"),
        *("extract", "grade", "second", "convention", "check_steps"),
        *("slices", "cluster", "macro", "metrics"),
    )
)
_REQUIRED = ("name", "version", "summary", "license", "extract", "grade")


def read_task(folder: Path) -> Task:
    """Return the task described by a folder.

    Raises:
        TaskError: naming the file and the key that is wrong.
    """
    spec = _read_yaml(folder / "task.yaml")
    _check_keys(folder, spec)
    maker, size = _maker(folder, spec)
    try:
        return Task(
            name=spec["name"],
            version=int(spec["version"]),
            summary=spec["summary"],
            license=spec["license"],
            source=spec.get("source", ""),
            paper=spec.get("paper", ""),
            extract=tuple(spec["extract"]),
            grade=spec["grade"],
            second=spec.get("second"),
            convention=Convention.of(spec.get("convention", {})),
            check_steps=spec.get("check_steps") is True,
            metrics=_strings(spec.get("metrics", ())),
            prompts=_prompts(folder, spec.get("prompts")),
            data=_hubs(spec.get("data", ())),
            shots=next(iter(_hubs(spec.get("shots", ()))), None),
            reader=_reader(folder, spec.get("reader")),
            columns={name: _strings(value) for name, value in spec.get("columns", {}).items()},
            problem=maker,
            size=size,
            slices=tuple(spec.get("slices", ())),
            cluster=spec.get("cluster"),
            macro=spec.get("macro"),
            max_tokens=int(spec.get("max_tokens", 1024)),
            folder=folder,
        )
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise TaskError(
            f"{folder / 'task.yaml'}: {error}.", "docs/tasks.md shows every key."
        ) from None


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        spec = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TaskError(f"{path} cannot be read: {error}", "It must be YAML.") from None
    if not isinstance(spec, dict):
        raise TaskError(f"{path} is not a mapping of keys to values.", "docs/tasks.md shows one.")
    return spec


def _check_keys(folder: Path, spec: Mapping[str, Any]) -> None:
    where = folder / "task.yaml"
    for key in spec:
        if key not in _KEYS:
            raise UnknownNameError(f"key in {where}", str(key), _KEYS)
    for key in _REQUIRED:
        if key not in spec:
            raise TaskError(f"{where} has no {key!r}.", "docs/tasks.md shows every key.")
    if spec["name"] != folder.name or not _NAME.match(folder.name):
        raise TaskError(
            f"{where} says name: {spec['name']}, and its folder is {folder.name}.",
            "Both must be the same, of lower-case letters, digits, '.', '_' and '-'.",
        )
    if ("data" in spec) == ("generate" in spec):
        raise TaskError(
            f"{where} must say either data (published rows) or generate (own problems).",
            "docs/tasks.md shows both.",
        )


def _prompts(folder: Path, spec: Mapping[str, Any] | None) -> Mapping[str, PromptForm]:
    """Return the prompt forms in the order in which they are written."""
    forms = {}
    for form, how in (spec or {"boxed": {"template": "prompt.jinja"}}).items():
        path = folder / how["template"]
        if not path.is_file():
            raise TaskError(
                f"{path} does not exist.", f"The prompt {form!r} of task.yaml needs it."
            )
        forms[form] = PromptForm(
            id=form,
            template=path.read_text(encoding="utf-8"),
            chat=how.get("form", "chat") != "text",
            turns=how.get("form") == "turns",
            stop=_strings(how.get("stop", ())),
            examples=int(how.get("shots", 0)),
        )
    return forms


def _hubs(spec: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> tuple[HubData, ...]:
    return tuple(
        HubData(
            hub=one["hub"],
            revision=str(one["revision"]),
            splits=_strings(one["split"]),
            configs=_strings(one.get("configs", ())),
            rows=one.get("rows"),
            golds=one.get("golds"),
        )
        for one in ([spec] if isinstance(spec, Mapping) else spec)
    )


def _reader(folder: Path, name: str | None) -> RowReader | None:
    if name is None:
        return None

    def read(row: Mapping[str, Any], index: int, source: str) -> Problem | None:
        return cast("Problem | None", getattr(_module(folder), name)(row, index, source))

    return read


def _strings(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _maker(folder: Path, spec: Mapping[str, Any]) -> tuple[ProblemMaker | None, int]:
    if "generate" not in spec:
        return None, 0
    size = int(spec["generate"]["problems"])

    def problem(index: int, seed: int) -> Problem:
        # The module is run on first use only: listing tasks runs no task's code.
        return cast("Problem", _module(folder).problem(index, seed))

    return problem, size


@lru_cache
def _module(folder: Path) -> Any:  # noqa: ANN401  a module's attributes have no static types
    path = folder.resolve() / "task.py"
    spec = importlib.util.spec_from_file_location(f"mathreason_task_{folder.name}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise TaskError(f"{path} does not exist.", "A generated task needs it.")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by name while it is still being run.
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module
