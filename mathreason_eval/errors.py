"""Errors that a user can fix, each with what happened and what to do next.

    UserError                     exit code 2: one or two lines, the second says what to do
    ├── UnknownNameError          no such task, engine, grader, extraction rule …
    ├── TaskError                 a task folder is malformed
    ├── DataError                 a data file is missing or a row of it is malformed
    ├── RunError                  a run folder is missing, locked, torn or of another run
    ├── MissingExtraError         an optional package is not installed
    ├── PluginError               an installed package's entry point cannot be used
    ├── ModelError                an engine or a server failed as a whole
    ├── IncompleteRunError        some samples could not be generated; the rest is stored
    ├── NotComparableError        exit code 4: two runs differ in more than the model
    └── OutputError               stdout cannot be written; a verdict keeps its exit code

A bad sample is data, not an exception: it becomes an outcome. Any other exception is a bug and ends
with exit code 70, which no verdict has.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

EXIT_DONE = 0
EXIT_WANTING = 1
"""A regression, or a check that found a fault."""
EXIT_USER_ERROR = 2
EXIT_INCONCLUSIVE = 3
EXIT_NOT_COMPARABLE = 4
"""Not comparable, or the run is invalid."""
EXIT_INTERNAL_ERROR = 70
"""A bug, never a verdict: `EX_SOFTWARE` of sysexits.h."""

_LONGEST_MESSAGE = 200
"""Characters of a caught error's message that are recorded."""


def describe_error(error: BaseException) -> str:
    """Return the type and the beginning of the message of a caught error, on one line."""
    message = " ".join(str(error).split())[:_LONGEST_MESSAGE]
    name = type(error).__name__
    return f"{name}: {message}" if message else name


class UserError(Exception):
    """An error the user can fix: `what` happened, and `hint`, what to do next."""

    exit_code = EXIT_USER_ERROR

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


class UnknownNameError(UserError):
    """A name that is not among the known ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        choice = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(names) or 'none'}."
        super().__init__(f"There is no {kind} named {name!r}.", f"{choice} {hint}".strip())


class TaskError(UserError):
    """A task folder is malformed."""


class DataError(UserError):
    """A data file cannot be read, or a row of it is malformed."""


class RunError(UserError):
    """A run folder cannot be used as asked."""


class MissingExtraError(UserError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str, needed_for: str) -> None:
        super().__init__(
            f"{needed_for} needs the package {package}, which is not installed.",
            f"pip install 'mathreason-eval[{extra}]'",
        )


class PluginError(UserError):
    """The entry point of an installed package cannot be used."""


class ModelError(UserError):
    """An engine or a server failed as a whole, not on one sample."""


class IncompleteRunError(UserError):
    """Some samples could not be generated; the rest is stored, and the same command resumes."""


class NotComparableError(UserError):
    """Two runs differ in more than the model, or share no problem."""

    exit_code = EXIT_NOT_COMPARABLE


class OutputError(UserError):
    """Stdout cannot be written. A reader that closed it, as `head` does, is no error."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(
            f"Stdout cannot be written: {reason.strerror}.", "Redirect it to another place."
        )
        self.silent = isinstance(reason, BrokenPipeError)
        self.exit_code = EXIT_DONE if self.silent else EXIT_USER_ERROR
