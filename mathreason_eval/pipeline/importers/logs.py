"""What a reader of another program's log returns, and the small things that all readers share."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mathreason_eval.pipeline.importers.files import LogFiles
from mathreason_eval.tasks.readers import Row

Stated = bool | float
"""A publisher's verdict: right or wrong, or a number that is neither 0 nor 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LogRow:
    """One output of a model as a log has it. None: the log does not say.

    Values have the type that the log gives them: what is not valid becomes unknown behind this.
    """

    number: int
    """Its line from 1, or its place in a document."""
    problem: str | None
    """The publisher's key of the problem; None: the text of the question is."""
    sample: int | None = None
    """The index of the sample; None: the next one of its problem."""
    question: object = None
    """The text of the question alone."""
    prompt: object = None
    """A text that contains the question, and perhaps examples and instructions."""
    golds: object = None
    """A text, a number or a list of them."""
    output: object = None
    reasoning: object = None
    finish_reason: object = None
    verdicts: Mapping[str, Stated] = field(default_factory=dict)
    """The publisher's verdicts by name; the first that is true or false is compared with ours."""
    answer: object = None
    """What the publisher took for the answer, of which the first of the verdicts is."""
    reward: object = None
    prompt_tokens: object = None
    completion_tokens: object = None
    seed: object = None
    seconds: object = None
    model: str | None = None
    step: int | None = None
    """The step of a training run: its samples are a run of their own."""
    task: str | None = None
    """As the publisher names it."""
    error: str | None = None
    """Why there is no sample, as the log says; such a row is missing, never an answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Log:
    """What a log says. None: it does not."""

    rows: Iterable[LogRow]
    task: str | None = None
    """Of all rows that name none."""
    model: str | None = None
    """Of all rows that name none."""
    version: str | None = None
    """Of the program."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """How outputs were made, as JSON; `temperature`, `top_p` and `max_tokens` by these names."""
    other_files: tuple[Path, ...] = ()
    """Other files that were read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstLook:
    """The first look at a file."""

    path: Path
    kind: str
    """`rows`, `document` or `zip`."""
    first: Mapping[str, Any]
    """The first row, the members of the document by which logs are known, or the header in a zip;
    empty if it is no mapping."""
    files: LogFiles
    """All that may be read with it."""

    def has(self, *keys: str) -> bool:
        """Return whether all of these keys are there."""
        return all(key in self.first for key in keys)


@dataclass(frozen=True, kw_only=True, slots=True)
class LogFormat:
    """A format of logs: how it is recognised, and what reads a file."""

    name: str
    program: str
    """As it is said: `lm-eval`."""
    recognises: Callable[[FirstLook], bool]
    read: Callable[[LogFiles, Path], Log]


# --- what readers share ----------------------------------------------------------------------


def at(value: object, *keys: str | int) -> Any:  # noqa: ANN401  parsed JSON
    """Return what is at a place of parsed JSON; None if there is no such place, or no number."""
    for key in keys:
        if value is None:
            return None
        # `dict` first: to ask whether something is a `Mapping` takes longer.
        if isinstance(value, dict) or isinstance(value, Mapping):  # noqa: SIM101
            value = value.get(key)
        elif isinstance(value, Sequence) and not isinstance(value, str) and isinstance(key, int):
            value = value[key] if -len(value) <= key < len(value) else None
        else:
            return None
    return None if isinstance(value, float) and not math.isfinite(value) else value


def first_of(row: Row, *names: str) -> Any:  # noqa: ANN401  parsed JSON
    """Return the first of some columns that has a value."""
    return next((found for name in names if (found := at(row, name)) is not None), None)


_LONGEST_NAME = 1_000
"""Characters of a name: of a model, a task, a problem."""
_LONGEST_NUMBER = 1_000
"""Bits of a number that is a name: Python refuses to write very large ones."""


def name_of(value: object) -> str | None:
    """Return a name or a number as text; None for anything else, and for what no name is."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    if isinstance(value, int) and value.bit_length() > _LONGEST_NUMBER:
        return None
    name = str(value).strip()
    return name if 0 < len(name) <= _LONGEST_NAME else None


def whole(value: object) -> int | None:
    """Return a whole number that is not negative, as an index is; None for anything else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return value


_LONGEST_ANSWER = 1_000
"""Characters of what a publisher took for an answer: a longer text is none."""


def answer_of(value: object, output: object) -> str | None:
    """Return what a publisher took for the answer, as text.

    None if the log does not say, or says the output as a whole, from which nothing was taken.
    """
    [value] = value if isinstance(value, list) and len(value) == 1 else [value]
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == output:
        return None
    if isinstance(value, int) and value.bit_length() > _LONGEST_NUMBER:
        return None
    text = str(value)
    return text if len(text) <= _LONGEST_ANSWER else None


_GRADES = {"C": True, "I": False, "CORRECT": True, "INCORRECT": False, "TRUE": True, "FALSE": False}


def stated(value: object) -> Stated | None:
    """Return a publisher's verdict: 1, true and C are right, 0, false and I wrong; else None."""
    if isinstance(value, str):
        return _GRADES.get(value.strip().upper())
    if isinstance(value, bool):
        return value
    if not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        return None
    return bool(value) if value in (0, 1) else float(value)


def stated_all(values: object) -> dict[str, Stated]:
    """Return the verdicts among some values by name; none of what is no mapping."""
    found = {str(name): stated(value) for name, value in mapped(values).items()}
    return {name: value for name, value in found.items() if value is not None}


def mapped(value: object) -> Mapping[str, Any]:
    """Return a mapping as it is; an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def listed(value: object) -> list[Any]:
    """Return a list as it is; an empty one for anything else."""
    return value if isinstance(value, list) else []


def as_list(value: object) -> list[Any]:
    """Return a list as it is; of anything else a list of it alone."""
    return value if isinstance(value, list) else [value]


def content_parts(content: object) -> tuple[str | None, str | None]:
    """Return the text and the reasoning of a message's content: a text, or a list of parts."""
    if isinstance(content, str):
        return content, None
    if not isinstance(content, list):
        return None, None
    texts = [at(part, "text") for part in content if at(part, "type") in (None, "text")]
    thoughts = [
        first_of(part, "reasoning", "thinking", "text")
        for part in content
        if at(part, "type") in ("reasoning", "thinking", "cot")
    ]
    kept = [text for text in texts if isinstance(text, str)]
    thought = [text for text in thoughts if isinstance(text, str)]
    return "".join(kept) if kept else None, "".join(thought) if thought else None


def last_text(messages: object, *roles: str) -> str | None:
    """Return the text of the last message of a role; a prompt that is a text is returned as it is.

    None if no message has the role, or the last that has it has no text.

    Args:
        messages: a text, or messages with `role` and `content`.
        roles: names of the role, such as `user` and `human`.
    """
    if isinstance(messages, str):
        return messages
    said = [one for one in listed(messages) if at(one, "role") in roles]
    return content_parts(at(said, -1, "content"))[0]


_LONGEST_SETTING = 2_000
"""Characters of a setting; a chat template is none."""


def scalars(values: object) -> dict[str, Any]:
    """Return the texts, numbers and truth values of a mapping, as a manifest records settings."""
    if not isinstance(values, Mapping):
        return {}
    return {str(name): value for name, value in values.items() if _is_scalar(value)}


def _is_scalar(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) or (isinstance(value, str) and len(value) <= _LONGEST_SETTING)
