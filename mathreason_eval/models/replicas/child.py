"""The program of a replica in a process of its own: a worker, called through a socket.

`python -m mathreason_eval.models.replicas.child SOCKET` ends when the other end is closed.
"""

from __future__ import annotations

import os
import sys
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any

from mathreason_eval.models.replicas.remote import Fault, Worker

_Call = tuple[int, str, tuple[Any, ...], dict[str, Any]]


def serve(descriptor: int) -> None:
    """Do what is asked through a socket, until its other end is closed."""
    # Engines print; stdout may be somebody's data.
    os.dup2(2, 1)
    connection, opened = Connection(descriptor), SimpleQueue[_Call]()
    sending = Lock()
    worker: Worker | None = None

    def answer(number: int, value: object) -> None:
        with sending:
            connection.send((number, True, value))

    def call(asked: _Call) -> None:
        number, method, args, named = asked
        answer(number, getattr(worker, method)(*args, **named))
        if method == "close":
            os._exit(0)

    def hear() -> None:
        try:
            while True:
                asked: _Call = connection.recv()
                if asked[1] == "open":
                    opened.put(asked)
                else:
                    Thread(target=call, args=(asked,), daemon=True).start()
        except (EOFError, OSError):
            # Also while an engine loads, which nothing interrupts.
            os._exit(0)

    Thread(target=hear, daemon=True).start()
    while True:
        # Some engines may be loaded by the main thread alone.
        number, _, args, _ = opened.get()
        worker = Worker(*args)
        told = worker.open()
        answer(number, told)
        if isinstance(told, Fault):
            worker = None


if __name__ == "__main__":
    serve(int(sys.argv[1]))
