"""Tables of named entries: built in, of benchmark families, and of installed packages.

The tables of graders, extraction rules and metrics are in lower layers than the families, which add
entries for their benchmarks. A table knows the package of families only by name, and imports it
when asked for a name that is not built in. Entry points of installed packages are read after that;
a package is imported when one of its entries is used, never to list names.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property, lru_cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from mathreason_eval.errors import PluginError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

EntryT = TypeVar("EntryT")

FAMILIES = "mathreason_eval.families"
"""The package whose tables are added; it is imported by name."""
TASK_PREFIX = "task.py:"
"""Prefix of the name of a grader in a task's folder: `task.py:parity`."""
OURS = "ours"
FAMILY = "family"
"""Origins of built-in entries and of the families'; any other origin is a package and version."""


class Registry(Mapping[str, EntryT]):
    """A table of named entries: built-in ones, then the families', then installed packages'."""

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
            table: its name in the package of families, such as `GRADERS`; the group of entry
                points is then `mathreason_eval.graders`.
            own: the built-in entries.
            families: whether families have such a table.
            adopt: converts the object of an entry point, given its name, to an entry, or raises a
                TypeError; by default the object must be a function, and is the entry.
            reserved: further names that no package may use.
        """
        self._table = table
        self._own = own
        self._has_families = families
        self._adopt = adopt or _function
        self._reserved = reserved
        self._adopted: dict[str, EntryT] = {}

    @property
    def group(self) -> str:
        """Return the group of entry points by which packages add entries."""
        return f"mathreason_eval.{self._table.lower()}"

    @cached_property
    def _of_families(self) -> Mapping[str, EntryT]:
        """Return the families' entries.

        Raises:
            ValueError: if a family has an entry with a built-in name.
        """
        if not self._has_families:
            return {}
        entries: Mapping[str, EntryT] = getattr(import_module(FAMILIES), self._table)
        if duplicates := sorted(self._own.keys() & entries.keys()):
            raise ValueError(f"{self._table} has {', '.join(duplicates)} twice")
        return entries

    @cached_property
    def _points(self) -> Mapping[str, EntryPoint]:
        """Return the entry points of installed packages, by name.

        Raises:
            PluginError: if a package uses a name that is taken.
        """
        return points(self.group, {*self._own, *self._of_families, *self._reserved})

    def __getitem__(self, name: str) -> EntryT:
        if name in self._own:
            return self._own[name]
        if name in self._of_families:
            return self._of_families[name]
        if name not in self._adopted:
            point = self._points[name]
            found = loaded(point)
            try:
                self._adopted[name] = self._adopt(name, found)
            except TypeError as error:
                raise _refused(point, f"it is {error}") from None
        return self._adopted[name]

    def __contains__(self, name: object) -> bool:
        # Mapping's own method would load the entry.
        return name in self._own or name in self._of_families or name in self._points

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        yield from self._of_families
        yield from self._points

    def __len__(self) -> int:
        return len(self._own) + len(self._of_families) + len(self._points)

    def origins(self) -> Mapping[str, str]:
        """Return the origin of each name: `ours`, `family`, or a package and its version."""
        return {
            **dict.fromkeys(self._own, OURS),
            **dict.fromkeys(self._of_families, FAMILY),
            **{name: origin(point) for name, point in self._points.items()},
        }


def points(group: str, taken: Collection[str] = ()) -> Mapping[str, EntryPoint]:
    """Return the entry points of a group by name.

    Raises:
        PluginError: if a name is taken, or two packages use it.
    """
    from importlib.metadata import entry_points  # It imports a parser of e-mails.

    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        if point.name in taken:
            raise _refused(point, "the name is already taken by a built-in entry")
        if point.name in found:
            raise _refused(point, f"{origin(found[point.name])} has an entry of the same name")
        found[point.name] = point
    return found


def origin(point: EntryPoint) -> str:
    """Return the package of an entry point and its version."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def loaded(point: EntryPoint) -> Any:  # noqa: ANN401  its type depends on the group
    """Return the object of an entry point, importing its package.

    Raises:
        PluginError: if that fails, whatever exception the package raises.
    """
    try:
        return point.load()
    # A package's import may raise anything or exit, which is not our bug.
    except (Exception, SystemExit) as error:
        raise _refused(point, f"{type(error).__name__}: {error}") from error


def _refused(point: EntryPoint, why: str) -> PluginError:
    return PluginError(
        f"The entry point {point.group}: {point.name} = {point.value} of the package "
        f"{origin(point)} cannot be used: {why}.",
        "Fix, update or uninstall that package.",
    )


def _function(_: str, found: Any) -> Any:  # noqa: ANN401  as `loaded`
    if not callable(found):
        raise TypeError(f"of type {type(found).__name__}, not a function")
    return found


@lru_cache
def module_at(path: str) -> ModuleType:
    """Return a task's Python file as a module, executed on first use.

    Args:
        path: absolute; files with the same name in two folders are two modules.

    Raises:
        FileNotFoundError: if there is no such file.
    """
    name = f"mathreason_task_{path}".replace(".", "_")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, "a file that ends in .py"
    assert spec.loader is not None, "a file that ends in .py"
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by name while it is still being executed.
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module
