"""What must be alike for two results to be compared, and in which words they differ."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

Entry = Mapping[str, object]
"""What a manifest says of a task."""

_RULES = ("grade", "grader_version", "extract", "convention")
"""What decides outcomes and measures. A second grader and the check of steps only add to them, and
the rest says how they are reported."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """Everything that a score depends on besides the model and its sampling."""

    version: str
    """Of the task."""
    data: str
    """Content hash."""
    prompt: str
    """Content hash."""
    problems: frozenset[str]
    """Ids of those asked."""
    rules: tuple[str, ...]
    """How answers are found and judged, as JSON. What a manifest does not say is null, and is only
    like what another does not say."""

    @classmethod
    def of(cls, entry: Entry, problems: Collection[str]) -> Self:
        """Return the conditions of one task of a run.

        Args:
            entry: what its manifest says of the task.
            problems: ids of the problems asked.
        """
        return cls(
            version=str(entry.get("version")),
            data=str(entry.get("data_sha256")),
            prompt=str(entry.get("prompt_sha256")),
            problems=frozenset(problems),
            rules=tuple(_json(entry.get(key)) for key in _RULES),
        )


def differences(
    own: tuple[Entry, Conditions], usual: tuple[Entry, Conditions]
) -> Iterator[tuple[str, str]]:
    """Yield in what one result differs from another, as (`prompt`, a phrase).

    Args:
        own: the manifest's entry of the one and its conditions.
        usual: those of the other, which the phrase calls the usual.
    """
    (entry, mine), (other, theirs) = own, usual
    for name in ("version", "data", "prompt", "problems", "rules"):
        if getattr(mine, name) == getattr(theirs, name):
            continue
        if name == "problems":
            yield name, _asked(len(mine.problems), len(theirs.problems))
        elif name == "rules":
            yield name, f"rules {'; '.join(_rules(entry, other))}"
        else:
            yield name, f"{name} {_spelled(name, entry)}, not {_spelled(name, other)}"


def _asked(own: int, usual: int) -> str:
    if own == usual:
        return f"other {own:,} problems"
    return f"{own:,} problems asked, not {usual:,}"


def _spelled(name: str, entry: Entry) -> str:
    """Return what a manifest says of one of the conditions."""
    if name == "version":
        return f"{entry.get('version')}"
    label = entry.get("data_source" if name == "data" else "prompt")
    digest = entry.get(f"{name}_sha256")
    return f"{label} ({str(digest)[:8]})" if digest else f"{label}"


def _rules(entry: Entry, other: Entry) -> Iterator[str]:
    """Yield in what the rules of two entries differ."""
    graders = [
        f"{one.get('grade')} of grader version {one.get('grader_version')}"
        for one in (entry, other)
    ]
    if graders[0] != graders[1]:
        yield f"{graders[0]}, not {graders[1]}"
    own, usual = entry.get("convention"), other.get("convention")
    if isinstance(own, Mapping) and isinstance(usual, Mapping):
        yield from _unlike({**own}, {**usual}, dict.fromkeys((*own, *usual)))
    elif own is None or usual is None:
        if own != usual:
            said = ["unknown" if one is None else "known" for one in (own, usual)]
            yield f"convention {said[0]}, not {said[1]}"
    else:
        yield from _unlike(entry, other, ("convention",))
    yield from _unlike(entry, other, ("extract",))


def _unlike(own: Entry, usual: Entry, keys: Collection[str]) -> Iterator[str]:
    for key in keys:
        mine, theirs = _json(own.get(key)), _json(usual.get(key))
        if mine != theirs:
            yield f"{key} {mine}, not {theirs}"


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
