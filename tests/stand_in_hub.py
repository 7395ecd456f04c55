"""A stand-in for a hub of data sets: what clients ask of one, answered from memory on this machine.

It serves data sets by name and file; one commit of each. `GATED` is there and may not be read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs

COMMIT = "0" * 39 + "1"
GATED = "nobody/gated"


class _Hub(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self):
        self._answer()

    def do_HEAD(self):
        self._answer()

    def do_POST(self):
        self._answer(self.rfile.read(int(self.headers.get("content-length", 0))))

    def log_message(self, *_):
        """Keep the tests' output clean."""

    def _answer(self, body: bytes = b"") -> None:
        parts = self.path.partition("?")[0].strip("/").split("/")
        of_api = parts[:2] == ["api", "datasets"]
        name, rest = "/".join(parts[2:4] if of_api else parts[1:3]), parts[4 if of_api else 3 :]
        if name == GATED:
            self._send(403, b"", **{"x-error-code": "GatedRepo"})
        elif (files := self.server.sets.get(name)) is None:
            self._send(404, b"{}", **{"x-error-code": "RepoNotFound"})
        elif len(rest) > 1 and rest[0] in {"revision", "tree", "resolve"} and rest[1] != COMMIT:
            self._send(404, b"{}", **{"x-error-code": "RevisionNotFound"})
        elif of_api:
            whole = "recursive=true" in self.path.lower()
            self._json(_described(name, files, rest, body, whole=whole))
        elif (content := files.get("/".join(rest[2:]))) is None:
            self._send(404, b"", **{"x-error-code": "EntryNotFound"})
        else:
            self._send(200, content, etag=f'"{_digest(content)}"', **{"x-repo-commit": COMMIT})

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), **{"content-type": "application/json"})

    def _send(self, code: int, content: bytes, **headers: str) -> None:
        self.send_response(code)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _described(
    name: str, files: Mapping[str, bytes], rest: list[str], body: bytes, *, whole: bool
) -> object:
    """Return what a hub's API says of a data set, of a folder of it, or of some paths."""
    entries = [
        {"type": "file", "path": path, "size": len(content), "oid": _digest(content)}
        for path, content in files.items()
    ]
    if rest[:1] == ["tree"]:
        folder = "".join(f"{part}/" for part in rest[2:])
        below = [one for one in entries if str(one["path"]).startswith(folder)]
        if whole:
            return below
        heads = {str(one["path"])[len(folder) :].partition("/")[::2] for one in below}
        folders = sorted({head for head, tail in heads if tail})
        return [
            *(one for one in below if "/" not in str(one["path"])[len(folder) :]),
            *(
                {"type": "directory", "path": f"{folder}{one}", "size": 0, "oid": "1" * 40}
                for one in folders
            ),
        ]
    if rest[:1] == ["paths-info"]:
        wanted = (
            json.loads(body)["paths"]
            if body.startswith(b"{")
            else parse_qs(body.decode()).get("paths", [])
        )
        return [one for one in entries if one["path"] in wanted]
    return {
        "_id": "1", "id": name, "sha": COMMIT, "private": False, "gated": False, "disabled": False,
        "downloads": 0, "likes": 0, "tags": [], "siblings": [{"rfilename": one} for one in files],
    }  # fmt: skip


def _digest(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


class _Server(ThreadingHTTPServer):
    sets: Mapping[str, Mapping[str, bytes]]


@contextmanager
def hub_of(sets: Mapping[str, Mapping[str, bytes]]) -> Iterator[str]:
    """Serve data sets; yield the address for `HF_ENDPOINT`.

    Args:
        sets: by `owner/name`, the content of each file by its path.
    """
    server = _Server(("127.0.0.1", 0), _Hub)
    server.sets = sets
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
