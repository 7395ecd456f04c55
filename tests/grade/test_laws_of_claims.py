"""Laws of what is claimed: what follows a claim, what leads to it, and a second claim beside it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathreason_eval.grade.verify import verify

# fmt: off
CLAIMS = [
    r"The answer is \boxed{57}",
    r"So we get $\boxed{57}$",
    "The answer is 57",
    "Final answer: 57",
    "Altogether there are 57",
]
TAKEN_BACK = [
    "I withdraw that.",
    "Please disregard this answer.",
    "Sorry, that was incorrect.",
    "Hmm, this cannot be correct.",
    "However, my result is clearly wrong.",
    "That isn't right, though.",
    "I was mistaken.",
    "Actually, the true value is something else.",
    "This violates the second condition.",
    "Nope.",
    "Nein, das ist falsch.",
    "Das stimmt leider nicht.",
    "Mais c'est faux.",
    "Pero esto es incorrecto.",
    "Mas isso está errado.",
    "Ma è sbagliato.",
    "Dat klopt niet.",
    "Det stämmer inte.",
    "To jest błędne.",
    "Это ошибочный ответ.",
    "Це помилка.",
    "Ama bu yanlış.",
    "Tapi itu salah.",
    "Nhưng điều đó không đúng.",
    "这个答案是错的。",
    "これは間違いです。",
    "이것은 틀렸습니다.",
    "यह गलत है।",
    "هذا خطأ.",
    "Αυτό είναι λάθος.",
    "❌",
]
KEPT = [
    "This is not a square.",
    "The other values are wrong.",
    "That is wrong for 58.",
    "That is certainly right.",
    "No other number fits.",
    "It is not hard to see why.",
    "This is not possible for an odd n.",
    "Let me know if anything is unclear.",
    "Das ist richtig.",
    "其他选项都是错的。",
    "This contradicts nothing.",
    "✅",
]
BETWEEN = [" ", ". ", ".\n", ".\n\n", "! ", " – "]
# fmt: on


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CLAIMS), st.sampled_from(BETWEEN[1:]), st.sampled_from(TAKEN_BACK))
def test_what_is_taken_back_is_not_right(claim: str, between: str, words: str) -> None:
    assert verify(gold="57", output=claim).equal is True
    assert verify(gold="57", output=f"{claim}{between}{words}").equal is not True


@pytest.mark.parametrize("words", TAKEN_BACK)
def test_each_way_to_take_back_is_heard(words: str) -> None:
    assert verify(gold="57", output=rf"The answer is \boxed{{57}}. {words}").equal is not True


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CLAIMS[:4]), st.sampled_from(BETWEEN[1:4]), st.sampled_from(KEPT))
def test_what_speaks_of_something_else_takes_nothing_back(
    claim: str, between: str, words: str
) -> None:
    assert verify(gold="57", output=f"{claim}{between}{words}").equal is True


# fmt: off
DENIALS = [
    "Nobody would claim that the answer is {}.",
    "Under no condition is the answer {}.",
    "By no means is the answer {}.",
    "Hardly ever is the answer {}.",
    "It is an old myth that the answer is {}.",
    "It can't be true that the answer is {}.",
    "I disagree that the answer is {}.",
    "Just a beginner would say the answer is {}.",
    "A frequent error is {}.",
    "Many people wrongly believe the answer is {}.",
    "The answer was believed to be {}, but it is 60.",
    "The answer would be {} if the base were 8.",
    "Ich denke nicht, dass die Antwort {} ist.",
    "Je ne crois pas que la réponse soit {}.",
    "No pienso que la respuesta sea {}.",
    "Não acho que a resposta seja {}.",
    "Non credo che la risposta sia {}.",
    "Я не думаю, что ответ {}.",
    "我不认为答案是{}。",
    "Δεν νομίζω ότι η απάντηση είναι {}.",
    "The answer begins with {}.",
    "The answer contains {}.",
    "The answer goes to {}.",
    "My guesses are 55, 56 or {}.",
]
CLAIMING = [
    "The answer comes to {}.",
    "The answer turns out to be {}.",
    "Nobody can deny that the answer is {}.",
    "The answer is most likely {}.",
    "Die Antwort ist vermutlich {}.",
    "The answer is {}, without doubt.",
    "It is no mistake: the answer is {}.",
    "People count 50 and 7, so the answer is {}.",
]
# fmt: on


@pytest.mark.parametrize("denial", DENIALS)
def test_what_leads_to_a_value_may_deny_it(denial: str) -> None:
    assert verify(gold="57", output=denial.format(57)).equal is not True


@pytest.mark.parametrize("claim", CLAIMING)
def test_what_leads_to_a_value_may_claim_it(claim: str) -> None:
    assert verify(gold="57", output=claim.format(57)).equal is True


# fmt: off
LISTS = [
    ["The answer is {}. "],
    ["Answer: {}\n"],
    ["Final answer: {}\n"],
    ["#### {}\n"],
    ["\\boxed{{{}}}\n"],
    ["<answer>{}</answer>\n"],
    ["Case 1: \\boxed{{{}}}\n", "Case 2: \\boxed{{{}}}\n"],
    ["With the first method, \\boxed{{{}}}. ", "With the second method, \\boxed{{{}}}."],
    ["Die Antwort ist {}. "],
    ["答案是{}。"],
]
# fmt: on


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(LISTS), st.lists(st.integers(1, 99), min_size=2, max_size=4, unique=True))
def test_of_several_claims_none_is_right(forms: list[str], values: list[int]) -> None:
    text = "".join(
        forms[min(index, len(forms) - 1)].format(value) for index, value in enumerate(values)
    )
    for value in values:
        assert verify(gold=str(value), output=text).equal is not True, text


@given(st.sampled_from(LISTS), st.integers(1, 99))
@settings(max_examples=40, deadline=None)
def test_a_claim_that_is_repeated_is_right(forms: list[str], value: int) -> None:
    text = "".join(forms[min(index, len(forms) - 1)].format(value) for index in range(3))
    assert verify(gold=str(value), output=text).equal is True


# fmt: off
CORRECTED = [
    r"\boxed{56}. Let me check: 8 \cdot 7 + 1 = 57, so \boxed{57}",
    "The answer is 56. Wait, the answer is 57.",
    "Answer: 56\nFinal answer: 57",
    r"\boxed{56} and then \boxed{57}",
    r"\boxed{114/2}" + "\n" + r"\boxed{57}",
    r"$x = \boxed{56}$, therefore $y = \boxed{57}$",
    "The answer is ~~56~~ 57.",
]
# fmt: on


@pytest.mark.parametrize("text", CORRECTED)
def test_a_claim_that_follows_from_another_or_corrects_it_is_the_answer(text: str) -> None:
    assert verify(gold="57", output=text).equal is True
    assert verify(gold="56", output=text).equal is not True


# fmt: off
LANGUAGES = [
    # language      claimed                         denied
    ("Greek",       "Η απάντηση είναι {}.",         "Η απάντηση δεν είναι {}."),
    ("Croatian",    "Odgovor je {}.",               "Odgovor nije {}."),
    ("Bulgarian",   "Отговорът е {}.",              "Отговорът не е {}."),
    ("Serbian",     "Одговор је {}.",               "Одговор није {}."),
    ("Lithuanian",  "Atsakymas yra {}.",            "Atsakymas nėra {}."),
    ("Tamil",       "விடை {}.",                     "விடை {} அல்ல."),
    ("Urdu",        "جواب {} ہے۔",                  "جواب {} نہیں ہے۔"),
    ("Arabic",      "الجواب هو {}.",                "الجواب ليس {}."),
    ("German",      "Die Antwort ist nicht 41, sie ist {}.", "Die Antwort ist nicht {}."),
    ("Georgian",    None,                           "პასუხი არ არის {}."),
    ("Armenian",    None,                           "Պատասխանը {} չէ։"),
    ("Welsh",       None,                           "Yr ateb yw nid {}."),
    ("Basque",      None,                           "Erantzuna ez da {}."),
    ("Albanian",    None,                           "Përgjigja nuk është {}."),
    ("Amharic",     None,                           "መልሱ {} አይደለም።"),
    ("Hausa",       None,                           "Amsar ba {} bace."),
]
# fmt: on


@pytest.mark.parametrize(("language", "claimed", "denied"), LANGUAGES)
def test_a_denial_is_never_right_in_any_language(
    language: str, claimed: str | None, denied: str
) -> None:
    assert verify(gold="57", output=denied.format(57)).equal is not True, language
    if claimed is not None:
        assert verify(gold="57", output=claimed.format(57)).equal is True, language


# fmt: off
PARTS = [
    # text                              whole           a part
    ("The sum is 4+5+6.",               "15",           "6"),
    ("It is sqrt(5)",                   r"\sqrt{5}",    "5"),
    ("We obtain √7",                    r"\sqrt7",      "7"),
    ("So we get e^3",                   "e^3",          "3"),
    ("The result is (2+3)/4",           "5/4",          "4"),
    ("Answer: math.pi/8",               r"\pi/8",       "8"),
    ("Answer: np.sqrt(3)",              r"\sqrt3",      "3"),
    ("Answer: math.factorial(6)",       "720",          "6"),
    ("Answer: x if n else 42",          None,           "42"),
    ("The chance is 2 out of 9",        None,           "9"),
    ("The ratio is 3 to 8",             None,           "8"),
    ("It was on May 4, 2023",           None,           "2023"),
]
WHOLE = [
    ("16 - 7 = 9 eggs", "9"), ("Ways: 24", "24"), ("It is 5 cm", "5 cm"), ("It is -42", "-42"),
    ("I get - 42", "42"), ("x=42", "42"), ("so f(2) = 42", "42"), ("[42]", "42"),
    ("a 3/4 share", "3/4"),
]  # fmt: skip
# fmt: on


@pytest.mark.parametrize(("text", "whole", "part"), PARTS)
def test_a_part_of_an_expression_is_no_answer(text: str, whole: str | None, part: str) -> None:
    assert verify(gold=part, output=text).equal is not True
    if whole is not None:
        assert verify(gold=whole, output=text).equal is True


@pytest.mark.parametrize(("text", "value"), WHOLE)
def test_a_value_that_is_no_part_is_the_answer(text: str, value: str) -> None:
    assert verify(gold=value, output=text).equal is True


# fmt: off
OPTIONS = [
    # text                                              claimed
    ("I doubt that the answer is D. It is A.",          "A"),
    ("The incorrect option is D.",                      ""),
    ("Wrong: D",                                        ""),
    ("Anything but D.",                                 ""),
    ("Answer: D\nThat can't be right.",                 ""),
    (r"\boxed{D}. I take it back.",                     ""),
    ("Answer: D, or possibly A",                        ""),
    ("Answer: D. A. B.",                                ""),
    ("Die falsche Antwort ist D.",                      ""),
    ("Неверный ответ: D",                               ""),
    ("错误的答案是D",                                      ""),
    ("D would be right if n were odd; as n is even, A.", "A"),
    ("D is tempting, but A is right.",                  "A"),
    ("A: false\nB: false\nD: true",                     "D"),
    ("All but D are wrong.",                            "D"),
    ("Not A, not B; D.",                                "D"),
    ("D\n\nA is wrong because the sum is odd. B and C mix up the signs.", "D"),
    ("vitamin D",                                       ""),
    ("The answer is D. That is not surprising.",        "D"),
    ("The wrong answer is A; the answer is D.",         "D"),
]
# fmt: on


@pytest.mark.parametrize(("text", "claimed"), OPTIONS)
def test_an_option_is_claimed_by_the_whole_text(text: str, claimed: str) -> None:
    assert {letter for letter in "ABD" if verify(gold=letter, output=text).equal} == set(claimed)
