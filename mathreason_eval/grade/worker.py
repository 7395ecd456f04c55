"""Processes that judge what may take too long, and are killed when it does.

A worker is a plain child process that speaks JSON lines over pipes: nothing is forked from a caller
with threads, no `__main__` guard is needed, no signal touches the caller, and Ctrl-C in a terminal
does not reach it. It ends with its parent, however the parent ends.
"""

from __future__ import annotations

import json
import os
import queue
import resource
import select
import subprocess
import sys
import threading
import time
from types import TracebackType
from typing import IO, Any, Self

MEMORY = 2 << 30
"""Bytes of address space of one worker."""

_START = 60.0
"""Seconds a worker may take to import what it needs; they are on no sample's clock."""
_TASKS = 2_000
"""Judgements after which a worker is replaced: computer algebra keeps what it has seen."""


class WorkerError(Exception):
    """A worker did not answer; what became of it is the text."""


class Worker:
    """One child process. Not thread-safe: a pool lends it to one thread at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._answered = 0

    def ask(self, request: dict[str, Any], deadline: float) -> dict[str, Any]:
        """Return the worker's answer to a request.

        Raises:
            WorkerError: if it died, or had no answer within `deadline` seconds and was killed.
        """
        if self._answered >= _TASKS:
            self.kill()
        process = self._process or self._start()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
        except OSError:
            self.kill()
            raise WorkerError("the grading process died") from None
        self._answered += 1
        return self._read(process, deadline)

    def kill(self) -> None:
        """End the process at once. Harmless when there is none."""
        process, self._process, self._answered = self._process, None, 0
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            _close(pipe)

    def _start(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mathreason_eval.grade.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        self._read(self._process, _START)
        return self._process

    def _read(self, process: subprocess.Popen[bytes], deadline: float) -> dict[str, Any]:
        """Return one line of JSON, waiting for it no longer than the deadline."""
        assert process.stdout is not None
        until, line = time.monotonic() + deadline, b""
        while not line.endswith(b"\n"):
            left = until - time.monotonic()
            ready = left > 0 and select.select([process.stdout], [], [], left)[0]
            if not ready:
                self.kill()
                raise WorkerError(f"no verdict within {deadline:g} s")
            piece = os.read(process.stdout.fileno(), 1 << 16)
            if not piece:
                self.kill()
                raise WorkerError("the grading process died, of memory or of a crash")
            line += piece
        answer: dict[str, Any] = json.loads(line)
        return answer


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        # A dead reader: what was still in the pipe is lost, as it should be.
        return


class WorkerPool:
    """A few workers, started when first needed, lent to any thread. A context manager."""

    def __init__(self, size: int) -> None:
        self._idle: queue.LifoQueue[Worker] = queue.LifoQueue()
        self._workers = [Worker() for _ in range(size)]
        for worker in self._workers:
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

    def ask(self, request: dict[str, Any], deadline: float) -> dict[str, Any]:
        """Return an answer; waiting for a free worker is not on the deadline's clock.

        Raises:
            WorkerError: if the worker died or was killed.
        """
        worker = self._idle.get()
        try:
            return worker.ask(request, deadline)
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        """Kill every worker."""
        for worker in self._workers:
            worker.kill()


# --- in the child ----------------------------------------------------------------------------


def _end_with_parent() -> None:
    """Leave when the parent is gone, even in the middle of a computation."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def serve() -> None:
    """Answer requests from stdin on stdout, one JSON line each, until stdin ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    _end_with_parent()
    # Libraries that print must not break the protocol: the real stdout is known here alone.
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    from mathreason_eval.grade.graders import answer_request, prepare

    prepare()
    answers.write(b"{}\n")
    for line in sys.stdin.buffer:
        answers.write(json.dumps(answer_request(json.loads(line))).encode() + b"\n")


if __name__ == "__main__":
    serve()
