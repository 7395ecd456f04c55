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

from mathreason_eval.errors import ModelError, RunError
from mathreason_eval.runs.codec import converted, read_json
from mathreason_eval.text.limits import MAX_SAMPLES, MAX_TASK_SAMPLES
from mathreason_eval.text.secrets import check_name, without_secrets
from mathreason_eval.text.shell import of_path
from mathreason_eval.types import Metric, ModelEntry, RunManifest, TaskEntry

_Json = Mapping[str, Any]

FORMAT = 2
"""Version of the run folder's layout; rises when an older reader could misread a newer folder."""


class NewerFormatError(RunError):
    """A run folder has a format that this version does not know."""


def read_manifest(path: Path) -> RunManifest:
    """Return the manifest of a file, in the present format: one of an earlier format is migrated.

    Raises:
        RunError: if it cannot be read, is of a newer format, has a field of a wrong type, or has a
            task whose name cannot be a folder's.
    """
    row, where = read_json(path, finite=True), str(path)
    if not isinstance(row, dict) or type(row.get("format")) is not int or row["format"] < 1:
        raise RunError(
            f"{where}: format: expected a number from 1.",
            "If it was edited by hand, undo that edit.",
        )
    if row["format"] > FORMAT:
        raise NewerFormatError(
            f"{path.parent} was written by a newer version of mathreason-eval.",
            "Upgrade it: pip install -U",
        )
    # Until keys were stored, a sample did not say under which conditions it was made.
    row = {"unkeyed": True, "adopted": None, **row}
    row.setdefault("sessions", _sessions(row.get("totals")))
    if row["format"] < FORMAT:
        where = f"{where}, as format {FORMAT}"
    for migrate in _MIGRATIONS[row["format"] - 1 :]:
        row = migrate(row)
    row = _with_later_keys(row)
    if not isinstance(row.get("tasks"), dict):
        return converted(RunManifest, row, where)
    for name in row["tasks"]:
        if not _is_folder_name(name):
            raise RunError(
                f"{where}: tasks: {name!r} cannot be the name of a folder in this run.",
                "If it was edited by hand, undo that edit.",
            )
    # One by one, so that an error names the task.
    tasks = {
        name: converted(TaskEntry, _with_judged_by(entry), where, ("tasks", name))
        for name, entry in row["tasks"].items()
    }
    for name, entry in tasks.items():
        asked = max(entry.samples, 0), max(entry.problems, 0)
        if asked[0] > MAX_SAMPLES or asked[0] * asked[1] > MAX_TASK_SAMPLES:
            raise RunError(
                f"{where}: tasks.{name}: {asked[0]:,} samples of {asked[1]:,} problems.",
                f"At most {MAX_SAMPLES:,} a problem and {MAX_TASK_SAMPLES:,} a task are read.",
            )
    manifest = converted(RunManifest, {**row, "tasks": {}}, where)
    return replace(manifest, tasks=tasks, model=_without_secrets(manifest.model))


def _without_secrets(model: ModelEntry) -> ModelEntry:
    """Return what a manifest says of a model as we write it: its folder may be from elsewhere."""
    name = model.name
    try:
        check_name(name)
    except ModelError:
        name = without_secrets(name)
    return replace(model, name=name, details=without_secrets(model.details))


_OWN_NAMES = frozenset({"manifest.json", "metrics.json"})
_LONGEST_NAME = 200
"""Bytes; file systems have names of 255, and a page of the site adds to it."""


def _is_folder_name(name: str) -> bool:
    """Return whether a task's name is that of a folder in a run folder, and never a path."""
    return (
        bool(name)
        and "/" not in name
        and not name.startswith(".")
        and name.isprintable()
        and len(name.encode()) <= _LONGEST_NAME
        and name not in _OWN_NAMES
    )


def _with_later_keys(row: _Json) -> dict[str, Any]:
    """Return a manifest whose tasks say what format 2 came to say while it was new."""
    tasks = row.get("tasks")
    if not isinstance(tasks, Mapping):
        return dict(row)
    return {**row, "tasks": {name: _with_later(one, row) for name, one in tasks.items()}}


def _sessions(totals: object) -> list[dict[str, Any]]:
    """Return what totals say of the sessions of a run that lists none: they are of the last one."""
    if not isinstance(totals, Mapping) or not totals:
        return []
    unknown = dict.fromkeys(("began", "ended", "end", "samples"))
    return [
        {
            **unknown,
            "seconds": totals.get("generation_seconds"),
            **{
                name: totals.get(name)
                for name in ("grading_lag_seconds", "completion_tokens", "failures")
            },
        }
    ]


def _with_judged_by(entry: object) -> object:
    """Return the entry of a task, whose verdicts did not always say by what they were judged."""
    if isinstance(entry, Mapping) and isinstance(entry.get("grading"), Mapping):
        return {**entry, "grading": {"judged_by": None, **entry["grading"]}}
    return entry


# --- format 1: tasks and model were flat -----------------------------------------------------


def _with_later(entry: object, row: _Json) -> object:
    if not isinstance(entry, Mapping):
        return entry
    later = dict(entry)
    if "samples" in row:  # of all tasks
        data, asked = entry.get("data"), entry.get("problems")
        rows = data.get("rows") if isinstance(data, Mapping) else None
        later = {"samples": row["samples"], "limit": None if asked == rows else asked, **later}
    if isinstance(prompt := entry.get("prompt"), Mapping):
        later["prompt"] = {"system": None, "system_fallback": None, **prompt}
    return later


# --- format 1: tasks and model were flat -----------------------------------------------------


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


def read_metrics(path: Path) -> list[Metric]:
    """Return the metrics of a file.

    Raises:
        RunError: if it cannot be read, has a field of a wrong type, or has one metric twice.
    """
    found = converted(list[Metric], metrics_with_units(read_json(path)), str(path))
    taken: set[tuple[str, str, str]] = set()
    for number, one in enumerate(found):
        if (own := (one.task, one.slice, one.name)) in taken:
            raise RunError(
                f"{path}: [{number}]: {one.name} of {one.slice} of {one.task} is in it twice.",
                f"Delete this file: {of_path('regrade', path.parent)} writes it again.",
            )
        taken.add(own)
    return found


def metrics_with_units(rows: object) -> object:
    """Return metrics; those written before units were stored get the unit they had."""
    if not isinstance(rows, list):
        return rows
    return [
        {"unit": "amount" if row.get("name") in _AMOUNTS else "share", **row}
        if isinstance(row, Mapping)
        else row
        for row in rows
    ]


_AMOUNTS = frozenset({"tokens", "seconds", "pml"})
"""The metrics that were not fractions when units were not stored yet."""


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
"""Keys of a task that were added within format 1, with their values before that."""

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
"""For each record of a task: its fields and their keys in format 1."""


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
"""By earlier format, the function that converts a manifest to the next one."""
