"""Where answers stand in texts as models really write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.errors import UnknownNameError
from mathreason_eval.extract import EXTRACTORS, extract

ALL = (
    "boxed", "tag", "hashes", "phrase", "program_output", "bare", "last_formula", "last_number",
)  # fmt: skip

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
    # denied, bounded, said instead
    ("There are $12$ ways, not $24$.",             "12",           "last_formula"),
    ("There are 12 ways, not 24.",                 "12",           "last_number"),
    ("x = 1 or x = 2",                             "x = 1 or x = 2", "bare"),
    ("So x = 1 or x = 2.",                         "x = 1 or x = 2", "last_number"),
    ("The answer is greater than 7.",              "greater than 7", "phrase"),
    ("The answer is between 7 and 8.",             "between 7 and 8", "phrase"),
    ("The answer is not 7, it is 8.",              "8",            "phrase"),
    ("The answer is 7 (because 3 + 4 = 7).",       "7",            "phrase"),
    ("Answer: 7 (seven)",                          "7",            "phrase"),
    ("Answer: 7 (mod 12)",                         "7 (mod 12)",   "phrase"),
    ("The answer is **42**!",                      "42",           "phrase"),
    ("The answer is 5!",                           "5!",           "phrase"),
    (r"\text{Final Answer: } 42",                  "42",           "phrase"),
    (r"\boxed{12} it is, not \boxed{}",            "12",           "boxed"),
    ("**Yes**",                                    "Yes",          "bare"),
    ("No, it is not possible.",                    "No",           "bare"),
    ("There is no solution.",                      "no solution",  "bare"),
    ("So the function is even.",                   "even",         "bare"),
    ("He pays $1,200.50.",                        "$1,200.50",    "last_number"),
    ("He pays ₦500.",                             "₦500",         "last_number"),   # any currency
    ("16 - 3 = 13 eggs",                          "13",           "last_number"),   # minus between
    ("10-3 of them",                              "10-3",         "last_number"),   # no sign
    ("It is -5 degrees",                          "-5",           "last_number"),   # a sign
    ("that is 5/8 of it",                         "5/8",          "last_number"),
    ("about 12.5% more",                          "12.5%",        "last_number"),
    # boxes of models
    (r"$x = \boxed{3}$ and $y = \boxed{5}$",       "3, 5",         "boxed"),         # named parts
    (r"\boxed{3} cats and \boxed{5} dogs",         "3, 5",         "boxed"),         # counted parts
    (r"\boxed{1}\boxed{2}",                        "1, 2",         "boxed"),         # side by side
    (r"\boxed{3} and then \boxed{5}",              "5",            "boxed"),         # one by one
    (r"\boxed{2+3} = \boxed{5}",                   "5",            "boxed"),         # calculated
    (r"\boxed{\sqrt2} \approx \boxed{1.41}",       r"\sqrt2",      "boxed"),         # rounded
    ("\\boxed{3}\n\nThat was wrong.\n\n\\boxed{4}", "4",           "boxed"),
    (r"\boxed{x = \boxed{5}}",                     r"x = \boxed{5}", "boxed"),       # outer box
    (r"Put it in \boxed{}. The answer is 7",       "7",            "phrase"),        # a mention
    (r"in \boxed{answer} form: 7",                 "7",            "last_number"),   # a placeholder
    ("so \boxed{7}",                              "7",            "boxed"),         # \b was eaten
    ("so boxed{7}",                               "7",            "boxed"),         # no backslash
    (r"\boxed 7 apples",                           "7",            "boxed"),         # prose
    (r"is \boxed{10}. Wait, \boxed{",              "",             "unclosed_box"),  # taken back
    (r"\boxed{42$",                                "42",           "unclosed_box"),
    # headings and continuations
    ("#### Step 4: add\nso 5 + 3 = 8",            "8",            "last_number"),   # a heading
    ("#### Yes, it does\nThe answer is 8",        "8",            "phrase"),
    ("#### Seth is 16 years old",                 "16 years old", "hashes"),        # a sentence
    ("It is 7.<|im_end|>\nIt is 8.",              "7",            "last_number"),   # another turn
    ("The answer is 7<|end_message|>",             "7",            "phrase"),
    ("The answer is 7<|END_TEXT|>",                "7",            "phrase"),
    ("The answer is 7<turn|>",                     "7",            "phrase"),
    ("so <|begin_of_box|>4<|end_of_box|> of 9",    "4",            "boxed"),         # GLM's box
    ("The answer is <|begin_of_box|>4<|end_of_box|>.", "4",        "boxed"),
    ("<answer><|begin_of_box|>4<|end_of_box|></answer>", "4",      "boxed"),
    (r"<|begin_of_box|>\boxed{4}<|end_of_box|>",   "4",            "boxed"),
    ("<|begin_of_box|>3<|end_of_box|> <|begin_of_box|>4<|end_of_box|>", "4", "boxed"),
    ("7 <|begin_of_box|>4",                        "4",            "last_number"),
    ("She has 3.\nQuestion: how many?\nAnswer: 7", "7",           "phrase"),        # said again
    ("3 eggs.\nQ: 1?\nA: 2\nQ: 3?\nA: 4",         "3",            "last_number"),   # invented
    # announcements
    ("The answer is 42 because 6 * 7 = 42.",      "42",           "phrase"),
    ("The answer is 5 ducks in total.",           "5 ducks",      "phrase"),
    ("The answer is 14 people showed up.",        "14 people",    "phrase"),
    ("Final Answer: The largest $n$ is 34.",      "34",           "phrase"),
    ("Answer: She has 15 apples left.",           "15",           "phrase"),
    ("Answer: Tuesday",                           "Tuesday",      "phrase"),
    ("The answer is no real solution.",           "no real solution", "phrase"),
    ("Answer: 2 + 3 + 4 = 5 + 4 = 9",             "9",            "phrase"),        # a chain
    ("The answer is x = 5.",                      "x = 5",        "phrase"),        # an equation
    (r"The answer is $\$10$.",                    r"\$10",        "phrase"),        # escaped
    ("It costs $5 and the answer is $6 now",      "$6 now",       "phrase"),        # prices
    ('{"reason": "…", "answer": "3/4"}',          "3/4",          "phrase"),        # JSON
    ('{"reason": "…", "answer": 18}',             "18",           "phrase"),
    ("The answer is 7. The answer stands there. The answer is in the field above.", "7", "phrase"),
    ("## Final Answer\n\nThe total is 9.",        "9",            "phrase"),
    ("Ответ: 42.",                                "42",           "phrase"),
    ("Réponse : 12,5",                            "12,5",         "phrase"),
    ("La réponse est 7.",                         "7",            "phrase"),
    ("A resposta é 7.",                           "7",            "phrase"),
    ("答え：12個",                                  "12個",          "phrase"),
    ("정답은 42입니다",                              "42입니다",       "phrase"),
    ("الجواب هو ٤٢",                              "٤٢",           "phrase"),
    ("คำตอบคือ ๔๒",                               "๔๒",           "phrase"),
    ("Đáp án: 42",                                "42",           "phrase"),
    ("The answer is not 41 but 42.",              "42",           "phrase"),
    ("The answer is not 41, I think.",            "not 41, I think", "phrase"),
    ("Answer: **42**",                            "42",           "phrase"),
    # what is not announced
    ("It is either 41 or 42.",                    "41 or 42",     "last_number"),   # a hedge
    ("The roots are 2 and 3.",                    "2 and 3",      "last_number"),
    ("She buys 2 and then 3 more.",               "3",            "last_number"),
    ("The train leaves at 12:30 pm.",             "12:30 pm",     "last_number"),
    ("First we compute.\nx = 42",                 "x = 42",       "bare"),
    ("Tuesday",                                   "Tuesday",      "bare"),
    (r"Therefore $x > 5$ holds.",                 "x > 5",        "last_formula"),
    (r"So $x = 3$ and $y = 4$.",                  "x = 3, y = 4", "last_formula"),  # a pair
    (r"So $5x = 30$ and $x = 6$.",                "x = 6",        "last_formula"),  # a deduction
    (r"Hence $a = b + 1 = 7$.",                   "7",            "last_formula"),  # a chain
    (r"He pays $5 for \(n\) and $6 for more.",    "$6",           "last_number"),   # prices
    ("```output\n18.0\n```\nEighteen of 20 eggs.", "18.0",        "program_output"),
    ("共有42个",                                    "42",           "last_number"),
    ("1.234.567,89 Euro",                         "1.234.567,89", "last_number"),
    ("It is 12,34,567 rupees",                    "12,34,567",    "last_number"),
    ("Answer: 5\n\nQuestion: 2+2?\nAnswer: 4",    "5",            "phrase"),        # goes on
    ("\nQuestion: 2+2?\nAnswer: 4",               "4",            "phrase"),        # restates
]
NOT_FOUND = [
    "", "I do not know.", r"\boxedanswer text", "the answer is", "####", "<answer></answer>",
    "The total is 3 + 4 +",                     # breaks off
    "we get 7 = |x - 15| + |x",
    "```python\nx = 5\n```",                    # a program that was not run
    "open('f', 'w').write('x') or 0",
    "It is definitely not 7.", "I think 42 is wrong", "Clearly x ≠ 42",
    "The function is not even.",
]
# fmt: on


def test_the_answer_is_found_where_it_stands():
    all_found = [(row, extract(row[0], ALL)) for row in FOUND]
    wrong = [
        (row, found)
        for row, found in all_found
        if found is None or (found.text, found.rule) != row[1:]
    ]
    assert wrong == []
    for (text, _, _), found in all_found:
        start, end = found.span
        assert 0 <= start <= end <= len(text)
        assert found.text == text[start:end] or ", " in found.text


@pytest.mark.parametrize("text", NOT_FOUND)
def test_where_there_is_none_none_is_found(text):
    assert extract(text, ALL) is None


# fmt: off
CHOICES = [
    ("The answer is (C) because", "C"), ("Answer: B", "B"), ("I think D", "D"), ("A dog. B", "B"),
    ("The correct option is (B).", "B"), ("I choose D because A is wrong.", "D"), ("故选B。", "B"),
    ("B) 15", "B"), ("C", "C"), ("(c)", "C"), ("**D**", "D"), ("Réponse: C et non A", "C"),
    ("A: wrong. B: wrong. The answer: C, it cannot be A", "C"), ("الجواب هو ب", "ب"),
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
def test_a_megabyte_of_anything_ends(unit):
    """No time is asserted: what is not linear would take hours."""
    extract(unit * (1_000_000 // len(unit)), ALL)


LABELS = ["case 1 ", "if ", "(1) ", "first ", "for x and ", "method a: ", "with in by "]


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("end", ["zz", "", "41"])
def test_labels_between_two_claims_end(label, end):
    """A hundred characters could be divided into labels in 2^14 ways."""
    for claim in ("Answer: {}", "\\boxed{{{}}}", "#### {}"):
        extract(f"{claim.format(40)} {(label * 100)[:92]}{end} {claim.format(42)}", ALL)


@pytest.mark.parametrize("unit", BOMBS)
def test_a_megabyte_of_anything_around_an_answer_ends(unit):
    many = unit * (200_000 // len(unit))
    for answer in (
        "The answer is{}5{}",
        "The answer is{} \\boxed{{5}}{}",
        "{}\n\n**5**{}",
        "The answer is 5{}x{}",
    ):
        extract(answer.format(many, many), ALL)
