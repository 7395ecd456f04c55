"""Servers of this process that answer in a thread, as long as a test needs them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from socketserver import BaseServer
from threading import Thread
from typing import TypeVar

Server = TypeVar("Server", bound=BaseServer)


@contextlib.contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Have a server answer until the end, and close it."""
    with server:
        # Between two looks at whether it is to end, it waits half a second if it is not told.
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
