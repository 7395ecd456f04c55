"""Manifests of earlier formats, made into what the present one would have written.

What comes out is decoded, and its types are checked, as if it had been read. What an earlier format
did not say is null, which is unknown; what came into being later is as it was before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Raw = Mapping[str, Any]
"""A manifest as JSON."""


def migrated(row: Raw) -> Raw:
    """Return a manifest of an earlier format as one of the present format.

    Args:
        row: the manifest, whatever its format.
    """
    for number in range(row["format"], len(_STEPS) + 1):
        row = _STEPS[number - 1](row)
    return row


def _from_1(row: Raw) -> Raw:
    """Nest what format 1 kept flat."""
    made = {**row, "format": 2}
    for name, change in (("model", _model), ("code", _code), ("tasks", _tasks)):
        if isinstance(row.get(name), Mapping):
            made[name] = change(row[name])
    if isinstance(row.get("sampling"), Mapping):
        made["sampling"] = {"temperature": None, "top_p": None, **row["sampling"]}
    made["finished"] = row.get("finished")
    # A sitting that has not ended, and an import, had no sums.
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


def _model(model: Raw) -> Raw:
    known = ("revision", "sha256", "chat_template_sha256")
    apart = {"name", "backend", *known}
    return {
        **{name: model[name] for name in ("name", "backend") if name in model},
        **{name: model.get(name) for name in known},
        "details": {name: value for name, value in model.items() if name not in apart},
    }


def _code(code: Raw) -> Raw:
    return {"mathreason_eval": None, "python": None, "machine": None, "packages": {}, **code}


_MOVED: Mapping[str, Mapping[str, str]] = {
    "prompt": {"id": "prompt", "sha256": "prompt_sha256"},
    "data": {
        "source": "data_source",
        "revision": "data_revision",
        "sha256": "data_sha256",
        "rows": "data_rows",
        "published": "data_published",
    },
    "grading": {
        name: name
        for name in (
            *("extract", "grade", "grader_version", "convention", "second", "check_steps"),
        )
    },
    "report": {name: name for name in ("slices", "cluster", "macro", "metrics", "primary")},
}
"""For each record of a task the names of its fields, and what they were called."""

_BEFORE: Raw = {
    "data_published": None,
    "convention": None,
    "second": None,
    "check_steps": False,
    "cluster": None,
    "macro": None,
    "metrics": (),
    "primary": None,
}
"""What tasks came to say within format 1, and what was so before."""


def _tasks(tasks: Raw) -> Raw:
    return {
        name: _task(entry) if isinstance(entry, Mapping) else entry for name, entry in tasks.items()
    }


def _task(entry: Raw) -> Raw:
    said = {**_BEFORE, **entry}
    return {
        **{name: said[name] for name in ("version", "max_tokens", "problems") if name in said},
        **{
            record: {name: said[was] for name, was in fields.items() if was in said}
            for record, fields in _MOVED.items()
        },
    }


_STEPS: tuple[Callable[[Raw], Raw], ...] = (_from_1,)
"""What makes format 2 of format 1, and so on: one step a format."""
