"""What a forked process must not share with the one it was forked from."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Renewable(Protocol):
    """Whoever holds locks, queues or processes of the process that made it."""

    def renew(self) -> None:
        """Replace them: in a forked child, where the thread that held a lock may be gone."""
        ...


_KNOWN: weakref.WeakSet[Renewable] = weakref.WeakSet()


def renew_after_fork(one: Renewable) -> None:
    """Have an object renewed in every child that is forked while it lives."""
    _KNOWN.add(one)


def _renew_all() -> None:
    for one in _KNOWN:
        one.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
