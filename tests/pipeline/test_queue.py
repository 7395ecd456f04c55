"""The grading queue loses nothing, doubles nothing, holds little and hands errors on."""

from __future__ import annotations

import threading

import pytest

from mathreason_eval.errors import RunError
from mathreason_eval.pipeline import queue
from mathreason_eval.pipeline.plan import TaskRules
from mathreason_eval.pipeline.queue import GradingQueue, Job
from mathreason_eval.tasks import load_task
from mathreason_eval.types import Generation, Problem

GRADING = (2, 5.0)
RULES = TaskRules.of(load_task("gsm8k"))
PROBLEM = Problem(id="p", question="3 + 4?", gold=("7",))


def job(number, text=r"\boxed{7}"):
    sample = Generation(problem_id="p", sample=number, text=text)
    return Job("gsm8k", RULES, PROBLEM, sample, f"digest {number}")


class Sink:
    """Keeps what it gets; may wait, or raise."""

    def __init__(self, error=None, gate=None):
        self.held, self.error, self.gate = [], error, gate

    def add(self, task, verdicts):
        if self.gate is not None:
            assert self.gate.wait(60)
        if self.error is not None:
            raise self.error
        self.held += verdicts


def test_every_sample_has_one_verdict_that_says_what_was_judged():
    sink = Sink()
    with GradingQueue(sink, GRADING) as judged:
        judged.judge_later(map(job, range(100)))
        for number in range(100, 500):
            judged.submit(job(number))
        judged.judge_later(map(job, range(500, 600)))
        judged.finish()
    assert sorted(one.sample for one in sink.held) == [*range(600)]
    assert {one.judged_by for one in sink.held} == {RULES.grading.judged_by}
    assert all(one.judged_output == f"digest {one.sample}" for one in sink.held)


@pytest.mark.slow
@pytest.mark.parametrize("bound", [{"_MAX_WAITING": 4}, {"_MAX_LENGTH": 40}])
def test_who_brings_more_than_the_queue_holds_waits(monkeypatch, bound):
    for name, value in bound.items():
        monkeypatch.setattr(queue, name, value)
    gate = threading.Event()
    sink = Sink(gate=gate)
    brought = []

    def bring():
        for number in range(200):
            judged.submit(job(number))
            brought.append(number)

    with GradingQueue(sink, GRADING) as judged:
        bringer = threading.Thread(target=bring)
        bringer.start()
        bringer.join(0.5)
        # Each thread holds a batch at most, and the queue no more than its bound.
        assert len(brought) <= 2 * queue._BATCH + 8
        gate.set()
        bringer.join()
        judged.finish()
    assert len(sink.held) == 200


def test_an_error_of_the_sink_reaches_who_waits_and_who_brings():
    full = RunError("full.", "Free some space.")
    with pytest.raises(RunError, match="full"):
        bring(Sink(full), 1)
    with pytest.raises(RunError, match="full"):
        bring(Sink(full), 100_000)


def bring(sink, number):
    with GradingQueue(sink, GRADING) as judged:
        for each in range(number):
            judged.submit(job(each))
        judged.finish()


def judge_all(sink, jobs):
    with GradingQueue(sink, GRADING) as judged:
        judged.judge_later(jobs)
        judged.finish()


def test_an_error_of_a_backlog_reaches_who_waits():
    def damaged():
        yield job(0)
        raise RunError("line 2 is damaged.", "")

    with pytest.raises(RunError, match="damaged"):
        judge_all(Sink(), damaged())


def test_leaving_on_an_error_drops_what_waits():
    sink = Sink()
    with pytest.raises(KeyError):
        leave(sink)
    assert len(sink.held) < 1_000_000


def leave(sink):
    with GradingQueue(sink, GRADING) as judged:
        judged.judge_later(map(job, range(1_000_000)))
        raise KeyError
