"""An engine elsewhere makes the results of one here, whatever dies between the two."""

from __future__ import annotations

import threading
from collections import Counter
from itertools import count

import pytest
from echoes import check_whole, requests

from mathreason_eval.errors import MissingExtraError, ModelError, UnknownNameError
from mathreason_eval.models import check_model, open_model
from mathreason_eval.models.base import Completion, Failure, drain
from mathreason_eval.models.fleet import Fleet
from mathreason_eval.models.replicas.placement import gpus_needed, read_placement
from mathreason_eval.models.replicas.remote import LostError, RemoteModel, Worker

NAME = "fake:echo"
NUMBER = 120


class ThreadLink:
    """The way to a worker in this process, which dies as it is told."""

    logs = "There are none."

    def __init__(self, *, dies_at=(), deadly=(), always=False, names=(NAME,), **options):
        self.place = "thread"
        self.dies_at, self.deadly, self.always = set(dies_at), set(deadly), always
        self.names = list(names)
        self.options = {"chat": "false", **options}
        self.calls = count(1)
        self.started = 0
        self.held: set[str] = set()
        self.most_held = 0
        self.worker: Worker | None = None

    def start(self):
        name = self.names[min(self.started, len(self.names) - 1)]
        self.started += 1
        self.held = set()
        self.worker = Worker(name, self.options, ".")
        return self.worker.open()

    def exchange(self, asked, *, more):
        if self.worker is None:
            raise LostError("it was ended")
        self.held |= {one.problem_id for _, one in asked}
        self.most_held = max(self.most_held, len(self.held))
        if next(self.calls) in self.dies_at or self.held & self.deadly or self.always:
            self.worker = None
            raise LostError("killed")
        asked_for = {number: one.problem_id for number, one in asked}
        self.numbers = {**getattr(self, "numbers", {}), **asked_for}
        said = self.worker.exchange(asked, more=more)
        self.held -= {self.numbers[number] for number, _ in said.results}
        return said

    def prompt_tokens(self, prompt):
        return self.worker.prompt_tokens(prompt)

    def stop(self):
        self.worker = None

    close = stop


def fleet(*links):
    return Fleet([RemoteModel(NAME, link) for link in links], grace=1.0)


# fmt: off
LINKS = [  # links, and how often workers are started
    ([{}],                                              1),
    ([{"concurrency": "1"}],                            1),
    ([{}, {}],                                          2),
    ([{}, {"latency": "0.001"}, {}],                    3),
    ([{"dies_at": [1]}],                                2),
    ([{"dies_at": [5]}],                                2),
    ([{"dies_at": [4, 9, 20], "concurrency": "4"}],     4),
    ([{"crash_after": "50"}],                           3),   # an engine that fails, every time
    ([{"dies_at": [3], "latency": "0.001"}, {"latency": "0.001"}], 3),
]
# fmt: on


@pytest.mark.parametrize(("links", "started"), LINKS)
def test_each_request_has_one_result_whatever_dies(links, started):
    made = [ThreadLink(**one) for one in links]
    model = fleet(*made)
    check_whole(list(model.stream(requests(NUMBER))), NUMBER)
    model.close()
    # A replica need not be replaced before the others are done.
    assert len(made) <= sum(one.started for one in made) <= started


def test_a_request_that_kills_its_replicas_fails_alone():
    links = [ThreadLink(deadly={"17"}, concurrency="4") for _ in range(2)]
    model = fleet(*links)
    results = list(model.stream(requests(NUMBER)))
    assert Counter(one.request.problem_id for one in results) == dict.fromkeys(
        map(str, range(NUMBER)), 1
    )
    failed = [one for one in results if isinstance(one, Failure)]
    assert "17" in {one.request.problem_id for one in failed}
    assert len(failed) <= 8
    assert all("3 replicas died" in one.reason for one in failed)


def test_a_replica_that_always_dies_is_given_up():
    link = ThreadLink(always=True)
    with pytest.raises(ModelError, match="died: killed"):
        list(fleet(link).stream(requests(NUMBER)))
    assert link.started == 3
    whole = fleet(ThreadLink(always=True), ThreadLink(latency="0.001"))
    check_whole(
        [one for one in whole.stream(requests(NUMBER)) if isinstance(one, Completion)], NUMBER
    )


def test_a_replica_that_comes_back_as_another_model_answers_nothing():
    link = ThreadLink(dies_at=[3], names=[NAME, "fake:answer=4"])
    with pytest.raises(ModelError, match="has changed"):
        list(fleet(link).stream(requests(NUMBER)))


def test_what_cannot_be_opened_says_why_as_here():
    with pytest.raises(UnknownNameError) as here:
        open_model("fake:ecko")
    with pytest.raises(ModelError) as there:
        fleet(ThreadLink(names=["fake:ecko"]))
    assert str(there.value) == str(here.value)


def test_no_more_requests_are_there_than_the_engine_has_room_for():
    link = ThreadLink(concurrency="8", latency="0.002")
    check_whole(list(fleet(link).stream(requests(NUMBER))), NUMBER)
    assert link.most_held <= 8 + 2


def test_what_is_in_flight_at_the_end_is_still_answered():
    model = fleet(ThreadLink(concurrency="4", latency="0.01"))
    stream = model.stream(requests(NUMBER))
    done = [next(stream)]
    stream.close()
    done += drain(model)
    assert 4 <= len(done) <= 8
    assert len({one.request.problem_id for one in done}) == len(done)


def test_the_model_says_of_itself_what_it_says_here():
    here, there = open_model(NAME, {"chat": "false"}), fleet(ThreadLink())
    assert there.describe() == here.describe()
    assert (there.chat, there.context, there.opening) == (here.chat, here.context, here.opening)


def test_no_thread_is_left():
    before = threading.active_count()
    model = fleet(ThreadLink(), ThreadLink())
    check_whole(list(model.stream(requests(NUMBER))), NUMBER)
    model.close()
    assert threading.active_count() <= before + 1


# --- where replicas run ----------------------------------------------------------------------

# fmt: off
GPUS = [
    ("vllm",     {},                                                           1),
    ("vllm",     {"tensor_parallel_size": "4"},                                4),
    ("vllm",     {"tensor-parallel-size": "4", "pipeline_parallel_size": "2"}, 8),
    ("hf",       {},                                                           1),
    ("hf",       {"device": "cpu"},                                            0),
    ("llamacpp", {},                                                           0),
    ("fake",     {},                                                           0),
]
HERE = [
    ("fake",     {"replicas": "2"}),
    ("theirs",   {"gpus": "2"}),
    ("openai",   {"replicas": "http://b/v1"}),
    ("hf",       {}),
]
SLIPS = [
    ("openai",  {"ray": "auto"},                    "nothing to compute"),
    ("replay",  {"ray": "auto"},                    "nothing to compute"),
    ("replay",  {"replicas": "2"},                  "nothing to compute"),
    ("hf",      {"replicas": "2", "gpus": "0.5"},   "no part of a GPU"),
    ("demo",    {"replicas": "none"},               "replicas is 'none'"),
]
# fmt: on


@pytest.mark.parametrize(("backend", "options", "gpus"), GPUS)
def test_a_replica_takes_the_gpus_that_its_engine_uses(backend, options, gpus):
    assert gpus_needed(backend, options) == gpus


@pytest.mark.parametrize(("backend", "options"), HERE)
def test_what_is_not_placed_stays_in_this_process(backend, options):
    assert read_placement(backend, options) is None


@pytest.mark.parametrize(("backend", "options", "says"), SLIPS)
def test_a_placement_that_cannot_be_is_refused(backend, options, says):
    with pytest.raises(ModelError, match=says):
        read_placement(backend, options)


# fmt: off
WITH_RAY = [
    ({"ray": "auto", "replicas": "0"},    "replicas is '0'"),
    ({"ray": "auto", "replicas": "two"},  "replicas is 'two'"),
    ({"ray": "auto", "gpus": "-1"},       "gpus is .-1."),
    ({"ray": "auto", "gpus": "nan"},      "gpus is .nan."),
]
# fmt: on


@pytest.fixture
def with_ray(monkeypatch):
    monkeypatch.setattr("mathreason_eval.models.replicas.placement.find_spec", lambda _: object())


@pytest.mark.usefixtures("with_ray")
@pytest.mark.parametrize(("options", "says"), WITH_RAY)
def test_a_slip_in_a_placement_is_named(options, says):
    with pytest.raises(ModelError, match=says):
        read_placement("fake", options)
    assert any(says.split()[0] in fault.what for fault in check_model(NAME, options).faults)


@pytest.mark.usefixtures("with_ray")
def test_the_engine_gets_its_own_options_alone():
    options = {"ray": "h:1", "replicas": "2", "gpus": "0.5", "latency": "1"}
    placement = read_placement("fake", options)
    assert placement.rest == {"latency": "1"}
    assert (placement.placed.ray, placement.placed.replicas, placement.placed.gpus) == (
        "h:1", "2", 0.5,
    )  # fmt: skip


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("mathreason_eval.models.replicas.placement.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"mathreason-eval\[ray\]"):
        read_placement("fake", {"ray": "auto"})
