"""Whether a server is alive, judged by the outcomes of its requests: a circuit breaker.

It has no clock: its states change by outcomes alone.

closed   requests are sent
open     too many of the last requests failed: nothing new is sent, and a probe decides
stopped  the probe failed, or requests kept failing after probes that were answered
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum

CONSECUTIVE = 8
"""Consecutive failed requests that open the breaker."""
WINDOW = 40
"""Number of last outcomes; a large share of failures among them opens the breaker as well."""
SHARE = 0.75


class State(StrEnum):
    """The state of a circuit breaker."""

    CLOSED = "closed"
    OPEN = "open"
    STOPPED = "stopped"


class CircuitBreaker:
    """The state of a server, from the outcomes of its requests and of probes."""

    def __init__(self) -> None:
        self.state = State.CLOSED
        self.in_row = 0
        """Failed requests since the last answered request or answered probe."""
        self._window: deque[bool] = deque(maxlen=WINDOW)
        self._probed = False
        """Whether a probe was answered since the last answered request."""

    def record(self, *, answered: bool) -> None:
        """Record a request that was answered, or that failed after all its tries."""
        self._window.append(answered)
        if answered:
            self.in_row, self._probed = 0, False
            return
        self.in_row += 1
        failed = self._window.count(False)
        full = len(self._window) == WINDOW
        if self.state is State.CLOSED and (
            self.in_row >= CONSECUTIVE or (full and failed >= SHARE * WINDOW)
        ):
            self.state = State.STOPPED if self._probed else State.OPEN

    def suspect(self) -> None:
        """Open the breaker if the last request failed and no further one will be sent."""
        if self.state is State.CLOSED and self.in_row:
            self.state = State.OPEN

    def probed(self, *, answered: bool, counts: bool = True) -> None:
        """Record a probe; if it `counts`, another series of failures stops without a probe."""
        self.state = State.CLOSED if answered else State.STOPPED
        self.in_row = 0
        self._window.clear()
        self._probed = answered and counts
