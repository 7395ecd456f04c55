"""What the engine waited for is counted once, whoever pulls and wherever it computes."""

from __future__ import annotations

import json
from itertools import islice

import pytest

from mathreason_eval.models.base import Completion, Request
from mathreason_eval.pipeline.overlap import OverlapMeter
from mathreason_eval.types import Prompt, Sampling


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def pass_(self, seconds):
        self.now += seconds


class Engine:
    """Takes so many at once, and needs a second for them, a request after the other."""

    def __init__(self, clock, slots):
        self.clock, self.slots = clock, slots

    def stream(self, source):
        flying = []
        while True:
            flying += islice(source, self.slots - len(flying))
            if not flying:
                return
            self.clock.pass_(1.0)
            yield Completion(request=flying.pop(0), text="", finish_reason="stop")


def requests(clock, number, seconds):
    for index in range(number):
        clock.pass_(seconds)
        yield Request(
            task="t", problem_id=str(index), sample=0, prompt=Prompt(text="?"),
            sampling=Sampling(), seed=0,
        )  # fmt: skip


# fmt: off
IDLE = [
    # slots, in_caller, seconds of: a request, a result; idle: seconds
    (4,      False,     0.0,        0.0,                 0.0),
    (4,      False,     0.0,        0.5,                 0.0),    # it goes on meanwhile
    (4,      True,      0.0,        0.5,                 4.5),    # it does not
    (1,      False,     0.0,        0.5,                 4.5),    # it has nothing but the next one
    (1,      True,      0.0,        0.5,                 4.5),    # counted once
    (4,      False,     0.1,        0.0,                 0.1),    # the first request
    (4,      True,      0.1,        0.0,                 1.0),    # every request
    (1,      False,     0.1,        0.5,                 5.5),
]
# fmt: on


@pytest.mark.parametrize(("slots", "in_caller", "making", "handling", "idle"), IDLE)
def test_time_in_which_the_engine_has_nothing_to_do(slots, in_caller, making, handling, idle):
    clock = Clock()
    meter = OverlapMeter(in_caller=in_caller, clock=clock, cpu=clock)
    for _ in meter.stream(Engine(clock, slots), requests(clock, 10, making)):
        clock.pass_(handling)
    found = meter.overlap(0.0)
    assert found.engine_idle_seconds == pytest.approx(idle)
    assert found.harness_cpu_seconds == pytest.approx(10 * (making + handling), abs=0.2)
    assert found.cores >= 1


def test_a_run_says_how_the_engine_and_the_rest_overlap(tmp_path, mathreason):
    mathreason("run", "fake:answer=4", "-t", "arithmetic", "--limit", 5, "-o", tmp_path / "run")
    shown = mathreason("show", tmp_path / "run").out
    assert "engine without requests" in shown
    assert "of processor time" in shown
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    (session,) = manifest["sessions"]
    assert 0 <= session["engine_idle_seconds"] <= session["seconds"] + 0.001
    assert session["harness_cpu_seconds"] > 0
    assert session["cores"] >= 1
