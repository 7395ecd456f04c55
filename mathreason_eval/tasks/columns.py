"""Which column of some rows holds what: guessed by its name and by its cells."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from mathreason_eval.errors import DataError, UnknownNameError
from mathreason_eval.tasks.cells import after_hashes, last_box
from mathreason_eval.tasks.choices import LETTERS
from mathreason_eval.tasks.readers import Row
from mathreason_eval.text.numbers import gold_texts

_NAMES: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "unique_id", "uid", "problem_id", "question_id", "qid", "index", "idx"),
    "question": ("question", "problem", "prompt", "input", "query", "text", "statement"),
    "gold": ("gold", "answer", "final_answer", "target", "label", "correct_answer", "output",
             "solution"),
    "options": ("options", "choices"),
}  # fmt: skip
"""What the columns of published data sets are called, the most telling first."""
_LEAST_OPTIONS = 2
_LONGEST_PROPERTY = 200
"""Characters of a cell that is a property; what is longer is a text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Which column holds what."""

    question: str
    gold: str
    id: str | None
    options: tuple[str, ...]
    """One column of lists, or one for each option; none if there is no choice."""
    properties: tuple[str, ...]


def guessed(rows: Sequence[Row], given: Mapping[str, str]) -> Columns:
    """Return which column holds what: as given, else by its name.

    Raises:
        UnknownNameError: if a column that is given is not there.
        DataError: if no column is a question, or none a gold.
    """
    names = list(dict.fromkeys(key for row in rows for key in row))
    for part in given:
        if part not in _NAMES:
            raise UnknownNameError("part of a problem", part, _NAMES)
    for column in given.values():
        if column not in names:
            raise UnknownNameError("column", column, names)
    question = given.get("question") or _named("question", names)
    gold = given.get("gold") or _named("gold", [one for one in names if one != question])
    if question is None or gold is None:
        part = "question" if question is None else "gold"
        raise DataError(
            f"No column is known to be the {part}: there are {', '.join(names)}.",
            f"Name it: --columns {part}=COLUMN.",
        )
    options = _option_columns(rows, names, given)
    identity = given.get("id") or _identity(rows, names)
    taken = {question, gold, identity, *options, *_OWN}
    return Columns(
        question=question,
        gold=gold,
        id=identity,
        options=options,
        properties=tuple(one for one in names if one not in taken and _is_property(rows, one)),
    )


_OWN = ("id", "question", "gold", "given", "origin", "variant")
"""What a task reads of a row: a property cannot be called so."""


def _named(part: str, names: Sequence[str]) -> str | None:
    """Return the first column that is called as a part of a problem is, in any letter case."""
    folded = {name.casefold().replace(" ", "_"): name for name in reversed(names)}
    return next((folded[one] for one in _NAMES[part] if one in folded), None)


def _identity(rows: Sequence[Row], names: Sequence[str]) -> str | None:
    """Return the column of ids: another in each row."""
    column = _named("id", names)
    ids = [str(row.get(column)) for row in rows] if column else []
    return column if column and len({*ids}) == len(rows) and "None" not in ids else None


def _option_columns(
    rows: Sequence[Row], names: Sequence[str], given: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the column of lists of options, or the columns called A, B, C and so on."""
    column = given.get("options") or _named("options", names)
    if column and all(_listed(row.get(column)) for row in rows):
        return (column,)
    upper = {name.upper(): name for name in reversed(names)}
    lettered = [upper[one] for one in takewhile(upper.__contains__, LETTERS)]
    return tuple(lettered) if len(lettered) >= _LEAST_OPTIONS else ()


def _listed(cell: object) -> list[str]:
    """Return the options in a cell: a list, a mapping of letters, or either as JSON."""
    if isinstance(cell, str) and cell[:1] in "[{":
        try:
            cell = json.loads(cell)
        except ValueError:
            return []
    if isinstance(cell, Mapping):
        # Some publishers write {"text": [...], "label": [...]}.
        cell = cell.get("text", list(cell.values()))
    options = [str(one) for one in cell] if isinstance(cell, list | tuple) else []
    return options if _LEAST_OPTIONS <= len(options) <= len(LETTERS) else []


def _is_property(rows: Sequence[Row], name: str) -> bool:
    cells = [row.get(name) for row in rows]
    return all(
        cell is None
        or (isinstance(cell, str | int | float) and len(str(cell)) <= _LONGEST_PROPERTY)
        for cell in cells
    ) and any(cell not in (None, "") for cell in cells)


# --- golds -----------------------------------------------------------------------------------

_GOLD_READERS: Mapping[str, Callable[[object], object]] = {
    "what follows `####` in it": lambda cell: after_hashes(cell) if "####" in str(cell) else None,
    "its last box": last_box,
}
"""How the answer is taken from a worked solution."""


def golds_of(rows: Sequence[Row], found: Columns) -> tuple[Callable[[object], object], str | None]:
    """Return what reads the gold of a cell, and how that is said; None where it is the cell."""
    for how, read in _GOLD_READERS.items():
        if all(read(row.get(found.gold)) for row in rows):
            return read, how
    return lambda cell: cell, None


def problem_of(
    where: str, row: Row, found: Columns, read: Callable[[object], object]
) -> dict[str, Any]:
    """Return a row in the names that a task knows; the gold of a choice is as it stands there.

    Args:
        where: the row's place, for errors.
        row: its cells.
        found: which column is what.
        read: what a cell of golds says.

    Raises:
        DataError: if it has no question or no gold.
    """
    question = row.get(found.question)
    if not isinstance(question, str) or not question.strip():
        raise DataError(f"{where}: {found.question} is no question.", "Fill it, or --columns.")
    cell = read(row.get(found.gold))
    accepted = cell if isinstance(cell, list | tuple) else [cell]
    filled = [one for one in accepted if one is not None and str(one).strip()]
    try:
        golds = gold_texts(filled) if filled else ()
    except ValueError as error:
        raise DataError(f"{where}: {found.gold}: {error}.", "Correct it, or --columns.") from None
    if not golds:
        raise DataError(f"{where}: {found.gold} has no gold.", "Fill it, or --columns.")
    made: dict[str, Any] = {} if found.id is None else {"id": str(row[found.id])}
    made |= {"question": question.strip(), "gold": golds[0] if len(golds) == 1 else list(golds)}
    cells = {name: row.get(name) for name in found.properties}
    return {**made, **{name: cell for name, cell in cells.items() if cell not in (None, "")}}


def options_of(where: str, row: Row, found: Columns) -> list[str]:
    """Return the options of a row, whose place `where` is.

    Raises:
        DataError: if there are fewer than two, or one between two others is missing.
    """
    if len(found.options) == 1:
        return _listed(row.get(found.options[0]))
    cells = [row.get(name) for name in found.options]
    filled = [str(cell) for cell in takewhile(lambda cell: cell not in (None, ""), cells)]
    if len(filled) < _LEAST_OPTIONS or any(cell not in (None, "") for cell in cells[len(filled) :]):
        raise DataError(
            f"{where}: an option of {', '.join(found.options)} is missing.",
            "Fill it: the options after it would have other letters.",
        )
    return filled
