"""Replicas as processes of this machine, each with GPUs of its own.

`python -m mathreason_eval.models.replicas.child` is the other end. It dies with this process.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any

from mathreason_eval.models.base import Request
from mathreason_eval.models.replicas.remote import (
    CLOSE_SECONDS,
    Exchanged,
    Fault,
    LostError,
    Opened,
)
from mathreason_eval.types import Prompt

VISIBLE = "CUDA_VISIBLE_DEVICES"
_DEVICE = re.compile("nvidia[0-9]+")


def visible_gpus() -> list[str]:
    """Return the GPUs of this machine that may be used, as `CUDA_VISIBLE_DEVICES` names them."""
    if (named := os.environ.get(VISIBLE)) is not None:
        return [one for one in named.split(",") if one.strip() and one.strip() != "-1"]
    found = [path.name for path in Path("/dev").glob("nvidia*") if _DEVICE.fullmatch(path.name)]
    return sorted((name.removeprefix("nvidia") for name in found), key=int)


class ProcessLink:
    """The way to a worker in a process of its own."""

    logs = "Its own messages, if any, are above."

    def __init__(self, name: str, options: Mapping[str, str], gpus: Sequence[str]) -> None:
        """Note what to start.

        Args:
            name: the model, as typed.
            options: of its engine, as typed.
            gpus: those that the process sees; none: whatever this process sees.
        """
        self.place = "a process that was not started"
        self._asked = (name, dict(options), str(Path.cwd()))
        self._environment = {VISIBLE: ",".join(gpus)} if gpus else {}
        self._program: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._sending = Lock()
        self._numbers = count()
        self._waiting: dict[int, SimpleQueue[tuple[bool, Any]]] = {}

    def start(self) -> Opened | Fault:
        """Start a process, and open its model."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._program = subprocess.Popen(  # noqa: S603 - a module of ours
                [
                    sys.executable,
                    *("-P", "-m"),
                    "mathreason_eval.models.replicas.child",
                    str(theirs.fileno()),
                ],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                # All that the engine would see here, a hub's token included.
                env={**os.environ, **self._environment},
            )
        self.place = f"process {self._program.pid}"
        self._connection = connection = Connection(ours.detach())
        Thread(target=self._hear, args=(connection,), name=self.place, daemon=True).start()
        opened: Opened | Fault = self._call("open", *self._asked)
        return opened

    def exchange(self, requests: Sequence[tuple[int, Request]], *, more: bool) -> Exchanged:
        """Do as `Worker.exchange`."""
        said: Exchanged = self._call("exchange", list(requests), more=more)
        return said

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Do as `Worker.prompt_tokens`."""
        tokens: int = self._call("prompt_tokens", prompt)
        return tokens

    def close(self) -> None:
        """Have the process close its model and end, or end it."""
        program, connection = self._program, self._connection
        if program is not None and connection is not None:
            with suppress(OSError, subprocess.TimeoutExpired):
                with self._sending:
                    connection.send((next(self._numbers), "close", (), {}))
                program.wait(CLOSE_SECONDS)
        self.stop()

    def stop(self) -> None:
        """End the process."""
        program, self._program = self._program, None
        if program is not None:
            program.kill()
            program.wait()

    def _call(self, method: str, *args: object, **named: object) -> Any:  # noqa: ANN401  any method's
        """Return what a method of the worker returns.

        Raises:
            LostError: the process has ended.
        """
        number, told = next(self._numbers), SimpleQueue[tuple[bool, Any]]()
        self._waiting[number] = told
        connection = self._connection
        try:
            if connection is None or self._program is None:
                raise LostError(f"{self.place} was ended")
            with self._sending:
                connection.send((number, method, args, named))
        except OSError:
            raise LostError(f"{self.place} has ended") from None
        returned, value = told.get()
        if not returned:
            raise LostError(f"{self.place} {value}")
        return value

    def _hear(self, connection: Connection) -> None:
        """Hand out what the process returns, until it ends; then nobody waits any longer."""
        try:
            while True:
                number, returned, value = connection.recv()
                # To the last word, `close`, nobody waits for an answer.
                if (told := self._waiting.pop(number, None)) is not None:
                    told.put((returned, value))
        except (EOFError, OSError):
            self._connection = None
            for number in [*self._waiting]:
                if (told := self._waiting.pop(number, None)) is not None:
                    told.put((False, "has ended"))
