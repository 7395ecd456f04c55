"""A loop is what is there word for word at the end, several times; a list is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.text.repetition import ends_in_repetition

SENTENCE = "Wait, let me check the sum of the three numbers again. "
# fmt: off
LOOPS = [
    SENTENCE * 8,
    "First, 2 + 2 = 4. " + SENTENCE * 4,
    "First. " + SENTENCE * 6 + SENTENCE[:17],
    "So " + "0" * 400,
    "ab" * 150,
    (SENTENCE + "So " + SENTENCE) * 4,                          # its end is in it twice
    "x" * 30_000 + SENTENCE * 500,
    ("Long. " + "word " * 300 + "end. ") * 4,
]
OTHERS = [
    "",
    SENTENCE,
    SENTENCE * 2,                                              # once more may be a check
    "0" * 100,                                                 # a number
    SENTENCE * 8 + "No: it is 5, and that is the answer.",     # it ended
    "".join(f"Step {n}: {SENTENCE}" for n in range(40)),       # a list
    "".join(f"{n} + 1 = {n + 1}. " for n in range(400)),
    SENTENCE * 8 + "The answer is \\boxed{4}.",
    ("Long. " + "word " * 300 + "end. ") * 2,
]
# fmt: on


@pytest.mark.parametrize("text", LOOPS, ids=lambda text: text[:20])
def test_a_loop_is_known(text):
    assert ends_in_repetition(text)


@pytest.mark.parametrize("text", OTHERS, ids=lambda text: text[:20])
def test_what_is_no_loop_is_not(text):
    assert not ends_in_repetition(text)


@given(st.text(max_size=300), st.text(min_size=1, max_size=80), st.integers(0, 79))
def test_whatever_is_repeated_often_enough_is_a_loop(before, unit, cut):
    assert ends_in_repetition(before + unit * (3 + 400 // len(unit)) + unit[: cut % len(unit)])


@given(st.text(max_size=400))
def test_a_loop_has_its_end_before(text):
    """What is called a loop can be written as a text and three times another."""
    if ends_in_repetition(text):
        assert any(text.endswith(text[-n:] * 3) for n in range(1, len(text) // 3 + 1))
