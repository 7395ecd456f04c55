"""Rows of which something is made: what is wrong with several of them is told at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

from mathreason_eval.errors import DataError, Faults, TaskError, raise_faults
from mathreason_eval.text import counted

RowT = TypeVar("RowT")
MadeT = TypeVar("MadeT")

_TOLD = 5
"""Rows whose faults are told; of further ones their number is."""


def made_of_each(rows: Iterable[RowT], make: Callable[[RowT], MadeT]) -> list[MadeT]:
    """Return what is made of each row, in order.

    Args:
        rows: those of a file, or of several.
        make: raises for a row that it refuses.

    Raises:
        UserError: what is wrong with the first rows that are refused, and how many more there are;
            what the task's code does wrong with a row is told of the first such row alone, as it
            does it with others.
    """
    faults, refused, made = Faults(), 0, list[MadeT]()

    def take(row: RowT) -> None:
        made.append(make(row))

    for row in rows:
        of_row = Faults()
        of_row.attempt(partial(take, row))
        refused += bool(of_row.found)
        if refused <= _TOLD:
            faults.found += of_row.found
        if any(isinstance(fault, TaskError) for fault in of_row.found):
            break
    if refused > _TOLD:
        what = f"{counted(refused - _TOLD, 'more row')} cannot be read either."
        faults.found.append(DataError(what, "Correct those above first."))
    raise_faults(faults.found)
    return made
