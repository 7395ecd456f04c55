"""What a server's template writes of a thought is asked from it, and no answer costs no run."""

from __future__ import annotations

import contextlib
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from manifests import MODEL, changed
from serving import serving

from mathreason_eval.models import open_model, openings
from mathreason_eval.runs.keys import model_identity

KEY = "sk-secret-0123456789"
LLAMA, VLLM, CHAT = "/apply-template", "/tokenize", "/v1/chat/completions"


def said(content, reasoning=None):
    message = {"content": content, "reasoning_content": reasoning}
    return {"choices": [{"index": 0, "message": message, "finish_reason": "length"}]}


class Server(ThreadingHTTPServer):
    """Answers each route with (status, headers, body), and any other with 404."""

    daemon_threads = True

    def __init__(self, routes):
        super().__init__(("127.0.0.1", 0), Handler)
        self.routes = routes
        self.seen = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """Say nothing of clients that hang up."""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200, {}, {"data": [{"id": "m"}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.seen.append((self.path, self.headers["authorization"], body))
        status, headers, reply = self.server.routes.get(self.path, (404, {}, {}))
        if reply == "hang":
            time.sleep(1)
        self.answer(status, headers, reply)

    def answer(self, status, headers, body):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        """Keep the tests' output clean."""


@pytest.fixture
def served(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with contextlib.ExitStack() as running:
        yield lambda routes: running.enter_context(serving(Server(routes)))


def opened(server, **options):
    model = open_model(f"openai:m@{server.url}/v1", options)
    model.close()
    return model


def ok(body):
    return (200, {}, body)


THINKS = ok({"prompt": "user: ?\nassistant: <think>\n"})
TOKENS = ["<|im_start|>", "assistant", "Ċ", "<think>", "Ċ"]
PLAIN = ok(said("Okay, the user"))
# fmt: off
TOLD = [
    # what the routes answer, the opening, and who said so
    ({LLAMA: THINKS, CHAT: PLAIN},                              "<think>", LLAMA),
    ({VLLM: ok({"token_strs": TOKENS}), CHAT: PLAIN},           "<think>", VLLM),
    ({VLLM: ok({"token_strs": ["▁a", "<th", "ink", ">", "▁"]}), CHAT: PLAIN}, "<think>", VLLM),
    ({LLAMA: (404, {}, {}), VLLM: ok({"token_strs": TOKENS}), CHAT: PLAIN}, "<think>", VLLM),
    # Thinking is switched off, or there is none: no trial is needed.
    ({LLAMA: ok({"prompt": "assistant: <think>\n\n</think>\n\n"})}, "<think>\n\n</think>", LLAMA),
    ({LLAMA: ok({"prompt": "user: <think> or not?\nassistant: "})}, None, LLAMA),
    ({VLLM: ok({"token_strs": ["assistant", "Ċ"]})},            None,      VLLM),
    # An answer that the server has split is no thought.
    ({LLAMA: THINKS, CHAT: ok(said(None, "Okay, the"))},        None,      openings.SPLIT),
    ({LLAMA: THINKS, CHAT: ok(said("", "Okay, the"))},          None,      openings.SPLIT),
    ({LLAMA: THINKS, CHAT: ok(said("2", "1 + 1"))},             None,      openings.SPLIT),
    # Nothing is known.
    ({},                                                        None,      None),
    ({LLAMA: THINKS},                                           None,      None),
    ({LLAMA: THINKS, CHAT: (500, {}, {})},                      None,      None),
    ({LLAMA: THINKS, CHAT: ok(said(""))},                       None,      None),
    ({LLAMA: THINKS, CHAT: ok(b"<html>")},                      None,      None),
    ({LLAMA: THINKS, CHAT: ok({"error": {"message": "no"}})},   None,      None),
    ({LLAMA: (401, {}, {}), VLLM: (500, {}, {})},               None,      None),
    ({LLAMA: ok(b"<html>"), VLLM: ok({"token_strs": TOKENS})},  None,      None),
    ({LLAMA: ok(b""), VLLM: ok(b"")},                           None,      None),
    ({LLAMA: ok(b"\xff\xfe"), VLLM: ok(b"null")},               None,      None),
    ({LLAMA: ok([]), VLLM: ok({"tokens": [1, 2]})},             None,      None),
    ({LLAMA: ok({"prompt": 3}), VLLM: ok({"token_strs": [1]})}, None,      None),
    ({LLAMA: ok({"prompt": None}), VLLM: ok({"token_strs": None})}, None,  None),
    ({LLAMA: ok(b"[" * 100_000), VLLM: ok(b"[" * 100_000)},     None,      None),
    ({LLAMA: (200, {"content-encoding": "gzip"}, b"none")},     None,      None),
]
# fmt: on


@pytest.mark.parametrize(("routes", "opening", "source"), TOLD)
def test_a_server_says_what_its_template_writes(served, routes, opening, source):
    model = opened(served(routes))
    described = model.describe()
    assert (model.opening or None, described["opening"]) == (opening, opening)
    assert described["scheduling"]["opening_from"] == source


def test_a_server_that_hangs_is_not_waited_for(served, monkeypatch):
    monkeypatch.setattr(openings, "ASK_SECONDS", 0.05)
    model = opened(served({LLAMA: ok("hang"), VLLM: ok("hang")}))
    assert model.opening == ""


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_other_host_is_asked(served, status):
    elsewhere = served({LLAMA: THINKS, VLLM: THINKS, CHAT: PLAIN})
    away = {
        route: (status, {"location": elsewhere.url + route}, {}) for route in (LLAMA, VLLM, CHAT)
    }
    server = served(away)
    assert opened(server).opening == ""
    assert elsewhere.seen == []
    assert {key for _, key, _ in server.seen} == {f"Bearer {KEY}"}
    half = served({LLAMA: THINKS, CHAT: away[CHAT]})
    assert opened(half).opening == ""
    assert elsewhere.seen == []


def test_the_template_is_asked_as_the_run_asks(served):
    server = served({LLAMA: THINKS, CHAT: PLAIN})
    body = {"chat_template_kwargs": {"enable_thinking": True}, "top_k": 20}
    opened(server, extra_body=json.dumps(body), max_tokens_name="max_completion_tokens")
    (first, _, template), (second, _, trial) = server.seen
    assert (first, second) == (LLAMA, CHAT)
    assert body.items() <= template.items()
    assert body.items() <= trial.items()
    assert trial["max_completion_tokens"] == openings._TRIAL_TOKENS
    assert "max_tokens" not in trial


def test_what_the_user_says_or_has_no_template_is_not_asked(served):
    server = served({LLAMA: THINKS, CHAT: PLAIN})
    said_so = opened(server, opening="<think>").describe()
    assert (said_so["opening"], said_so["scheduling"]["opening_from"]) == ("<think>", "option")
    bare = opened(server, chat="false")
    assert (bare.opening, bare.describe()["opening"]) == ("", None)
    assert server.seen == []


def test_who_said_it_is_no_part_of_the_identity_but_the_opening_is(served):
    server = served({LLAMA: THINKS, CHAT: PLAIN})

    def identity(**options):
        details = dict(opened(server, **options).describe())
        return model_identity(changed(MODEL, details=details))

    found = identity()
    assert found == identity(opening="<think>")
    server.routes = {}
    assert identity() != found
