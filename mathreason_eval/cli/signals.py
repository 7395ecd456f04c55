"""Ctrl-C, SIGTERM and SIGHUP: an orderly end, in which nothing that was finished is lost.

After the first signal a run finishes what is in flight and judges it, within a grace period. Any
other verb, and a run that has not sent requests yet, ends at once. A second signal ends the process
immediately, and so does the end of the grace period: what was appended to a run folder is stored,
and every process that was started ends with this one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import NoReturn

from mathreason_eval.pipeline.stopping import Stop

FOR_REQUESTS = 5.0
"""Seconds for requests in flight."""
FOR_VERDICTS = 2.0
"""Seconds after that for verdicts, and as many for the engine to close."""
_SAME = 0.5
"""Seconds in which another signal is the same event: supervisors send TERM and HUP together."""

_SHELL = 128
"""The exit code after a signal is this plus the signal's number, as in shells."""


class Interruption(KeyboardInterrupt):
    """The exception that a signal raises in the main thread."""


class Signals:
    """The handlers of the signals that end a program."""

    def __init__(self) -> None:
        self.stop = Stop()
        self.resumes = True
        """Whether the verb stores what is finished, and goes on from there when called again."""
        self._first: int | None = None
        self._at = 0.0
        self._alarms: Iterator[float] = iter(())

    @property
    def exit_code(self) -> int:
        """Return the exit code of a program that was interrupted."""
        return _SHELL + (self._first or signal.SIGINT)

    @property
    def received(self) -> bool:
        """Return whether a signal was received."""
        return self._first is not None

    @property
    def what_is_left(self) -> str:
        """Return what there is to say of an interrupt, after a semicolon; "" if nothing is."""
        return "; what was finished is stored, the same command resumes" if self.resumes else ""

    def raise_received(self) -> None:
        """Raise an interrupt if a signal was received and ended a run."""
        if self.received:
            raise Interruption

    def leave(self) -> NoReturn:
        """Flush stdout and exit at once with the code of an interrupt, without any cleanup."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stdout.flush()
        os._exit(self.exit_code)

    @contextlib.contextmanager
    def handled(self) -> Iterator[None]:
        """Handle signals in this context, if this is the main thread.

        A signal that the parent has set to be ignored, as nohup does, stays ignored.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: held
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
            if (held := signal.getsignal(number)) not in {signal.SIG_IGN, None}
        }
        for number in before:
            signal.signal(number, self._alarm if number == signal.SIGALRM else self._take)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number, held in before.items():
                signal.signal(number, held)

    def _take(self, number: int, _frame: object) -> None:
        if self._first is not None:
            if time.monotonic() - self._at > _SAME:
                self._leave("ended at once")
            return
        self._first, self._at = number, time.monotonic()
        # A handler may interrupt a write to sys.stderr, which is not reentrant.
        name = signal.Signals(number).name
        _tell(f"{name}: finishing what is in flight, at most {FOR_REQUESTS + 2 * FOR_VERDICTS:g} s"
              "; again: at once" if self.stop.heeded else name)  # fmt: skip
        self._alarms = iter((FOR_REQUESTS, FOR_VERDICTS, FOR_VERDICTS))
        self.stop.requested = True
        signal.setitimer(signal.ITIMER_REAL, next(self._alarms))
        if not self.stop.heeded:
            raise Interruption

    def _alarm(self, _number: int, _frame: object) -> None:
        following = next(self._alarms, None)
        if following is None:
            self._leave("the grace period is over")
        signal.setitimer(signal.ITIMER_REAL, following)
        raise Interruption

    def _leave(self, why: str) -> NoReturn:
        _tell(f"{why}{self.what_is_left}")
        # Not `leave`: the main thread may be in the middle of a write.
        os._exit(self.exit_code)


_SHOW_CURSOR = "\x1b[?25h"
"""Shows the cursor, which a progress bar hides."""


def _tell(text: str) -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        cursor = _SHOW_CURSOR if sys.stderr.isatty() else ""
        os.write(sys.stderr.fileno(), f"{cursor}\n{text}\n".encode())


SIGNALS = Signals()
"""The handlers of this program; a verb passes `SIGNALS.stop` to a run."""
