"""What servers reply becomes an answer, or a failure that is asked again, and never a guess."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mathreason_eval.models.base import Completion, Failure, Request
from mathreason_eval.models.replies import (
    UnusableReplyError,
    from_chat,
    from_text,
    parse_body,
)
from mathreason_eval.models.tokens import TokenReader
from mathreason_eval.models.vllm import _result
from mathreason_eval.types import Prompt, Sampling

KEY = "anything"
REQUEST = Request(
    task="t", problem_id="p", sample=0, prompt=Prompt(text="2 + 2 ="), sampling=Sampling(), seed=0
)


def choice(content, finish="stop", **more):
    """A choice whose message holds a content and whatever else a server puts there."""
    return {"message": {"content": content, **more}, "finish_reason": finish}


def without(name, **more):
    """A choice that lacks a field altogether."""
    whole = choice("4", **more)
    (whole if name in whole else whole["message"]).pop(name)
    return whole


def part(kind, **more):
    return {"type": kind, **more}


def chat(*choices, **more):
    return from_chat(REQUEST, {"choices": list(choices), **more}, 0.5)


TEXT = part("text", text="4")
THINKING = part("thinking", thinking=[part("text", text="two "), part("text", text="twos")])
CALL = [{"function": {"name": "calculate"}}]
# fmt: off
ANSWERS = [
    # what the server says; text, reasoning, finish reason
    (choice("4"),                                             ("4", None, "stop")),
    (choice(""),                                              ("", None, "stop")),
    (choice("\ud800\0\u2028"),                                ("\ud800\0\u2028", None, "stop")),
    (choice([TEXT, part("text", text="2")]),                  ("42", None, "stop")),
    (choice([part("output_text", text="4")]),                 ("4", None, "stop")),
    (choice([part("text", text="")]),                         ("", None, "stop")),
    (choice([THINKING, TEXT]),                                ("4", "two twos", "stop")),
    (choice([part("thinking", thinking="hm"), TEXT]),         ("4", "hm", "stop")),
    (choice([part("reasoning", text="hm"), TEXT]),            ("4", "hm", "stop")),
    (choice([THINKING], "length"),                            ("", "two twos", "length")),
    (choice("4", reasoning_content="hm"),                     ("4", "hm", "stop")),
    (choice("4", reasoning="hm", reasoning_content=None),     ("4", "hm", "stop")),
    (choice("4", reasoning_details=[part("reasoning.text", text="hm")]), ("4", "hm", "stop")),
    (choice("4", reasoning=""),                               ("4", None, "stop")),
    (choice(None, reasoning="hm"),                            ("", "hm", "stop")),
    (choice(None, "length", reasoning_content="hm"),          ("", "hm", "length")),
    (without("content", reasoning="hm"),                      ("", "hm", "stop")),
    (choice("4", tool_calls=[]),                              ("4", None, "stop")),
    *((choice("4", said), ("4", None, "stop"))
      for said in ("eos", "eos_token", "stop_sequence", "end_turn", "STOP", "COMPLETE")),
    *((choice("4", said), ("4", None, "length"))
      for said in ("max_tokens", "max_length", "MAX_TOKENS", "model_length", "token_limit",
                   "Max_Output_Tokens", "model_context_window_exceeded")),
]
REFUSALS = [
    # what the server says; text, reasoning, finish reason
    (choice(None, refusal="I cannot."),                       ("I cannot.", None, "stop")),
    (choice("No.", refusal="I cannot."),                      ("No.", None, "stop")),
    (choice(None, refusal="No.", reasoning="hm"),             ("No.", "hm", "stop")),
    (choice([part("refusal", refusal="I cannot.")]),          ("I cannot.", None, "stop")),
    (choice([TEXT, part("refusal", refusal="!")]),            ("4!", None, "stop")),
    (choice("It is", "content_filter"),                       ("It is", None, "content_filter")),
    (choice(None, "content_filter"),                          ("", None, "content_filter")),
    (without("content", finish="content_filter"),             ("", None, "content_filter")),
    *((choice("It is", said), ("It is", None, "content_filter"))
      for said in ("refusal", "SAFETY", "BLOCKLIST", "content_filtered", "RECITATION")),
]
FAILURES = [
    # what the server says; the reason
    (choice(None),                                            "has no text"),
    (without("content"),                                      "has no text"),
    (choice([]),                                              "has no text"),
    (choice(None, "length"),                                  "has no text"),
    (choice(None, reasoning=7),                               "has no text"),
    (choice(4),                                               "content of the server's message is"),
    (choice({"text": "4"}),                                   "content of the server's message is"),
    (choice([TEXT, part("image_url", image_url={})]),         "not text: 'image_url'"),
    (choice([part(["text"], text="4")]),                      "not text: ['text']"),
    (choice([part("text", text=None)]),                       "not text: 'text'"),
    (choice(["4"]),                                           "not text: None"),
    (choice(None, "tool_calls", tool_calls=CALL),             "asked for a tool"),
    (choice("\n\n", tool_calls=CALL),                         "asked for a tool"),
    (choice(None, function_call=CALL[0], reasoning="hm"),     "asked for a tool"),
    (choice(None, "function_call"),                           "asked for a tool"),
    (choice("4", tool_calls=CALL),                            "asked for a tool"),
    *((choice("4", said),                                     "asked for a tool")
      for said in ("tool_calls", "TOOL_CALL", "tool_use", "function_call")),
    (choice("4", None),                                       "does not say why its text ends"),
    (without("finish_reason"),                                "does not say why its text ends"),
    *((choice("4", said),                                     f"ended its text with {said!r}")
      for said in ("error", "abort", "insufficient_system_resource", "OTHER", "", {"a": "stop"})),
    (choice("4", f"bad {KEY}"),                               f"ended its text with 'bad {KEY}'"),
    ({**choice("4"), "error": {"message": f"{KEY} is over"}}, f"an error: {KEY} is over"),
    (without("message"),                                      "has no message"),
    ({**choice("4"), "index": 1},                             "has no choice"),
    (None,                                                    "has no choice"),
]
# fmt: on


@pytest.mark.parametrize(("said", "want"), ANSWERS)
def test_an_answer_is_kept_as_it_was_given(said, want):
    found = chat(said)
    assert isinstance(found, Completion)
    assert (found.text, found.reasoning, found.finish_reason) == want
    assert not found.refused


@pytest.mark.parametrize(("said", "want"), REFUSALS)
def test_a_refusal_is_marked_and_keeps_its_text(said, want):
    found = chat(said)
    assert isinstance(found, Completion)
    assert (found.text, found.reasoning, found.finish_reason) == want
    assert found.refused


@pytest.mark.parametrize(("said", "reason"), FAILURES)
def test_what_is_no_answer_fails_with_its_reason(said, reason):
    found = chat(said)
    assert isinstance(found, Failure)
    assert reason in found.reason


# fmt: off
REPLIES = [
    # a reply as a whole; the reason
    (None,                                                         "has no choice"),
    ([choice("4")],                                                "has no choice"),
    ("<html>",                                                     "has no choice"),
    ({},                                                           "has no choice"),
    ({"choices": None},                                            "has no choice"),
    ({"choices": []},                                              "has no choice"),
    ({"error": {"message": f"no credit for {KEY}", "code": 402}}, f"an error: no credit for {KEY}"),
    ({"error": "overloaded", "choices": [choice("4")]},            "an error: overloaded"),
    ({"object": "error", "message": "overloaded"},                 "an error: overloaded"),
    ({"object": "error", "message": "full", "error": None},        "an error: full"),
]
# fmt: on


@pytest.mark.parametrize("read", [from_chat, from_text])
@pytest.mark.parametrize(("reply", "reason"), REPLIES)
def test_a_reply_without_a_choice_fails_with_its_reason(read, reply, reason):
    found = read(REQUEST, reply, 0.5)
    assert isinstance(found, Failure)
    assert reason in found.reason


def test_an_error_that_is_none_is_no_error():
    assert chat(choice("4"), error=None).text == "4"


def numbered(*indices):
    return [{**choice(f"choice {index}"), "index": index} for index in indices]


# fmt: off
ORDERS = [
    (numbered(0, 1),              "choice 0"),
    (numbered(1, 0),              "choice 0"),
    (numbered(*(False, 0)),       "choice 0"),     # False equals 0, and is no index
    ([choice("a"), choice("b")],  "a"),
    (numbered(None, None),        "choice None"),
]
# fmt: on


@pytest.mark.parametrize(("choices", "text"), ORDERS)
def test_the_choice_with_index_0_counts_wherever_it_stands(choices, text):
    assert chat(*choices).text == text


@pytest.mark.parametrize(
    ("counts", "want"),
    [(usage, None) for usage in (None, [], "9", 9)]
    + [({"completion_tokens": count}, None) for count in (None, "9", True, -1, 9.5, 10**30)]
    + [({"completion_tokens": count}, count) for count in (0, 9)],
)
def test_a_count_that_can_be_none_is_unknown(counts, want):
    found = chat(choice("4"), usage=counts)
    assert found.prompt_tokens is None
    assert found.completion_tokens == want


# fmt: off
BODIES = [
    (b"",                                       "is empty"),
    (b" \r\n",                                  "is empty"),
    (b"<html>502</html>",                       "is not JSON"),
    (b"\xff\xfe\xff",                           "is not JSON"),
    (b'{"choices": [',                          "is not JSON"),
    (b"[" * 100_000,                            "is not JSON"),
    (b"1" * 5_000,                              "is not JSON"),
    (b'data: {"choices": []}\n\n',              "event stream"),
    (b": keep-alive\n\ndata: [DONE]",           "event stream"),
]
# fmt: on


@pytest.mark.parametrize(("body", "reason"), BODIES)
def test_a_body_that_is_no_json_is_unusable(body, reason):
    with pytest.raises(UnusableReplyError, match=reason):
        parse_body(body)


def test_a_body_of_too_many_values_is_not_parsed():
    with pytest.raises(UnusableReplyError, match="more than 200 MiB of memory"):
        parse_body(b'{"choices": [' + b"{}," * 2_000_001)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32-be"])
def test_a_body_is_utf_8_or_none(encoding):
    with pytest.raises(UnusableReplyError, match="is not JSON"):
        parse_body('{"choices": []}'.encode(encoding))


def test_half_a_character_in_a_body_is_kept():
    assert parse_body(b'["\\ud800", "\xed\xa0\x80"]') == ["\ud800", "\ud800"]


# fmt: off
TEXTS = [
    # a choice of /completions; text and finish reason, or the failure's reason
    ({"text": "4", "finish_reason": "stop"},                 ("4", "stop")),
    ({"text": "", "finish_reason": "eos_token"},             ("", "stop")),
    ({"text": "4", "finish_reason": " STOP\n"},              ("4", "stop")),
    ({"text": "4", "finish_reason": "Length "},              ("4", "length")),
    ({"text": "4", "finish_reason": " Tool_Calls"},          "asked for a tool"),
    ({"text": "4", "finish_reason": " "},                    "ended its text with ' '"),
    ({"text": None, "finish_reason": "content_filter"},      ("", "content_filter")),
    ({"text": None, "finish_reason": "stop"},                "has no text"),
    ({"finish_reason": "stop"},                              "has no text"),
    ({"text": 4, "finish_reason": "stop"},                   "has no text"),
    ({"text": "4"},                                          "does not say why"),
    ({"text": "4", "finish_reason": "abort"},                "ended its text with 'abort'"),
]
# fmt: on


@pytest.mark.parametrize(("said", "want"), TEXTS)
def test_bare_text_is_read_alike(said, want):
    found = from_text(REQUEST, {"choices": [said]}, 0.5)
    if isinstance(want, str):
        assert want in found.reason
    else:
        assert (found.text, found.finish_reason) == want


@pytest.mark.parametrize(
    ("said", "kind"),
    [("stop", Completion), ("length", Completion), ("abort", Failure), (None, Failure)],
)
def test_what_vllm_breaks_off_is_no_answer(said, kind):
    ended = SimpleNamespace(text="4", finish_reason=said, token_ids=[4])
    output = SimpleNamespace(outputs=[ended], prompt_token_ids=[2])
    tokenizer = SimpleNamespace(all_special_ids=[], convert_ids_to_tokens=list)
    assert type(_result(output, REQUEST, 0.0, TokenReader(tokenizer, ""), None)) is kind


@pytest.mark.parametrize(
    ("details", "want"),
    [({"reasoning_tokens": count}, count) for count in (0, 7)]
    + [({"reasoning_tokens": count}, None) for count in (None, "7", True, -1, 10)]
    + [(details, None) for details in (None, {}, [], "7")],
)
def test_thought_tokens_that_make_no_sense_are_unknown(details, want):
    counts = {"completion_tokens": 9, "completion_tokens_details": details}
    assert chat(choice("4"), usage=counts).reasoning_tokens == want
