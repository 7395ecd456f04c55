"""The grader over HTTP: every row has its own judgement, and nothing that is sent stops it."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from processes import descendants, wait_until_gone
from serving import serving

from mathreason_eval.cli import grader_server
from mathreason_eval.cli.grader_server import GraderServer, Limits, Place
from mathreason_eval.reward.rows import JudgingOptions

pytestmark = pytest.mark.slow  # whichever row is first waits for a process

JSON = "application/json"
LIMITS = Limits(body=2_000_000, rows=500, waiting=1_000, connections=12, seconds=30)
RIGHT = {"gold": "1/2", "output": r"So \boxed{0.5}."}


class Client:
    """Sends requests to a server, as any client would and as none should."""

    def __init__(self, server):
        self.server = server
        self.port = server.server_port

    def ask(self, body, path="/verify", **headers):
        """Return the status and the JSON of the reply to a POST."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": JSON, **{k.replace("_", "-"): v for k, v in headers.items()}}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", path, content, sent)
        reply = connection.getresponse()
        found = reply.status, json.loads(reply.read())
        connection.close()
        return found

    def get(self, path, host="localhost"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", path, headers={"Host": host})
        reply = connection.getresponse()
        found = reply.status, json.loads(reply.read())
        connection.close()
        return found

    def send(self, raw):
        """Return all that is replied to some bytes, and the end of the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(raw)
            return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def grading(limits=LIMITS, **judging):
    return serving(GraderServer(Place(), JudgingOptions(workers=1, **judging), limits))


@pytest.fixture(scope="module")
def client():
    with grading() as server:
        yield Client(server)


# fmt: off
ROWS = [
    # row, outcome, reward, reason
    (RIGHT,                                                    "correct",    1.0, "right"),
    ({"gold": 7, "answer": "7.0"},                             "correct",    1.0, "right"),
    ({"gold": ["6", 7], "output": [{"role": "assistant", "content": r"\boxed{7}"}]},
                                                               "correct",    1.0, "right"),
    ({"gold": "7", "output": r"\boxed{8}"},                    "wrong",      0.0, "wrong"),
    ({"gold": "7", "output": "I do not know."},                "no_answer",  0.0, "no_answer"),
    ({"gold": "7", "output": "it is 7", "finish_reason": "length"}, "correct", 0.0, "unfinished"),
    ({"gold": "7", "output": "<think>7"},                      "truncated",  0.0, "unfinished"),
    ({"gold": "h(z)", "answer": "f(x) + g(y)"},                "ungradable", 0.0, "undecided"),
    ({"gold": "7"},                                            "ungradable", 0.0, "invalid"),
    ({"gold": None, "output": "7"},                            "ungradable", 0.0, "invalid"),
    ({"gold": "7", "output": 7},                               "ungradable", 0.0, "invalid"),
    ({"gold": "7", "output": "7", "grader": "numbr"},          "ungradable", 0.0, "invalid"),
    (["7", "7"],                                               "ungradable", 0.0, "invalid"),
    (None,                                                     "ungradable", 0.0, "invalid"),
    ({"gold": "7", "output": "\udcff\0 \\boxed{7}"},           "correct",    1.0, "right"),
]
# fmt: on


def test_each_row_of_a_batch_has_its_judgement(client):
    status, found = client.ask([row for row, *_ in ROWS])
    assert status == 200
    told = [(one["outcome"], one["reward"], one["reason"]) for one in found]
    assert told == [(outcome, reward, reason) for _, outcome, reward, reason in ROWS]


@pytest.mark.parametrize("row", [row for row, *_ in ROWS if isinstance(row, dict)])
def test_a_row_alone_is_judged_as_in_a_batch(client, row):
    [batch], alone = client.ask([{**row, "id": "a"}])[1], client.ask({**row, "id": "a"})[1]
    assert {**batch, "seconds": 0} == {**alone, "seconds": 0}
    assert alone["id"] == "a"


def test_the_grader_of_a_row_is_its_own_or_that_of_the_server(client):
    row = {"gold": "1/2", "answer": "1 / 2"}
    assert client.ask(row)[1]["equal"] is True
    assert client.ask({**row, "grader": "text"})[1]["equal"] is False


# fmt: off
TRAINERS = [
    # path, body, reply
    ("/openrlhf", {"query": ["Is it 8? \\boxed{7}", "Is it 7? no"],
                   "prompts": ["Is it 8? ", "Is it 7? "], "labels": ["7", 7]},
                                                                           {"rewards": [1.0, 0.0]}),
    ("/openrlhf", {"query": [None], "prompts": ["p"], "labels": ["7"]},    {"rewards": [0.0]}),
    ("/slime",    {"prompt": "3 + 4?", "response": "\\boxed{7}", "label": "7"}, 1.0),
    ("/slime",    {"prompt": "3 + 4?", "response": "\\boxed{8}", "label": 7},   0.0),
]
# fmt: on


@pytest.mark.parametrize(("path", "body", "reply"), TRAINERS)
def test_trainers_are_answered_in_their_own_form(client, path, body, reply):
    assert client.ask(body, path) == (200, reply)


# fmt: off
HOSTILE = [
    # body, path, headers; status, word of the reason
    (b"",                                     "/verify",   {}, 400, "is not JSON"),
    (b"{",                                    "/verify",   {}, 400, "is not JSON"),
    (b"\xff\xfe{}",                           "/verify",   {}, 400, "is not UTF-8"),
    (b'{"gold": NaN, "output": "7"}',         "/verify",   {}, 400, "not a finite number"),
    (b'{"gold": 1e999, "output": "7"}',       "/verify",   {}, 400, "not a finite number"),
    (b'{"gold": 1, "gold": 2, "output": ""}', "/verify",   {}, 400, "twice"),
    (b"[" * 100_000,                          "/verify",   {}, 400, "nested"),
    (b"[" * 99 + b"]" * 99,                   "/verify",   {}, 400, "nested"),
    (b"7",                                    "/verify",   {}, 400, "neither a row nor a list"),
    (b'"7"',                                  "/verify",   {}, 400, "neither a row nor a list"),
    (json.dumps([RIGHT] * 501).encode(),      "/verify",   {}, 413, "500 at most"),
    (b" " * 2_000_001,                        "/verify",   {}, 413, "more than 2,000,000 bytes"),
    (b"{}",                                   "/other",    {}, 404, "/verify"),
    (b"{}",                                   "/health",   {}, 404, "/verify"),
    (b"{}",                                   "/openrlhf", {}, 400, "lists of one length"),
    (b'{"query": ["a"], "prompts": [], "labels": []}', "/openrlhf", {}, 400, "lists of one length"),
    (b"[]",                                   "/slime",    {}, 400, "response and label"),
    (b"{}", "/verify", {"Content_Type": "text/plain"},         415, "application/json"),
    (b"{}", "/verify", {"Host": "evil.example"},               403, "another name"),
    (b"{}", "/verify", {"Host": "localhost.evil.example:80"},  403, "another name"),
    (b"{}", "/verify", {"Host": "192.168.7.7"},                403, "another name"),
    (b"{}", "/verify", {"Host": "["},                          403, "another name"),
    (b"{}", "/verify", {"Transfer_Encoding": "chunked"},       411, "Content-Length"),
]
# fmt: on


@pytest.mark.parametrize(("body", "path", "headers", "status", "word"), HOSTILE)
def test_what_cannot_be_judged_is_refused_with_its_reason(
    client, body, path, headers, status, word
):
    found, reply = client.ask(body, path, **headers)
    assert found == status
    assert word in reply["error"]
    assert "Traceback" not in reply["error"]
    assert client.ask(RIGHT)[1]["equal"] is True


HEAD = b"POST /verify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
# fmt: off
RAW = [
    # bytes; what the reply begins with
    (b"\x16\x03\x01\x02\x00\x01\r\n\r\n",                                b"HTTP/1.1 400"),
    (b"GET / HTTP/9.9\r\n\r\n",                                          b"HTTP/1.1 505"),
    (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",                    b"HTTP/1.1 414"),
    (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 300 + b"\r\n",                b"HTTP/1.1 431"),
    (b"BREW /verify HTTP/1.1\r\nHost: localhost\r\n\r\n",                b"HTTP/1.1 501"),
    (HEAD + b"\r\n",                                                     b"HTTP/1.1 411"),
    (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",         b"HTTP/1.1 411"),
    (HEAD + b"Content-Length: -1\r\n\r\n",                               b"HTTP/1.1 400"),
    (HEAD + "Content-Length: \u0664\r\n\r\n".encode(),                   b"HTTP/1.1 400"),
    (HEAD + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n",            b"HTTP/1.1 400"),
    (HEAD + b"Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n", b"HTTP/1.1 413"),
    (HEAD + b"Content-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n{}",
                                                                         b"HTTP/1.1 100"),
]
# fmt: on


@pytest.mark.parametrize(("raw", "begins"), RAW)
def test_what_is_no_request_is_refused_in_json(client, raw, begins):
    reply = client.send(raw)
    assert reply.startswith(begins)
    assert b"<" not in reply
    assert "error" in json.loads(reply.rpartition(b"\r\n\r\n")[2]) or begins.endswith(b"100")


def test_a_connection_stays_open_for_the_next_request(client):
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=60)
    for number in range(3):
        row = {"gold": number, "answer": str(number), "id": number}
        connection.request("POST", "/verify", json.dumps(row), {"Content-Type": JSON})
        reply = json.loads(connection.getresponse().read())
        assert (reply["id"], reply["equal"]) == (number, True)
    connection.close()


def test_parallel_clients_get_their_own_judgements(client):
    def asked(number):
        rows = [
            {"id": [number, row], "gold": number, "answer": str(number + row % 2)}
            for row in range(90)
        ]
        return number, client.ask(rows)

    with ThreadPoolExecutor(8) as threads:
        for number, (status, found) in threads.map(asked, range(40)):
            assert status == 200
            assert [one["id"] for one in found] == [[number, row] for row in range(90)]
            assert [one["equal"] for one in found] == [row % 2 == 0 for row in range(90)]


def test_health_counts_what_was_judged(client):
    before = client.get("/health")[1]["counts"]
    client.ask([RIGHT, {"gold": "7", "output": r"\boxed{8}"}, None])
    status, health = client.get("/health?x=1")
    assert (status, health["status"], health["waiting"]) == (200, "ok", 0)
    more = {name: count - before[name] for name, count in health["counts"].items()}
    assert {name: count for name, count in more.items() if count} == {
        "right": 1, "wrong": 1, "invalid": 1,
    }  # fmt: skip
    assert client.get("/")[0] == client.get("/verify")[0] == 404
    assert client.get("/health", host="evil.example")[0] == 403


def test_more_rows_than_may_wait_are_refused():
    with grading(Limits(waiting=3)) as server:
        client = Client(server)
        assert client.ask([RIGHT] * 4) == (503, {"error": "too many rows wait: try again later"})
        assert client.ask([RIGHT] * 3)[0] == 200


def test_more_clients_than_may_connect_are_refused():
    with grading(Limits(connections=1)) as server:
        with socket.create_connection(("127.0.0.1", server.server_port)) as first:
            first.sendall(b"GET")
            while server._clients._value:
                time.sleep(0.01)
            refused = socket.create_connection(("127.0.0.1", server.server_port))
            with refused:
                assert refused.recv(1 << 16).startswith(b"HTTP/1.1 503")
        while not server._clients._value:
            time.sleep(0.01)
        assert Client(server).get("/health")[0] == 200


def test_a_client_that_dribbles_is_not_waited_for():
    with grading(Limits(seconds=0.3)) as server:
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=60) as slow:
            slow.sendall(HEAD + b"Content-Length: 50\r\n\r\n")
            ended = False
            while not ended:
                try:
                    slow.sendall(b" ")
                    time.sleep(0.05)
                except OSError:
                    ended = True
        assert Client(server).get("/health")[0] == 200


def test_a_bug_is_a_reply_without_a_traceback(client, monkeypatch, capfd):
    def fails(_rows, _options):
        raise RuntimeError("a secret of the house")

    monkeypatch.setattr(grader_server, "judged_rows", fails)
    status, reply = client.ask(RIGHT)
    assert (status, reply) == (500, {"error": "an internal error; the server says which"})
    assert "RuntimeError: a secret of the house" in capfd.readouterr().err
    monkeypatch.undo()
    assert client.ask(RIGHT)[0] == 200


def test_a_row_without_time_is_undecided_and_others_are_judged():
    hard = {"gold": r"\frac{\pi^2}{6}", "answer": r"\sum_{n=1}^{\infty}\frac{1}{n^2}"}
    with grading(deadline=0.001) as server:
        status, found = Client(server).ask([hard, RIGHT])
        assert status == 200
        assert [one["equal"] for one in found] == [None, True]


# fmt: off
NAMES = [
    # --host, --name; Host, whether it is ours
    ("127.0.0.1", (),          "localhost:80",      True),
    ("127.0.0.1", (),          "127.0.0.1",         True),
    ("127.0.0.1", (),          "[::1]:80",          True),
    ("127.0.0.1", (),          "10.0.0.1",          False),
    ("127.0.0.1", (),          "grader",            False),
    ("127.0.0.1", ("Grader",), "grader:8017",       True),
    ("0.0.0.0",   (),          "10.0.0.1:8017",     True),
    ("0.0.0.0",   (),          "evil.example",      False),
    ("0.0.0.0",   (),          "",                  False),
]
# fmt: on


@pytest.mark.parametrize(("host", "names", "called", "ours"), NAMES)
def test_a_server_knows_its_names(host, names, called, ours):
    with GraderServer(Place(host=host, names=names), JudgingOptions(workers=1), LIMITS) as server:
        assert server.is_called(called) is ours


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_verb_finishes_what_it_judges_and_leaves_no_process(number, code):
    words = ["serve-grader", "--port", "0", "--workers", "1"]
    running = subprocess.Popen(
        [sys.executable, "-m", "mathreason_eval", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    port = int(running.stdout.readline().partition("/verify")[0].rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/verify", json.dumps([RIGHT] * 3), {"Content-Type": JSON})
    while not (processes := descendants(running.pid)):
        time.sleep(0.01)
    running.send_signal(number)
    assert [one["reward"] for one in json.loads(connection.getresponse().read())] == [1.0] * 3
    connection.close()
    _, told = running.communicate(timeout=60)
    assert running.returncode == code
    assert "Traceback" not in told
    wait_until_gone(processes)


def test_a_taken_port_and_an_unknown_grader_are_errors_of_the_user():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for words, told in [(["--port", port], "Choose another --port"),
                            (["--grader", "numbr"], "Did you mean number?")]:  # fmt: skip
            done = subprocess.run(
                [sys.executable, "-m", "mathreason_eval", "serve-grader", *words],
                capture_output=True, text=True, check=False, timeout=100,
            )  # fmt: skip
            assert (done.returncode, done.stdout) == (2, "")
            assert told in done.stderr
