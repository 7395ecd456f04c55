"""When the next request may start: as fast as the server has shown to allow, and as was asked.

Most servers that limit their callers say neither the limit nor when to come back. The rate is
found as a sender finds that of a network: it grows a little while requests are answered, and falls
to what was not refused of late when one is (additive increase and multiplicative decrease,
Chiu and Jain 1989, Computer Networks 17, 1-14). It has no clock and no thread.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from math import inf

_GROWTH = 0.005
"""By how much the rate grows in a second after a refusal."""
_DOUBLES = 8.0
"""Seconds without a refusal in which the growth doubles: far below the limit it is found soon."""
_FASTEST = 0.25
"""The largest growth in a second, once the limit was found."""
_SEARCHING = 1.0
"""The growth in a second before: the first refusal follows a burst, which says little."""
_FALL = 0.95
"""The part of the rate that is left when a request is refused."""
_WINDOW = 5.0
"""Seconds of the starts from which the allowed rate is estimated."""
_SHORTEST = 1.0
"""Seconds: what started in less is taken for the starts of one second."""
_HOPELESS = 90.0
"""Seconds without any answer after which a server that refuses everything has no limit but is out
of order, or its quota is spent: limits are of a minute at most."""
_LONG = 60.0
"""Seconds: limits are often those of a minute."""
_LONGEST = 30.0
"""Seconds that nothing starts after refusals in a row."""
_LATE = 0.2
"""The part of the time between two starts that a late one may be made up for."""
_LOWEST = 1 / 60
"""Requests a second: that of a server that refuses everything, until it is given up."""


class Pace:
    """The rate at which requests start, for one event loop.

    Times are seconds of a monotonic clock.
    """

    def __init__(self, *, per_minute: float | None = None, tokens: float | None = None) -> None:
        """Begin without a limit but what was asked.

        Args:
            per_minute: requests started in a minute, repeated ones included; None for any number.
            tokens: of prompts and completions in a minute; None for any number.
        """
        self.rate: float | None = None
        """Requests a second that the server is thought to allow; None: it has refused none."""
        self._most = None if per_minute is None else per_minute / 60
        self._tokens_a_second = None if tokens is None else tokens / 60
        self._starts: deque[float] = deque()
        """Of requests that were not refused."""
        self._next = 0.0
        self._held = 0.0
        self._paid = 0.0
        self._fell = -inf
        self._falls = 0
        self._in_row = 0
        self._grew = 0.0
        self._began: float | None = None
        self._answered: float | None = None
        """When the last answer came."""

    def wait(self, now: float) -> float:
        """Return the seconds until a request may start; if 0, one is taken to start now."""
        until = max(self._next, self._held, self._paid)
        if until > now and not self.is_hopeless(now):
            return until - now
        self._began = now if self._began is None else self._began
        self._starts.append(now)
        rates = [rate for rate in (self.rate, self._most) if rate is not None]
        if rates:
            # From when it might have started: late timers must not slow the whole run.
            apart = 1 / min(rates)
            self._next = (self._next if now - self._next < _LATE * apart else now) + apart
        return 0.0

    def is_hopeless(self, now: float) -> bool:
        """Return whether to wait for the server is in vain: it has refused everything for long."""
        return self._in_row > 0 and self._answered is not None and now - self._answered > _HOPELESS

    def answered(self, now: float, tokens: int = 0) -> None:
        """Take note of an answer and the tokens that it took: the rate may grow."""
        self._answered = now
        if self._tokens_a_second is not None:
            self._paid = max(self._paid, now) + tokens / self._tokens_a_second
        self._in_row = 0
        if self.rate is not None:
            found = min(_FASTEST, _GROWTH * 2 ** ((now - self._fell) / _DOUBLES))
            growth = found if self._falls > 1 else _SEARCHING
            most = 2 * max(1.0, self._allowed(now, _WINDOW))
            self.rate *= 1 + growth * min(_SHORTEST, now - self._grew)
            self.rate = min(most, self.rate)
            self._grew = now

    def refused(self, started: float, now: float, after: float | None = None) -> None:
        """Take note of a refusal: the rate falls, once for all that had started before it fell.

        Of a server that has answered nobody yet nothing is known, and no rate is guessed.

        Args:
            started: when the request started.
            now: when it was refused.
            after: the seconds that the server asks all to wait, if it does.
        """
        if after is not None:
            self._held = max(self._held, now + after)
        with suppress(ValueError):
            self._starts.remove(started)
        if self._answered is None:
            return
        rate = inf if self.rate is None else self.rate
        fresh = started >= self._fell
        if fresh:
            self._fell = self._grew = now
            self._falls += 1
            self._in_row += 1
            rate *= _FALL
            self.hold(now + min(_LONGEST, 2.0 ** (self._in_row - 1) - 1))
        if recent := self._allowed(now, _WINDOW):
            rate = min(rate, recent)
        else:
            rate = min(rate, 1.0) / (2 if fresh else 1)
        self.rate = max(_LOWEST, self._allowed(now, _LONG), rate)
        self._next = max(self._next, now + 1 / self.rate)

    def hold(self, until: float) -> None:
        """Let nothing start before a time, as a server's headers ask."""
        self._held = max(self._held, until)

    def _allowed(self, now: float, seconds: float) -> float:
        """Return how many requests a second were started of late and not refused."""
        while self._starts and self._starts[0] < now - _LONG:
            self._starts.popleft()
        began = now if self._began is None else self._began
        recent = sum(start >= now - seconds for start in self._starts)
        return recent / (_LONG if seconds == _LONG else max(_SHORTEST, min(seconds, now - began)))
