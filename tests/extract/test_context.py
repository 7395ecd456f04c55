"""A candidate is not a claim: what the words and the formula around a value make of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from work import calls

from mathreason_eval.extract import context, extract
from mathreason_eval.grade.graders import MATH_RULES
from mathreason_eval.grade.verify import verify
from mathreason_eval.maths.vocabulary.negation import DENIES, NO_DENIAL
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
    "<p>The answer is <b>$17$</b></p>",
    '<p style="color:red">The answer is <span class="value">17</span></p>',
    "I would guess the answer is 17.",
    "The answer is roughly 17.",
    "The textbook says 18, but that's a misprint. The answer is 17.",
    "My calculator shows 18 but the correct answer is 17.",
    "The answer is 18. Hold on, I forgot the minus sign... the answer is 17.",
    "Is the answer 17? Yes.",
    "17 satisfies the equation, so the answer is 17.",
    "16 does not satisfy the equation, but 17 does. Answer: 17",
    "Hence the answer is 17, as required.",
    "The answer is 17, contrary to what one may expect.",
    "The answer is 17, which is twice 4.",
    "The answer is 17 (see above).",
    "The answer is 17 (not 18).",
    r"\boxed{18}\to\boxed{17}",
    r"The answer is \boxed{17}$^\circ$.",
    r"$|\boxed{17}|$",
    r"$x^2 = \boxed{17}$",
    r"$\boxed{17} \neq 18$",
    r"$\boxed{17 \text{ (approximately)}}$",
    r"$\boxed{\approx 17}$",
    r"$\boxed{17?}$",
    "因此，最终答案为 $17$。",
    "Por lo tanto, la respuesta final es 17.",
    "Also ist das Ergebnis 17.",
    "Donc le résultat vaut 17.",
    "Ответом является число 17.",
    "Итак, ответ — 17.",
    "したがって、答えは17である。",
    "따라서 답은 17이다.",
    "Sonuç 17'tür.",
    "Wynik to 17.",
    "Resultatet är 17.",
    "Il risultato finale è 17.",
    "Kết quả là 17.",
    "النتيجة هي 17.",
    "ผลลัพธ์คือ 17",
    "इसलिए उत्तर 17 है।",
    '{"result": 17}',
    '{"answer": "17", "confidence": 0.3}',
    '{"answer": ["17"]}',
    "```\n17\n```",
    "Final answer:\n\n$$\n17\n$$",
    r"**Final Answer**: $\boxed{17}$ ✔️",
    "<answer>I think 17</answer>",
    "<answer></answer>17",
    "Answer = 17",
    "Ans. 17",
    "ANSWER\n17",
    "The answer is 17.\n\nLet me know if you have any questions about problem 18!",
    "The answer is 17.\n\n---\nWord count: 57",
    "[17]",
    "$$17$$",
    "17 = 17",
    "A reasonable estimate is 17.",
    "Therefore, the answer is not 16, as one might expect, but 17.",
    "The answer is 17 and that's final.",
    "The answer is $17$, and we are done.",
    "The answer is $17$; $16$ was ruled out above.",
    "Having ruled out 16, we are left with 17. The answer is 17.",
    "The final answer, 17, is confirmed by direct computation.",
    "So $x=17$.",
    r"So $x\approx17$.",
    "Answer: 17.0",
    "Answer: [17]",
    "Answer: (17)",
    "Answer: {17}",
    "The two candidates are 17 and 40; only 17 satisfies the constraint.",
]
NOT_CLAIMED = [
    r"Candidate A: $\boxed{17}$",
    r"Candidate 2 is $\boxed{17}$",
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
    # bounds, relations to the value, tries, what others say
    "Depending on the interpretation, the answer is 17 or 18.",
    "The answer is 17 in the first interpretation and 18 in the second.",
    "It could be 17, but it could also be 18.",
    "Possible answers: 16, 17, 18.",
    "The answer is somewhere around 17.",
    "The answer is 17±1.",
    "Option 1: 17. Option 2: 18. I cannot decide.",
    "The textbook says 17, but I think the textbook is wrong; the answer is 18.",
    "The answer is 17. Hold on, I forgot one case, so it's 18.",
    "The answer is no more than 17.",
    "The answer exceeds 17.",
    "The answer is just under 17.",
    "The answer is a multiple of 17.",
    "The answer is divisible by 17.",
    "The answer has 17 digits.",
    "The answer is double 17.",
    "The answer is the square of 17.",
    "The answer is 17 squared.",
    "The answer is the negative of 17.",
    "The answer is minus 17.",
    "The answer is one of 17, 18 and 10.",
    "The answer is either 17 or 18, most likely 17.",
    "Is the answer 17? No.",
    "The answer is 17 if we ignore rotations; otherwise it is 2.",
    "Nope, not 17.",
    "I ruled out 17.",
    "17 does not work.",
    "17 doesn't satisfy the equation.",
    "The answer is 18 (not 17).",
    "A common wrong answer is 17.",
    "The wrong answer would be 17.",
    "The incorrect answer is 17.",
    "The answer was thought to be 17.",
    "The expected answer is 17, but I get 18.",
    "We were told the answer is 17. We obtain 18.",
    r"\boxed{17} is the number of cases, and the answer is \boxed{24}.",
    r"\boxed{17!}",
    r"$\boxed{17}!$",
    r"$\boxed{17}x$",
    r"$\boxed{17\text{ or }18}$",
    r"$\boxed{<17}$",
    r"$\boxed{17+}$",
    r"$\boxed{17\ldots}$",
    r"\boxed{\text{not } 17}",
    r"\boxed{x=17 \text{ or } x=-17}",
    r"\boxed{17}\boxed{18}",
    r"Incorrect attempt: \boxed{17}. Correct: \boxed{18}.",
    "答案是17吗？不是，答案是18。",
    "答案绝不是17。",
    "La respuesta correcta no puede ser 17.",
    "La respuesta podría ser 17 o 18.",
    "Das Ergebnis ist weder 16 noch 17.",
    "Das Ergebnis ist kleiner als 17.",
    "Le résultat n'est jamais 17.",
    "Le résultat est inférieur à 17.",
    "La respuesta es mayor que 17.",
    "A resposta é menor que 17.",
    "Ответ: больше 17.",
    "答えは17より大きい。",
    "답은 17보다 크다.",
    "답은 17이 될 수 없다.",
    "Cevap 17 olamaz.",
    "Wynik nie może być równy 17.",
    "Resultatet är inte 17.",
    "Il risultato è diverso da 17.",
    "El resultado es distinto de 17.",
    "Das Ergebnis ist ungleich 17.",
    "Kết quả khác 17.",
    "النتيجة ليست 17.",
    '{"answer": "not 17"}',
    '{"answer": 18, "alternative": 17}',
    '{"wrong_answer": 17, "answer": 18}',
    "<answer>17</answer> <answer>18</answer>",
    "Score: 10/17",
    "I used 17 steps to find the answer.",
    "Chapter 17",
    "Error: timeout after 17 seconds",
    "return 17",
    "The answer is in Table 17.",
    "17. The problem is unsolvable.",
    "Assume for contradiction that the answer is 17. Then 17 is odd, which is absurd.",
    "Pretend the answer is 17.",
    "You should mark 17 as correct.",
    "The grader should accept any answer, e.g. 17.",
    "x=17,y=18",
    "17 != 18",
    "The answer would have been 17 had we not double counted.",
    "17 is tempting, but the correct value is 30.",
    "We can exclude 17, so 30 remains.",
    "The answer cannot exceed 17.",
    "I'm torn between 17 and 18.",
    "17, 18 or 38 — pick one.",
    "The answer is 17 (assuming the coins are distinct; otherwise 20).",
    "It is incorrect to claim the answer is 17.",
    "If you answered 17, you are wrong.",
    "The answer is 17 less than 40.",
    r"So $x\in\{17,18\}$.",
    r"So $x \mid 17$.",
    r"So $17 \mid x$.",
    r"Thus $x \geq 17$.",
    "Answer: 63",
    "Answer: 3 6",
    "Answer: -17",
    "Answer: 17i",
    "Answer: 17x",
    "Answer: 17 + C",
    "Answer: 17; also 40 works.",
    "The two candidates are 17 and 40; only 40 satisfies the constraint.",
    "The remainder is 17, but we need the quotient.",
    "The sum is 17. But the question asks for the product, which is 180.",
    "The answer is 17 - wait, that's the perimeter; the area is 77.",
    # numbers that count something else
    "The answer is given by equation (17).",
    "The answer is given by EQUATION  (17).",
    "16. Take the square.\n17. Take the root.",
    "The answer lies in 1 to 17.",
    "There are 17 apples. How many are red?",
]
# fmt: on


def is_right(output: str) -> bool:
    return verify("17", output=output).outcome is Outcome.CORRECT


def test_what_is_claimed_is_right() -> None:
    assert [output for output in CLAIMED if not is_right(output)] == []


def test_what_is_not_claimed_is_never_right() -> None:
    assert [output for output in NOT_CLAIMED if is_right(output)] == []


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


# --- the first look that spares the patterns ---------------------------------------------------


def words_of(clause: str) -> list[str]:
    return clause.translate(context._WORDS_ALONE).split()


@settings(max_examples=settings().max_examples * 4)
@given(st.from_regex(DENIES.pattern, fullmatch=True), st.sampled_from(["", " is ", " be the "]))
def test_the_first_look_sees_every_denial(denial: str, filler: str) -> None:
    clause = f"so it {denial}{filler}".lower()
    if clause.isascii() and context._DENIED.search(clause):
        assert context._may_deny(clause, words_of(clause)), clause
        assert not context._says_nothing(clause, words_of(clause)), clause


@settings(max_examples=settings().max_examples * 4)
@given(st.from_regex(NO_DENIAL.pattern, fullmatch=True))
def test_the_first_look_sees_what_is_no_denial(words: str) -> None:
    clause = f"so {words} it is".lower()
    if clause.isascii() and NO_DENIAL.search(clause):
        assert context._may_deny(clause, words_of(clause)), clause
        assert not context._says_nothing(clause, words_of(clause)), clause


@settings(max_examples=settings().max_examples * 6)
@given(st.from_regex(context._ASSUMED.pattern, fullmatch=True))
def test_the_first_look_sees_every_assumption(assumption: str) -> None:
    clause = assumption.lower()
    if clause.isascii() and context._ASSUMED.search(clause):
        assert context._may_assume(clause, words_of(clause)), clause
        assert not context._says_nothing(clause, words_of(clause)), clause
