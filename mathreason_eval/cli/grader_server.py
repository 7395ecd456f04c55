"""The grader over HTTP, for trainers that call a service; for this machine unless told otherwise.

Whoever can reach it can have texts judged, and nothing else: no file is read, and every text is
judged in a process that is killed at its deadline. What a request may take is bounded: its bytes,
rows and seconds, and how many wait. A page of a stranger in a browser on this machine is told
nothing: it can send no JSON here, and it calls this machine by another name.
"""

from __future__ import annotations

import io
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from mathreason_eval.cli.screens import note
from mathreason_eval.errors import describe_error
from mathreason_eval.reward.counts import counts
from mathreason_eval.reward.rows import JudgingOptions, judged_rows
from mathreason_eval.text.documents import parse_json
from mathreason_eval.version import __version__


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What a request may take, and how many there may be."""

    body: int = 64 << 20
    """Bytes of a request."""
    rows: int = 4_096
    """Rows of a request."""
    waiting: int = 16_384
    """Rows that are being judged or wait for it; more are refused with 503."""
    connections: int = 64
    """Clients at once; more are refused with 503."""
    seconds: float = 60.0
    """Maximum seconds for a request to arrive, for a reply to leave, and between requests."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a server listens, and by which names it is called."""

    host: str = "127.0.0.1"
    port: int = 0
    names: Sequence[str] = ()
    """Further names that clients may call it by."""


class _RefusedError(Exception):
    """A request that is not answered, with the status and the reason of the reply."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


_POLL = 0.02
"""Seconds between two looks at what still waits."""


class GraderServer(ThreadingHTTPServer):
    """Answers `POST /verify` and `GET /health`; a thread for each client."""

    request_queue_size = 128

    def __init__(self, place: Place, judging: JudgingOptions, limits: Limits) -> None:
        """Listen.

        Args:
            place: where, and by which names.
            judging: how rows are judged.
            limits: what requests may take.

        Raises:
            OSError: if there is no such address, or the port is taken.
        """
        self.limits = limits
        self._judging = judging
        self._place = place
        self._lock = threading.Lock()
        self._waiting = 0
        self._clients = threading.BoundedSemaphore(limits.connections)
        self.address_family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
        super().__init__((place.host, place.port), _GraderHandler)

    @property
    def address(self) -> str:
        """Return where it listens, for a link."""
        host = self._place.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.server_port}"

    def is_called(self, host: str) -> bool:
        """Return whether a header `Host` names this server.

        A number is never a stranger's name for this machine, so every number is ours where the
        server listens to others.
        """
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        own = {"localhost", "127.0.0.1", "::1", self._place.host, *self._place.names}
        return name in {one.lower() for one in own} or (self._is_open() and _is_number(name))

    def _is_open(self) -> bool:
        return not (self._place.host == "localhost" or _is_loopback(self._place.host))

    def judge(self, rows: Sequence[object]) -> list[dict[str, Any]]:
        """Return the judgement of each row.

        Raises:
            _RefusedError: if there are too many, or too many wait already.
        """
        if len(rows) > self.limits.rows:
            reason = f"there are {len(rows):,} rows, and {self.limits.rows:,} at most are judged"
            raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{reason}: send fewer")
        with self._admitted(len(rows)):
            return judged_rows(rows, self._judging)

    @contextmanager
    def _admitted(self, count: int) -> Iterator[None]:
        """Context in which some rows wait or are judged."""
        with self._lock:
            if self._waiting + count > self.limits.waiting:
                raise _RefusedError(
                    HTTPStatus.SERVICE_UNAVAILABLE, "too many rows wait: try again later"
                )
            self._waiting += count
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= count

    def health(self) -> dict[str, Any]:
        """Return what `GET /health` tells."""
        return {
            "status": "ok",
            "version": __version__,
            "workers": self._judging.workers,
            "waiting": self._waiting,
            "counts": asdict(counts()),
        }

    def wait(self, is_urgent: Callable[[], bool] = lambda: False) -> None:
        """Return when no row is being judged any more, or something is urgent."""
        while self._waiting and not is_urgent():
            time.sleep(_POLL)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  as socketserver has it
        """Answer a client in a thread of its own, if there are not too many."""
        if not self._clients.acquire(blocking=False):
            with suppress(OSError):
                # What has arrived is taken: with it unread the reply would be lost.
                request.settimeout(0)
                request.sendall(_BUSY)
                request.recv(1 << 16)
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  as above
        """Answer a client until it is gone."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._clients.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401, ARG002  as above
        """Reply to a request that we failed at, and say why on stderr: the client is told nothing.

        A client that went away is not worth a word.
        """
        error = sys.exception()
        if error is None or isinstance(error, ConnectionError | TimeoutError):
            return
        note(f"a request failed: {describe_error(error)}")
        with suppress(OSError):
            request.sendall(_FAILED)


def _is_number(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    return _is_number(name) and ip_address(name).is_loopback


def _fixed(status: HTTPStatus, reason: str) -> bytes:
    """Return a whole reply."""
    content = json.dumps({"error": reason}).encode()
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
    return f"{head}Connection: close\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content


_BUSY = _fixed(HTTPStatus.SERVICE_UNAVAILABLE, "there are too many clients: try again later")
_FAILED = _fixed(HTTPStatus.INTERNAL_SERVER_ERROR, "an internal error; the server says which")


class _TimedReader(io.RawIOBase):
    """What a client sends, until a time: one that sends a byte a minute is not waited for."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connection = connection
        self.until = 0.0

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401  as io has it
        """Read what has arrived, or wait for it."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


_LINGER = 2.0
"""Seconds for a client that was refused to read why."""
_MAX_DIGITS = 12
_MAX_MESSAGE = 200
"""Characters of a message about a malformed request."""


class _GraderHandler(BaseHTTPRequestHandler):
    """Answers the requests of one client."""

    protocol_version = "HTTP/1.1"
    server_version = "mathreason"
    sys_version = ""
    server: GraderServer

    def setup(self) -> None:
        """Read and write with limits of time."""
        super().setup()
        self._timed = _TimedReader(self.connection)
        self.rfile = io.BufferedReader(self._timed, 1 << 16)
        self._is_refused = False

    def handle_one_request(self) -> None:
        """Answer the next request."""
        self._timed.until = time.monotonic() + self.server.limits.seconds
        super().handle_one_request()

    def finish(self) -> None:
        """Let a client that was refused read why: with its body unread the reply would be lost."""
        super().finish()
        if self._is_refused:
            self._timed.until = time.monotonic() + min(_LINGER, self.server.limits.seconds)
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_WR)
                while self._timed.readinto(bytearray(1 << 16)):
                    pass

    def do_GET(self) -> None:
        """Answer `GET /health`."""
        self._reply_with(self._health)

    def do_POST(self) -> None:
        """Answer `POST /verify`, and what trainers send."""
        self._reply_with(self._judged)

    def _reply_with(self, answer: Callable[[], object]) -> None:
        try:
            self._check_name()
            status, content = HTTPStatus.OK, answer()
        except _RefusedError as error:
            self.close_connection = self._is_refused = True
            status, content = error.status, {"error": error.reason}
        self._reply(status, content)

    def _check_name(self) -> None:
        if not self.server.is_called(self.headers.get("Host", "")):
            raise _RefusedError(
                HTTPStatus.FORBIDDEN, "this server has another name; --name adds one"
            )

    def _health(self) -> object:
        if self._path() != "/health":
            raise _RefusedError(HTTPStatus.NOT_FOUND, _PATHS)
        return self.server.health()

    def _path(self) -> str:
        return self.path.partition("?")[0]

    def _judged(self) -> object:
        answer = _ANSWERS.get(self._path())
        if answer is None:
            raise _RefusedError(HTTPStatus.NOT_FOUND, _PATHS)
        if self.headers.get_content_type() != "application/json":
            raise _RefusedError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send Content-Type: application/json"
            )
        try:
            body = parse_json(self._body())
        except ValueError as error:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, f"the body {error}") from None
        return answer(self.server, body)

    def _body(self) -> bytes:
        """Return the body of a request.

        Raises:
            _RefusedError: if it is too large, or its length is unknown or not what was sent.
        """
        lengths = set(self.headers.get_all("Content-Length", ()))
        if len(lengths) != 1 or "Transfer-Encoding" in self.headers:
            raise _RefusedError(HTTPStatus.LENGTH_REQUIRED, "send the body with one Content-Length")
        [length] = lengths
        if not (length.isascii() and length.isdigit() and len(length) <= _MAX_DIGITS):
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "Content-Length is not a number of bytes")
        if int(length) > self.server.limits.body:
            raise _RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"the body has more than {self.server.limits.body:,} bytes: send fewer rows",
            )
        if "100-continue" in self.headers.get("Expect", "").lower():
            self.send_response_only(HTTPStatus.CONTINUE)
            self.end_headers()
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "the body ends early")
        return body

    def handle_expect_100(self) -> bool:
        """Ask for no body yet: its length is looked at first."""
        return True

    def _reply(self, status: HTTPStatus, content: object) -> None:
        body = json.dumps(content).encode()
        self.connection.settimeout(self.server.limits.seconds)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            self.send_header("Retry-After", "1")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def send_error(
        self,
        code: int,
        message: str | None = None,
        explain: str | None = None,  # noqa: ARG002  http.server's signature
    ) -> None:
        """Reply to what is no request that we know, as JSON."""
        self.close_connection = self._is_refused = True
        # What is no request has no version, and http.server would write no header.
        self.request_version = self.protocol_version
        status = HTTPStatus(code)
        self._reply(status, {"error": (message or status.phrase)[:_MAX_MESSAGE]})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's name
        """Log nothing: a trainer asks thousands of times."""


# --- what is asked at each path ----------------------------------------------------------------


def _verify(server: GraderServer, body: object) -> object:
    """Return the judgement of a row, or of each of a list."""
    if isinstance(body, list):
        return server.judge(body)
    if not isinstance(body, dict):
        raise _RefusedError(HTTPStatus.BAD_REQUEST, "the body is neither a row nor a list of rows")
    return server.judge([body])[0]


def _openrlhf(server: GraderServer, body: object) -> object:
    """Return `rewards` of queries, each a prompt with the completion glued to it."""
    lists = _lists(body, ("query", "prompts", "labels"))
    rows = [
        {"gold": gold, "output": query.removeprefix(prompt)}
        if isinstance(query, str) and isinstance(prompt, str)
        else None
        for query, prompt, gold in zip(*lists, strict=True)
    ]
    return {"rewards": [judged["reward"] for judged in server.judge(rows)]}


def _lists(body: object, names: Sequence[str]) -> list[list[Any]]:
    found = [body.get(name) for name in names] if isinstance(body, dict) else []
    lists = [one for one in found if isinstance(one, list)]
    if len(lists) != len(names) or len({len(one) for one in lists}) != 1:
        raise _RefusedError(
            HTTPStatus.BAD_REQUEST, f"the body needs lists of one length: {', '.join(names)}"
        )
    return lists


def _slime(server: GraderServer, body: object) -> object:
    """Return the reward of one sample, as a number."""
    if not isinstance(body, dict):
        raise _RefusedError(HTTPStatus.BAD_REQUEST, "the body needs response and label")
    row = {"gold": body.get("label"), "output": body.get("response")}
    return server.judge([row])[0]["reward"]


_ANSWERS: Mapping[str, Callable[[GraderServer, Any], object]] = {
    "/verify": _verify,
    "/openrlhf": _openrlhf,
    "/slime": _slime,
}
_PATHS = f"there are GET /health and POST {', '.join(_ANSWERS)}"
