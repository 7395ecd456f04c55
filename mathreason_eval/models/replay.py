"""Stored outputs as a model: another harness's log, or the generations of an earlier run."""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mathreason_eval.errors import DataError, Faults, ModelError
from mathreason_eval.models import of_file, read_options, with_options
from mathreason_eval.models.base import Completion, Failure, Request
from mathreason_eval.models.facts import ModelFacts
from mathreason_eval.models.replies import known_finish_reason, token_count
from mathreason_eval.text.jsonl import bounded_lines, read_objects
from mathreason_eval.types import CONTENT_FILTER, FAILED

Row = Mapping[str, object]
_IDS = ("id", "problem_id")
_TEXTS = ("output", "text")


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What `--model-arg` may set."""

    chat: bool = True
    """Whether the outputs answer chat prompts; False if they continue plain text."""


class ReplayModel:
    """Outputs by problem and sample, in the order of the requests."""

    context: int | None = None

    def __init__(self, name: str, path: Path, options: Options) -> None:
        self.name = name
        self.chat = options.chat
        self._options = options
        self.opening = ""
        self._path = path
        self._rows = _read(path)

    def describe(self) -> Mapping[str, object]:
        """Return the file with its content's hash."""
        digest = hashlib.sha256(self._path.read_bytes()).hexdigest()
        described = {"backend": "replay", **of_file("replay", self._path), "sha256": digest}
        return with_options(described, self._options)

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion | Failure]:
        """Yield the stored output of each request, or a `Failure` where there is none."""
        for request in requests:
            row = self._rows.get((request.problem_id, request.sample))
            if row is None:
                reason = f"{self._path.name} has no sample {request.sample} of this problem"
                yield Failure(request=request, reason=reason)
            else:
                yield _completion(request, row)

    def close(self) -> None:
        """Do nothing: the file was read when it was opened."""


def check(rest: str, options: Mapping[str, str], faults: Faults) -> ModelFacts:
    """Return what kind of prompts the outputs answer, after reading them."""
    faults.attempt(lambda: _read(_existing(rest)))
    chosen = read_options(Options, "replay", options, faults)
    return ModelFacts(chat=chosen.chat, cannot_continue="stored outputs are what they are")


def open_engine(name: str, rest: str, options: Mapping[str, str]) -> ReplayModel:
    """Return an engine that answers with the stored outputs of a JSONL or JSONL.gz file.

    Args:
        name: the model's whole name, `replay:FILE`.
        rest: the file.
        options: of `--model-arg`.

    Raises:
        ModelError: there is no such file, or an option is not known.
        DataError: a row is not JSON, or has no id or no text.
    """
    return ReplayModel(name, _existing(rest), read_options(Options, "replay", options))


def _existing(rest: str) -> Path:
    path = Path(rest).expanduser()
    if not path.is_file():
        raise ModelError(f"There is no file {rest}.", "Give a JSONL or JSONL.gz file of outputs.")
    return path


def _read(path: Path) -> dict[tuple[str, int], Row]:
    """Return every row of the file by problem and sample.

    A row without `sample` is the next sample of its problem, in order of appearance.
    """
    rows: dict[tuple[str, int], Row] = {}
    lines_of: dict[tuple[str, int], int] = {}
    seen: Counter[str] = Counter()
    try:
        with path.open("rb") as file:
            packed = path.suffix == ".gz"
            lines = (
                bounded_lines(gzip.GzipFile(fileobj=file), file) if packed else bounded_lines(file)
            )
            for number, row in read_objects(lines, path):
                _check(row, f"{path}, line {number}")
                problem = str(_first(row, _IDS))
                sample = row.get("sample")
                if sample is None:
                    sample = seen[problem]
                if token_count(sample) is None:
                    raise DataError(
                        f"{path}, line {number}: the sample {sample!r} is not a number.",
                        "Write an index from 0, or leave it out.",
                    )
                seen[problem] += 1
                key = problem, sample
                if rows.setdefault(key, row) != row:
                    raise DataError(
                        f"{path}, lines {lines_of[key]} and {number} differ, and both are sample "
                        f"{sample} of {problem!r}.",
                        "Keep one of them, or number them differently.",
                    )
                lines_of.setdefault(key, number)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}.", "Give UTF-8 JSON lines.") from None
    return rows


def _check(row: Row, where: str) -> None:
    """Raise where a row has no id or no text."""
    for names in (_IDS, _TEXTS):
        if _first(row, names) is None:
            raise DataError(f"{where} has no {' or '.join(names)}.", "Rename the row's columns.")
    if not isinstance(_first(row, _TEXTS), str):
        raise DataError(f"{where} has an output that is not a string.", "Write it as a string.")


def _first(row: Row, names: tuple[str, ...]) -> object:
    """Return the first of the named columns that the row has, or None."""
    return next((row[name] for name in names if row.get(name) is not None), None)


def _completion(request: Request, row: Row) -> Completion:
    """Return a row as the completion of a request; a value of a wrong type counts as unknown."""
    return Completion(request=request, **{name: read(row) for name, read in _FIELDS.items()})


def _text(row: Row) -> str:
    return str(_first(row, _TEXTS))


def _reasoning(row: Row) -> str | None:
    value = row.get("reasoning")
    return value if isinstance(value, str) else None


def _finish_reason(row: Row) -> str | None:
    """Return why a text ends; only a row without any text can be a failure that was accepted."""
    value = row.get("finish_reason")
    if value == FAILED and not _text(row) and not _reasoning(row):
        return FAILED
    return known_finish_reason(value)


def _completion_tokens(row: Row) -> int | None:
    return token_count(row.get("completion_tokens", row.get("tokens")))


def _reasoning_tokens(row: Row) -> int | None:
    count, total = token_count(row.get("reasoning_tokens")), _completion_tokens(row)
    return count if count is None or total is None or count <= total else None


def _number(row: Row, name: str) -> float | None:
    """Return a finite number, or None."""
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _label(row: Row) -> bool | None:
    value = row.get("label")
    return value if isinstance(value, bool) else None


_FIELDS: Mapping[str, Callable[[Row], Any]] = {
    "text": _text,
    "reasoning": _reasoning,
    "finish_reason": _finish_reason,
    "prompt_tokens": lambda row: token_count(row.get("prompt_tokens")),
    "completion_tokens": _completion_tokens,
    "reasoning_tokens": _reasoning_tokens,
    "seconds": lambda row: _number(row, "seconds"),
    "refused": lambda row: row.get("refused") is True or _finish_reason(row) == CONTENT_FILTER,
    "reward": lambda row: _number(row, "reward"),
    "label": _label,
}
"""What reads each field of a completion, but its request, from a row."""
