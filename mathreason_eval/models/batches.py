"""Batch files of OpenAI and compatible servers: requests written for later, and their results read.

Both ends are models of the same identity as the server, so samples that came through a file have
the keys that they would have had. A request's `custom_id` is the key of its sample.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any
from urllib.parse import urlsplit

from mathreason_eval.errors import IncompleteRunError, ModelError
from mathreason_eval.models.base import (
    Allowance,
    Completion,
    Failure,
    Request,
    SystemRole,
    context_cut,
    handle,
)
from mathreason_eval.models.budget import opens_thought
from mathreason_eval.models.client import Options, describe_server, other_model, request_body
from mathreason_eval.models.openings import SPLIT, served_system_role
from mathreason_eval.models.replies import error_text, from_chat, from_text, model_name, token_count
from mathreason_eval.models.servers import Server, secrets_of
from mathreason_eval.text.jsonl import bounded_lines, dumps, parse_line
from mathreason_eval.text.secrets import secret_values

Result = Completion | Failure


@dataclass(frozen=True, kw_only=True, slots=True)
class FileLimits:
    """How much one batch file may hold: OpenAI's limits, with some room."""

    requests: int = 50_000
    bytes: int = 190_000_000


class _Batch:
    """A server that is not asked: what is known of it and of its model."""

    def __init__(self, name: str, server: Server, options: Options) -> None:
        self.name = name
        self.chat = options.chat
        self.context = server.context
        self.opening = server.opening
        self.thinks = opens_thought(server.opening) or server.opening_from == SPLIT
        self.answered_by: str | None = None
        self._server = server
        self._options = options

    def describe(self) -> Mapping[str, object]:
        """Return what a run that asks the server itself records."""
        return describe_server(self._server, self._options)

    def system_role(self) -> SystemRole:
        """Return what the server's chat template does with a system message."""
        place = (self._server.url, self._server.model, self._server.defaults)
        return served_system_role(*place, self._options)

    def ask_allowance(self, allowance: Allowance | None) -> bool:  # noqa: ARG002  nothing is sent
        """Say that requests cost nothing here: who sends the file pays for it."""
        return True

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


class BatchWriter(_Batch):
    """Writes requests into files, and answers none."""

    def __init__(
        self, name: str, server: Server, options: Options, *, limits: FileLimits | None = None
    ) -> None:
        """Note where to write.

        Raises:
            ModelError: the file exists, or what is sent with each request holds a secret.
        """
        super().__init__(name, server, options)
        self._path = Path(options.batch_requests).expanduser()
        self._limits = limits or FileLimits()
        _check_absent(self._path)
        if any(secret_values(server.defaults)):
            raise ModelError(
                "extra_body holds a secret, which would be written into the file.",
                "Leave it out.",
            )

    def stream(self, requests: Iterable[Request]) -> Iterator[Result]:
        """Write every request, and yield nothing.

        Raises:
            IncompleteRunError: always, if there was any: their answers are missing.
        """
        yield from ()
        files: list[Path] = []
        partial: list[Path] = []
        written = size = total = 0
        seen: set[str] = set()
        file = None
        try:
            for request in requests:
                line = self._line(request)
                total += 1
                if _id(request) in seen:
                    continue  # The same request for two tasks: one answer serves both.
                seen.add(_id(request))
                full = written >= self._limits.requests or size + len(line) > self._limits.bytes
                if file is None or full:
                    if file is not None:
                        file.close()
                    files.append(self._numbered(len(files) + 1))
                    _check_absent(files[-1])
                    file, written, size = _partial(files[-1]), 0, 0
                    partial.append(Path(file.name))
                file.write(line)
                written, size = written + 1, size + len(line)
        finally:
            if file is not None:
                file.close()
        # Only whole files have their names: half of one must not be sent.
        for part, path in zip(partial, files, strict=True):
            os.replace(part, path)  # noqa: PTH105  its errors name both
        if files:
            names = ", ".join(map(str, files))
            raise IncompleteRunError(
                f"{total:,} requests are in {names}, and none is answered.",
                "Send each as a batch, and give the same command what comes back: --model-arg "
                "batch_results='OUTPUT.jsonl ERRORS.jsonl' instead of batch_requests.",
            )

    def _line(self, request: Request) -> bytes:
        route, body = request_body(self._server, self._options, request)
        asked = {
            "custom_id": _id(request),
            "method": "POST",
            "url": urlsplit(self._server.url).path + route,
            "body": body,
        }
        return dumps(asked).encode() + b"\n"

    def _numbered(self, number: int) -> Path:
        """Return the path of the n-th file, as FILE-2.jsonl for the second."""
        path = self._path
        return path if number == 1 else path.with_stem(f"{path.stem}-{number}")


def _check_absent(path: Path) -> None:
    """Raise an error if there is a file."""
    if path.exists():
        raise ModelError(
            f"{path} exists, and may have been sent.", "Name another file, or remove it."
        )


def _partial(path: Path) -> IO[bytes]:
    """Return a new file beside one that is to be written; no link or file has its name."""
    return NamedTemporaryFile(
        dir=path.parent, prefix=f"{path.name}.", suffix=".partial", delete=False
    )


def _id(request: Request) -> str:
    """Return the id of a request in a file."""
    return request.key or f"{request.task}/{request.problem_id}/{request.sample}"


NO_RESULT = "no result"
"""The kind of failure of a request that no file has a result of."""


class BatchReader(_Batch):
    """Results in files, by the ids of their requests."""

    def __init__(self, name: str, server: Server, options: Options) -> None:
        """Find the result of each request.

        Raises:
            ModelError: a file cannot be read, or has a line that is no result.
        """
        super().__init__(name, server, options)
        self._secrets = secrets_of(options, server.defaults)
        self._places: dict[str, list[tuple[Path, int]]] = {}
        for named in options.batch_results.replace(",", " ").split():
            self._find(Path(named).expanduser())

    def _find(self, path: Path) -> None:
        """Note where each result of a file begins."""
        try:
            with path.open("rb") as file:
                start = 0
                for number, line in enumerate(bounded_lines(file), 1):
                    row = _row(line)
                    name = row.get("custom_id")
                    if not isinstance(name, str):
                        raise ModelError(
                            f"{path}: line {number} is no result of a batch.",
                            "Give the output and error files of a batch, as they were downloaded.",
                        )
                    self._places.setdefault(name, []).append((path, start))
                    start = file.tell()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise ModelError(
                f"{path} cannot be read: {reason}.", "Name the file of results."
            ) from None

    def stream(self, requests: Iterable[Request]) -> Iterator[Result]:
        """Yield the result of each request, a failure where there is none."""
        for request in requests:
            yield self._result(request)

    def _result(self, request: Request) -> Result:
        """Return the first answer to a request, which may have been sent twice; else a failure."""
        result: Result = Failure(
            request=request, kind=NO_RESULT, reason="the files of results do not have it"
        )
        for place in self._places.get(_id(request), ()):
            result = self._read(request, *place)
            if isinstance(result, Completion):
                break
        return result

    def _read(self, request: Request, path: Path, start: int) -> Result:
        """Return the result that begins at a place of a file."""
        with path.open("rb") as file:
            file.seek(start)
            row = self._secrets.hide(_row(next(iter(bounded_lines(file)))))
        response = row.get("response")
        told = response if isinstance(response, dict) else {}
        status, body = token_count(told.get("status_code")), told.get("body")
        if row.get("error") or status != _OK:
            return _failed(request, row.get("error") or body, status)
        read = from_text if request.prompt.text is not None else from_chat
        result = handle(request, partial(read, request, body, 0.0))
        if isinstance(result, Failure):
            return replace(result, status=status)
        named = model_name(body)
        self.answered_by = self.answered_by or named
        if named not in {None, self.answered_by}:
            return other_model(request, named, self.answered_by)
        cut = context_cut(result, self.context, "serve a longer context")
        # How long it took, nobody says.
        return cut or replace(result, seconds=None)


_OK = 200


def _failed(request: Request, error: object, status: int | None) -> Failure:
    return Failure(
        request=request,
        kind="batch" if status in {None, _OK} else f"HTTP {status}",
        reason=f"the batch has no answer: {error_text(error or 'it does not say why')}",
        status=status,
    )


def _row(line: bytes) -> dict[str, Any]:
    """Return a line as an object; an empty one if it is none."""
    try:
        row = parse_line(line)
    except ValueError:
        return {}
    return row if isinstance(row, dict) else {}
