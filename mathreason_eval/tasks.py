"""Tasks: a folder each, data first. Found by name, loaded on use.

`task.yaml` says what the task is, `prompt.jinja` how it is asked, `cases.jsonl` which outputs
deserve which outcome, `README.md` where it comes from, and `task.py`, only where behaviour is
needed, holds `problem(index, seed) -> Problem`. The format is described in `docs/tasks.md`.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, cast

from mathreason_eval.errors import TaskError, UnknownNameError
from mathreason_eval.grade.convention import DEFAULT, Convention
from mathreason_eval.prompts import PromptForm
from mathreason_eval.resources import resource_dir
from mathreason_eval.types import Problem

ENTRY_POINT_GROUP = "mathreason_eval.tasks"

ProblemMaker = Callable[[int, int], Problem]
"""`problem(index, seed)`: the same problem on every machine, whatever was made before it."""

RowReader = Callable[[Mapping[str, Any], int, str], Problem | None]
"""`reader(row, index, source)`: the problem of a published row, or None for a row to leave out.

`source` is the name of the file, or `owner/name config split` of a hub."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*\Z")
"""A task's name is also the name of a folder in every run."""

_KEYS = frozenset(
    (
        *("name", "version", "summary", "source", "paper", "license"),
        *("data", "columns", "reader", "generate"),
        *("prompts", "max_tokens"),
        *("extract", "grade", "second", "convention"),
        *("slices", "metrics"),
    )
)
_REQUIRED = ("name", "version", "summary", "license", "extract", "grade")


@dataclass(frozen=True, kw_only=True, slots=True)
class HubData:
    """Published rows on a hub, pinned."""

    hub: str
    """`owner/name`."""
    revision: str
    """Commit hash. Never a branch: a score on a moving data set cannot be reproduced."""
    splits: tuple[str, ...]
    """Splits to read one after another."""
    configs: tuple[str, ...] = ()
    """Configurations to read one after another; empty for the only one."""
    rows: int | None = None
    """How many problems there must be; a file with another count is not this data set."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A benchmark: where its problems come from, how they are asked, how answers are judged."""

    name: str
    version: int
    """Rises whenever a score could change, white space in a prompt included."""
    summary: str
    """One line for `mathreason tasks`."""
    license: str
    extract: tuple[str, ...]
    """Extraction rules, strictest first; the verdict records which one fired."""
    grade: str
    """The grader's name."""
    prompts: Mapping[str, PromptForm]
    """By id. A chat model gets the first chat form, a base model the first text form."""
    source: str = ""
    paper: str = ""
    data: tuple[HubData, ...] = ()
    """Where its published rows are; empty for a task that makes its own problems."""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For each field of a problem the columns that may hold it, in order of preference."""
    reader: RowReader | None = None
    """Makes a problem of a row whose content columns alone cannot say."""
    problem: ProblemMaker | None = None
    """Makes problem number `index`; None for a task whose problems are published rows."""
    size: int = 0
    """How many problems a generated task has unless a limit says otherwise."""
    slices: tuple[str, ...] = ()
    """Keys of `Problem.meta` to report by."""
    second: str | None = None
    """A grader that is asked beside the first; where they differ bounds the score."""
    convention: Convention = DEFAULT
    metrics: tuple[str, ...] = ()
    """Families of metrics beside those that every task has."""
    max_tokens: int = 1024
    folder: Path | None = None
    """Where it was read from; None for a task made in Python."""

    @property
    def generated(self) -> bool:
        """Whether problems are made here, so that nothing needs to be downloaded."""
        return self.problem is not None

    def prompt(self, form: str | None, *, chat: bool) -> PromptForm:
        """Return the prompt form of that id, or the default for a chat or a base model.

        Raises:
            UnknownNameError: if the task has no form of that id.
            TaskError: if it has none that suits the model.
        """
        if form is not None:
            if form not in self.prompts:
                raise UnknownNameError(f"prompt of {self.name}", form, self.prompts)
            return self.prompts[form]
        for candidate in self.prompts.values():
            if candidate.chat == chat:
                return candidate
        kind = "chat" if chat else "base"
        raise TaskError(
            f"The task {self.name} has no prompt for a {kind} model.",
            f"Choose one with --prompt: {', '.join(self.prompts)}.",
        )


def task_names(tasks_dirs: Iterable[Path] = ()) -> tuple[str, ...]:
    """Return the names of all tasks that can be loaded, sorted."""
    return tuple(sorted(_sources(tasks_dirs)))


def load_task(name: str, tasks_dirs: Iterable[Path] = ()) -> Task:
    """Return the task of that name, from `tasks_dirs`, an entry point, or the ones that come along.

    Raises:
        UnknownNameError: if there is none; it names the nearest.
        TaskError: if its folder is malformed.
    """
    sources = _sources(tasks_dirs)
    if name not in sources:
        raise UnknownNameError("task", name, sources, "`mathreason tasks` lists them.")
    source = sources[name]
    if isinstance(source, Path):
        return read_task(source)
    return cast("Task", source.load()())


def _sources(tasks_dirs: Iterable[Path]) -> Mapping[str, Path | EntryPoint]:
    """Return where each task is; a folder given by the user hides a packaged one of its name."""
    found: dict[str, Path | EntryPoint] = {}
    found |= {folder.name: folder for folder in _folders(resource_dir("tasks"))}
    found |= {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    for directory in tasks_dirs:
        if not directory.is_dir():
            raise TaskError(
                f"There is no folder {directory}.", "--tasks-dir names a folder of tasks."
            )
        # `--tasks-dir tasks/mine` is understood as well as `--tasks-dir tasks`.
        own = [directory] if (directory / "task.yaml").is_file() else _folders(directory)
        found |= {folder.name: folder for folder in own}
    return found


def _folders(directory: Path) -> list[Path]:
    return sorted(path.parent for path in directory.glob("*/task.yaml"))


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
            metrics=_strings(spec.get("metrics", ())),
            prompts=_prompts(folder, spec.get("prompts")),
            data=_hubs(spec.get("data", ())),
            reader=_reader(folder, spec.get("reader")),
            columns={name: _strings(value) for name, value in spec.get("columns", {}).items()},
            problem=maker,
            size=size,
            slices=tuple(spec.get("slices", ())),
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
            chat=how.get("form", "chat") == "chat",
            stop=_strings(how.get("stop", ())),
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
