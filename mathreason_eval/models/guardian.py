"""Kill the processes that an engine started when this process ends, however it ends.

`Guardian` starts this module as a small program. It notes which processes its parent starts while
an engine loads, waits for the parent's end, and then kills these and all that descend from them. It
imports the standard library alone, so that it starts at once.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

_PAUSE = 0.1
"""Seconds between two checks of the parent's children while an engine loads."""
_POLL = 1.0
"""Seconds between two checks of the parent after that: a fork may keep the pipe open."""
_TRACKER = b"multiprocessing.resource_tracker"
"""Not killed: it ends by itself, and removes the shared memory that the others leave."""


class Guardian:
    """A program that kills what an engine started, if this process ends without doing so.

    It reads `/proc`; on systems that have none it does nothing. A context manager around the
    loading of the engine; if loading fails, it ends as well.
    """

    def __init__(self) -> None:
        """Start the program."""
        # Imported here, as the program itself, which runs this module, cannot import the package.
        from mathreason_eval.environment import child_environment

        # Its stdin is a pipe; only this process has the other end.
        self._program = subprocess.Popen(  # noqa: S603 - this module
            [sys.executable, "-I", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,
            env=child_environment(),
        )

    def __enter__(self) -> Self:
        # Children from before, which are not the engine's, are known to it now.
        self._wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._tell(_LOADED)
            # Children from now on are not the engine's either.
            self._wait()
        else:
            self.close()

    def close(self) -> None:
        """End the guardian and wait for it: the engine has closed, so there is nothing to end."""
        self._tell(_CLOSED)
        for pipe in (self._program.stdin, self._program.stdout):
            assert pipe is not None
            pipe.close()
        self._program.wait()

    def _wait(self) -> None:
        assert self._program.stdout is not None
        self._program.stdout.read(1)

    def _tell(self, word: bytes) -> None:
        assert self._program.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self._program.stdin.write(word)


_LOADED = b"l"
_CLOSED = b"c"


# --- the program -----------------------------------------------------------------------------


def _guard() -> None:
    parent = os.getppid()
    others = {*_children(parent), os.getpid()}
    engine: dict[int, str] = {}
    os.write(1, b"\n")
    loading = True
    while os.getppid() == parent:
        told = _told(_PAUSE if loading else _POLL)
        if told == _CLOSED:
            return
        if loading:
            engine.update((one, _started(one)) for one in _children(parent) if one not in others)
        if told == _LOADED:
            loading = False
            os.write(1, b"\n")
        elif told == b"":
            break
    _kill(engine)


def _told(seconds: float) -> bytes | None:
    """Return what the parent writes within a time: b"" if it has ended, None if nothing came."""
    if not select.select([0], [], [], seconds)[0]:
        return None
    return os.read(0, 1)


def _kill(engine: Mapping[int, str]) -> None:
    """Kill processes that are still those that were noted, and their descendants."""
    alive = [one for one, started in engine.items() if started and _started(one) == started]
    # All are found first: a dead process no longer has children in /proc.
    found = list(dict.fromkeys(each for one in alive for each in _family(one)))
    for process in found:
        if _TRACKER not in _read(process, "cmdline"):
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)


def _family(process: int) -> Iterator[int]:
    """Yield a process and all its descendants."""
    yield process
    for child in _children(process):
        yield from _family(child)


def _children(process: int) -> list[int]:
    listed = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for path in listed for child in _text(path).split()]


def _started(process: int) -> str:
    """Return the start time of a process, which tells reused ids apart; empty if it has ended."""
    fields = _read(process, "stat").rpartition(b")")[2].split()
    return fields[19].decode() if fields else ""


def _read(process: int, name: str) -> bytes:
    return _text(Path(f"/proc/{process}/{name}"))


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


if __name__ == "__main__":
    _guard()
