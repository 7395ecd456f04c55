"""Worker processes for comparisons that may take too long, killed at their deadline.

A worker is a child process, `grade/child.py`, that exchanges JSON lines over pipes: a caller with
threads is not forked, no `__main__` guard is needed, no signal reaches the caller, and Ctrl-C in a
terminal does not reach the worker. It ends with its parent, however the parent ends: the system
kills it when a pipe closes whose other end only the parent has.

A caller may fork at any time: a worker answers only the process that started it. The copy in the
forked process drops the connection and starts a worker of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import subprocess
import sys
import time
import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, Self

from mathreason_eval.environment import child_environment

_OWNERS: weakref.WeakSet[ProcessOwner] = weakref.WeakSet()


class ProcessOwner(ABC):
    """An object that owns worker processes: a context manager, and safe to use after a fork."""

    def __init__(self) -> None:
        """Register this object: in every forked child it is renewed."""
        _OWNERS.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Kill the worker processes."""

    @abstractmethod
    def renew(self) -> None:
        """Replace locks and processes in a forked child: the threads that held locks are gone."""


def _renew_all() -> None:
    for owner in _OWNERS:
        owner.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)


class WorkerError(Exception):
    """A worker did not answer; the message says why."""


MEMORY = 2 << 30
"""Bytes of address space of one worker."""
_STARTUP_SECONDS = 60.0
"""Maximum seconds for a worker to import what it needs; no sample's time includes them."""
_MAX_REQUESTS = 2_000
"""Number of judgements after which a worker is replaced, as computer algebra's caches grow."""
_MAX_ANSWER = 64 << 20
"""Maximum bytes of one reply; a child that writes more is faulty."""


class Worker:
    """One child process. Not thread-safe: a pool gives it to one thread at a time."""

    def __init__(
        self,
        job: str = "mathreason_eval.grade.child",
        memory: int = MEMORY,
        judgements: int = _MAX_REQUESTS,
    ) -> None:
        """Make a worker; its process starts with the first request.

        Args:
            job: a module with `prepare()` and `answers(request)`, an iterator of JSON objects.
            memory: maximum bytes of its address space.
            judgements: number of them after which it is replaced.
        """
        self._job = job
        self._judgements = judgements
        self._memory = memory
        self._process: subprocess.Popen[bytes] | None = None
        self._lifeline: int | None = None
        """The end of a pipe that only this process has; the worker is killed when it closes."""
        self._owner = os.getpid()
        self._asked = 0
        self._ready = False
        self._answered = 0
        self._unread = b""
        self._lines: deque[bytes] = deque()
        """Replies that have arrived and were not asked for yet."""
        self._prepared: set[str] = set()

    def prepare(self, request: dict[str, Any]) -> None:
        """Send a request that later ones depend on, once per process.

        Raises:
            WorkerError: if the process died, or took longer than a process may take to start.
        """
        spelled = json.dumps(request, sort_keys=True)
        self.ready()
        if spelled not in self._prepared:
            self.ask(request, _STARTUP_SECONDS)
            self._prepared.add(spelled)

    def ask(self, request: dict[str, Any], deadline: float) -> dict[str, Any]:
        """Return the worker's single reply to a request.

        Raises:
            WorkerError: if it died, or did not reply within `deadline` seconds and was killed.
        """
        answer: dict[str, Any]
        [answer] = self.ask_each(request, 1, deadline)
        return answer

    def ask_each(
        self, request: dict[str, Any] | bytes, count: int, deadline: float
    ) -> Iterator[Any]:
        """Yield the replies to a request that has several.

        Args:
            request: the request, as JSON; see `encoded`.
            count: the number of replies.
            deadline: maximum seconds for each reply, from the one before.

        Raises:
            WorkerError: if the process died, missed a deadline and was killed, or replied to
                another request.
        """
        self._drop_foreign()
        if self._answered >= self._judgements:
            self.kill()
        process = self.ready()
        self._answered += count
        self._asked += 1
        number = f"{os.getpid()}.{self._asked}"
        spelled = request if isinstance(request, bytes) else encoded(request)
        try:
            _write(process, b'{"id": "%s", "request": %s}\n' % (number.encode(), spelled))
            for awaited in range(count, 0, -1):
                yield _answer(self._read(process, deadline, awaited), number)
        except BaseException:
            # Whatever interrupts us, Ctrl-C included: the next request must not read this reply.
            self.kill()
            raise

    def ready(self) -> subprocess.Popen[bytes]:
        """Return the process once it has imported what it needs.

        Raises:
            WorkerError: if it does not start.
        """
        process = self.start()
        if not self._ready:
            try:
                self._read(process, _STARTUP_SECONDS)
            except BaseException:
                self.kill()
                raise
            self._ready = True
        return process

    def start(self) -> subprocess.Popen[bytes]:
        """Return the process, started if there was none, without waiting for its imports."""
        self._drop_foreign()
        if self._process is None:
            self._ready = False
            self._prepared = set()
            self._owner = os.getpid()
            held, self._lifeline = os.pipe()
            child = ("mathreason_eval.grade.child", self._job, str(self._memory), str(held))
            self._process = subprocess.Popen(  # noqa: S603 - this package
                # -P: no module of the current folder is taken for one of ours or of a library.
                [sys.executable, "-P", "-m", *child],
                pass_fds=(held,),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                bufsize=0,
                env=child_environment(PYTHONPATH=os.pathsep.join(filter(None, sys.path))),
            )
            os.close(held)
        return self._process

    def kill(self) -> None:
        """Kill the process. Does nothing if there is none, or if another process started it."""
        self._drop_foreign()
        if (process := self._forget()) is not None:
            process.kill()
            process.wait()
            _close_pipes(process)

    def _is_foreign(self) -> bool:
        """Return whether the process was started before a fork that made the present process."""
        return self._process is not None and self._owner != os.getpid()

    def _drop_foreign(self) -> None:
        """Forget a process that another process started, and send nothing to it."""
        if self._is_foreign() and (process := self._forget()) is not None:
            process.returncode = 0  # so that the handle does not wait for it when it is collected
            _close_pipes(process)

    def _forget(self) -> subprocess.Popen[bytes] | None:
        process, self._process, self._answered, self._unread = self._process, None, 0, b""
        self._lines = deque()
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None
        return process

    def _read(
        self, process: subprocess.Popen[bytes], deadline: float, awaited: int = 1
    ) -> dict[str, Any]:
        """Return one line of JSON, waiting for it at most `deadline` seconds.

        Args:
            process: the child.
            deadline: maximum seconds to wait.
            awaited: number of lines that will come, this one included.
        """
        if self._is_foreign():
            raise WorkerError("the request was made before a fork, by another process")
        if not self._lines:
            self._receive(process, deadline, awaited)
        reply: dict[str, Any] = json.loads(self._lines.popleft())
        return reply

    def _receive(self, process: subprocess.Popen[bytes], deadline: float, awaited: int) -> None:
        """Wait for a line, and take all that have come by then."""
        assert process.stdout is not None
        until = time.monotonic() + deadline
        pieces = [self._unread]
        while b"\n" not in pieces[-1]:
            left = until - time.monotonic()
            if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
                raise WorkerError(f"no verdict within {deadline:g} s")
            if awaited > _FEW:
                time.sleep(_MOMENT)
            piece = os.read(process.stdout.fileno(), _PIPE)
            if not piece or len(pieces) > _MAX_ANSWER // _PIPE:
                raise WorkerError("the grading process died, out of memory or by a crash")
            pieces.append(piece)
        *whole, self._unread = b"".join(pieces).split(b"\n")
        self._lines.extend(whole)


_FEW = 16
"""Replies above which a caller lets some come in before it reads them. To wake up for each takes
longer than to judge one; of the last few, the child shall not wait for the caller."""
_MOMENT = 0.002
"""Seconds to let them come in, in which a pipe does not fill."""
_PIPE = 1 << 16
"""Bytes that are read at once: what a pipe holds."""


def encoded(request: Mapping[str, Any]) -> bytes:
    """Return a request as JSON, for a caller that prepares it before it has a worker."""
    return json.dumps(request, default=str).encode()


def _answer(reply: dict[str, Any], number: str) -> Any:  # noqa: ANN401  JSON
    """Return the content of a reply, which must be to the request of that number."""
    if reply.get("id") != number:
        raise WorkerError("the grading process answered another request")
    return reply["answer"]


def _write(process: subprocess.Popen[bytes], line: bytes) -> None:
    assert process.stdin is not None
    rest = memoryview(line)
    try:
        while rest:
            rest = rest[os.write(process.stdin.fileno(), rest) :]
    except OSError:
        raise WorkerError("the grading process died") from None


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        # The reader is dead: what is still in the pipe is lost, as it should be.
        with contextlib.suppress(BrokenPipeError):
            pipe.close()


class WorkerPool(ProcessOwner):
    """A pool of workers, started when first needed, for use by any thread."""

    def __init__(self, size: int) -> None:
        self._workers = [Worker() for _ in range(size)]
        self._unloadable: dict[str, str] = {}
        """First requests that failed in a process, with the reasons."""
        self.renew()
        super().__init__()

    def renew(self) -> None:
        """Make new idle workers without processes: in a forked child no other thread survives.

        The queue is replaced: a thread of the parent may have held the lock of the old one.
        """
        self._idle: queue.LifoQueue[Worker] = queue.LifoQueue()
        for worker in self._workers:
            worker.kill()
            self._idle.put(worker)

    def start(self) -> None:
        """Start the process of every idle worker now, without waiting for them."""
        idle = []
        with contextlib.suppress(queue.Empty):
            while True:
                idle.append(self._idle.get_nowait())
        for worker in idle:
            worker.start()
            self._idle.put(worker)

    def ask(
        self, request: dict[str, Any], deadline: float, first: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], float]:
        """Return the reply to a request and the seconds it took.

        Neither the deadline nor the seconds include waiting for a free worker, or for one to start.

        Args:
            request: the request, as JSON.
            deadline: maximum seconds for the reply.
            first: a request that each process must have answered before, not timed; if a process
                dies of it or does not reply, it is not sent to another.

        Raises:
            WorkerError: if the worker died or was killed.
        """
        idle = self._idle  # a fork replaces it, with all workers in it
        worker = idle.get()
        try:
            worker.ready()
            if first is not None:
                self._prepare(worker, first)
            began = time.perf_counter()
            return worker.ask(request, deadline), time.perf_counter() - began
        finally:
            idle.put(worker)

    def _prepare(self, worker: Worker, first: dict[str, Any]) -> None:
        spelled = json.dumps(first, sort_keys=True)
        if spelled in self._unloadable:
            raise WorkerError(self._unloadable[spelled])
        try:
            worker.prepare(first)
        except WorkerError as error:
            self._unloadable[spelled] = f"loading it failed: {error}"
            raise WorkerError(self._unloadable[spelled]) from None

    def close(self) -> None:
        """Kill every worker."""
        for worker in self._workers:
            worker.kill()
