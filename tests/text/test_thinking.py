"""What a model thought is told from what it answers, however it marks the one and the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.text.thinking import split_thinking

# fmt: off
THOUGHTS = [
    # text, answer text, reasoning, finished
    ("plain",                              "plain",  None,    True),
    ("<think>a</think>b",                  "b",      "a",     True),
    ("a</think>\n\nb",                     "b",      "a",     True),    # opened by the template
    ("<think>a</think>b<think>c</think>d", "d",      "a</think>b<think>c", True),
    ("<think>a",                           "",       "a",     False),
    ("<think>a</think>b<think>c",          "",       "a</think>b<think>c", False),
    ("<|begin_of_thought|>a<|end_of_thought|>b", "b", "a",    True),
    ("<reasoning>a</reasoning><answer>4</answer>", "<answer>4</answer>", "a", True),
    ("[THINK]a[/THINK]b",                  "b",      "a",     True),
    ("<think>a\\end{think}\nb",            "b",      "a",     True),    # a misspelt end
    ("<think>a</ think>b",                 "b",      "a",     True),
    ("<think>a<think>b",                   "",       "a<think>b", False),
    ("<|channel|>analysis<|message|>a<|channel|>final<|message|>b", "b", "a", True),
    ("",                                   "",       None,    True),
]
# fmt: on


@pytest.mark.parametrize(("text", "answer", "reasoning", "finished"), THOUGHTS)
def test_thoughts_are_told_from_answers(text, answer, reasoning, finished):
    thought = split_thinking(text)
    assert (thought.text, thought.reasoning, thought.finished) == (answer, reasoning, finished)


@pytest.mark.parametrize(("text", "finished"), [("7", True), ("", False), ("  ", False)])
def test_what_a_server_split_stays_split(text, finished):
    thought = split_thinking(text, "a")
    assert (thought.text, thought.reasoning, thought.finished) == (text, "a", finished)


@given(st.text(alphabet="<>/think[]K ab\\n|", max_size=80))
def test_the_answer_is_the_end_of_the_text(text):
    thought = split_thinking(text)
    assert text.endswith(thought.text)
    assert thought.finished or thought.text == ""


BOMBS = ["<think>", "</think>", "<think></think>", "\\end{think", "</", "[/", "<|channel|>"]


@pytest.mark.parametrize("unit", BOMBS)
@pytest.mark.timeout(20)
def test_a_megabyte_of_tags_ends(unit):
    """No time is asserted: what is not linear would take hours."""
    split_thinking("<think>" + unit * (1_000_000 // len(unit)))
