"""Errors that a user can fix, each with what happened and what to do next.

    UserError                     exit code 2: one or two lines, the second says what to do
    ├── UnknownNameError          no such task, engine, grader, extraction rule …
    ├── TaskError                 a task folder is malformed
    ├── DataError                 a data file is missing or a row of it is malformed
    ├── RunError                  a run folder is missing, locked, damaged or of another run
    ├── MissingExtraError         an optional package is not installed
    ├── PluginError               an installed package's entry point cannot be used
    ├── ModelError                an engine or a server failed, not one sample
    ├── IncompleteRunError        some samples could not be generated; the rest is stored
    ├── SeveralFaultsError        several of these at once, each with its hint
    ├── NotComparableError        exit code 4: two runs differ in more than the model
    └── OutputError               stdout cannot be written; what was decided keeps its exit code

A bad sample is data, not an exception: it becomes an outcome. Any other exception is a bug and ends
with exit code 70, which no verdict has.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from typing import Self, TypeVar

ResultT = TypeVar("ResultT")

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
"""Maximum number of characters of a caught error's message that are recorded."""


def describe_error(error: BaseException) -> str:
    """Return the type and the beginning of the message of a caught error, on one line."""
    message = " ".join(str(error).split())[:_LONGEST_MESSAGE]
    name = type(error).__name__
    return f"{name}: {message}" if message else name


class UserError(Exception):
    """An error the user can fix: `what` happened, and `hint`, what to do next."""

    exit_code = EXIT_USER_ERROR

    def __init__(self, what: str, hint: str = "") -> None:
        # It may quote what somebody else wrote, such as a value of a megabyte.
        self.what = _shortened(what)
        self.hint = _shortened(hint)
        super().__init__(self.what)

    def at(self, where: str) -> Self:
        """Return this error, which now says where it was found: `task.yaml, line 3`."""
        self.what = f"{where}: {self.what}" if where else self.what
        return self

    def __str__(self) -> str:
        return f"{self.what} {self.hint}".strip()


_CLOSE = 0.5
"""The least similarity, from 0 to 1, of a name that is suggested."""
_NEGATIONS = ("non", "not", "dis", "un", "in", "im", "no")


def nearest(name: str, known: Iterable[str], *, close: float = _CLOSE) -> str | None:
    """Return the known name closest to another, whatever its letter case; None if none is close.

    A name that says the opposite is not close, whatever its letters: `incorrect` is never taken
    for `correct`.

    Args:
        name: as typed.
        known: the names that there are.
        close: the least similarity by difflib's ratio, from 0 to 1.
    """
    folded = {_folded(one): one for one in sorted(known, reverse=True)}
    asked = _folded(name)
    others = [one for one in folded if not _are_opposites(one, asked)]
    found = difflib.get_close_matches(asked, others, n=1, cutoff=close)
    return folded[found[0]] if found else None


def _folded(name: str) -> str:
    return name.casefold().replace("_", "-")


def _are_opposites(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return any(long == f"{prefix}{dash}{short}" for prefix in _NEGATIONS for dash in ("", "-"))


_LONGEST = 2_000
"""Characters of a message or a hint."""


def _shortened(text: str) -> str:
    """Return a text without its middle if it is longer than anybody reads."""
    if len(text) <= _LONGEST:
        return text
    half = _LONGEST // 2
    return f"{text[:half]} … {text[-half:]}"


_LONGEST_NAME = 200
"""Characters of a name that nobody knows: the nearest to a longer one is not looked for."""


class UnknownNameError(UserError):
    """A name that is not among the known ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        names = sorted(set(known))
        name = str(name)  # a key of YAML may be anything
        name = name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"
        near = nearest(name, names)
        choice = f"Did you mean {near}?" if near else f"Known: {', '.join(names) or 'none'}."
        super().__init__(f"There is no {kind} named {name!r}.", f"{choice} {hint}".strip())


class TaskError(UserError):
    """A task folder is malformed."""


class DataError(UserError):
    """A data file cannot be read, or a row of it is malformed."""


class RunError(UserError):
    """A run folder cannot be used in the requested way."""


class MissingExtraError(UserError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str, needed_for: str) -> None:
        super().__init__(
            f"{needed_for} needs the package {package}, which is not installed.",
            f"pip install 'mathreason-eval[{extra}]'",
        )
        self.package = package
        self.extra = extra
        self.needed_for = needed_for


class PluginError(UserError):
    """The entry point of an installed package cannot be used."""


class ModelError(UserError):
    """An engine or a server failed, not only on one sample."""


class IncompleteRunError(UserError):
    """Some samples could not be generated; the rest is stored, and the same command resumes."""


class NotComparableError(UserError):
    """Two runs differ in more than the model, or share no problem."""

    exit_code = EXIT_NOT_COMPARABLE


class SeveralFaultsError(UserError):
    """Several errors that were found at once, each with its hint."""

    def __init__(self, faults: Sequence[UserError]) -> None:
        super().__init__(f"{len(faults)} faults: {' '.join(fault.what for fault in faults)}")
        self.faults = tuple(faults)

    def __str__(self) -> str:
        return "\n".join(map(str, self.faults))


def raise_faults(faults: Iterable[UserError]) -> None:
    """Raise what was found: one error as it is, several as one; nothing if there is none.

    Missing packages are one fault, with one line that installs them all.

    Raises:
        UserError: the fault, or a `SeveralFaultsError`.
    """
    found: list[UserError] = []
    for fault in faults:
        found += fault.faults if isinstance(fault, SeveralFaultsError) else (fault,)
    found = _with_one_installation(found)
    if len(found) == 1:
        raise found[0]
    if found:
        raise SeveralFaultsError(found)


def _with_one_installation(faults: Sequence[UserError]) -> list[UserError]:
    """Return the faults, each once, those of missing packages with one line that installs all."""
    distinct = list({(type(fault), str(fault)): fault for fault in faults}.values())
    missing = [fault for fault in distinct if isinstance(fault, MissingExtraError)]
    extras = sorted({fault.extra for fault in missing})
    if len(extras) > 1:
        for fault in missing:
            fault.hint = f"pip install 'mathreason-eval[{','.join(extras)}]'"
    return distinct


class Faults:
    """Collects errors that a user can fix, so that all can be told at once."""

    def __init__(self) -> None:
        self.found: list[UserError] = []

    def attempt(self, work: Callable[[], ResultT]) -> ResultT | None:
        """Return the result of `work`, or None after its error was collected."""
        try:
            return work()
        except SeveralFaultsError as error:
            self.found += error.faults
        except UserError as error:
            self.found.append(error)
        return None


class OutputError(UserError):
    """Stdout cannot be written, in a verb that only prints."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(
            f"Stdout cannot be written: {reason.strerror}.", "Redirect it to another file."
        )
