"""Where data are printed, and what all that is printed has in common."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

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

    return Console(markup=False, highlight=False, emoji=False)


def print_json(value: object) -> None:
    """Print plain values as JSON."""
    click.echo(json.dumps(value, indent=1, sort_keys=True, default=str))


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
