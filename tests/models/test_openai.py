"""A server is asked side by side, patiently where it stumbles, and its errors are said clearly."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Barrier, Lock
from time import monotonic

import pytest
from serving import serving

from mathreason_eval.errors import ModelError
from mathreason_eval.models import client, open_model
from mathreason_eval.models.base import Completion, Failure, Request
from mathreason_eval.types import Message, Prompt, Sampling

KEY = "sk-secret-0123456789"
MODELS = {"data": [{"id": "org/math-7b", "max_model_len": 4096}, {"id": "org/code-7b"}]}
REPLY = {
    "choices": [{"message": {"content": "4"}, "text": "4", "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2},
}
SAMPLING = Sampling(temperature=0.7, top_p=0.9, max_tokens=64)


class Server(ThreadingHTTPServer):
    """Answers with a script of (status, headers, body), then with REPLY; None hangs up."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = deque()
        self.models = (200, {}, MODELS)
        self.seen = []
        self.seconds = self.seconds_after_first = 0.0
        self.fails_seed = self.failure = None
        self.busy = self.busiest = 0
        self.together = None
        self.lock = Lock()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request, client_address):
        """Say nothing of clients that hang up, which is what some tests do."""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(*self.server.models)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        server = self.server
        if not self.path.endswith("completions"):
            self.answer(404, {}, {"error": "no such route"})
            return
        with server.lock:
            pause = server.seconds_after_first if server.seen else 0.0
            server.seen.append((self.path, dict(self.headers), body))
            step = server.script.popleft() if server.script else (200, {}, REPLY)
            if body["seed"] == server.fails_seed and "2 + 2" in str(body):  # not the probe
                step = server.failure
            server.busy += 1
            server.busiest = max(server.busiest, server.busy)
        if server.together is not None:
            server.together.wait()
        time.sleep(pause or server.seconds)
        with server.lock:
            server.busy -= 1
        if step is not None:
            self.answer(*step)

    def answer(self, status, headers, body):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        usual = {"content-type": "application/json", "content-length": str(len(content))}
        for name, value in {**usual, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        """Keep the tests' output clean."""


@pytest.fixture
def server():
    with serving(Server()) as running:
        yield running


@pytest.fixture
def opened(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    models = []

    def open_here(name="org/math-7b", **options):
        given = {"retries": "2", **{key: str(value) for key, value in options.items()}}
        models.append(open_model(f"openai:{name}@{server.url}", given))
        return models[-1]

    yield open_here
    for model in models:
        model.close()


def request(index=0, prompt=None):
    asked = prompt or Prompt(messages=(Message(role="user", content="2 + 2?"),), stop=("Q:",))
    return Request(
        task="t", problem_id=str(index), sample=0, prompt=asked, sampling=SAMPLING, seed=index
    )


def answers(model, count=1):
    return list(model.stream(map(request, range(count))))


def error(status, message, **headers):
    return status, headers, {"error": {"message": message}}


def test_a_chat_is_sent_whole_and_read_whole(server, opened):
    (said,) = answers(opened(extra_body='{"top_k": 5}'))
    path, headers, body = server.seen[0]
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert body == {
        "model": "org/math-7b",
        "messages": [{"role": "user", "content": "2 + 2?"}],
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 64,
        "seed": 0,
        "stop": ["Q:"],
        "top_k": 5,
    }
    assert (said.text, said.finish_reason, said.prompt_tokens, said.completion_tokens) == (
        "4",
        "stop",
        9,
        2,
    )


def test_bare_text_goes_to_completions(server, opened):
    model = opened(chat="false")
    (said,) = model.stream([request(prompt=Prompt(text="2 + 2 ="))])
    path, _, body = server.seen[0]
    assert (model.chat, path, body["prompt"], said.text) == (
        False,
        "/v1/completions",
        "2 + 2 =",
        "4",
    )


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_that_comes_apart_is_kept_apart(server, opened, name):
    message = {"content": None, name: "two and two"}
    server.script.append((200, {}, {"choices": [{"message": message, "finish_reason": "length"}]}))
    (said,) = answers(opened())
    assert (said.text, said.reasoning, said.finish_reason) == ("", "two and two", "length")


def test_the_context_is_what_the_server_says(opened):
    assert opened().context == 4096
    assert opened("org/code-7b").context is None
    assert opened("org/code-7b", context=512).context == 512


# fmt: off
CUT = [
    # context, tokens of the prompt and of the text, finish reason; whether the context cut it
    (60,   9,    51,   "length", True),
    (60,   9,    51,   "stop",   False),
    (73,   9,    64,   "length", False),  # max_tokens as well
    (4096, 9,    20,   "length", False),  # a bound of the server's own
    (60,   None, 51,   "length", False),
    (60,   9,    None, "length", False),
    (None, 9,    51,   "length", False),
]
# fmt: on


@pytest.mark.parametrize("row", CUT)
def test_a_text_that_ends_with_the_context_is_none(server, opened, row):
    context, prompt, made, finish, fails = row
    choice = {"message": {"content": "4 and"}, "finish_reason": finish}
    usage = {"prompt_tokens": prompt, "completion_tokens": made}
    server.script.append((200, {}, {"choices": [choice], "usage": usage}))
    options = {} if context is None else {"context": context}
    (said,) = answers(opened("org/code-7b", **options))
    assert isinstance(said, Failure) == fails
    if fails:
        assert (said.kind, said.is_of_request) == ("context", True)
        assert "the context holds 60" in said.reason


def test_requests_run_side_by_side_and_within_bounds(server, opened):
    model = opened(concurrency=8)
    server.together = Barrier(8)
    assert len(answers(model, 40)) == 40
    assert server.busiest == 8


def test_requests_are_pulled_only_as_there_is_room(server, opened):
    pulled = []

    def source():
        for index in range(1000):
            pulled.append(index)
            yield request(index)

    stream = opened(concurrency=4).stream(source())
    next(stream)
    stream.close()
    assert len(pulled) <= 8


@pytest.fixture
def pauses(monkeypatch):
    """The seconds of every pause of the client; none is kept, but its clock goes on by them."""
    asked, sleep, began = [], asyncio.sleep, monotonic()

    async def noted(seconds, *result):
        asked.append(seconds)
        return await sleep(0, *result)

    monkeypatch.setattr(asyncio, "sleep", noted)
    monkeypatch.setattr(client, "monotonic", lambda: began + sum(asked))
    return asked


def test_a_pace_is_kept(opened, pauses):
    model = opened(requests_per_minute=1)
    pauses.clear()
    assert len(answers(model, 4)) == 4
    assert [round(seconds) for seconds in pauses if seconds] == [60, 60, 60]


def test_a_rate_limit_is_waited_for(server, opened, pauses):
    server.script.append(error(429, "slow down", **{"retry-after": "0.4"}))
    (said,) = answers(opened())
    assert (said.text, len(server.seen), 0.4 in pauses) == ("4", 2, True)


def test_a_server_that_says_that_nothing_is_left_is_not_asked(server, opened, pauses):
    left = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m2s"}
    server.script.append((200, left, REPLY))
    assert len(answers(opened(concurrency=1), 2)) == 2
    assert 62 in map(round, pauses)
    assert len(server.seen) == 2


# fmt: off
STUMBLES = [
    error(500, "oops"),
    error(503, "loading"),
    error(408, "late"),
    None,                                     # hangs up without a word
]
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize("stumble", STUMBLES)
def test_a_stumble_is_tried_again(server, opened, stumble):
    server.script.append(stumble)
    (said,) = answers(opened())
    assert (said.text, len(server.seen)) == ("4", 2)


# fmt: off
REFUSED = [
    ((200, {}, {"choices": []}),                                             "no choice"),
    ((200, {}, [1]),                                                         "no choice"),
    ((200, {}, {"choices": [{"message": {"content": "4"}}]}),                "why its text ends"),
    ((200, {}, {"choices": [{"message": {}, "finish_reason": "stop"}]}),     "has no text"),
    ((200, {}, {"error": {"message": f"bad {KEY} key"}}),                    "bad … key"),
    ((200, {}, b"<html>"),                                                   "not JSON"),
    ((200, {}, b"\xff\xfe\xff"),                                             "not JSON"),
    ((200, {}, b"[" * 100_000),                                              "not JSON"),
    (error(400, "maximum context length is 4096 tokens"),                    "context"),
    (error(400, "request (9 tokens) exceeds the available context size"),    "context"),
    (error(400, "temperature must be 1"),                                    "must be 1"),
    (error(422, f"bad {KEY} key"),                                           "bad … key"),
]
# fmt: on


@pytest.mark.parametrize(("reply", "says"), REFUSED)
def test_what_is_wrong_with_one_request_fails_it_alone(server, opened, reply, says):
    server.fails_seed, server.failure = 0, reply
    failed, answered = sorted(
        answers(opened(concurrency=1, retries=0), 2), key=lambda said: isinstance(said, Completion)
    )
    assert isinstance(failed, Failure)
    assert says in failed.reason
    assert KEY not in failed.reason
    assert answered.text == "4"
    assert failed.is_of_request


# fmt: off
FATAL = [
    (401, "OPENAI_API_KEY"),
    (403, "OPENAI_API_KEY"),
    (404, "/v1"),
    (402, "402: no"),
    (422, "422: no"),
    (429, "429: no"),
    (500, "500: no"),
]
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize(("status", "says"), FATAL)
def test_what_is_wrong_with_the_server_stops_the_run(server, opened, status, says):
    server.script.extend([error(status, f"no {KEY}: insufficient_quota")] * 100)
    with pytest.raises(ModelError) as failed:
        answers(opened(retries=0), 3)
    told = f"{failed.value.what} {failed.value.hint}"
    assert says in told
    assert KEY not in told


@pytest.mark.slow
def test_what_was_finished_comes_before_the_server_goes(server, opened):
    model = opened(concurrency=2, retries=1)
    stream = model.stream(map(request, range(1000)))
    assert [next(stream).text for _ in range(5)] == ["4"] * 5
    server.shutdown()
    server.server_close()
    with pytest.raises(ModelError, match="no longer answers any request"):
        list(stream)


def test_a_wrong_model_names_the_nearest(opened):
    with pytest.raises(ModelError) as refused:
        opened("math-7b")
    assert refused.value.hint == "Did you mean org/math-7b?"


@pytest.mark.slow
@pytest.mark.parametrize("status", [404, 405, 500])
def test_a_server_without_a_list_of_models_is_taken_at_its_word(server, opened, status):
    server.models = error(status, "no such route")
    assert answers(opened("anything"))[0].text == "4"


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_said_at_opening(server, opened, status):
    server.models = error(status, f"bad key {KEY}")
    with pytest.raises(ModelError, match="is refused") as refused:
        opened()
    assert KEY not in f"{refused.value.what} {refused.value.hint}"


def test_another_variable_may_hold_the_key(server, opened, monkeypatch):
    monkeypatch.setenv("MY_KEY", "another")
    answers(opened(api_key_env="MY_KEY"))
    assert server.seen[0][1]["authorization"] == "Bearer another"


def test_the_manifest_never_holds_the_key(opened):
    described = opened().describe()
    assert KEY not in json.dumps(described)
    assert described["model"] == "org/math-7b"


def test_closing_early_abandons_what_is_in_flight(server, opened):
    server.seconds_after_first = 3_000  # far beyond what a test may take
    model = opened()
    stream = model.stream(map(request, range(100)))
    next(stream)
    stream.close()
    model.close()
    model.close()


def test_what_is_in_flight_has_a_grace_and_no_more(server, opened):
    model = opened(concurrency=4, grace=20)
    stream = model.stream(map(request, range(100)))
    next(stream)
    server.seconds = 0.1
    stream.close()
    before = len(server.seen)
    assert all(said.text == "4" for said in model.drain())
    assert len(server.seen) - before <= 8
    server.seconds = 30
    hung = opened(concurrency=2, grace=0.1, retries=0)
    stream = hung.stream(iter([]))
    assert list(stream) == []
    hung._submit(request())
    assert list(hung.drain()) == []


def test_what_the_servers_template_writes_is_said_by_the_user(opened):
    assert opened().opening == ""
    model = opened(opening="<think>")
    assert model.opening == "<think>"
    assert model.describe()["opening"] == "<think>"
    with pytest.raises(ModelError, match="no think mark"):
        opened(opening="think")
