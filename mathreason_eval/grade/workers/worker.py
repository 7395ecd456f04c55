"""Processes that judge what may take too long, and are killed when it does.

A worker is a plain child process that speaks JSON lines over pipes: nothing is forked from a caller
with threads, no `__main__` guard is needed, no signal touches the caller, and Ctrl-C in a terminal
does not reach it. It ends with its parent, however the parent ends.

A caller may fork at any time: a worker answers only the process that started it. The copy in the
new process lets go of it untouched and starts a worker of its own.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from mathreason_eval.grade.workers.forks import renew_after_fork

MEMORY = 2 << 30
"""Bytes of address space of one worker."""

_START = 60.0
"""Seconds a worker may take to import what it needs; they are on no sample's clock."""
_TASKS = 2_000
"""Judgements after which a worker is replaced: computer algebra keeps what it has seen."""
_LONGEST_ANSWER = 64 << 20
"""Bytes of one answer; a child that writes more has gone wrong."""


class WorkerError(Exception):
    """A worker did not answer; what became of it is the text."""


class Worker:
    """One child process. Not thread-safe: a pool lends it to one thread at a time."""

    def __init__(
        self, job: str = "mathreason_eval.grade.jobs.algebra", memory: int = MEMORY
    ) -> None:
        """Make a worker; its process starts with the first request.

        Args:
            job: a module with `prepare()` and `answers(request)`, an iterator of JSON objects.
            memory: bytes of address space it may have.
        """
        self._job = job
        self._memory = memory
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()
        self._asked = 0
        self._ready = False
        self._answered = 0
        self._rest = b""
        self._prepared: set[str] = set()

    def prepare(self, request: dict[str, Any]) -> None:
        """Have the process answer a request whose effect later ones need, unless it has.

        Raises:
            WorkerError: if it died, or took longer than a process may take to come up.
        """
        spelled = json.dumps(request, sort_keys=True)
        self.ready()
        if spelled not in self._prepared:
            self.ask(request, _START)
            self._prepared.add(spelled)

    def ask(self, request: dict[str, Any], deadline: float) -> dict[str, Any]:
        """Return the worker's one answer to a request.

        Raises:
            WorkerError: if it died, or had no answer within `deadline` seconds and was killed.
        """
        [answer] = self.ask_each(request, 1, deadline)
        return answer

    def ask_each(
        self, request: dict[str, Any], count: int, deadline: float
    ) -> Iterator[dict[str, Any]]:
        """Yield a number of answers to one request, each within the deadline after the last.

        Raises:
            WorkerError: if it died, or was late and was killed, or answered another request.
        """
        self._leave_foreign()
        if self._answered >= _TASKS:
            self.kill()
        process = self.ready()
        self._answered += count
        self._asked += 1
        number = f"{os.getpid()}.{self._asked}"
        line = json.dumps({"id": number, "request": request}, default=str)
        try:
            self._write(process, line.encode() + b"\n")
            for _ in range(count):
                yield self._said(self._read(process, deadline), number)
        except BaseException:
            # Whatever stops us half-way, Ctrl-C included: the next must not read this one's answer.
            self.kill()
            raise

    def _said(self, answer: dict[str, Any], number: str) -> dict[str, Any]:
        """Return what an answer says, if it is one to the request of that number."""
        if answer.get("id") != number:
            raise WorkerError("the grading process answered another request")
        said: dict[str, Any] = answer["said"]
        return said

    def _is_foreign(self) -> bool:
        """Return whether the process was started before a fork that made the process we are in."""
        return self._process is not None and self._owner != os.getpid()

    def _leave_foreign(self) -> None:
        """Let go of a process that another process started, without a word to it."""
        process = self._process
        if process is None or not self._is_foreign():
            return
        self._process, self._answered, self._rest = None, 0, b""
        process.returncode = 0  # so that the handle, when it is collected, does not wait for it
        _close_pipes(process)

    def kill(self) -> None:
        """End the process at once. Harmless when there is none, or when it is another's."""
        self._leave_foreign()
        process, self._process, self._answered, self._rest = self._process, None, 0, b""
        if process is None:
            return
        process.kill()
        process.wait()
        _close_pipes(process)

    def begin(self) -> subprocess.Popen[bytes]:
        """Start the process if there is none, and do not wait for it."""
        self._leave_foreign()
        if self._process is not None:
            return self._process
        self._ready = False
        self._prepared = set()
        self._owner = os.getpid()
        self._process = subprocess.Popen(  # noqa: S603 - this module
            [
                sys.executable,
                "-m",
                "mathreason_eval.grade.workers.worker",
                self._job,
                str(self._memory),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        return self._process

    def ready(self) -> subprocess.Popen[bytes]:
        """Return the process once it has imported what it needs.

        Raises:
            WorkerError: if it does not come up.
        """
        process = self.begin()
        if not self._ready:
            try:
                self._read(process, _START)
            except BaseException:
                self.kill()
                raise
            self._ready = True
        return process

    def _write(self, process: subprocess.Popen[bytes], line: bytes) -> None:
        assert process.stdin is not None
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[os.write(process.stdin.fileno(), rest) :]
        except OSError:
            raise WorkerError("the grading process died") from None

    def _read(self, process: subprocess.Popen[bytes], deadline: float) -> dict[str, Any]:
        """Return one line of JSON, waiting for it no longer than the deadline."""
        assert process.stdout is not None
        if self._is_foreign():
            raise WorkerError("the request was made before a fork, by another process")
        until = time.monotonic() + deadline
        pieces = [self._rest]
        while b"\n" not in pieces[-1]:
            left = until - time.monotonic()
            ready = left > 0 and select.select([process.stdout], [], [], left)[0]
            if not ready:
                raise WorkerError(f"no verdict within {deadline:g} s")
            piece = os.read(process.stdout.fileno(), 1 << 16)
            if not piece or len(pieces) > _LONGEST_ANSWER >> 16:
                raise WorkerError("the grading process died, of memory or of a crash")
            pieces.append(piece)
        line, _, self._rest = b"".join(pieces).partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        # A dead reader: what was still in the pipe is lost, as it should be.
        with contextlib.suppress(BrokenPipeError):
            pipe.close()


class WorkerPool:
    """A few workers, started when first needed, lent to any thread. A context manager."""

    def __init__(self, size: int) -> None:
        self._idle: queue.LifoQueue[Worker] = queue.LifoQueue()
        self._workers = [Worker() for _ in range(size)]
        self._hopeless: dict[str, str] = {}
        for worker in self._workers:
            self._idle.put(worker)
        renew_after_fork(self)

    def renew(self) -> None:
        """Own idle workers without a process: in a forked child, where no other thread lives on.

        The queue is a new one: a thread of the parent may have held the lock of the old.
        """
        self._idle = queue.LifoQueue()
        for worker in self._workers:
            worker.kill()
            self._idle.put(worker)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def begin(self) -> None:
        """Start every worker's process now, beside whatever else is done."""
        idle = []
        with contextlib.suppress(queue.Empty):
            while True:
                idle.append(self._idle.get_nowait())
        for worker in idle:
            worker.begin()
            self._idle.put(worker)

    def ask(
        self, request: dict[str, Any], deadline: float, first: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], float]:
        """Return an answer and the seconds it took.

        Waiting for a free worker, and for one to come up, is on no clock.

        Args:
            request: what to ask.
            deadline: seconds for the answer.
            first: what each process must have been asked before, on no clock either; where a
                process died of it or did not come back, no other is asked.

        Raises:
            WorkerError: if the worker died or was killed.
        """
        idle = self._idle  # a fork replaces it, with all workers in it
        worker = idle.get()
        try:
            self._prepare(worker, first)
            began = time.perf_counter()
            return worker.ask(request, deadline), time.perf_counter() - began
        finally:
            idle.put(worker)

    def _prepare(self, worker: Worker, first: dict[str, Any] | None) -> None:
        worker.ready()
        if first is None:
            return
        spelled = json.dumps(first, sort_keys=True)
        if spelled in self._hopeless:
            raise WorkerError(self._hopeless[spelled])
        try:
            worker.prepare(first)
        except WorkerError as error:
            self._hopeless[spelled] = f"loading it failed: {error}"
            raise WorkerError(self._hopeless[spelled]) from None

    def close(self) -> None:
        """Kill every worker."""
        for worker in self._workers:
            worker.kill()


# --- in the child ----------------------------------------------------------------------------


def serve(job: str, memory: int) -> None:
    """Answer requests from stdin on stdout, JSON lines both, until stdin ends."""
    _limit(memory)
    _end_with_parent()
    # Libraries that print must not break the protocol: the real stdout is known here alone.
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    module = importlib.import_module(job)
    answer: Callable[[dict[str, Any]], Iterator[dict[str, Any]]] = module.answers
    module.prepare()
    answers.write(b"{}\n")
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        for said in answer(asked["request"]):
            answers.write(json.dumps({"id": asked["id"], "said": said}).encode() + b"\n")


def _limit(memory: int) -> None:
    """Bound this process's memory, where the system can."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _end_with_parent() -> None:
    """Leave when the parent is gone, even in the middle of a computation."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main(arguments: Sequence[str]) -> None:
    """Serve the job that a `Worker` names."""
    job, memory = arguments
    serve(job, int(memory))


if __name__ == "__main__":
    main(sys.argv[1:])
