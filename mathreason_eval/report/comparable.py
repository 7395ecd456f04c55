"""What must be alike for two results to be compared, and in which words they differ."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

Entry = Mapping[str, object]
"""What a manifest says of a task."""


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
    """How answers are found and judged."""

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
            rules=tuple(str(entry.get(key)) for key in ("grade", "grader_version", "extract")),
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
    if name == "rules":
        return f"{entry.get('grade')} of grader version {entry.get('grader_version')}"
    label = entry.get("data_source" if name == "data" else "prompt")
    digest = entry.get(f"{name}_sha256")
    return f"{label} ({str(digest)[:8]})" if digest else f"{label}"
