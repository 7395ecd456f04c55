"""What a field of a problem takes from a row: columns that are joined, and filters after them.

columns:
question: "Body + Question"          # two cells, with a blank between them
gold: [gold, "answer | hashes"]      # the first that the row has
options: "A + B + C + D"             # a list of cells
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mathreason_eval.errors import UnknownNameError
from mathreason_eval.extract import extract
from mathreason_eval.tasks.choices import LETTERS

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class CellSource:
    """One of the places in a row from which a field may come."""

    columns: tuple[str, ...]
    """All of them must have a value."""
    filters: tuple[str, ...]
    """Names of `FILTERS`, applied one after another."""


@lru_cache(maxsize=1024)
def cell_source(candidate: str) -> CellSource:
    """Return a place of a row, as `columns` of a task.yaml names it: `Body + Question | int`.

    Raises:
        UnknownNameError: a filter that there is not.
    """
    columns, *filters = (part.strip() for part in candidate.split("|"))
    for name in filters:
        if name not in FILTERS:
            raise UnknownNameError("filter of a column", name, FILTERS)
    return CellSource(
        columns=tuple(part.strip() for part in re.split(r"\s\+\s", columns)), filters=tuple(filters)
    )


def named_columns(candidates: Sequence[str]) -> list[str]:
    """Return the columns that candidates name, each once."""
    sources = map(cell_source, candidates)
    return list(dict.fromkeys(column for source in sources for column in source.columns))


def take(row: Row, candidates: Sequence[str]) -> Any:  # noqa: ANN401  a cell may have any type
    """Return the value of the first candidate that has one, after its filters; None if none has.

    Raises:
        ValueError: a filter refuses the value.
    """
    for candidate in candidates:
        source = cell_source(candidate)
        cells = _cells(row, source)
        if not cells:
            continue
        value = cells[0] if len(cells) == 1 else " ".join(map(str, cells))
        for name in source.filters:
            value = FILTERS[name](value) if value is not None else None
        if value is not None:
            return value
    return None


def take_list(row: Row, candidates: Sequence[str]) -> list[Any]:
    """Return a list: that of a cell, or the cells of several columns; empty if there is none.

    A text that is a list in JSON, as tables have it, is that list. Columns at the end of the list
    may be empty: a row may have fewer options than others.

    Raises:
        ValueError: a cell is no list, or one between two others is empty.
    """
    for candidate in candidates:
        source = cell_source(candidate)
        if len(source.columns) > 1:
            cells = [row.get(column) for column in source.columns]
            while cells and _is_empty(cells[-1]):
                cells.pop()
            if any(map(_is_empty, cells)):
                raise ValueError(f"one of {', '.join(source.columns)} is empty")
            found: object = cells
        else:
            found = next(iter(_cells(row, source)), None)
        if isinstance(found, str):
            found = _list_in(found, source.columns[0])
        if found:
            if not isinstance(found, list | tuple):
                raise ValueError(f"{source.columns[0]} is no list")
            return list(found)
    return []


def _list_in(text: str, column: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{column} is no list") from None


def _cells(row: Row, source: CellSource) -> list[Any]:
    """Return the cells of all columns of a place; nothing if one of them is empty."""
    cells = [row.get(column) for column in source.columns]
    return [] if any(map(_is_empty, cells)) else cells


def _is_empty(cell: object) -> bool:
    # Parquet has NaN where a number is missing; infinity is no number of a row either.
    return cell is None or cell == "" or (isinstance(cell, float) and not math.isfinite(cell))


# --- filters ---------------------------------------------------------------------------------


def after_hashes(value: object) -> str | None:
    """Return the text after the last `####`, as in GSM8K, or the whole text; commas removed."""
    return str(value).rpartition("####")[2].replace(",", "").strip() or None


def last_box(value: object) -> str | None:
    """Return the content of the last box of a text; None if it has none."""
    answer = extract(str(value), ("boxed",))
    return answer.text if answer else None


def _first_int(value: object) -> int | None:
    found = re.search(r"\d+", str(value))
    return int(found.group()) if found else None


def _letter(value: object, first: int) -> str:
    """Return the letter of an option by its place.

    Raises:
        ValueError: it is no place.
    """
    text = str(value).strip()
    place = int(text) - first if re.fullmatch(r"\d{1,3}", text) else -1
    if not 0 <= place < len(LETTERS):
        raise ValueError(f"{text!r} is no place of an option, from {first}")
    return LETTERS[place]


def _letter_from_0(value: object) -> str:
    return _letter(value, 0)


def _letter_from_1(value: object) -> str:
    return _letter(value, 1)


_DATE = re.compile(r"(\d{4})-(\d{1,2})(?!\d)")


def _month(value: object) -> str:
    """Return `YYYY-MM` of a date, or of a mapping with `year` and `month`.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, Mapping):
        value = f"{value.get('year')}-{value.get('month')}"
    found = _DATE.match(str(value))
    if found is None or not 1 <= int(found[2]) <= 12:  # noqa: PLR2004  months
        raise ValueError(f"{value!r} has no year and month")
    return f"{found[1]}-{int(found[2]):02d}"


def _each_line(value: object) -> list[str]:
    return [line.strip() for line in str(value).splitlines() if line.strip()]


FILTERS: Mapping[str, Callable[[Any], Any]] = {
    "hashes": after_hashes,
    "boxed": last_box,
    "int": _first_int,
    "letter0": _letter_from_0,
    "letter1": _letter_from_1,
    "month": _month,
    "lines": _each_line,
}
"""What may be done to a cell, by name; each raises ValueError for a value that it refuses."""
