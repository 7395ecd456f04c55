"""What replicas add and what a server's limit costs: ratios and shares, in one run.

    python benchmarks/fleet.py [--requests 1280] [--limited 600]

Scripted engines of 400 ms with 64 requests in flight each: eight against one, and eight of which
one fails. A server that allows 10 requests a second and says nothing of it: the part of that rate
that is used, and the part of the requests that it refuses.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from mathreason_eval.models import UserModel, open_model
from mathreason_eval.models.base import Request
from mathreason_eval.types import Message, Prompt, Sampling

RATE = 10.0
"""Requests a second that the server allows; as many at once after a rest."""


def requests(number: int) -> Iterator[Request]:
    """Yield requests that differ in their seed."""
    prompt = Prompt(messages=(Message(role="user", content="What is 3 + 4?"),))
    for index in range(number):
        yield Request(
            task="t",
            problem_id=str(index),
            sample=0,
            prompt=prompt,
            sampling=Sampling(),
            seed=index,
        )


def rate(name: UserModel, number: int, **options: object) -> float:
    """Return the requests answered in a second; each must have exactly one result."""
    with closing(open_model(name, {key: str(value) for key, value in options.items()})) as model:
        began = time.monotonic()
        seen = [result.request.problem_id for result in model.stream(requests(number))]
        seconds = time.monotonic() - began
    assert sorted(seen, key=int) == [str(index) for index in range(number)]
    return number / seconds


class Limited(ThreadingHTTPServer):
    """A server with a bucket of allowed requests."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.left, self.last = RATE, time.monotonic()
        self.allowed = self.refused = 0
        self.lock = threading.Lock()

    def allows(self) -> bool:
        """Return whether a request is allowed now."""
        with self.lock:
            now = time.monotonic()
            self.left, self.last = min(RATE, self.left + (now - self.last) * RATE), now
            allowed = self.left >= 1
            self.left -= allowed
            self.allowed += allowed
            self.refused += not allowed
            return allowed


class Handler(BaseHTTPRequestHandler):
    """Answers with a box after 0.3 s, or with 429."""

    protocol_version = "HTTP/1.1"
    server: Limited

    def do_GET(self) -> None:
        """List the one model."""
        self.reply(200, {"data": [{"id": "m"}]})

    def do_POST(self) -> None:
        """Answer a request if it is allowed."""
        self.rfile.read(int(self.headers["content-length"]))
        if not self.server.allows():
            self.reply(429, {"error": {"message": "slow down"}})
            return
        time.sleep(0.3)
        message = {"role": "assistant", "content": "\\boxed{7}"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        self.reply(200, {"model": "m", "choices": [choice]})

    def reply(self, status: int, body: object) -> None:
        """Send JSON."""
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=1280, help="of one engine")
    parser.add_argument("--limited", type=int, default=600, help="of the limited server")
    options = parser.parse_args()
    engine, fake = {"latency": 0.4, "concurrency": 64}, UserModel("fake:answer=4")
    one = rate(fake, options.requests, **engine)
    eight = rate(fake, 8 * options.requests, **engine, replicas=8)
    hurt = rate(fake, 8 * options.requests, **engine, replicas=8, crash_after=200)
    print(f"1 engine {one:,.0f}/s, 8 {eight:,.0f}/s: {eight / one:.2f} times")
    print(f"8, of which one fails after 200: {hurt:,.0f}/s, {hurt / one:.2f} times")
    server = Limited()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    name = UserModel(f"openai:m@http://127.0.0.1:{server.server_port}/v1")
    used = rate(name, options.limited) / RATE
    share = server.refused / (server.allowed + server.refused)
    print(
        f"limit of {RATE:g}/s, {options.limited:,} requests: {used:.1%} of it, {share:.1%} refused"
    )
    server.shutdown()


if __name__ == "__main__":
    main()
