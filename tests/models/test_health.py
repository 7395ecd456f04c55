"""The breaker stops a dead server soon, and no single request stops a run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.models.health import CONSECUTIVE, WINDOW, CircuitBreaker, State


def after(outcomes, probes=()):
    """Return a breaker after outcomes (`+` answered, `-` failed) and its answers to probes."""
    breaker, left = CircuitBreaker(), list(probes)
    for outcome in outcomes:
        breaker.record(answered=outcome == "+")
        if breaker.state is State.OPEN and left:
            breaker.probed(answered=left.pop(0))
    return breaker


ROW = "-" * CONSECUTIVE
# fmt: off
STATES = [
    # outcomes, answers to probes, state
    ("",                              [],            State.CLOSED),
    ("+" * 100,                       [],            State.CLOSED),
    ("-" * (CONSECUTIVE - 1),         [],            State.CLOSED),
    (ROW,                             [],            State.OPEN),
    ("+" * 1000 + ROW,                [],            State.OPEN),
    (ROW,                             [False],       State.STOPPED),
    (ROW,                             [True],        State.CLOSED),
    (ROW * 2,                         [True],        State.STOPPED),   # a probe alone proves little
    (ROW + "+" + ROW,                 [True],        State.OPEN),
    (ROW + "+" + ROW,                 [True, True],  State.CLOSED),
    (("-" * (CONSECUTIVE - 1) + "+") * 20, [],       State.OPEN),      # by the share of the window
    ("-+" * 500,                      [],            State.CLOSED),
]
# fmt: on


@pytest.mark.parametrize(("outcomes", "probes", "state"), STATES)
def test_the_state_is_that_of_the_last_outcomes(outcomes, probes, state):
    assert after(outcomes, probes).state is state


@pytest.mark.parametrize(("outcomes", "state"), [("+-", State.OPEN), ("-+", State.CLOSED)])
def test_the_last_failure_of_all_is_suspect(outcomes, state):
    breaker = after(outcomes)
    breaker.suspect()
    assert breaker.state is state


@given(st.lists(st.booleans(), max_size=300))
def test_a_server_that_answers_half_is_never_stopped(outcomes):
    breaker = CircuitBreaker()
    for answered in outcomes:
        breaker.record(answered=answered)
        breaker.record(answered=True)
        assert breaker.state is State.CLOSED


@given(st.text("+-", max_size=200))
def test_a_dead_server_is_asked_few_more_requests(before):
    breaker, sent = after(before, [True] * 200), 0
    while breaker.state is not State.STOPPED and sent <= WINDOW:
        breaker.record(answered=False)
        sent += 1
        if breaker.state is State.OPEN:
            breaker.probed(answered=False)
    assert sent <= CONSECUTIVE
