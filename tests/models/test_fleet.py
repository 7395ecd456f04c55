"""Replicas share one queue: nothing is lost or doubled, whatever becomes of some of them."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from functools import partial
from itertools import islice

import pytest
from echoes import check_whole, requests
from fault_server import KEY, FaultServer
from serving import serving

from mathreason_eval.errors import ModelError
from mathreason_eval.models import open_model
from mathreason_eval.models.base import Completion, Failure, Request, drain
from mathreason_eval.models.fleet import Fleet
from mathreason_eval.pipeline.run import run_tasks
from mathreason_eval.pipeline.spec import RunSpec
from mathreason_eval.runs.store import load_run

RUNS = 200


class Replica:
    """An engine of some slots that repeats its prompt, and dies or stumbles as it is told."""

    def __init__(self, *, slots=4, dies_after=None, fails=(), seconds=0.0, answers=None):
        self.name, self.chat, self.context, self.opening = "replica", False, None, ""
        self.slots, self.dies_after, self.fails, self.seconds = slots, dies_after, fails, seconds
        self.answered_by: str | None = None
        self.answers = answers
        self.asked: list[str] = []
        self.closed = self.blames_request = False

    def describe(self):
        return {"backend": "replica"}

    def stream(self, source):
        flying: list[Request] = []
        while True:
            flying += islice(source, self.slots - len(flying))
            if not flying:
                return
            if self.seconds:
                time.sleep(self.seconds)
            request = flying.pop(0)
            self.asked.append(request.problem_id)
            self.answered_by = self.answered_by or self.answers
            if len(self.asked) == self.dies_after:
                raise ModelError("The replica died.", "Start it.")
            if request.problem_id in self.fails or self.answered_by not in (None, self.answers):
                yield Failure(request=request, reason="no", is_of_request=self.blames_request)
            else:
                yield Completion(request=request, text=request.prompt.text, finish_reason="stop")

    def close(self):
        self.closed = True


def asked_of(*replicas: Replica, number: int = RUNS):
    fleet = Fleet(replicas, grace=1.0)
    results = list(fleet.stream(requests(number)))
    fleet.close()
    assert all(one.closed for one in replicas)
    return results


def kept(stream, results):
    """Put into a list what a stream yields, which its error would lose."""
    for one in stream:
        results.append(one)
        yield from ()


@pytest.mark.parametrize("number", [1, 2, 3, 8])
def test_each_request_has_one_result_whatever_the_number_of_replicas(number):
    replicas = [Replica(seconds=0.0005) for _ in range(number)]
    check_whole(asked_of(*replicas), RUNS)
    assert sum(len(one.asked) for one in replicas) == RUNS
    assert all(one.asked for one in replicas)


@pytest.mark.parametrize("dies_after", [1, 2, 17, 40])
def test_what_a_dead_replica_had_in_flight_is_asked_of_the_others(dies_after):
    dead = Replica(dies_after=dies_after, slots=16, seconds=0.0005)
    living = Replica(seconds=0.0005)
    check_whole(asked_of(dead, living), RUNS)
    assert len(dead.asked) + len(living.asked) <= RUNS + 16


def test_one_of_many_is_enough():
    replicas = [Replica(dies_after=n + 1, seconds=0.0005) for n in range(5)]
    check_whole(asked_of(*replicas, Replica(seconds=0.0005)), RUNS)


def test_the_last_one_s_error_is_raised_after_what_was_answered():
    fleet = Fleet([Replica(dies_after=20), Replica(dies_after=30)], grace=1.0)
    results = []
    with pytest.raises(ModelError, match="died"):
        results.extend(kept(fleet.stream(requests(RUNS)), results))
    assert 0 < len(results) <= 50
    assert max(Counter(one.request.problem_id for one in results).values()) == 1


@pytest.mark.parametrize("blamed", [False, True])
def test_a_request_that_one_could_not_answer_is_asked_of_another(blamed):
    """Also where that one holds the request itself for the cause, as it answers others."""
    failing = Replica(fails={"3", "7"}, seconds=0.001)
    failing.blames_request = blamed
    check_whole(asked_of(failing, Replica(seconds=0.001)), RUNS)


def test_what_nobody_can_answer_is_a_failure_of_its_own():
    fails = frozenset({"3", "7"})
    check_whole(asked_of(Replica(fails=fails), Replica(fails=fails)), RUNS, failed=fails)


def test_a_request_too_many_is_not_pulled():
    pulled = []

    def source():
        for one in requests(RUNS):
            pulled.append(one)
            yield one

    fleet = Fleet([Replica(slots=4, seconds=0.01), Replica(slots=4, seconds=0.01)], grace=1.0)
    stream = fleet.stream(source())
    next(stream)
    stream.close()
    list(drain(fleet))
    assert len(pulled) < 40


class Ahead:
    """A source that has no request more than so many ahead of the results."""

    def __init__(self, most):
        self.left, self.most, self.flying = requests(RUNS), most, 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.flying >= self.most:
            raise StopIteration
        self.flying += 1
        return next(self.left)


@pytest.mark.parametrize("most", [1, 2, 5])
def test_a_source_that_has_more_in_a_moment_loses_nothing_where_a_stream_ends(most):
    source, fleet, results = Ahead(most), Fleet([Replica() for _ in range(3)], grace=1.0), []
    while len(results) < RUNS:
        for result in fleet.stream(source):
            results.append(result)
            source.flying -= 1
        assert source.flying == 0, "a replica took a request after the stream had ended"
    check_whole(results, RUNS)


def test_an_error_of_the_source_is_raised():
    def source():
        yield from requests(5)
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        list(Fleet([Replica(), Replica()], grace=1.0).stream(source()))


def test_a_replica_that_is_another_model_answers_nothing():
    """Nobody knows which comes first; by the second a result of the other one is refused."""
    one, other = Replica(answers="a"), Replica(answers="b", seconds=0.05)
    fleet = Fleet([one, other], grace=0.1)
    check_whole(list(fleet.stream(requests(RUNS))), RUNS)
    assert fleet.answered_by == "a"
    assert other.answered_by == "a"


def test_replicas_that_have_answered_by_two_names_are_an_error():
    one, other = Replica(answers="a", seconds=0.001), Replica(answers="b", seconds=0.001)
    fleet = Fleet([one, other], grace=0.1)
    stream = fleet.stream(requests(RUNS))
    one.answered_by, other.answered_by = "a", "b"
    with pytest.raises(ModelError, match="different models: a, b"):
        list(stream)


def test_a_name_that_is_expected_is_expected_of_all():
    replicas = [Replica(), Replica()]
    fleet = Fleet(replicas, grace=1.0)
    fleet.answered_by = "a"
    assert [one.answered_by for one in replicas] == ["a", "a"]
    assert fleet.answered_by == "a"


def test_no_thread_is_left():
    before = threading.active_count()
    asked_of(*[Replica() for _ in range(4)])
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before


@pytest.mark.parametrize("crash_after", [0, 3])
def test_scripted_replicas_make_the_run_of_one(tmp_path, crash_after):
    def run(name, **options):
        spec = RunSpec(tasks=("arithmetic",), samples=2, limit=20)
        return run_tasks(spec, partial(open_model, "fake:answer=4", options), tmp_path / name)

    alone = run("alone")
    together = run("together", replicas="3", crash_after=str(crash_after), latency="0.001")
    assert verdicts(together) == verdicts(alone)
    assert together.manifest.finished


# --- servers ---------------------------------------------------------------------------------


@pytest.fixture
def servers(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with contextlib.ExitStack() as running:
        yield [running.enter_context(serving(FaultServer())) for _ in range(3)]


def go(servers, folder, **options):
    others = " ".join(one.url for one in servers[1:])
    given = {"retries": "0", "concurrency": "4", **({"replicas": others} if others else {})}
    opener = partial(open_model, f"openai:m@{servers[0].url}", {**given, **options})
    return run_tasks(RunSpec(tasks=("arithmetic",), limit=40), opener, folder)


def verdicts(run):
    return {one.problem_id: (one.outcome, one.answer) for one in run.verdicts("arithmetic")}


@pytest.mark.slow
def test_several_servers_make_the_run_of_one(servers, tmp_path):
    alone, together = go(servers[:1], tmp_path / "alone"), go(servers, tmp_path / "together")
    assert verdicts(alone) == verdicts(together)
    assert all(one.asked for one in servers)
    again = go(servers[:1], tmp_path / "together")  # Fewer of them go on with the same run.
    assert again.manifest.sessions[-1].samples == 0


@pytest.mark.slow
def test_a_server_that_fails_everything_costs_nothing_but_time(servers, tmp_path):
    alone = go(servers[:1], tmp_path / "alone")
    servers[1].every = "status 500"
    servers[2].every = "status 401"
    assert verdicts(go(servers, tmp_path / "together")) == verdicts(alone)
    assert load_run(tmp_path / "together").manifest.finished


# fmt: off
SLIPS = [
    ("{0}",             "named twice"),
    ("{1} {1}",         "named twice"),
    ("nowhere",         "replica 'nowhere' is no address"),
    ("ftp://a.b/v1",    "replica 'ftp://a.b/v1' is no address"),
    ("http://u:secret@a.b/v1", "holds a password"),
    ("http://127.0.0.1:1/v1", "There is no answer from"),
]
# fmt: on


@pytest.mark.parametrize(("replicas", "says"), SLIPS)
def test_a_slip_in_the_addresses_is_named(servers, replicas, says):
    named = replicas.format(*(one.url for one in servers))
    with pytest.raises(ModelError, match=says):
        open_model(f"openai:m@{servers[0].url}", {"replicas": named})
