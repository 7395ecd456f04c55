"""A run through batch files is the run that the server itself would have answered."""

from __future__ import annotations

import json
import urllib.request
from functools import partial

import pytest
from fault_server import KEY, FaultServer, body_of
from serving import serving

from mathreason_eval.errors import IncompleteRunError, ModelError
from mathreason_eval.models import open_model
from mathreason_eval.models.base import Request
from mathreason_eval.models.batches import BatchWriter, FileLimits
from mathreason_eval.models.client import Options
from mathreason_eval.models.servers import Server
from mathreason_eval.pipeline.run import run_tasks
from mathreason_eval.pipeline.spec import RunSpec
from mathreason_eval.runs.store import load_run
from mathreason_eval.types import Prompt, Sampling

NUMBER = 12


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(FaultServer()) as running:
        yield running


def go(server, folder, **options):
    spec = RunSpec(tasks=("arithmetic",), limit=NUMBER // 2, samples=2)
    return run_tasks(spec, partial(open_model, f"openai:m@{server.url}", options), folder)


def stored(run):
    return {(one.problem_id, one.sample): (one.key, one.seed, one.text)
            for one in run.generations("arithmetic")}  # fmt: skip


def write(server, folder, file):
    with pytest.raises(IncompleteRunError, match=f"{NUMBER} requests are in"):
        go(server, folder, batch_requests=str(file))
    return [json.loads(line) for line in file.read_text().splitlines()]


def answered(server, asked):
    """What a batch returns for a request: the server's own reply."""
    sent = urllib.request.Request(
        server.url.removesuffix("/v1") + asked["url"],
        json.dumps(asked["body"]).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(sent) as reply:
        body = json.load(reply)
    return result(asked, body)


def result(asked, body, status=200, error=None):
    response = None if body is None else {"status_code": status, "request_id": "r", "body": body}
    return {"id": "b", "custom_id": asked["custom_id"], "response": response, "error": error}


def save(path, rows):
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return str(path)


@pytest.mark.slow
def test_results_of_a_batch_are_the_samples_of_a_run_that_asks(server, tmp_path):
    direct = go(server, tmp_path / "direct")
    count = len(server.asked)
    asked = write(server, tmp_path / "run", tmp_path / "asked.jsonl")
    assert len(server.asked) == count  # Nothing was asked.
    assert {one["url"] for one in asked} == {"/v1/chat/completions"}
    assert {one["custom_id"] for one in asked} == {key for key, _, _ in stored(direct).values()}
    begun = load_run(tmp_path / "run")
    assert str(begun.manifest.sessions[-1].end) == "incomplete"
    assert not begun.has_samples()
    rows = [answered(server, one) for one in reversed(asked)]  # in any order
    results = save(tmp_path / "results.jsonl", rows)
    done = go(server, tmp_path / "run", batch_results=results)
    assert stored(done) == stored(direct)
    assert done.manifest.finished
    assert all(one.seconds is None for one in done.generations("arithmetic"))
    again = go(server, tmp_path / "run")  # The server itself has nothing left to answer.
    assert again.manifest.sessions[-1].samples == 0


# fmt: off
FAILED = [  # what came back for one request, the kind of the failure, and a part of the reason
    (lambda a: None,                                          "no result",       "do not have it"),
    (lambda a: result(a, {"error": {"message": "full"}}, 500), "HTTP 500",       "full"),
    (lambda a: result(a, {"error": {"message": KEY}}, 401),   "HTTP 401",        "no answer: …"),
    (lambda a: result(a, None, error={"code": "batch_expired", "message": "too late"}),
                                                              "batch",           "too late"),
    (lambda a: result(a, None),                               "batch",           "not say why"),
    (lambda a: result(a, body_of("4"), "200"),                "batch",           ""),
    (lambda a: result(a, {"choices": []}),                    "unusable reply",  "no choice"),
    (lambda a: result(a, None) | {"response": [1]},           "batch",           ""),
    (lambda a: result(a, body_of(None)),                      "unusable reply",  ""),
    (lambda a: result(a, {**body_of("4"), "model": "other"}), "another model",   "other"),
]
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize(("made", "kind", "reason"), FAILED)
def test_what_is_no_answer_is_a_failure_and_is_asked_again(server, tmp_path, made, kind, reason):
    asked = write(server, tmp_path / "run", tmp_path / "asked.jsonl")
    rows = [result(one, body_of("So 4.")) for one in asked]
    rows[-1] = made(asked[-1])
    results = save(tmp_path / "results.jsonl", [row for row in rows if row is not None])
    with pytest.raises(IncompleteRunError):
        go(server, tmp_path / "run", batch_results=results)
    held = load_run(tmp_path / "run")
    [failure] = held.failures("arithmetic")
    assert failure.kind == kind
    assert reason in failure.reason
    assert KEY not in failure.reason
    assert failure.key == asked[-1]["custom_id"]
    assert len(held.generations("arithmetic")) == NUMBER - 1
    # A second batch of what is left.
    rest = tmp_path / "rest.jsonl"
    with pytest.raises(IncompleteRunError, match="1 requests are in"):
        go(server, tmp_path / "run", batch_requests=str(rest))
    [left] = map(json.loads, rest.read_text().splitlines())
    assert left["custom_id"] == asked[-1]["custom_id"]
    second = save(tmp_path / "second.jsonl", [result(left, body_of("So 5."))])
    done = go(server, tmp_path / "run", batch_results=f"{results} {second}")
    assert done.manifest.finished
    assert len(done.generations("arithmetic")) == NUMBER


# fmt: off
SLIPS = [
    ({"batch_requests": "{0}/there.jsonl"},                             "exists, and may have"),
    ({"batch_requests": "{0}/a", "batch_results": "{0}/there.jsonl"},   "exclude each other"),
    ({"batch_results": "{0}/none.jsonl"},                               "cannot be read"),
    ({"batch_results": "{0}/there.jsonl"},                              "line 1 is no result"),
    ({"batch_requests": "{0}/a", "extra_body": '{{"api_key": "sk-secret-abcdefgh12345"}}'},
                                                                        "holds a secret"),
]
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize(("options", "says"), SLIPS)
def test_files_that_cannot_be_used_are_refused(server, tmp_path, options, says):
    (tmp_path / "there.jsonl").write_text('{"custom_id": 1}\n')
    given = {key: value.format(tmp_path) for key, value in options.items()}
    with pytest.raises(ModelError, match=says):
        open_model(f"openai:m@{server.url}", given)


@pytest.mark.parametrize("limits", [FileLimits(requests=3), FileLimits(bytes=700)])
def test_a_file_holds_no_more_than_a_batch_may(tmp_path, limits):
    server = Server(url="http://h/v1", model="m", described={}, defaults={})
    options = Options(batch_requests=str(tmp_path / "a.jsonl"))
    requests = [
        Request(task="t", problem_id=str(n), sample=0, prompt=Prompt(text="x" * 50),
                sampling=Sampling(), seed=n, key=f"{n % 8:02}")
        for n in range(9)
    ]  # fmt: skip
    with pytest.raises(IncompleteRunError, match=r"9 requests are in .*a-2\.jsonl"):
        list(BatchWriter("openai:m@http://h/v1", server, options, limits=limits).stream(requests))
    files = [tmp_path / f"a{end}.jsonl" for end in ("", "-2", "-3")]
    rows = [[json.loads(line) for line in path.read_text().splitlines()] for path in files]
    # The ninth has the key of the first: one answer serves both.
    assert [row["custom_id"] for held in rows for row in held] == [f"{n:02}" for n in range(8)]
    assert all(path.stat().st_size <= limits.bytes for path in files)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in files}
