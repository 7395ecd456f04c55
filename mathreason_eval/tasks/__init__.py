"""Tasks: one folder each, found by name and loaded on use.

`task.yaml` defines the task, `prompt.jinja` its prompt, `cases.jsonl` has outputs with the outcomes
they must get, and `README.md` describes the source. `task.py`, only if code is needed, defines
`problem(index, seed) -> Problem`. The format is described in `docs/tasks.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import cast

from mathreason_eval.errors import TaskError, UnknownNameError
from mathreason_eval.registry import OURS, loaded, origin, points
from mathreason_eval.resources import resource_dir
from mathreason_eval.tasks.folder import read_task
from mathreason_eval.tasks.task import FileData, HubData, PromptForm, Task

__all__ = [
    "FileData",
    "HubData",
    "PromptForm",
    "Task",
    "load_task",
    "read_task",
    "task_names",
    "task_origins",
]

ENTRY_POINT_GROUP = "mathreason_eval.tasks"


def task_names(tasks_dirs: Iterable[Path] = ()) -> tuple[str, ...]:
    """Return the names of all tasks that can be loaded, sorted."""
    return tuple(sorted(_sources(tasks_dirs)))


def task_origins(tasks_dirs: Iterable[Path] = ()) -> Mapping[str, str]:
    """Return where each task is from: `ours`, a folder, or a package and its version."""
    return {
        name: origin(source)
        if isinstance(source, EntryPoint)
        else OURS
        if source.parent == resource_dir("tasks")
        else str(source)
        for name, source in sorted(_sources(tasks_dirs).items())
    }


def load_task(name: str, tasks_dirs: Iterable[Path] = ()) -> Task:
    """Return the task of that name, from `tasks_dirs`, an entry point, or our own tasks.

    Raises:
        UnknownNameError: if there is none; it suggests the nearest name.
        TaskError: if its folder is malformed.
        PluginError: if the package of its entry point cannot be imported.
    """
    sources = _sources(tasks_dirs)
    if name not in sources:
        raise UnknownNameError("task", name, sources, "`mathreason tasks` lists them.")
    source = sources[name]
    if isinstance(source, Path):
        return read_task(source)
    return cast("Task", loaded(source)())


def _sources(tasks_dirs: Iterable[Path]) -> Mapping[str, Path | EntryPoint]:
    """Return where each task is; one in `tasks_dirs` overrides another of the same name."""
    found: dict[str, Path | EntryPoint] = {}
    found |= {folder.name: folder for folder in _folders(resource_dir("tasks"))}
    found |= points(ENTRY_POINT_GROUP, found)
    for directory in tasks_dirs:
        if not directory.is_dir():
            raise TaskError(
                f"There is no folder {directory}.", "Name a folder of tasks with --tasks-dir."
            )
        # `--tasks-dir tasks/mine` is accepted as well as `--tasks-dir tasks`.
        own = [directory] if (directory / "task.yaml").is_file() else _folders(directory)
        found |= {folder.name: folder for folder in own}
    return found


def _folders(directory: Path) -> list[Path]:
    return sorted(path.parent for path in directory.glob("*/task.yaml"))
