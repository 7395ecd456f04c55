"""A key goes to the server that the user named and to nobody else, and into no file or message."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from serving import serving

from mathreason_eval import evaluate
from mathreason_eval.cli import main
from mathreason_eval.errors import UserError

pytestmark = pytest.mark.slow

KEY = "plain-words-that-are-a-key"
BODY_KEY = "another-secret-of-the-body"
SECRETS = (KEY, BODY_KEY)


class Handler(BaseHTTPRequestHandler):
    """Notes what it is sent, and answers as the server says."""

    def do_GET(self):
        self.answer(200, {"data": [{"id": "m"}]})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.answer(*self.server.reply(self.path, body.decode()))

    def answer(self, status, body, **headers):
        self.server.seen.append(self.headers.get("authorization"))
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"content-length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        """Keep the tests' output clean."""


def right(path, body):
    question = json.loads(body)["messages"][-1]["content"]
    asked = re.search(r"What is (.*)\?", question)[1].translate({0xD7: "*", 0xF7: "/"})
    message = {"content": f"\\boxed{{{eval(asked)}}}"}
    return 200, {"choices": [{"message": message, "finish_reason": "stop"}]}


@pytest.fixture
def serve():
    """Return a function that starts a server with a reply to each request."""
    with contextlib.ExitStack() as running:

        def start(reply=right):
            one = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            one.reply, one.seen, one.url = reply, [], f"http://127.0.0.1:{one.server_port}/v1"
            return running.enter_context(serving(one))

        yield start


@pytest.fixture(autouse=True)
def key(monkeypatch, tmp_path):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.chdir(tmp_path)


def run_on(server, out, samples=2, **settings):
    body = {"metadata": {"api_key": BODY_KEY}, "user": "plain"}
    return evaluate(
        model=f"openai:m@{server.url}", tasks=["arithmetic"], samples=samples, limit=2, out=out,
        temperature=0.6, model_args={"extra_body": json.dumps(body), "retries": "0"}, **settings,
    )  # fmt: skip


def tell(text):
    message = {"content": f"{text} \\boxed{{7}}", "reasoning_content": text}
    return 200, {"choices": [{"message": message, "finish_reason": "stop"}]}


# fmt: off
ECHOES = [
    # what a server does with what it was sent
    lambda path, body: tell(f"you sent {KEY} and {BODY_KEY}"),
    lambda path, body: tell(f"you sent {body} and {KEY.upper()}"),
    lambda path, body: (200, {"error": {"message": f"no {KEY}, {body}"}}),
    lambda path, body: (200, {"choices": [{"message": {"content": [{"type": KEY + BODY_KEY}]},
                                           "finish_reason": "stop"}]}),
    lambda path, body: (200, {"choices": [{"message": {"content": "4"}, "finish_reason": KEY}]}),
    lambda path, body: (400, {"error": {"message": "x" * 290 + KEY + body}}),
    lambda path, body: (401, {"error": {"message": f"bad {KEY}"}}),
    lambda path, body: (404, {"error": {"message": f"bad {KEY} {BODY_KEY}"}}),
    lambda path, body: (500, {KEY: {"message": [BODY_KEY, body]}}),
]
# fmt: on


@pytest.mark.parametrize("echo", ECHOES)
def test_what_a_server_repeats_is_in_no_file_and_no_message(serve, tmp_path, echo):
    server = serve(echo)
    message = ""
    try:
        run_on(server, tmp_path / "run")
    except UserError as error:
        message = f"{error.what} {error.hint}"
    held = "".join(path.read_text() for path in (tmp_path / "run").rglob("*.json*"))
    assert "extra_body" in held
    assert "plain" in held
    for secret in SECRETS:
        for text in (held, message):
            assert secret[:12] not in text.lower()
    # And it was sent.
    assert f"Bearer {KEY}" in server.seen


def test_a_manifest_gets_neither_key_nor_question(serve, tmp_path, monkeypatch, capsys):
    honest, stranger = serve(), serve()
    run_on(honest, tmp_path / "base")
    run_on(stranger, tmp_path / "run")
    stranger.seen.clear()
    (tmp_path / "gate.yaml").write_text("samples: [2, 4]\nmargin: 0.1pp")
    words = ["mathreason", "gate", "run", "--baseline", "base", "--extend"]
    # Nor where the user names the server that was asked before.
    for more in ([], ["--model", f"openai:m@{honest.url}"]):
        monkeypatch.setattr(sys, "argv", [*words, *more])
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == 2, capsys.readouterr().err
    assert stranger.seen == []


def test_a_redirect_to_another_server_is_not_followed(serve, tmp_path):
    stranger = serve()

    class Elsewhere(Handler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.answer(307, {}, location=f"{stranger.url}/chat/completions")

    server = serve()
    server.RequestHandlerClass = Elsewhere
    with pytest.raises(UserError, match="redirects to another"):
        run_on(server, tmp_path / "run")
    assert stranger.seen == []


def test_a_list_of_models_is_not_looked_for_elsewhere(serve, tmp_path):
    stranger = serve()

    class Elsewhere(Handler):
        def do_GET(self):
            self.answer(302, {}, location=f"{stranger.url}/models")

    server = serve()
    server.RequestHandlerClass = Elsewhere
    with pytest.raises(UserError, match="redirects to another"):
        run_on(server, tmp_path / "run")
    assert stranger.seen == []
