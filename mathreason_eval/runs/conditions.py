"""What must be alike for two results to be compared, and in which words they differ."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Self

from mathreason_eval.types import DataEntry, GradingRules, PromptEntry, TaskEntry

IMMATERIAL: Mapping[type, Mapping[str, str]] = {
    TaskEntry: {
        "problems": "their ids are compared",
        "max_tokens": "sampling, which may differ and is remarked",
        "report": "what is made of verdicts, alike for both",
    },
    DataEntry: {
        "source": "a copy has the same contents by another name",
        "revision": "the same contents may be in two revisions",
        "rows": "follows from the contents",
        "published": "follows from the contents",
    },
    GradingRules: {
        "second": "a second grader judges beside the first",
        "check_steps": "the check of steps only adds to verdicts",
    },
}
"""Fields that change no verdict, and why. All others count, those that are still to come too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """Everything that a score depends on besides the model and its sampling."""

    problems: frozenset[str]
    """Ids of those asked."""
    material: str
    """All that counts of the entry, as JSON: equal where two results may be compared."""
    entry: TaskEntry = field(compare=False)
    """What the manifest says of the task."""

    @classmethod
    def of(cls, entry: TaskEntry, problems: Collection[str]) -> Self:
        """Return the conditions of one task of a run.

        Args:
            entry: what its manifest says of the task.
            problems: ids of the problems asked.
        """
        return cls(problems=frozenset(problems), material=_json(material(entry)), entry=entry)


def material(record: object) -> dict[str, Any]:
    """Return the fields of a record that count for whether results may be compared."""
    immaterial = IMMATERIAL.get(type(record), {})
    named = {one.name: getattr(record, one.name) for one in fields(record)}  # type: ignore[arg-type]
    return {
        name: material(value) if is_dataclass(value) else value
        for name, value in named.items()
        if name not in immaterial
    }


def differences(own: Conditions, usual: Conditions) -> Iterator[tuple[str, str]]:
    """Yield in what one result differs from another, as (`prompt`, a phrase).

    Args:
        own: the conditions of the one.
        usual: those of the other, which the phrase calls the usual.
    """
    mine, theirs = material(own.entry), material(usual.entry)
    for name in mine:
        if mine[name] == theirs[name]:
            continue
        if name == "grading":
            yield "rules", f"rules {'; '.join(_rules(mine[name], theirs[name]))}"
        else:
            was, other = _spelled(getattr(own.entry, name)), _spelled(getattr(usual.entry, name))
            yield name, f"{name} {was}, not {other}"
    if own.problems != usual.problems:
        yield "problems", _asked(len(own.problems), len(usual.problems))


def _asked(own: int, usual: int) -> str:
    if own == usual:
        return f"other {own:,} problems"
    return f"{own:,} problems asked, not {usual:,}"


def _spelled(value: object) -> str:
    """Return what a manifest says of one of the conditions."""
    if isinstance(value, PromptEntry):
        return _hashed(value.id, value.sha256)
    if isinstance(value, DataEntry):
        return _hashed(value.source, value.sha256)
    return _json(material(value) if is_dataclass(value) else value)


def _hashed(name: str, digest: str | None) -> str:
    return f"{name} ({digest[:8]})" if digest else name


_GRADER = ("grade", "grader_version")
"""They are said in one: the version is the grader's."""


def _rules(own: Mapping[str, Any], usual: Mapping[str, Any]) -> Iterator[str]:
    """Yield in what the rules of two entries differ."""
    said = [f"{one['grade']} of grader version {one['grader_version']}" for one in (own, usual)]
    if said[0] != said[1]:
        yield f"{said[0]}, not {said[1]}"
    for name in own:
        if name not in _GRADER:
            yield from _unlike(name, own[name], usual[name])


def _unlike(name: str, own: object, usual: object) -> Iterator[str]:
    """Yield in what a rule differs: of named options those that do."""
    if own == usual:
        return
    if isinstance(own, Mapping) and isinstance(usual, Mapping):
        for option in dict.fromkeys((*own, *usual)):
            yield from _unlike(option, own.get(option), usual.get(option))
    elif isinstance(own, Mapping) or isinstance(usual, Mapping):
        words = ["unknown" if one is None else "known" for one in (own, usual)]
        yield f"{name} {words[0]}, not {words[1]}"
    else:
        yield f"{name} {_json(own)}, not {_json(usual)}"


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
