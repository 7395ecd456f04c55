"""Tables that fit the terminal without losing a name or a digit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mathreason_eval.text import visible_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

_GAP, _EDGE = 3, 1
"""Columns of the terminal between two columns of a table, and on either side of it."""
_NARROW_GAP, _NARROW_EDGE = 2, 1
"""The same for a table in a narrow terminal."""
_MIN_NAME = 12
"""Minimum columns of the terminal for a folded name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Rows of cells; a heading that begins with `>` is that of a column of numbers."""

    headings: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    unbroken: frozenset[str] = frozenset()
    """Headings of text columns that are not folded; numbers never are."""

    def keeps(self, heading: str) -> bool:
        """Return whether the cells of a column stay on one line."""
        return heading.startswith(">") or heading in self.unbroken

    def widths(self) -> tuple[int, ...]:
        """Return the width of each column, in terminal columns, if nothing is folded."""
        from rich.cells import cell_len

        columns = zip(*map(self._lines, (self._names(), *self.rows)), strict=True)
        return tuple(max(map(cell_len, cells)) for cells in columns)

    def natural_width(self) -> int:
        """Return the width of the table, in terminal columns, if nothing is folded."""
        return self._with_gaps(self.widths(), narrow=False)

    def _with_gaps(self, widths: Iterable[int], *, narrow: bool) -> int:
        gap, edge = (_NARROW_GAP, _NARROW_EDGE) if narrow else (_GAP, _EDGE)
        return sum(widths) + gap * (len(self.headings) - 1) + 2 * edge

    def fits(self, width: int, *, narrow: bool) -> bool:
        """Return whether all numbers fit in the width, with the minimum for names.

        Args:
            width: columns of the terminal.
            narrow: whether gaps between columns are smaller.
        """
        least = (
            natural if self.keeps(heading) else min(natural, _MIN_NAME)
            for heading, natural in zip(self.headings, self.widths(), strict=True)
        )
        return self._with_gaps(least, narrow=narrow) <= width

    def _names(self) -> tuple[str, ...]:
        return tuple(heading.removeprefix(">") for heading in self.headings)

    @staticmethod
    def _lines(row: Sequence[str]) -> list[str]:
        return [visible_line(cell) for cell in row]

    def render(self, width: int) -> RichTable:
        """Return the table for rich: as rows, or, if it is too wide, with a block per row."""
        if self.fits(width, narrow=False):
            return self._side_by_side(narrow=False)
        return self._side_by_side(narrow=True) if self.fits(width, narrow=True) else self._stacked()

    def _side_by_side(self, *, narrow: bool) -> RichTable:
        from rich import box
        from rich.table import Table as RichTable

        padding = (0, 1, 0, 0) if narrow else (0, 1, 0, 1)
        table = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, padding=padding)
        for heading, name in zip(self.headings, self._names(), strict=True):
            right = heading.startswith(">")
            table.add_column(
                name,
                justify="right" if right else "left",
                no_wrap=self.keeps(heading),
                overflow="fold",
            )
        for row in self.rows:
            table.add_row(*self._lines(row))
        return table

    def _stacked(self) -> RichTable:
        """Return the table as a block per row, with a heading and its cell on each line."""
        from rich.table import Table as RichTable

        table = RichTable.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, style="dim")
        table.add_column(overflow="fold")
        for number, row in enumerate(self.rows):
            if number:
                table.add_row()
            for name, cell in zip(self._names(), self._lines(row), strict=True):
                table.add_row(name, cell)
        return table


def print_table(console: Console, table: Table) -> None:
    """Print a table."""
    console.print(table.render(console.width))
