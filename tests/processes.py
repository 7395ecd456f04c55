"""Processes as /proc shows them."""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path


def is_alive(process: int) -> bool:
    """Return whether a process runs; one that has ended and is not waited for does not."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def children(process: int) -> list[int]:
    """Return the processes that a process has started."""
    paths = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for path in paths for child in path.read_text().split()]


def descendants(process: int) -> set[int]:
    """Return the processes that a process, or one of those, has started."""
    own = children(process)
    return {*own, *(inner for child in own for inner in descendants(child))}


def wait_until_gone(processes: Collection[int]) -> None:
    """Return when all processes have ended; if one never does, the test runs into its limit."""
    while any(map(is_alive, processes)):
        time.sleep(0.05)
