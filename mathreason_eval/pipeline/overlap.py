"""How well the engine and what surrounds it overlap: time without requests, and computing of ours.

Both are taken where requests and results pass, which is the same for every engine: what a batch
engine or a server does inside is its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from threading import Lock

from mathreason_eval.models.base import Completion, Failure, Model, Request, computes_in_caller


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlap:
    """What a session's engine waited for, and what we computed meanwhile."""

    engine_idle_seconds: float
    """Time in which the engine had no request, while there were more to ask."""
    harness_cpu_seconds: float
    """Processor time of requests, results, storing and grading, grading processes included."""
    cores: int
    """Processors that this process may use."""


class OverlapMeter:
    """Counts the requests that an engine has, and the time between them. Any thread may pull."""

    def __init__(
        self,
        *,
        in_caller: bool,
        clock: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = time.thread_time,
    ) -> None:
        """Begin with an engine that has nothing.

        Args:
            in_caller: whether the engine computes only while a result is waited for, so that it
                waits whenever nobody does.
            clock: seconds that pass.
            cpu: processor seconds of the calling thread.
        """
        self._in_caller = in_caller
        self._clock = clock
        self._cpu = cpu
        self._lock = Lock()
        self._flying = 0
        self._empty_since: float | None = None
        self._children = _children_cpu()
        self.idle = 0.0
        self.computed = 0.0

    def stream(
        self, model: Model, source: Iterator[Request]
    ) -> Generator[Completion | Failure, None, None]:
        """Yield a model's results, and measure."""
        with self._lock:
            self._empty_since = self._clock()
        with closing(model.stream(self._measured(source))) as results:  # type: ignore[type-var]
            for result in results:
                began, cpu = self._clock(), self._cpu()
                self._returned(began)
                yield result
                self._handled(began, self._cpu() - cpu)

    def _measured(self, source: Iterator[Request]) -> Iterator[Request]:
        return _Measured(source, self)

    def pulled(self, source: Iterator[Request]) -> Request:
        """Return the next request; raise StopIteration if there is none."""
        began, cpu = self._clock(), self._cpu()
        request = next(source)
        now = self._clock()
        with self._lock:
            self.computed += self._cpu() - cpu
            if self._empty_since is not None:
                self.idle += now - self._empty_since
                self._empty_since = None
            elif self._in_caller:
                self.idle += now - began
            self._flying += 1
        return request

    def _returned(self, now: float) -> None:
        with self._lock:
            self._flying -= 1
            if self._flying == 0:
                self._empty_since = now

    def _handled(self, began: float, cpu: float) -> None:
        with self._lock:
            self.computed += cpu
            if self._in_caller and self._empty_since is None:
                self.idle += self._clock() - began

    def overlap(self, grading_cpu: float) -> Overlap:
        """Return what was measured, once the grading processes have ended.

        Args:
            grading_cpu: processor seconds of the grading threads.
        """
        children = _children_cpu() - self._children
        return Overlap(
            engine_idle_seconds=self.idle,
            harness_cpu_seconds=self.computed + grading_cpu + children,
            cores=_cores(),
        )


class _Measured(Iterator[Request]):
    """Requests that are counted; there may be more after there was none."""

    def __init__(self, source: Iterator[Request], meter: OverlapMeter) -> None:
        self._source = source
        self._meter = meter

    def __next__(self) -> Request:
        return self._meter.pulled(self._source)


def meter_of(model: Model) -> OverlapMeter:
    """Return a meter for a model."""
    return OverlapMeter(in_caller=computes_in_caller(model))


def _children_cpu() -> float:
    """Return the processor seconds of the child processes that have ended."""
    spent = os.times()
    return spent.children_user + spent.children_system


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
