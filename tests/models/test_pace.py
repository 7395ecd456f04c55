"""The pace of requests, against servers that limit their callers and say nothing of it.

Time is counted, not waited for: whole runs of minutes are played by their events.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from itertools import count, pairwise
from random import Random
from typing import NamedTuple

import pytest

from mathreason_eval.models.pace import Pace
from mathreason_eval.models.retries import FailedTry, pause

Limiter = Callable[[float], bool]


def bucket(rate: float, burst: float) -> Limiter:
    """A server that allows `rate` requests a second, and `burst` at once after a rest."""
    left, last = burst, 0.0

    def allows(now: float) -> bool:
        nonlocal left, last
        left, last = min(burst, left + (now - last) * rate), now
        if left < 1:
            return False
        left -= 1
        return True

    return allows


def window(number: int, seconds: float) -> Limiter:
    """A server that allows a number of requests in each span of so many seconds."""
    present, used = 0, 0

    def allows(now: float) -> bool:
        nonlocal present, used
        if int(now / seconds) != present:
            present, used = int(now / seconds), 0
        used += 1
        return used <= number

    return allows


class Played(NamedTuple):
    seconds: float
    refused: int
    rate: float | None
    most: int
    """The most that started within one second."""


def play(pace: Pace, allows: Limiter, requests: int, latency: float, slots: int = 64) -> Played:
    """Ask for all of some requests, each again after the client's own pause when it was refused."""
    random, order = Random(1), count()
    events: list[tuple[float, int, str, float, int]] = []
    now, refused, answered, starts = 0.0, 0, 0, []
    ready = deque([1] * min(slots, requests))
    left = requests - len(ready)
    while answered < requests:
        wait = pace.wait(now) if ready else None
        if wait == 0:
            tries = ready.popleft()
            starts.append(now)
            kind = "answered" if allows(now) else "refused"
            takes = latency * random.uniform(0.5, 1.5) if kind == "answered" else 0.01
            heapq.heappush(events, (now + takes, next(order), kind, now, tries))
        elif wait is not None and (not events or now + wait < events[0][0]):
            now += wait
        else:
            now, _, kind, started, tries = heapq.heappop(events)
            if kind == "refused":
                refused += 1
                pace.refused(started, now)
                again = now + pause(tries, FailedTry(kind="HTTP 429", reason=""), random)
                heapq.heappush(events, (again, next(order), "again", now, tries + 1))
                continue
            if kind == "answered":
                answered += 1
                pace.answered(now)
                tries = 1
                if not left:
                    continue
                left -= 1
            ready.append(tries)
    most = max(sum(start <= one < start + 1 for one in starts) for start in starts[100::50])
    return Played(now, refused, pace.rate, most)


# fmt: off
LIMITS = [
    # the server, the requests a second that it allows, and the least part of them to be used
    (lambda: bucket(10, 10),   10,  0.95),
    (lambda: bucket(10, 100),  10,  0.95),
    (lambda: window(10, 1),    10,  0.95),
    (lambda: bucket(10, 1),    10,  0.85),   # not two within a tenth of a second
    (lambda: bucket(3, 3),      3,  0.95),
    (lambda: window(600, 60),  10,  0.85),
    (lambda: window(60, 60),    1,  0.95),
]
# fmt: on


@pytest.mark.parametrize("latency", [0.1, 2.0])
@pytest.mark.parametrize(("server", "allowed", "used"), LIMITS)
def test_what_a_server_allows_is_found_and_used(server, allowed, used, latency):
    played = play(Pace(), server(), 1500, latency)
    assert 1500 / played.seconds >= used * allowed
    # The first 64 start at once, and some of them again before the first answer.
    assert played.refused - (64 if latency < 1 else 160) <= (0.05 if allowed > 1 else 0.2) * 1500


def test_nothing_is_held_back_where_nothing_is_refused():
    played = play(Pace(), lambda _: True, 500, 0.5)
    assert played.rate is None
    assert 500 / played.seconds > 0.85 * 64 / 0.5


def test_what_was_asked_is_never_exceeded():
    played = play(Pace(per_minute=600), lambda _: True, 500, 0.5)
    assert played.most <= 11
    assert played.seconds == pytest.approx(50, abs=2)


def test_tokens_are_paid_for_before_the_next_starts():
    pace = Pace(tokens=600)
    assert pace.wait(0.0) == 0
    assert pace.wait(0.0) == 0
    pace.answered(1.0, tokens=100)
    assert pace.wait(1.0) == pytest.approx(10)
    assert pace.wait(11.0) == 0


def test_a_server_that_asks_to_wait_is_heard():
    pace = answered_once()
    assert pace.wait(1.0) == 0
    pace.refused(1.0, 1.1, after=7.0)
    assert pace.wait(1.2) == pytest.approx(6.9)
    pace.hold(20.0)
    assert pace.wait(9.0) == pytest.approx(11)
    assert pace.wait(20.0) == 0


def answered_once() -> Pace:
    pace = Pace()
    assert pace.wait(0.0) == 0
    pace.answered(0.5)
    return pace


def test_one_burst_is_one_refusal():
    """What had started before the rate fell says nothing of the new one."""
    pace = answered_once()
    for _ in range(20):
        assert pace.wait(1.0) == 0
    for _ in range(10):
        pace.refused(1.0, 1.1)
    assert pace.rate == pytest.approx(11 / 1.1)
    [wait] = {pace.wait(1.1)}
    assert wait == pytest.approx(0.1)


def test_a_server_that_answers_no_more_is_asked_less_and_less_and_then_given_up():
    pace, now, starts = answered_once(), 1.0, []
    while not pace.is_hopeless(now):
        now += pace.wait(now)
        if pace.wait(now) == 0:
            starts.append(now)
            pace.refused(now, now)
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert gaps[:-1] == sorted(gaps[:-1])
    assert gaps[0] <= 2
    assert 90 < now < 200
    assert pace.wait(now) == 0
    pace.answered(now)
    assert not pace.is_hopeless(now + 1000)


def test_a_server_that_answered_nobody_is_not_waited_for():
    """A dead server must be noticed soon; how often one request is tried is bounded besides."""
    pace = Pace()
    for number in range(50):
        assert pace.wait(number) == 0
        pace.refused(number, number + 0.1)
    assert pace.rate is None
    assert not pace.is_hopeless(1000)
