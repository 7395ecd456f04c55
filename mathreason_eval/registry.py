"""What is found by name: our own entries, those of benchmark families, and other packages'.

A table of graders, extraction rules or metrics lies below the families, which know how their
benchmarks are judged. So the table knows them by name alone: a family is imported when a name is
asked for that is none of the table's own. Installed packages bring entries by entry points, which
are looked at after that; a package is imported when an entry of it is used, never to list names.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property, lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, TypeVar

from mathreason_eval.errors import PluginError

EntryT = TypeVar("EntryT")

FAMILIES = "mathreason_eval.families"
"""The package whose tables are looked into; only its name is known here."""
OF_TASK = "task.py:"
"""What the name of a grader in a task's folder begins with: `task.py:parity`."""
OURS = "ours"
FAMILY = "family"
"""Origins: an entry of the table, or of a family; else it is a package and its version."""


class Registry(Mapping[str, EntryT]):
    """A table of named entries: our own first, then those of the families, then of packages."""

    def __init__(
        self,
        table: str,
        own: Mapping[str, EntryT],
        *,
        families: bool = True,
        adopt: Callable[[str, Any], EntryT] | None = None,
        reserved: Collection[str] = (),
    ) -> None:
        """Make a registry.

        Args:
            table: what the families call theirs: `GRADERS`; `mathreason_eval.graders` is then the
                group of entry points.
            own: the entries that belong to no family.
            families: whether families have such a table.
            adopt: makes an entry of a name and what a package brings under it, or raises a
                TypeError; by default it must be a function, and is the entry.
            reserved: further names that no package may bring.
        """
        self._table = table
        self._own = own
        self._has_families = families
        self._adopt = adopt or _function
        self._reserved = reserved
        self._adopted: dict[str, EntryT] = {}

    @property
    def group(self) -> str:
        """Return the group of entry points that packages bring entries by."""
        return f"mathreason_eval.{self._table.lower()}"

    @cached_property
    def _brought(self) -> Mapping[str, EntryT]:
        """The families' entries.

        Raises:
            ValueError: if a family brings a name that the table has.
        """
        if not self._has_families:
            return {}
        brought: Mapping[str, EntryT] = getattr(import_module(FAMILIES), self._table)
        if twice := sorted(self._own.keys() & brought.keys()):
            raise ValueError(f"{self._table} holds {', '.join(twice)} twice")
        return brought

    @cached_property
    def _points(self) -> Mapping[str, EntryPoint]:
        """The entry points of installed packages, by name.

        Raises:
            PluginError: if a package brings a name that is taken.
        """
        return points(self.group, {*self._own, *self._brought, *self._reserved})

    def __getitem__(self, name: str) -> EntryT:
        if name in self._own:
            return self._own[name]
        if name in self._brought:
            return self._brought[name]
        if name not in self._adopted:
            self._adopted[name] = self._taken_in(self._points[name])
        return self._adopted[name]

    def _taken_in(self, point: EntryPoint) -> EntryT:
        found = loaded(point)
        try:
            return self._adopt(point.name, found)
        except TypeError as error:
            raise _refused(point, f"it is {error}") from None

    def __contains__(self, name: object) -> bool:
        # Mapping's own would load the entry to see whether there is one.
        return name in self._own or name in self._brought or name in self._points

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        yield from self._brought
        yield from self._points

    def __len__(self) -> int:
        return len(self._own) + len(self._brought) + len(self._points)

    def origins(self) -> Mapping[str, str]:
        """Return where each entry is from: `ours`, `family`, or a package and its version."""
        return {
            **dict.fromkeys(self._own, OURS),
            **dict.fromkeys(self._brought, FAMILY),
            **{name: origin(point) for name, point in self._points.items()},
        }


def points(group: str, taken: Collection[str] = ()) -> Mapping[str, EntryPoint]:
    """Return the entry points of a group by name.

    Raises:
        PluginError: if a name is taken, or two packages bring it.
    """
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        if point.name in taken:
            raise _refused(point, "that name is taken by one of ours")
        if point.name in found:
            raise _refused(point, f"{origin(found[point.name])} brings the same name")
        found[point.name] = point
    return found


def origin(point: EntryPoint) -> str:
    """Return the package of an entry point and its version."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def loaded(point: EntryPoint) -> Any:  # noqa: ANN401  only its group says what it should be
    """Return what an entry point names, importing its package.

    Raises:
        PluginError: if that fails, whatever the package raises.
    """
    try:
        return point.load()
    # A package's import may raise anything, or leave; none of it is a bug of ours, or an answer.
    except (Exception, SystemExit) as error:
        raise _refused(point, f"{type(error).__name__}: {error}") from error


def _refused(point: EntryPoint, why: str) -> PluginError:
    return PluginError(
        f"The entry point {point.group}: {point.name} = {point.value} of the package "
        f"{origin(point)} cannot be used: {why}.",
        "Mend, update or uninstall that package.",
    )


def _function(_: str, found: Any) -> Any:  # noqa: ANN401  as `loaded`
    if not callable(found):
        raise TypeError(f"of type {type(found).__name__}, not a function")
    return found


@lru_cache
def module_at(path: str) -> ModuleType:
    """Return the module that a task's Python file makes, run on first use.

    Args:
        path: of the file, absolute. Two of one name are two modules.

    Raises:
        FileNotFoundError: if there is none.
    """
    name = f"mathreason_task_{path}".replace(".", "_")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, "a file that ends in .py"
    assert spec.loader is not None, "a file that ends in .py"
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by name while it is still being run.
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module
