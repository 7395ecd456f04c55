"""A step of vLLM that ends when the engine does.

`LLMEngine.step` waits for the engine's processes without end: where one of them was killed, by the
system for want of memory say, it never returns.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from multiprocessing.pool import ThreadPool
from multiprocessing.process import BaseProcess
from typing import Generic, TypeVar

_PULSE = 2.0
"""Seconds between two looks at the processes while a step takes its time."""

ValueT = TypeVar("ValueT")


class ProcessesDiedError(Exception):
    """A process that the step waits for is gone."""


class Steps(Generic[ValueT]):
    """Makes steps in a thread of its own, one at a time, and gives up when a process dies."""

    def __init__(self, step: Callable[[], ValueT], processes: Collection[BaseProcess]) -> None:
        self._step = step
        self._processes = processes
        # Its thread is a daemon: one that hangs in a step does not outlive the program.
        self._thread = ThreadPool(1)

    def make(self) -> ValueT:
        """Return what one step gives, or raise what it raises.

        Raises:
            ProcessesDiedError: a process died; the step may never return.
        """
        made = self._thread.apply_async(self._step)
        made.wait(_PULSE)
        while not made.ready():
            if not all(process.is_alive() for process in self._processes):
                raise ProcessesDiedError
            made.wait(_PULSE)
        return made.get()

    def end(self) -> None:
        """Make no more steps."""
        self._thread.close()
