"""Stored outputs as a model: another harness's log, or the generations of an earlier run."""

from __future__ import annotations

import gzip
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mathreason_eval.errors import DataError, ModelError
from mathreason_eval.models import read_options
from mathreason_eval.models.base import Completion, Failure, Request
from mathreason_eval.models.replies import token_count
from mathreason_eval.text.jsonl import read_objects

Row = Mapping[str, object]
_IDS = ("id", "problem_id")
_TEXTS = ("output", "text")


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What `--model-arg` may set."""

    chat: bool = True
    """Whether the outputs answer chat prompts; False if they continue bare text."""


class ReplayModel:
    """Outputs by problem and sample, in the order of the requests."""

    context: int | None = None

    def __init__(self, name: str, path: Path, options: Options) -> None:
        self.name = name
        self.chat = options.chat
        self.opening = ""
        self._path = path
        self._rows = _read(path)

    def describe(self) -> Mapping[str, object]:
        """Return the file with its content's hash."""
        digest = hashlib.sha256(self._path.read_bytes()).hexdigest()
        return {"backend": "replay", "file": str(self._path), "sha256": digest}

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


def open_engine(name: str, rest: str, options: Mapping[str, str]) -> ReplayModel:
    """Return the stored outputs of a JSONL or JSONL.gz file.

    Raises:
        ModelError: there is no such file.
        DataError: a row has no id or no text.
    """
    path = Path(rest).expanduser()
    if not path.is_file():
        raise ModelError(f"There is no file {rest}.", "Give a JSONL or JSONL.gz file of outputs.")
    return ReplayModel(name, path, read_options(Options, "replay", options))


def _read(path: Path) -> dict[tuple[str, int], Row]:
    """Return every row of the file by problem and sample.

    A row without `sample` is the next sample of its problem, in order of appearance.
    """
    rows: dict[tuple[str, int], Row] = {}
    seen: Counter[str] = Counter()
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            for number, row in read_objects(lines, path):
                _check(row, f"{path}, line {number}")
                problem = str(_first(row, _IDS))
                sample = row.get("sample", seen[problem])
                if not isinstance(sample, int):
                    raise DataError(f"{path}, line {number}: the sample {sample!r} is no number.")
                seen[problem] += 1
                rows[problem, sample] = row
    except (OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read: {error}.", "Give UTF-8 JSON lines.") from None
    return rows


def _check(row: Row, where: str) -> None:
    """Raise where a row has no id or no text."""
    for names in (_IDS, _TEXTS):
        if _first(row, names) is None:
            raise DataError(f"{where} has no {' or '.join(names)}.", "Rename the row's columns.")


def _first(row: Row, names: tuple[str, ...]) -> object:
    """Return the first of the named columns that the row has, or None."""
    return next((row[name] for name in names if row.get(name) is not None), None)


def _completion(request: Request, row: Row) -> Completion:
    """Return a row as the completion of a request; what is not of its type is unknown."""
    reasoning, finish, seconds = (
        row.get(name) for name in ("reasoning", "finish_reason", "seconds")
    )
    return Completion(
        request=request,
        text=str(_first(row, _TEXTS)),
        reasoning=reasoning if isinstance(reasoning, str) else None,
        finish_reason=finish if isinstance(finish, str) and finish else None,
        prompt_tokens=token_count(row.get("prompt_tokens")),
        completion_tokens=token_count(row.get("completion_tokens", row.get("tokens"))),
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
    )
