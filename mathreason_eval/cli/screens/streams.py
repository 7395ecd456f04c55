"""Standard streams whose writes never fail, so that printing cannot change an exit code.

A closed pipe, a full disk or a terminal that cannot encode a character would otherwise raise an
error wherever something is printed, also in libraries and at shutdown.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import select
import sys
import unicodedata
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STDOUT, _STDERR = 1, 2


class _UnfailingFile(io.FileIO):
    """A file that is written to; `failure` is its first error, after which nothing is written.

    On stderr every write is tried again: its disk may have space again, and gaps do no harm.
    """

    failure: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        """Write what can be written; return the full length even if there is an error."""
        if self.failure is None or self.fileno() == _STDERR:
            try:
                while (written := super().write(data)) is None:
                    # Another program has made the terminal non-blocking.
                    select.select([], [self.fileno()], [])
            except OSError as error:
                self.failure = self.failure or error
            else:
                return written
        return memoryview(data).nbytes


_REPLACED = "mathreason.replaced"


def guard_streams() -> None:
    """Replace stdout and stderr by streams that never raise. Called once, at the start."""
    _open_missing()
    codecs.register_error(_REPLACED, _replace)
    sys.stdout = _guarded(sys.stdout, _STDOUT, _REPLACED)
    sys.stderr = _guarded(sys.stderr, _STDERR, "backslashreplace")


def _open_missing() -> None:
    """Open standard descriptors that are closed, so that a file of a run cannot become stdout."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        os.set_inheritable(descriptor, True)  # noqa: FBT003  as os has it
    os.close(descriptor)


def _guarded(stream: TextIO | None, descriptor: int, errors: str) -> TextIO:
    """Return an unfailing stream for a descriptor, or the stream itself if a test replaced it."""
    if stream is not None:
        try:
            if stream.fileno() != descriptor:
                return stream
            stream.flush()
        except (OSError, ValueError):
            return stream
    file = io.BufferedWriter(_UnfailingFile(descriptor, "w", closefd=False))
    return io.TextIOWrapper(
        file,
        encoding="utf-8" if stream is None else stream.encoding,
        errors=errors,
        line_buffering=descriptor == _STDERR or os.isatty(descriptor),
    )


def stdout_failure() -> OSError | None:
    """Return why stdout could not be written; None if it was, or if its pipe was closed."""
    failure = _first_failure()
    return None if isinstance(failure, BrokenPipeError) else failure


def is_stdout_lost() -> bool:
    """Return whether further writes to stdout are lost."""
    return _first_failure() is not None


def _first_failure() -> OSError | None:
    with contextlib.suppress(ValueError):  # closed by a library
        sys.stdout.flush()
    file = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return file.failure if isinstance(file, _UnfailingFile) else None


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Replace what an encoding lacks: a sign by `?`, a letter by its code, so names stay names."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end]
    return "".join(map(_replacement, found)), error.end


def _replacement(char: str) -> str:
    if unicodedata.category(char)[0] in "PSZ":
        return "?"
    return char.encode("ascii", "backslashreplace").decode("ascii")
