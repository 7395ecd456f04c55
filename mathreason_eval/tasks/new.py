"""A task's folder made from rows.

What each column is, is guessed by its name and its cells. The rows are copied into the folder with
the names that a task knows, so that it is complete in itself. Nothing is guessed silently: every
choice is a line of the README, and its author changes what is wrong in a file of a few lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mathreason_eval.errors import DataError, UserError
from mathreason_eval.tasks.choices import right_letters, with_options
from mathreason_eval.tasks.columns import Columns, golds_of, guessed, options_of, problem_of
from mathreason_eval.tasks.folder import is_task_name
from mathreason_eval.tasks.readers import PlacedRow, Row, placed_rows
from mathreason_eval.tasks.rows import made_of_each
from mathreason_eval.text import visible_line

_MOST_VALUES = 20
"""Different values of a property that is reported by."""
_NUMBER = re.compile(r"[-+]?[\d,]*\.?\d+")


@dataclass(frozen=True, kw_only=True, slots=True)
class NewTask:
    """A task's folder that is to be written."""

    files: Mapping[str, str]
    """The text of each file by its name."""
    notes: tuple[str, ...]
    """What was decided, a sentence each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kind:
    """How answers of one kind are asked for, found and compared."""

    grade: str
    extract: str
    ask: str


_BOX = "put your final answer within \\boxed{}."
_KINDS: Mapping[str, _Kind] = {
    "choice": _Kind(
        grade="choice",
        extract="boxed, tag, choice",
        ask="put the letter of the right option within \\boxed{}.",
    ),
    "number": _Kind(grade="number", extract="boxed, tag, hashes, phrase, last_number", ask=_BOX),
    "math": _Kind(
        grade="math", extract="boxed, tag, hashes, phrase, last_formula, last_number", ask=_BOX
    ),
    "text": _Kind(grade="text", extract="boxed, tag, phrase, bare", ask=_BOX),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """The rows that a task is made from, and what their author says of them."""

    path: Path
    """JSONL, JSON, CSV, TSV or Parquet."""
    columns: Mapping[str, str]
    """By `question`, `gold`, `id` or `options`, a column that is not guessed."""
    gold_is: str | None = None
    """What the gold of a choice is, a name of `choices.READINGS`; None: what fits every row."""
    license: str | None = None
    """Of the problems; None: unknown."""


def new_task(name: str, source: Source) -> NewTask:
    """Return the files of a task that is made from the rows of a file.

    Args:
        name: of the task and its folder.
        source: the rows.

    Raises:
        UserError: if the name is none, a column is missing, or a row has no question or gold.
    """
    if not is_task_name(name):
        raise UserError(
            f"{name!r} is no name of a task.",
            "A name is of lower-case letters, digits, '.', '_' and '-'.",
        )
    path = source.path
    placed = made_of_each(placed_rows(path, path.name), _read)
    if not placed:
        raise DataError(f"{path} has no rows.", "Name a file with a row for each problem.")
    rows = [one.row for one in placed]
    found = guessed(rows, source.columns)
    read, how = golds_of(rows, found)
    made = made_of_each(placed, lambda one: problem_of(one.place, one.row, found, read))
    if found.options:
        options = made_of_each(placed, lambda one: options_of(one.place, one.row, found))
        how = _make_choices(made, options, source.gold_is)
    kind = "choice" if found.options else _kind_of([one["gold"] for one in made])
    slices = tuple(key for key in found.properties if _is_slice(made, key))
    notes = (*_notes(found, rows, how), _kind_note(kind), *_licence_notes(source.license))
    files = {
        "task.yaml": _yaml(name, source, kind, found.properties, slices),
        "prompt.jinja": "{{ problem.question }}\n\nPlease reason step by step, and "
        f"{_KINDS[kind].ask}\n",
        "rows.jsonl": "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in made),
        "cases.jsonl": "".join(json.dumps(one) + "\n" for one in _cases(made)),
        "README.md": _readme(name, path, notes),
    }
    return NewTask(files=files, notes=notes)


def _make_choices(
    made: Sequence[dict[str, Any]], options: Sequence[Sequence[str]], gold_is: str | None
) -> str:
    """Add the options to the questions, and have the golds be letters; return how they were read.

    Raises:
        DataError: as `right_letters`.
    """
    how, letters = right_letters([str(one["gold"]) for one in made], options, gold_is)
    for one, letter, of in zip(made, letters, options, strict=True):
        question, _ = with_options(one["question"], (), of, "")
        one |= {"question": question, "gold": letter}
    return f"read as {how}"


def _read(placed: PlacedRow) -> PlacedRow:
    if placed.error is not None:
        raise DataError(f"{placed.place} {placed.error}.", "Correct the row.")
    return placed


def _kind_of(golds: Sequence[object]) -> str:
    texts = [one for gold in golds for one in (gold if isinstance(gold, list) else [gold])]
    if all(_NUMBER.fullmatch(str(one).strip()) for one in texts):
        return "number"
    words = sum(bool(re.fullmatch(r"[^\W\d_]{2,}(?:\s+[^\W\d_]+)*", str(one))) for one in texts)
    return "text" if words > len(texts) / 2 else "math"


def _is_slice(made: Sequence[Mapping[str, Any]], name: str) -> bool:
    values = {str(one.get(name)) for one in made}
    return 1 < len(values) <= min(_MOST_VALUES, len(made) // 2)


# --- files -----------------------------------------------------------------------------------


def _yaml(
    name: str, source: Source, kind: str, properties: Sequence[str], slices: Sequence[str]
) -> str:
    lines = [
        f"name: {name}",
        "version: 1",
        f"summary: {json.dumps(f'Problems of {source.path.name}')}",
        f"license: {json.dumps(source.license or 'unknown')}",
        *([] if source.license else ["printed: false"]),
        "data: {file: rows.jsonl}",
        *(["columns:"] if properties else []),
        *(f"  {json.dumps(one)}: {json.dumps(one)}" for one in properties),
        f"extract: [{_KINDS[kind].extract}]",
        f"grade: {_KINDS[kind].grade}",
        *([f"slices: {json.dumps(list(slices))}"] if slices else []),
    ]
    return "\n".join(lines) + "\n"


def _cases(made: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    """Yield an output of each kind with the outcome that it must get."""
    golds = [one["gold"] if isinstance(one["gold"], str) else one["gold"][0] for one in made]
    first = golds[0]
    yield {"text": f"So \\boxed{{{first}}}.", "gold": first, "want": "correct", "why": "a box"}
    other = next((one for one in golds if one != first), None)
    if other is not None:
        yield {"text": f"So \\boxed{{{other}}}.", "gold": first, "want": "wrong", "why": "another"}
    yield {"text": "I do not know.", "gold": first, "want": "no_answer", "why": "no answer"}
    yield {
        "text": "First of all,", "gold": first, "want": "truncated", "why": "cut off",
        "finish_reason": "length",
    }  # fmt: skip


def _notes(found: Columns, rows: Sequence[Row], how: str | None) -> Iterator[str]:
    yield f"The question is the column {found.question}."
    gold = f"The gold is the column {found.gold}" + (f": {how}." if how else ".")
    yield gold
    if found.options:
        yield f"The options are in {', '.join(found.options)}; they are part of the question."
    yield (
        f"The id is the column {found.id}."
        if found.id
        else "There is no column of ids: a row's place is its id, so keep their order."
    )
    if found.properties:
        yield f"Properties are {', '.join(found.properties)}."
    known = {found.question, found.gold, found.id, *found.options, *found.properties}
    if left := [
        name for name in dict.fromkeys(k for row in rows for k in row) if name not in known
    ]:
        yield f"Left out: {', '.join(left)}."


def _kind_note(kind: str) -> str:
    return f"Answers are compared by the grader {_KINDS[kind].grade}."


def _licence_notes(license_: str | None) -> Iterator[str]:
    if license_ is None:
        yield "The licence is unknown: a leaderboard does not print the problems (`printed`)."


def _readme(name: str, path: Path, notes: Sequence[str]) -> str:
    listed = "".join(f"- {note}\n" for note in notes)
    file = visible_line(path.name)
    return (
        f"# {name}\n\nMade from `{file}` by `mathreason new`. What was decided, for its "
        f"author to confirm or change:\n\n{listed}\n"
        "Say here where the problems are from, who may use them, and what a score is not "
        "comparable with.\n"
    )
