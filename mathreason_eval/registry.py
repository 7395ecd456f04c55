"""What is found by name: entries of our own, and those that benchmark families bring along.

A table of graders, extraction rules or metrics lies below the families, which know how their
benchmarks are judged. So the table knows them by name alone: a family is imported when a name is
asked for that is none of the table's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from typing import TypeVar

EntryT = TypeVar("EntryT")

FAMILIES = "mathreason_eval.families"
"""The package whose tables are looked into; only its name is known here."""


class Registry(Mapping[str, EntryT]):
    """A table of named entries: our own first, then those of the families."""

    def __init__(self, table: str, own: Mapping[str, EntryT]) -> None:
        """Make a registry.

        Args:
            table: what the families call theirs: `GRADERS`, `EXTRACTORS` or `METRICS`.
            own: the entries that belong to no family.
        """
        self._table = table
        self._own = own

    @cached_property
    def _brought(self) -> Mapping[str, EntryT]:
        """The families' entries.

        Raises:
            ValueError: if a family brings a name that the table has.
        """
        brought: Mapping[str, EntryT] = getattr(import_module(FAMILIES), self._table)
        if twice := sorted(self._own.keys() & brought.keys()):
            raise ValueError(f"{self._table} holds {', '.join(twice)} twice")
        return brought

    def __getitem__(self, name: str) -> EntryT:
        return self._own[name] if name in self._own else self._brought[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        yield from self._brought

    def __len__(self) -> int:
        return len(self._own) + len(self._brought)
