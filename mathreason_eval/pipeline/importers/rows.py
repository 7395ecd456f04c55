"""From the row of a file to a sample: values that are missing or not valid are unknown.

A row without an id or an output, or with an invalid gold or index, cannot be used.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mathreason_eval.models.replies import known_finish_reason, token_count
from mathreason_eval.pipeline.grading import split_output
from mathreason_eval.tasks.readers import NumberedRow, Row
from mathreason_eval.text.numbers import gold_texts, number_text
from mathreason_eval.types import Generation, Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class UnusableRow:
    """A row of an import that contains no sample."""

    line: int
    """Line number from 1, with the header of CSV; in Parquet the row number."""
    reason: str
    model: str | None
    """None if the row does not state it."""
    problem_id: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleRow:
    """The contents of one row."""

    number: int
    fault: str | None = None
    """Why it cannot be used; None if it can."""
    problem_id: str | None = None
    model: str | None = None
    sample: int | None = None
    """The sample index that the row states; None: the next of its problem."""
    own: Problem | None = None
    """The problem, if the row has question and gold."""
    generation: Generation | None = None
    """The sample, with index 0 unless one is stated; None if the row cannot be used."""
    settings: tuple[float | None, ...] = ()
    """Temperature, top_p and max_tokens; None: unknown."""
    unknown: tuple[str, ...] = ()
    """Values that are not valid and are stored as unknown: `finish_reason 'abort'`."""
    published: Mapping[str, bool | float] = dataclasses.field(default_factory=dict)
    """The publisher's verdicts by name, of a log of another program."""
    published_answer: str | None = None
    """What the publisher took for the answer."""

    @property
    def compared(self) -> str | None:
        """Return the name of the first of them that is right or wrong."""
        names = (name for name, said in self.published.items() if isinstance(said, bool))
        return next(names, None)

    def unusable(self, reason: str) -> UnusableRow:
        """Return it as a row that cannot be used."""
        return UnusableRow(
            line=self.number, reason=reason, model=self.model, problem_id=self.problem_id
        )


class _FaultError(Exception):
    """A row cannot be used, with the reason."""


def sample_row(numbered: NumberedRow) -> SampleRow:
    """Return a parsed row; if it cannot be used, with the reason."""
    number, row = numbered.number, numbered.row
    if numbered.error is not None:
        return SampleRow(number=number, fault=numbered.error)
    try:
        problem_id, model = _problem_id(row), _model(row)
        own, sample = _own_problem(row, problem_id), _sample(row)
    except _FaultError as error:
        return SampleRow(number=number, fault=str(error))
    output = _cell(row, "output")
    if not isinstance(output, str):
        what = "has no output" if output is None else f"has {_short(output)} as its output"
        return SampleRow(
            number=number, fault=what, problem_id=problem_id, model=model, sample=sample, own=own
        )
    generation = _generation(row, output, problem_id, sample or 0)
    return SampleRow(
        number=number,
        problem_id=problem_id,
        model=model,
        sample=sample,
        own=own,
        generation=generation,
        settings=(_number(row, "temperature"), _number(row, "top_p"), _count(row, "max_tokens")),
        unknown=tuple(_unknown(row, generation)),
    )


_MAX_SHORT = 40


def _short(value: object) -> str:
    """Return a value for a message, shortened."""
    text = repr(value)
    return text if len(text) <= _MAX_SHORT else f"{text[:_MAX_SHORT]}…"


def _cell(row: Row, name: str) -> object:
    """Return a cell; None if it is missing, or NaN as in a column of floats with gaps."""
    value = row.get(name)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _stated(row: Row, name: str) -> object:
    """Return a cell; None if it is missing or empty, as in CSV."""
    value = _cell(row, name)
    return None if value == "" else value


def _name(row: Row, column: str) -> str | None:
    """Return a cell with a name; None if it is empty or missing."""
    value = _stated(row, column)
    text = value if value is None or isinstance(value, str) else number_text(value)
    if value is not None and text is None:
        raise _FaultError(f"has {_short(value)} as its {column}")
    return text


def _problem_id(row: Row) -> str:
    found = _name(row, "id")
    if found is None:
        raise _FaultError("has no id")
    return found


def _model(row: Row) -> str | None:
    return _name(row, "model")


def _own_problem(row: Row, problem_id: str) -> Problem | None:
    question, gold = _stated(row, "question"), _stated(row, "gold")
    try:
        golds = None if gold is None else gold_texts(gold)
    except ValueError as error:
        raise _FaultError(f"cannot be judged: {error}") from None
    if question is None or golds is None:
        return None
    if not isinstance(question, str):
        raise _FaultError(f"has {_short(question)} as its question")
    return Problem(id=problem_id, question=question, gold=golds)


def _sample(row: Row) -> int | None:
    value = _stated(row, "sample")
    index = token_count(_whole(value))
    if value is not None and index is None:
        raise _FaultError(f"has {_short(value)} as its sample")
    return index


def _generation(row: Row, output: str, problem_id: str, sample: int) -> Generation:
    text, reasoning = split_output(output)
    return Generation(
        problem_id=problem_id,
        sample=sample,
        text=text,
        reasoning=reasoning,
        finish_reason=known_finish_reason(_stated(row, "finish_reason")),
        prompt_tokens=_count(row, "prompt_tokens"),
        completion_tokens=_count(row, "completion_tokens"),
        seed=_whole(_stated(row, "seed")),
        seconds=_duration(row),
        reward=_number(row, "score"),
        label=_LABELS.get(str(_stated(row, "correct")).strip().lower()),
    )


_LABELS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
_FIELDS = {
    "finish_reason": "finish_reason",
    "prompt_tokens": "prompt_tokens",
    "completion_tokens": "completion_tokens",
    "seed": "seed",
    "seconds": "seconds",
    "score": "reward",
    "correct": "label",
}
"""Columns whose values may be unknown, with the field of a sample that each becomes."""


def _unknown(row: Row, generation: Generation) -> Iterator[str]:
    """Yield the columns whose values are not valid, each with its value."""
    for column, field in _FIELDS.items():
        value = row.get(column)
        if value is not None and value != "" and getattr(generation, field) is None:
            yield f"{column} {_short(value)}"


COLUMNS = frozenset(
    {"id", "output", "question", "gold", "sample", "model", "temperature", "top_p", "max_tokens"}
    | _FIELDS.keys()
)
"""The columns that are read."""
_LARGEST = 2**63 - 1
_INTEGER = re.compile(r"\s*([+-]?[0-9]{1,40})(\.0*)?\s*")


def _whole(value: object) -> int | None:
    """Return a whole number of 64 bits, also from a text (CSV) or a float (column with gaps)."""
    if isinstance(value, str):
        found = _INTEGER.fullmatch(value)
        value = int(found[1]) if found else None
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if abs(value) <= _LARGEST else None


def _count(row: Row, name: str) -> int | None:
    return token_count(_whole(_stated(row, name)))


def _number(row: Row, name: str) -> float | None:
    """Return the finite number in a cell, also from a text (CSV); else None."""
    value = _stated(row, name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _duration(row: Row) -> float | None:
    seconds = _number(row, "seconds")
    return seconds if seconds is not None and seconds >= 0 else None
