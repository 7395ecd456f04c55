"""Answers that come in pieces are those that come whole; a server that stops is noticed in time."""

from __future__ import annotations

import asyncio
from threading import Thread

import pytest
from fault_server import ANSWERS, KEY, KINDS, STREAMS, FaultServer, body_of, event, right_text

from mathreason_eval.models import open_model
from mathreason_eval.models.base import Completion, Request
from mathreason_eval.models.streams import joined
from mathreason_eval.types import Message, Prompt, Sampling

IDLE, LONG = "0.5", "20"
"""Seconds: for a server that stops, and for one that goes on."""


@pytest.fixture(scope="module")
def server():
    made = FaultServer()
    Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def said(server, monkeypatch):
    """Return what comes of one request to a server that gives each reply of a kind."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def ask(kind, question="2 and 3", **options):
        model = open_model(f"openai:m@{server.url}", {"retries": "0", "grace": "0.1", **options})
        server.kinds = {question: kind}
        asked = Request(
            task="t", problem_id="p", sample=0, seed=0, sampling=Sampling(max_tokens=64),
            prompt=Prompt(messages=(Message(role="user", content=question),)),
        )  # fmt: skip
        try:
            (result,) = model.stream([asked])
        finally:
            model.close()
            server.heal()
        return result

    return ask


@pytest.mark.parametrize("kind", [name for name, one in STREAMS.items() if one[0] == ANSWERS])
def test_pieces_make_the_answer_that_comes_whole(said, kind):
    result = said(kind, idle_timeout=LONG)
    assert isinstance(result, Completion), result
    assert (result.text, result.finish_reason) == (right_text("2 and 3"), "stop")
    assert result.reasoning == ("so hm" if kind == "streamed thought" else None)
    assert result.completion_tokens == (9 if kind == "stream" else None)


# fmt: off
FAILURES = {
    # kind                 the failure's kind and what it says
    "stall":               ("timeout", "nothing came for 0.5 s after a piece"),
    "stall with comments": ("timeout", "nothing came for 0.5 s after a piece"),
    "cut stream":          ("unusable reply", "ends in the middle"),
    "done too early":      ("unusable reply", "ends in the middle"),
    "error event":         ("unusable reply", "full"),
    "broken event":        ("unusable reply", "not JSON"),
    "an event of a text":  ("unusable reply", "is no object"),
    "no pieces":           ("unusable reply", "ends in the middle"),
    "empty stream":        ("unusable reply", "reply is empty"),
    "tool call stream":    ("unusable reply", "asked for a tool"),
}
# fmt: on


def test_every_kind_is_looked_at():
    assert {name for name, one in STREAMS.items() if one[0] != ANSWERS} == set(FAILURES)


@pytest.mark.parametrize("kind", FAILURES)
def test_pieces_that_make_no_answer_are_a_failure(said, kind):
    result = said(kind, idle_timeout=IDLE)
    assert not isinstance(result, Completion), result
    what, reason = FAILURES[kind]
    assert result.kind == what
    assert reason in result.reason


def test_the_total_time_counts_as_well(said):
    """Its first piece comes too late, and so would its last."""
    result = said("a long queue", idle_timeout=IDLE, timeout="0.2")
    assert (result.kind, result.reason) == ("timeout", "no answer within 0.2 s")


@pytest.mark.parametrize("kind", ["status 503", "429 quota", "context", "key in error", "null"])
def test_a_refusal_is_the_same_whether_streamed_or_not(said, kind):
    streamed, whole = said(kind, idle_timeout=IDLE), said(kind)
    assert kind in KINDS
    assert (streamed.kind, streamed.reason, streamed.status) == (
        whole.kind, whole.reason, whole.status,
    )  # fmt: skip
    assert KEY not in streamed.reason


def test_a_slow_answer_is_waited_for_as_long_as_it_comes():
    """It takes longer in all than may pass between two pieces."""

    async def slow():
        for number in range(8):
            await asyncio.sleep(0.03)
            yield event(delta={"content": f"{number} "})
        yield event(delta={}, finish_reason="stop")

    reply = asyncio.run(joined(slow(), 0.2))
    assert reply["choices"][0]["message"]["content"] == "0 1 2 3 4 5 6 7 "


def test_what_comes_whole_may_take_its_time():
    async def whole():
        await asyncio.sleep(0.1)
        for byte in str(body_of("4")).replace("'", '"').encode():
            yield bytes([byte])

    assert asyncio.run(joined(whole(), 0.01)) == body_of("4")
