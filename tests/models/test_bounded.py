"""A server's reply is expanded no further than a reply may be long."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import repeat
from threading import Thread
from types import SimpleNamespace

import pytest

from mathreason_eval.models.bounded import _bounded
from mathreason_eval.models.replies import UnusableReplyError
from mathreason_eval.models.servers import new_client


async def _pieces(sent):
    for one in sent:
        yield one


async def read(encoding, sent):
    return b"".join([piece async for piece in _bounded(_pieces(sent), encoding)])


# fmt: off
BOMB = gzip.compress(bytes(100 << 20))
READ = [
    ("identity", [b"{", b"}"],                          b"{}"),
    ("gzip",     [gzip.compress(b"{}")],                b"{}"),
    ("gzip",     [bytes([b]) for b in gzip.compress(b"a" * 99)], b"a" * 99),  # byte by byte
    ("deflate",  [zlib.compress(b"{}")],                b"{}"),
]
REFUSED = [
    ("gzip",       [BOMB],                              "longer than 64 MiB"),
    ("identity",   repeat(bytes(1 << 20)),              "longer than 64 MiB"),  # without end
    ("gzip",       [b"nothing"],                        "damaged"),
    ("gzip, gzip", [gzip.compress(BOMB)],               "not asked for"),
    ("br",         [b"x"],                              "not asked for"),
]
# fmt: on


@pytest.mark.parametrize(("encoding", "sent", "want"), READ)
def test_a_reply_is_what_was_compressed(encoding, sent, want):
    assert asyncio.run(read(encoding, sent)) == want


@pytest.mark.parametrize(("encoding", "sent", "why"), REFUSED)
def test_a_reply_without_bounds_is_a_named_failure(encoding, sent, why):
    with pytest.raises(UnusableReplyError, match=why):
        asyncio.run(read(encoding, sent))


class Bomb(BaseHTTPRequestHandler):
    """Sends little that becomes much."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-encoding", "gzip")
        self.send_header("content-length", str(len(BOMB)))
        self.end_headers()
        self.wfile.write(BOMB)

    def log_message(self, *_):
        pass


def test_a_client_reads_no_bomb():
    async def ask(port):
        options = SimpleNamespace(api_key_env="NO_SUCH_KEY", timeout=30.0)
        async with new_client(f"http://127.0.0.1:{port}/v1", options) as client:
            await client.get("/models", cast_to=bytes)

    with HTTPServer(("127.0.0.1", 0), Bomb) as server:
        Thread(target=server.handle_request, daemon=True).start()
        with pytest.raises(UnusableReplyError, match="longer than 64 MiB"):
            asyncio.run(ask(server.server_port))
