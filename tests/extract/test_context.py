"""A candidate is not a claim: what the words and the formula around a value make of it."""

from __future__ import annotations

import pytest
from work import calls

from mathreason_eval.extract import extract
from mathreason_eval.grade.graders import MATH_RULES
from mathreason_eval.grade.verify import verify
from mathreason_eval.types import Outcome

# fmt: off
CLAIMED = [
    r"The answer is $\boxed{17}$.",
    r"$x = \boxed{17}$",
    r"$8 + 9 = \boxed{17}$",
    r"Therefore $\boxed{17} = 8 + 9$.",
    r"- $\boxed{17}$",
    r"$\boxed{17}\text{ cm}$",
    "The answer is not 16 but 17.",
    "It is not hard to see that the answer is 17.",
    "There is no doubt that the answer is 17.",
    "THERE IS NO DOUBT THAT THE ANSWER IS 17.",
    "We do not need the other case. The answer is 17.",
    r"17 is not even, so the answer is $\boxed{17}$, which is not a square.",
    "The answer is 17 (i.e., seventeen).",
    "The answer is 17 ✅",
    '<b>Answer:</b> <span style="color:red">17</span>',
    "정답은 17입니다.",
    "The answer is 16. Wait, actually 17.",
    "The answer is 17. No 18 is in the list.",
    "The answer is 17, which is too large to be a digit.",
    "At first I thought the answer is 16, but after a check the answer is 17.",
    "Nobody would doubt that the answer is 17.",
    "I cannot deny that the answer is 17.",
    "Die gesuchte Zahl ist 17, nicht 18.",
    "答えは16ではなく17です。",
    "정답은 16이 아니라 17이다.",
    "Cevap 16 değil, 17.",
    r"$\textcolor{red}{\boxed{17}}$",
    "Правильный ответ: 17, а не 18.",
    "The answer is 16. Hmm, no, 17.",
    "There is no way around it: the answer is 17.",
    r"$\log_2 131072 = \boxed{17}$",
    "La respuesta no depende de $n$. La respuesta es 17.",
    "One way gives 17 and the other way gives 17.",
    "The answer is 17 (17 if you count both ends, too).",
    "We get x = 16, which is not the value we want. So the answer is 17.",
    "The answer is 17; 16 is the value at 2, which is not the value we want.",
    r"$\boxed{17} > 16$",
    r"By the inequality of means, $x + y \ge \boxed{17}$.",
    "Answer: 17. Or is it? Yes: $8 + 9 = 17$.",
    '{"answer": "17", "note": null}',
    "Vastaus ei ole 16 vaan 17.",
    "One student gave 16, but the answer is 17.",
]
NOT_CLAIMED = [
    # denied
    "The answer is not 17.",
    "The answer cannot be 17.",
    "THE ANSWER IS NOT 17.",
    r"The answer is NOT $\boxed{17}$.",
    "The answer would never be 17.",
    "The answer is no longer 17.",
    "The answer is far from 17.",
    "The answer is anything but 17.",
    r"Clearly $x \ne \boxed{17}$.",
    r"$\boxed{17}$ is incorrect.",
    "The answer is 17 (this is wrong).",
    "The final answer is 17, which is wrong.",
    "There is no way the answer is 17.",
    "I was wrong to think the answer was 17.",
    "The answer is 17 – just kidding, it is 18.",
    "Il risultato non è affatto 17.",
    "A resposta nunca seria 17.",
    "Ответ 17 неверный.",
    "답이 17일 리가 없다.",
    "答案不可能是17。",
    "The answer is 17, which is not a valid solution.",
    "It would be a mistake to answer 17.",
    "Il serait faux de dire que la réponse est 17.",
    "La réponse est 17, ce qui est faux.",
    "La risposta non può essere 17.",
    "La réponse ne peut pas être 17.",
    "O resultado não pode ser 17.",
    r"$\boxed{17}$, was falsch ist.",
    "Somebody says that the answer is 17. That is wrong.",
    "La respuesta no es 17.",
    "Vastaus ei ole 17.",
    "Svaret är inte 17.",
    "The answer is 17, but that is wrong.",
    "Die Antwort ist nicht 17.",
    "Ответ: не 17",
    "คำตอบไม่ใช่ 17",
    "정답은 17가 아닙니다.",
    # part of a formula
    r"$3\cdot\boxed{17}$",
    r"$\boxed{17}+1$",
    r"$-\boxed{17}$",
    r"$\sqrt{\boxed{17}}$",
    r"$\boxed{17}^2$",
    r"$\frac{1}{\boxed{17}}$",
    r"$\log_{2} \boxed{17}$",
    r"$\sin(\boxed{17})$",
    r"$\frac{\sqrt{2}}{\boxed{17}}$",
    # one of several, taken back, assumed
    "The answer is 17 (or 18).",
    "The answer is 17 (18 is also possible).",
    "The answer is 17. The answer could also be 18.",
    "The answer is 17. Or maybe 18.",
    "The answer is 17. Perhaps 18.",
    "Die Antwort ist 17, oder vielleicht 18.",
    "The answer is 17. Actually, 18.",
    "The answer is 17. Wait, no, it is 18.",
    r"$\boxed{17}$. Wait, I made a mistake, the correct value is 18.",
    "If $n$ were odd, the answer would be 17. But $n$ is even.",
    r"SUPPOSE THAT THE ANSWER IS $\boxed{17}$.",
    "I get 16 one way and 17 another.",
    "One method gives 16, the other 17.",
    "My first guess is 16; my second guess is 17.",
    "Answer: 17. Or is it 71? Hard to say.",
    "The answer is 17 (18 if you count the empty set).",
    "The answer is 17, but 18 if the ends count.",
    "Some students answer 17, but that is mistaken.",
    "答案可能是16或者17。",
    "Es sind 16 oder 17.",
    # only a bound
    r"$n > \boxed{17}$",
    r"$n < \boxed{17}$",
    r"\boxed{17}. But this is only an upper bound.",
    r"\boxed{17}, but I don't know the exact value.",
    # nothing is answered
    '{"answer": null, "guess": "17"}',
    "<scratchpad>\\boxed{17}</scratchpad>\nI could not finish.",
    "<reflection>\\boxed{17}</reflection>\nI could not finish.",
    # numbers that count something else
    "The answer is given by equation (17).",
    "The answer is given by EQUATION  (17).",
    "16. Take the square.\n17. Take the root.",
    "The answer lies in 1 to 17.",
    "There are 17 apples. How many are red?",
]
# fmt: on


@pytest.mark.parametrize("output", CLAIMED)
def test_what_is_claimed_is_right(output: str) -> None:
    assert verify("17", output=output).outcome is Outcome.CORRECT


@pytest.mark.parametrize("output", NOT_CLAIMED)
def test_what_is_not_claimed_is_never_right(output: str) -> None:
    assert verify("17", output=output).outcome is not Outcome.CORRECT


def test_the_reason_is_in_the_verdict() -> None:
    match = verify("17", output=r"So $x \ne \boxed{17}$.")
    assert (match.outcome, match.rule, match.note) == (
        Outcome.WRONG, "not_claimed", "17 is denied",
    )  # fmt: skip


def test_a_doubtful_answer_gives_way_to_a_claim_but_not_to_a_weaker_candidate() -> None:
    found = extract(r"So $x \ne \boxed{17}$. The answer is 18.", MATH_RULES)
    assert found is not None
    assert (found.text, found.rule, found.doubt) == ("18", "phrase", "")
    found = extract(r"So $x \ne \boxed{17}$, as 18 shows.", MATH_RULES)
    assert found is not None
    assert (found.text, found.doubt) == ("17", "17 is denied")


@pytest.mark.parametrize("after", [" wait, no, " * 40, "no, it, " * 60, ", " * 200])
def test_what_takes_a_value_back_is_read_in_bounded_work(after: str) -> None:
    assert calls(lambda: extract(rf"\boxed{{17}}{after}", MATH_RULES)) < 5_000
