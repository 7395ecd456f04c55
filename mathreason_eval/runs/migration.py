"""The manifest of a run, read from the present format or from an earlier one.

An earlier manifest is first rewritten as the present format would have stored it, then decoded and
type-checked like any other. What an earlier format did not store is null, which means unknown; what
did not exist at the time has the value that describes runs without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mathreason_eval.errors import RunError
from mathreason_eval.runs.codec import converted, read_json
from mathreason_eval.types import RunManifest, TaskEntry

FORMAT = 2
"""Version of the run folder's layout; rises when an older reader could misread a newer folder."""


def read_manifest(path: Path) -> RunManifest:
    """Return the manifest of a file, in the present format: one of an earlier format is migrated.

    Raises:
        RunError: if it cannot be read, is of a newer format, has a field of another type, or a task
            whose files would be elsewhere.
    """
    row, where = read_json(path), str(path)
    if not isinstance(row, dict) or type(row.get("format")) is not int or row["format"] < 1:
        raise RunError(f"{where}: format: expected a number from 1.", "Was it edited by hand?")
    if row["format"] > FORMAT:
        raise RunError(
            f"{path.parent} was written by a newer version of mathreason-eval.",
            "Upgrade it: pip install -U",
        )
    if row["format"] < FORMAT:
        where = f"{where}, as format {FORMAT}"
    for migrate in _MIGRATIONS[row["format"] - 1 :]:
        row = migrate(row)
    if not isinstance(row.get("tasks"), dict):
        return converted(RunManifest, row, where)
    for name in row["tasks"]:
        if name in {"", ".", ".."} or "/" in name or not name.isprintable():
            raise RunError(
                f"{where}: tasks: {name!r} is no name of a folder in this one.",
                "Was it edited by hand?",
            )
    # One by one, so that an error names the task.
    tasks = {
        name: converted(TaskEntry, entry, where, ("tasks", name))
        for name, entry in row["tasks"].items()
    }
    return replace(converted(RunManifest, {**row, "tasks": {}}, where), tasks=tasks)


# --- format 1: tasks and model were flat -----------------------------------------------------

_Json = Mapping[str, Any]


def _from_1(row: _Json) -> dict[str, Any]:
    made = {**row, "format": 2}
    for name, change in (("model", _model), ("code", _code), ("tasks", _tasks)):
        if isinstance(row.get(name), Mapping):
            made[name] = change(row[name])
    if isinstance(row.get("sampling"), Mapping):
        made["sampling"] = {"temperature": None, "top_p": None, **row["sampling"]}
    made["finished"] = row.get("finished")
    # A session that has not ended, and an import, had no totals.
    made["totals"] = row.get("totals") or None
    return made


def metrics_with_units(rows: object) -> object:
    """Return metrics that were written before they named their unit with the one that they had."""
    if not isinstance(rows, list):
        return rows
    return [
        {"unit": "amount" if row.get("name") in _AMOUNTS else "share", **row}
        if isinstance(row, Mapping)
        else row
        for row in rows
    ]


_AMOUNTS = frozenset({"tokens", "seconds", "pml"})
"""All metrics that were no share when units were not written down."""


def _model(model: _Json) -> _Json:
    known = ("revision", "sha256", "chat_template_sha256")
    return {
        **{name: model[name] for name in ("name", "backend") if name in model},
        **{name: model.get(name) for name in known},
        "details": {
            name: value for name, value in model.items() if name not in {"name", "backend", *known}
        },
    }


def _code(code: _Json) -> _Json:
    return {"mathreason_eval": None, "python": None, "machine": None, "packages": {}, **code}


_BEFORE: _Json = {
    "data_published": None,
    "convention": None,
    "second": None,
    "check_steps": False,
    "cluster": None,
    "macro": None,
    "metrics": (),
    "primary": None,
}
"""Keys of a task that were added within format 1, and their values before."""

_MOVED: Mapping[str, Mapping[str, str]] = {
    "prompt": {"id": "prompt", "sha256": "prompt_sha256"},
    "data": {
        name: f"data_{name}" for name in ("source", "revision", "sha256", "rows", "published")
    },
    "grading": {
        name: name
        for name in (
            *("extract", "grade", "grader_version", "convention", "second", "check_steps"),
        )
    },
    "report": {name: name for name in ("slices", "cluster", "macro", "metrics", "primary")},
}
"""For each record of a task its fields, and the keys that they had in format 1."""


def _tasks(tasks: _Json) -> _Json:
    return {
        name: _task(entry) if isinstance(entry, Mapping) else entry for name, entry in tasks.items()
    }


def _task(entry: _Json) -> _Json:
    stored = {**_BEFORE, **entry}
    return {
        **{name: stored[name] for name in ("version", "max_tokens", "problems") if name in stored},
        **{
            record: {name: stored[key] for name, key in keys.items() if key in stored}
            for record, keys in _MOVED.items()
        },
    }


_MIGRATIONS: tuple[Callable[[_Json], dict[str, Any]], ...] = (_from_1,)
"""What makes format 2 of format 1, and so on: one function for each earlier format."""
