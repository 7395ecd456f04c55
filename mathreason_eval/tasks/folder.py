"""Reading a task from its folder, with an error for everything that is wrong in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any

from mathreason_eval.errors import Faults, TaskError, UnknownNameError, UserError, raise_faults
from mathreason_eval.maths.compare.convention import Convention
from mathreason_eval.registry import TASK_PREFIX
from mathreason_eval.tasks.cells import named_columns
from mathreason_eval.tasks.code import CORRECT, code_of, function_in, run_code
from mathreason_eval.tasks.files import inside
from mathreason_eval.tasks.schema import TaskFile
from mathreason_eval.tasks.task import (
    Card,
    FileData,
    HubData,
    ProblemMaker,
    PromptForm,
    RowReader,
    Task,
)
from mathreason_eval.text.limits import MAX_TEXT_BYTES
from mathreason_eval.types import Problem

_NAME = re.compile(r"(?!(?:manifest|metrics)\.json)[a-z0-9][a-z0-9._-]*\Z")
"""A task's name is also the name of a folder in run folders, which have two files of their own."""


def is_task_name(name: str) -> bool:
    """Return whether a task, and its folder, can have a name."""
    return _NAME.match(name) is not None


def read_task(folder: Path) -> Task:
    """Return the task described by a folder.

    Raises:
        TaskError: if something in it is wrong; it names the file and the line. A
            `SeveralFaultsError` if several things are.
    """
    file = TaskFile(folder / "task.yaml")
    spec, parts = file.values, _Parts(file)
    parts.faults.attempt(lambda: _check_name(file))
    parts.faults.attempt(lambda: _check_source(file))
    grade = parts.make("grade", lambda: _grader(folder, spec["grade"]))
    second = parts.make("second", lambda: _grader(folder, spec["second"]))
    convention = _convention(file, parts.faults)
    columns = _columns(file, parts.faults)
    prompts = parts.make("prompts", lambda: _prompts(folder, spec.get("prompts")))
    reader = parts.make("reader", lambda: _reader(folder, spec["reader"]))
    data = parts.make("data", lambda: _data(folder, spec["data"]))
    shots = parts.make("shots", lambda: _data(folder, spec["shots"]))
    raise_faults(parts.faults.found)
    maker, size = _maker(folder, spec)
    return Task(
        name=spec["name"],
        version=spec["version"],
        summary=spec["summary"],
        license=spec["license"],
        source=spec.get("source", ""),
        paper=spec.get("paper", ""),
        card=_card(spec.get("card", {})),
        extract=_strings(spec["extract"]),
        grade=grade,
        second=second,
        convention=convention,
        check_steps=spec.get("check_steps", False),
        printed=spec.get("printed", True),
        metrics=_strings(spec.get("metrics", ())),
        prompts=prompts,
        data=data or (),
        shots=next(iter(shots or ()), None),
        reader=reader,
        columns=columns,
        problem=maker,
        size=size,
        slices=_strings(spec.get("slices", ())),
        cluster=spec.get("cluster"),
        macro=spec.get("macro"),
        folder=folder,
        places=file.places(),
        # Keys that are missing have the defaults of `Task`.
        **{key: spec[key] for key in ("primary", "max_tokens") if key in spec},
    )


class _Parts:
    """Makes the parts of a task, and keeps what is wrong with each."""

    def __init__(self, file: TaskFile) -> None:
        self._file = file
        self.faults = Faults()

    def make(self, key: str, work: Callable[[], Any]) -> Any:  # noqa: ANN401  what `work` returns
        """Return what `work` makes of a key; None where the file has none, or it is wrong."""
        # Without a key there is one prompt.
        if key not in self._file.values and key != "prompts":
            return None
        return self.faults.attempt(lambda: self._placed(key, work))

    def _placed(self, key: str, work: Callable[[], Any]) -> Any:  # noqa: ANN401  as above
        try:
            return work()
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            where = self._file.where((key,))
            raise TaskError(f"{where}: {error}.", "docs/tasks.md shows every key.") from None


def _card(said: Mapping[str, Any]) -> Card:
    """Return the card of a task, whose values the schema has checked."""
    values = {key: value for key, value in said.items() if value is not None}
    if "public" in values:
        values["public"] = str(values["public"])
    if "languages" in values:
        values["languages"] = _strings(values["languages"])
    return Card(**values)


def _columns(file: TaskFile, faults: Faults) -> Mapping[str, tuple[str, ...]]:
    """Return the columns of a task; a filter that there is not is a fault with its line."""
    found = {name: _strings(value) for name, value in file.values.get("columns", {}).items()}
    for name, candidates in found.items():
        try:
            named_columns(candidates)
        except UserError as error:
            faults.found.append(error.at(file.where(("columns", name))))
    return found


def _convention(file: TaskFile, faults: Faults) -> Convention:
    """Return the convention of a task; what is wrong with an option is a fault with its line."""
    right = {}
    for name, value in file.values.get("convention", {}).items():
        try:
            Convention.of({name: value})
            right[name] = value
        except UserError as error:
            faults.found.append(error.at(file.where(("convention", str(name)))))
    return Convention.of(right)


def _check_name(file: TaskFile) -> None:
    folder, name = file.path.parent.name, file.values["name"]
    if name != folder or not is_task_name(folder):
        raise TaskError(
            f"{file.where(('name',))} says name: {name}, and its folder is {folder}.",
            "Both must be the same, of lower-case letters, digits, '.', '_' and '-', and not begin "
            "with manifest.json or metrics.json, which are files of a run.",
        )


def _check_source(file: TaskFile) -> None:
    if ("data" in file.values) == ("generate" in file.values):
        raise TaskError(
            f"{file.path} must say either data (published rows) or generate (own problems).",
            "docs/tasks.md shows both.",
        )


def _prompts(folder: Path, spec: Mapping[str, Any] | None) -> Mapping[str, PromptForm]:
    """Return the prompt forms in the order of task.yaml."""
    forms = {}
    for form, how in (spec or {"boxed": {"template": "prompt.jinja"}}).items():
        path = folder / inside(folder, how["template"])
        forms[form] = PromptForm(
            id=form,
            template=_template(path),
            file=str(path),
            chat=how.get("form", "chat") != "text",
            turns=how.get("form") == "turns",
            stop=_strings(how.get("stop") or ()),
            examples=how.get("shots") or 0,
            system=how.get("system") or None,
        )
    return forms


def _template(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_TEXT_BYTES + 1)
        if len(content) > MAX_TEXT_BYTES:
            raise TaskError(f"{path} has more than {MAX_TEXT_BYTES >> 20} MiB.", "Shorten it.")
        # As in a text file, a line may end in any of three ways.
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError(f"{path} cannot be read: {error}.", "It must be text in UTF-8.") from None


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
    """Return a file of rows, which must be in the task's folder, so that a copy is complete."""
    name = str(spec["file"])
    if more := spec.keys() - {"file", "rows", "golds"}:
        raise ValueError(f"the file {name} cannot be combined with {', '.join(sorted(more))}")
    path = (folder.resolve() / inside(folder, name)).resolve()
    return FileData(file=name, path=path, rows=spec.get("rows"), golds=spec.get("golds"))


def _grader(folder: Path, name: str) -> str:
    """Return the name of a grader; a function of the folder's task.py must exist.

    The file is only parsed; a worker process executes it.
    """
    if ".py:" not in name:
        return name
    function = name.removeprefix(TASK_PREFIX)
    if not name.startswith(TASK_PREFIX) or not function.isidentifier():
        raise ValueError(f"{name!r} is not a grader of the folder, which is written task.py:NAME")
    _check_function(folder, function)
    return name


def _check_function(folder: Path, function: str) -> None:
    """Check that the folder's task.py has a function, without running it.

    Raises:
        TaskError: the file is missing, or is no Python.
        UnknownNameError: it has no such name.
    """
    path = folder / "task.py"
    try:
        tree = ast.parse((folder / inside(folder, path.name)).read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError) as error:
        raise TaskError(
            f"{path} cannot be read: {error}.",
            f"Define {function} of task.yaml there, as a function.",
        ) from None
    if function not in (known := _names(tree)) and "*" not in known:
        raise UnknownNameError(f"function in {path}", function, known)


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


def _reader(folder: Path, name: str) -> RowReader:
    _check_function(folder, name)

    @cache  # Found when the first row is read: listing tasks runs no task's code.
    def reader() -> Callable[..., object]:
        function = function_in(folder, name)
        try:
            signature(function).bind({}, 0, "")
        except (TypeError, ValueError):
            raise TaskError(
                f"{code_of(folder)}: {name} cannot be called with (row, index, source).", CORRECT
            ) from None
        return function

    def read(row: Mapping[str, Any], index: int, source: str) -> Problem | None:
        made = reader()(row, index, source)
        if made is not None and not isinstance(made, Problem):
            raise TaskError(
                f"{code_of(folder)}: {name} returned {type(made).__name__} for row {index} of "
                f"{source}, neither a Problem nor None.",
                CORRECT,
            )
        return made

    return read


def _strings(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _maker(folder: Path, spec: Mapping[str, Any]) -> tuple[ProblemMaker | None, int]:
    if "generate" not in spec:
        return None, 0

    @cache  # Found when the first problem is made, not when the task is read: it is code.
    def maker() -> tuple[Callable[..., object], Path]:
        return function_in(folder, "problem"), code_of(folder)

    def problem(index: int, seed: int) -> Problem:
        make, path = maker()
        made = run_code(path, f"making problem {index}", lambda: make(index, seed))
        if not isinstance(made, Problem):
            raise TaskError(
                f"{path}: problem({index}, {seed}) returned {type(made).__name__}, no Problem.",
                CORRECT,
            )
        return made

    return problem, spec["generate"]["problems"]
