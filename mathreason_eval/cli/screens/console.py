"""Where data are printed, and what all that is printed has in common.

A stdout that cannot be written is an `OutputError`; a stderr that cannot be is no matter.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO

import click

from mathreason_eval.errors import OutputError
from mathreason_eval.types import Outcome

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SIGNS = {
    Outcome.CORRECT: ("✓", "green"),
    Outcome.WRONG: ("✗", "red"),
    Outcome.NO_ANSWER: ("∅", "yellow"),
    Outcome.TRUNCATED: ("…", "yellow"),
    Outcome.UNGRADABLE: ("?", "magenta"),
}
"""Sign and colour of each outcome: colour never speaks alone."""


def stdout() -> Console:
    """Return the console that data go to: nothing in it is markup."""
    from rich.console import Console

    class Data(Console):
        def print(self, *objects: Any, **options: Any) -> None:  # noqa: ANN401  as rich has it
            with _to_stdout():
                super().print(*objects, **options)

        def on_broken_pipe(self) -> None:
            # By itself rich leaves with 1, which is the exit code of a regression.
            raise  # noqa: PLE0704  called while the error is handled

    return Data(markup=False, highlight=False, emoji=False)


def stderr() -> Console:
    """Return the console that progress goes to; it goes on where nobody can read it."""
    from rich.console import Console

    class Notes(Console):
        def print(self, *objects: Any, **options: Any) -> None:  # noqa: ANN401  as rich has it
            with contextlib.suppress(OSError):
                super().print(*objects, **options)

        def on_broken_pipe(self) -> None:
            self.quiet = True

    return Notes(stderr=True, markup=False, highlight=False)


def say(text: str) -> None:
    """Print a line of data."""
    with _to_stdout():
        click.echo(text)


def note(text: str) -> None:
    """Print a line that is no data to stderr, if anybody can read it."""
    with contextlib.suppress(OSError):
        click.echo(text, err=True)


def print_json(value: object) -> None:
    """Print plain values as JSON."""
    say(json.dumps(value, indent=1, sort_keys=True, default=str))


@contextlib.contextmanager
def decided(code: int) -> Iterator[None]:
    """Print what stands behind a verdict: its exit code stands, whatever becomes of the printing.

    Raises:
        OutputError: if stdout cannot be written; with this exit code.
    """
    try:
        yield
        flush()
    except OutputError as error:
        error.exit_code = code
        raise


def flush() -> None:
    """Write what is left of the data.

    Raises:
        OutputError: if stdout cannot be written.
    """
    if sys.stdout is not None:
        with _to_stdout():
            sys.stdout.flush()


@contextlib.contextmanager
def _to_stdout() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(error) from error


def show_any_character() -> None:
    """Let stdout replace what its encoding lacks, which would be an error: a sign is no verdict."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def close() -> None:
    """Write what is left, or let go of it: at its end Python leaves with 120 where it cannot."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            _let_go(stream)


def _let_go(stream: TextIO) -> None:
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def plain_table(*columns: str) -> Table:
    """Return an empty table; a column's name that begins with `>` is right-aligned."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for column in columns:
        right = column.startswith(">")
        # A number shortened by an ellipsis is a wrong number.
        table.add_column(
            column.lstrip(">"),
            justify="right" if right else "left",
            no_wrap=right,
            overflow="fold",
        )
    return table
