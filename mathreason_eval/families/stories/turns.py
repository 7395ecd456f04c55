"""Which template a problem is told from: lengths go round, so that every prefix is balanced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mathreason_eval.families.stories.story import Template


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A template among others."""

    topic: str
    template: Template
    variants: Mapping[str, Template] = field(default_factory=dict)
    """What is told of it with a change, by the name of the change."""


def by_steps(entries: Iterable[Entry]) -> Sequence[Sequence[Entry]]:
    """Return the entries in groups of the same number of steps, the shortest first."""
    groups: dict[int, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(len(entry.template.steps), []).append(entry)
    return tuple(tuple(groups[length]) for length in sorted(groups))


def in_turn(groups: Sequence[Sequence[Entry]], index: int) -> Entry:
    """Return the entry whose turn it is: groups go round, and within each its entries do."""
    group = groups[index % len(groups)]
    return group[index // len(groups) % len(group)]
