"""The pace of requests, against servers that limit their callers and say nothing of it.

Time is counted, not waited for: whole runs of minutes are played by their events.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count, pairwise
from random import Random
from typing import NamedTuple

import pytest

from mathreason_eval.models.pace import Pace

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
    """Ask for all of some requests, each again half a second after it was refused."""
    random, order = Random(1), count()
    events: list[tuple[float, int, str, float]] = []
    now, refused, answered, ready, starts = 0.0, 0, 0, min(slots, requests), []
    left = requests - ready
    while answered < requests:
        wait = pace.wait(now) if ready else None
        if wait == 0:
            ready -= 1
            starts.append(now)
            kind = "answered" if allows(now) else "refused"
            takes = latency * random.uniform(0.5, 1.5) if kind == "answered" else 0.01
            heapq.heappush(events, (now + takes, next(order), kind, now))
        elif wait is not None and (not events or now + wait < events[0][0]):
            now += wait
        else:
            now, _, kind, started = heapq.heappop(events)
            if kind == "refused":
                refused += 1
                pace.refused(started, now)
                heapq.heappush(events, (now + 0.5, next(order), "again", now))
                continue
            if kind == "answered":
                answered += 1
                pace.answered(now)
                if not left:
                    continue
                left -= 1
            ready += 1
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
    # The first 64 start at once, before anything is known.
    assert played.refused - 64 <= (0.05 if allowed > 1 else 0.2) * 1500


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
    pace = Pace()
    assert pace.wait(0.0) == 0
    pace.refused(0.0, 0.1, after=7.0)
    assert pace.wait(0.2) == pytest.approx(6.9)
    assert pace.rate == 0.5
    pace.hold(20.0)
    assert pace.wait(8.0) == pytest.approx(12)
    assert pace.wait(20.0) == 0


def test_one_burst_is_one_refusal():
    """What had started before the rate fell says nothing of the new one."""
    pace = Pace()
    for _ in range(20):
        assert pace.wait(0.0) == 0
    for _ in range(10):
        pace.refused(0.0, 0.1)
    assert pace.rate == pytest.approx(10)
    [wait] = {pace.wait(0.1)}
    assert wait == pytest.approx(0.1)


def test_a_server_that_refuses_everything_is_asked_less_and_less():
    pace, now, starts = Pace(), 0.0, []
    while len(starts) < 9:
        now += pace.wait(now)
        if pace.wait(now) == 0:
            starts.append(now)
            pace.refused(now, now)
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert gaps == sorted(gaps)
    assert gaps[0] <= 2
    assert 30 <= gaps[-1] <= 61
