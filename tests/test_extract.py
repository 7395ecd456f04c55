"""Where answers stand in texts as models really write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.errors import UnknownNameError
from mathreason_eval.extract import EXTRACTORS, extract
from mathreason_eval.thinking import split_thinking

ALL = ("boxed", "tag", "hashes", "phrase", "last_number")

# fmt: off
FOUND = [
    # text, answer, rule                                                    what is shown
    (r"so \boxed{42}.",                           "42",           "boxed"),         # plain
    (r"\boxed{\frac{1}{\sqrt{2}}}",               r"\frac{1}{\sqrt{2}}", "boxed"),  # nested braces
    (r"\boxed{\{1, 2\}}",                         r"\{1, 2\}",    "boxed"),         # escaped braces
    (r"\boxed{ 7 }",                              "7",            "boxed"),         # inner spaces
    (r"\boxed{}",                                 "",             "boxed"),         # an empty box
    (r"\boxed 5$ is it",                          "5",            "boxed"),         # no braces
    (r"\fbox{9}",                                 "9",            "boxed"),         # another box
    (r"\boxed{\boxed{3}}",                        "3",            "boxed"),         # a box in a box
    (r"\boxed{3}. Wait, no: \boxed{5}",           "5",            "boxed"),         # taken back
    (r"$\boxed{3}$ and $\boxed{5}$",              "3, 5",         "boxed"),         # a list
    (r"\boxed{6}, \boxed{6}",                     "6",            "boxed"),         # said twice
    (r"\boxed{3} and then \boxed{5",              "5",            "unclosed_box"),  # cut in the box
    ("<answer>42</answer>",                       "42",           "tag"),           # a tag
    ("<answer>\n\\boxed{4}\n</answer>",           "4",            "boxed"),         # both
    ("<ANSWER> 4 ",                               "4",            "unclosed_tag"),
    ("first #### 3\n#### 1,000\nbye",             "1,000",        "hashes"),        # the last line
    ("The answer is 18.",                         "18",           "phrase"),
    ("The answer is 3.5. Good.",                  "3.5",          "phrase"),        # decimal point
    ("the final answer is $\\frac12$, as shown",  r"\frac12",     "phrase"),        # a formula
    ("So the answer is $3$ and $5$.",             "$3$ and $5$",  "phrase"),        # two formulas
    ("**Answer:** 5 apples",                      "5 apples",     "phrase"),        # bold
    ("Final answer:\n\n$$x=5$$",                  "x=5",          "phrase"),        # next line
    ("steps\nA: 26",                              "26",           "phrase"),        # a letter
    ("ANSWER: -7",                                "-7",           "phrase"),
    ("所以答案是42。",                               "42",           "phrase"),        # Chinese
    ("Die Antwort lautet: 7",                     "7",            "phrase"),        # German
    ("La respuesta es 7.",                        "7",            "phrase"),        # Spanish
    ("उत्तर: 12",                                   "12",           "phrase"),        # Hindi
    ("He pays $1,200.50.",                        "$1,200.50",    "last_number"),
    ("16 - 3 = 13 eggs",                          "13",           "last_number"),   # minus between
    ("10-3 of them",                              "3",            "last_number"),   # no sign
    ("It is -5 degrees",                          "-5",           "last_number"),   # a sign
    ("that is 5/8 of it",                         "5/8",          "last_number"),
    ("about 12.5% more",                          "12.5%",        "last_number"),
    ("Answer: 5\n\nQuestion: 2+2?\nAnswer: 4",    "5",            "phrase"),        # goes on
    ("\nQuestion: 2+2?\nAnswer: 4",               "4",            "phrase"),        # restates
]
NOT_FOUND = ["", "I do not know.", r"\boxedanswer", "the answer is", "####", "<answer></answer>"]
# fmt: on


@pytest.mark.parametrize(("text", "answer", "rule"), FOUND)
def test_the_answer_is_found_where_it_stands(text, answer, rule):
    found = extract(text, ALL)
    assert found is not None
    assert (found.text, found.rule) == (answer, rule)
    start, end = found.span
    assert 0 <= start <= end <= len(text)
    assert found.text == text[start:end] or ", " in found.text


@pytest.mark.parametrize("text", NOT_FOUND)
def test_where_there_is_none_none_is_found(text):
    assert extract(text, ALL) is None


# fmt: off
CHOICES = [
    ("The answer is (C) because", "C"), ("Answer: B", "B"), ("I think D", "D"), ("A dog. B", "B"),
]
# fmt: on


@pytest.mark.parametrize(("text", "letter"), CHOICES)
def test_a_choice_is_a_letter(text, letter):
    assert extract(text, ("choice",)).text == letter


def test_the_order_of_rules_decides():
    text = "#### 3 but \\boxed{4}"
    assert extract(text, ("hashes", "boxed")).text.startswith("3")
    assert extract(text, ("boxed", "hashes")).text == "4"


def test_a_slip_in_a_rule_names_the_nearest():
    with pytest.raises(UnknownNameError) as caught:
        extract("7", ("boxd",))
    assert "boxed" in caught.value.hint


@given(
    st.text(alphabet=r"\boxed{}$1 <answr>/#.:A-,\n", max_size=200), st.sampled_from([*EXTRACTORS])
)
def test_any_text_gives_a_span_within_it(text, rule):
    found = extract(text, (rule,))
    if found is not None:
        assert 0 <= found.span[0] <= found.span[1] <= len(text)


BOMBS = [
    "\\boxed{", "{", "}", "answer is ", "1", "1,", "$", "A: ", "\n", "\nQuestion:", " ", "- ", "**",
    "<answer>", "\\(", "answer is $", "#", "答案", "\\boxed{1} and ", "the ", "\0", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("unit", BOMBS)
@pytest.mark.timeout(20)
def test_a_megabyte_of_anything_ends(unit):
    """No time is asserted: what is not linear would take hours."""
    extract(unit * (1_000_000 // len(unit)), ALL)


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
