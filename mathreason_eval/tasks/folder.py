"""A task read from its folder, with an error for whatever is wrong in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar, cast

from mathreason_eval.errors import TaskError, UnknownNameError
from mathreason_eval.maths.compare.convention import Convention
from mathreason_eval.registry import TASK_PREFIX, module_at
from mathreason_eval.tasks.task import FileData, HubData, ProblemMaker, PromptForm, RowReader, Task
from mathreason_eval.types import Problem

ValueT = TypeVar("ValueT")

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*\Z")
"""A task's name is also the name of a folder in run folders."""

_KEYS = frozenset(
    (
        *("name", "version", "summary", "source", "paper", "license"),
        *("data", "shots", "columns", "reader", "generate"),
        *("prompts", "max_tokens"),
        *("extract", "grade", "second", "convention", "check_steps"),
        *("slices", "cluster", "macro", "metrics", "primary"),
    )
)


def _positive(value: Any) -> int:  # noqa: ANN401  what YAML holds
    number = int(value)
    if number < 1:
        raise ValueError(f"{number} is no number of tokens")
    return number


_OPTIONAL: Mapping[str, Callable[[Any], Any]] = {"primary": str, "max_tokens": _positive}
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
            extract=_strings(spec["extract"]),
            grade=_grader(folder, spec["grade"]),
            second=_grader(folder, spec["second"]) if spec.get("second") else None,
            convention=Convention.of(spec.get("convention", {})),
            check_steps=_of(bool, spec, "check_steps") or False,
            metrics=_strings(spec.get("metrics", ())),
            prompts=_prompts(folder, spec.get("prompts")),
            data=_data(folder, spec.get("data", ())),
            shots=next(iter(_data(folder, spec.get("shots", ()))), None),
            reader=_reader(folder, spec.get("reader")),
            columns={name: _strings(value) for name, value in spec.get("columns", {}).items()},
            problem=maker,
            size=size,
            slices=_strings(spec.get("slices", ())),
            cluster=_of(str, spec, "cluster"),
            macro=_of(str, spec, "macro"),
            folder=folder,
            # What is not there has the default of a task.
            **{key: kind(spec[key]) for key, kind in _OPTIONAL.items() if key in spec},
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
    """Return the prompt forms in the order of task.yaml."""
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


def _data(
    folder: Path, spec: Mapping[str, Any] | Iterable[Mapping[str, Any]]
) -> tuple[HubData | FileData, ...]:
    return tuple(
        _file(folder, one) if "file" in one else _hub(one)
        for one in ([spec] if isinstance(spec, Mapping) else spec)
    )


def _hub(spec: Mapping[str, Any]) -> HubData:
    return HubData(
        hub=spec["hub"],
        revision=str(spec["revision"]),
        splits=_strings(spec["split"]),
        configs=_strings(spec.get("configs", ())),
        rows=spec.get("rows"),
        golds=spec.get("golds"),
    )


def _file(folder: Path, spec: Mapping[str, Any]) -> FileData:
    """Return a file of rows, which must be in the task's folder: a copy of it is complete."""
    name, root = str(spec["file"]), folder.resolve()
    if more := spec.keys() - {"file", "rows", "golds"}:
        raise ValueError(f"with the file {name} it says {', '.join(sorted(more))}")
    path = (root / name).resolve()
    inside = ".." not in PurePosixPath(name).parts and not Path(name).is_absolute()
    if not inside or not path.is_relative_to(root):
        raise ValueError(f"the file {name} is not in the task's folder")
    if not path.is_file():
        raise ValueError(f"there is no file {name} in the task's folder")
    return FileData(file=name, path=path, rows=spec.get("rows"), golds=spec.get("golds"))


def _grader(folder: Path, name: str) -> str:
    """Return the name of a grader; a function of the folder's task.py must exist.

    The file is parsed and not run: that is left to a worker.
    """
    if ".py:" not in name:
        return name
    path, function = folder / "task.py", name.removeprefix(TASK_PREFIX)
    if not name.startswith(TASK_PREFIX) or not function.isidentifier():
        raise ValueError(f"{name!r} is no grader of the folder, which is written task.py:NAME")
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError) as error:
        raise TaskError(
            f"{path} cannot be read: {error}.",
            f"The grader {name} of task.yaml is a function there.",
        ) from None
    if function not in (known := _names(tree)) and "*" not in known:
        raise UnknownNameError(f"function in {path}", function, known)
    return name


def _names(tree: ast.Module) -> set[str]:
    """Return all names that a module defines or imports; `*` for a star import."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def _reader(folder: Path, name: str | None) -> RowReader | None:
    if name is None:
        return None

    def read(row: Mapping[str, Any], index: int, source: str) -> Problem | None:
        return cast("Problem | None", getattr(_module(folder), name)(row, index, source))

    return read


def _of(kind: type[ValueT], spec: Mapping[str, Any], key: str) -> ValueT | None:
    """Return what is said under a key, if anything; YAML decides its type."""
    value = spec.get(key)
    if value is not None and not isinstance(value, kind):
        raise ValueError(f"{key} is {value!r}, not of type {kind.__name__}")
    return value


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


def _module(folder: Path) -> Any:  # noqa: ANN401  a module's attributes have no static types
    path = folder.resolve() / "task.py"
    if not path.is_file():
        raise TaskError(f"{path} does not exist.", "A generated task needs it.")
    return module_at(str(path))
