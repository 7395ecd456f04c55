"""A request to end a run early: no more samples are submitted, those in flight are finished."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

ItemT = TypeVar("ItemT")


class Stop:
    """A request made elsewhere, such as in a signal handler, that a run obeys."""

    def __init__(self) -> None:
        self.requested = False
        self.heeded = False
        """Whether a run is obeying requests, and so would end soon after one."""

    @contextmanager
    def heeding(self) -> Iterator[None]:
        """Context in which a run obeys requests: `heeded` is true within it."""
        self.heeded = True
        try:
            yield
        finally:
            self.heeded = False

    def until(self, items: Iterable[ItemT]) -> Iterator[ItemT]:
        """Yield items until the request is made, or all of them."""
        for item in items:
            if self.requested:
                return
            yield item
