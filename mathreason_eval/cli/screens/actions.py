"""GitHub's workflow commands: issued by us, and by nothing that we print.

A runner of GitHub Actions takes a line that begins with `::`, and `##[` anywhere, for a command,
whoever wrote it: a question, a model's text, the name of a task. So commands are stopped while a
verb runs, by a token that nobody can guess; and since a runner reads our two streams one
independently of the other, no text that is printed has the form of a command either.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterable, Iterator

_COMMAND = re.compile(r":(?=:)|#(?=#\[)")
"""Where a blank is enough to make no command of a text."""


def in_actions() -> bool:
    """Return whether a runner of GitHub Actions reads what is printed."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def inert(text: str, following: str = "") -> str:
    """Return a text in which a runner finds no command; elsewhere it stays as it is.

    Args:
        text: what is printed.
        following: what is printed after it on the same line.
    """
    if not in_actions():
        return text
    whole = text + following
    cuts = [found.end() for found in _COMMAND.finditer(whole) if found.end() <= len(text)]
    starts = [0, *cuts]
    return " ".join(text[start:end] for start, end in zip(starts, [*cuts, len(text)], strict=True))


class _Stop:
    """The token that lets a runner take commands again; None while it does."""

    token: str | None = None


def _stop() -> str:
    """Return the line that stops commands, and remember its token."""
    _Stop.token = os.urandom(16).hex()
    return f"::stop-commands::{_Stop.token}\n"


def _resume() -> str:
    """Return the line that ends the stop, or nothing if there is none."""
    token, _Stop.token = _Stop.token, None
    return f"::{token}::\n" if token else ""


@contextlib.contextmanager
def commands_stopped() -> Iterator[None]:
    """Have a runner of GitHub Actions take no command from what is printed inside this context."""
    if not in_actions():
        yield
        return
    _write(_stop())
    try:
        yield
    finally:
        sys.stdout.flush()
        _write(_resume())


def issue(commands: Iterable[str]) -> None:
    """Print workflow commands, each one line, that a runner is to obey."""
    # On stderr, which GitHub reads as well: stdout may be JSON for another program.
    lines = "".join(f"{command}\n" for command in commands)
    if _Stop.token is None:
        _write(lines)
    elif lines:
        _write(_resume() + lines + _stop())


def _write(lines: str) -> None:
    sys.stderr.write(lines)
    sys.stderr.flush()
