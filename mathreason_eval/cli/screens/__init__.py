"""What every verb's output shares: the two streams, tables and the format of numbers.

Data go to stdout, everything else to stderr. A stdout that cannot be written is an `OutputError`;
a stderr that cannot be written is ignored.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from mathreason_eval.errors import OutputError, UserError
from mathreason_eval.text import visible
from mathreason_eval.types import Unit

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from mathreason_eval.compare.contrast import Flip

# --- streams ---------------------------------------------------------------------------------


def stdout() -> Console:
    """Return the console for data."""
    return _console(_to_stdout)


def stderr() -> Console:
    """Return the console for progress."""
    return _console(partial(contextlib.suppress, OSError), stderr=True)


def _console(
    guard: Callable[[], contextlib.AbstractContextManager[None]], *, stderr: bool = False
) -> Console:
    """Return a console that reads nothing as markup; `guard` handles errors of its stream."""
    from rich.console import Console

    class Guarded(Console):
        def print(self, *objects: Any, **options: Any) -> None:  # noqa: ANN401  as rich has it
            with guard():
                super().print(*objects, **options)

        def on_broken_pipe(self) -> None:
            # By itself rich exits with 1, which is the exit code of a regression.
            raise  # noqa: PLE0704  called while the error is handled

    return Guarded(stderr=stderr, markup=False, highlight=False, emoji=False)


def say(text: str) -> None:
    """Print a line of data."""
    with _to_stdout():
        click.echo(text)


def note(text: str) -> None:
    """Print a line to stderr, if it can be written."""
    with contextlib.suppress(OSError):
        click.echo(text, err=True)


def print_json(value: object) -> None:
    """Print plain values as JSON."""
    say(json.dumps(value, indent=1, sort_keys=True, default=str))


@contextlib.contextmanager
def exit_code_kept(code: int) -> Iterator[None]:
    """Print inside this context what was decided; a failure to print keeps the exit code.

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
    """Write the data that are still buffered.

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


def replace_unencodable() -> None:
    """Let stdout replace characters that its encoding lacks, instead of raising an error."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def close() -> None:
    """Flush both streams, or redirect one that fails: Python would exit with 120 at shutdown."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            _redirect_to_null(stream)


def _redirect_to_null(stream: TextIO) -> None:
    with contextlib.suppress(OSError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def write_file(path: Path, text: str, option: str, mode: str = "w") -> None:
    """Write text to the file that an option names, with its folder; append it with mode `a`.

    Raises:
        UserError: if the file cannot be written.
    """
    try:
        if not path.parent.exists():
            path.parent.mkdir(parents=True)
        with path.open(mode, encoding="utf-8") as out:
            out.write(text)
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {error.strerror}.", f"Choose another {option}."
        ) from None


# --- tables ----------------------------------------------------------------------------------


def plain_table(*columns: str) -> Table:
    """Return an empty table; a column whose name begins with `>` is right-aligned."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for column in columns:
        right = column.startswith(">")
        # A number shortened by an ellipsis is a wrong number.
        table.add_column(
            column.lstrip(">"), justify="right" if right else "left", no_wrap=right, overflow="fold"
        )
    return table


_UNLIMITED = 1_000
"""Columns of a terminal on which every table has its natural width."""


def natural_width(table: Table) -> int:
    """Return the terminal columns that a table takes when nothing in it is wrapped."""
    from rich.console import Console

    return Console(width=_UNLIMITED).measure(table).maximum


_MAX_SLICE_VALUES = 12
"""Maximum number of values of a property that a table lists unless the user names it."""


def crowded_properties(slices: Iterable[str]) -> dict[str, int]:
    """Return the properties with too many values for a table, each with its number of values.

    Args:
        slices: such as `steps=3`; repetitions count once.
    """
    counts = Counter(map(property_of, dict.fromkeys(slices)))
    return {name: count for name, count in counts.items() if count > _MAX_SLICE_VALUES}


def property_of(where: str) -> str:
    """Return the property of problems that a slice is a value of: `steps` for `steps=3`."""
    return where.partition("=")[0]


def flips_by_direction(flips: Sequence[Flip]) -> Iterator[tuple[str, list[Flip]]]:
    """Yield `lost` and `gained`, each with the problems that flipped this way, if there are any."""
    for verb, lost in (("lost", True), ("gained", False)):
        if found := [flip for flip in flips if flip.lost is lost]:
            yield verb, found


# --- numbers and texts -----------------------------------------------------------------------


def amount(unit: Unit, value: float, sign: str = "") -> str:
    """Return a value with one decimal, a share in per cent; `+` as sign writes both signs."""
    shown = 100 * value if unit is Unit.SHARE else value
    # Minus zero is zero.
    return format(round(shown, 1) + 0.0, f"{sign},.1f")


def interval(unit: Unit, low: float, high: float) -> str:
    """Return an interval's bounds as amounts."""
    return f"{amount(unit, low)} – {amount(unit, high)}"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, in the plural unless it is one."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def one_line(text: str, longest: int) -> str:
    """Return the beginning of a text from outside on one line, invisible characters spelled out."""
    line = " ".join(visible(text[: 2 * longest]).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
