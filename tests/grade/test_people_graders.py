"""Who is what: the robust grader, the published one, and where a text says it."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.extract import extract
from mathreason_eval.families.knights.grader import (
    assignment,
    assignment_key,
    kk_reference,
    stated_roles,
)
from mathreason_eval.grade.graders import GRADERS

GOLD = "Ana is a knave, and Omar is a knight."
KNAVES = "Ana is a knave, and Omar is a knave."
HEROES = "Ann is a hero, Jack is a villain, and Jackson is a hero."

# fmt: off
RIGHT = [
    # gold, an answer that gives everybody the right role
    (GOLD,   "(1) Ana is a knave\n(2) Omar is a knight"),
    (GOLD,   "Omar is a knight, and Ana is a knave."),
    (GOLD,   "1. **Ana** is a *knave*\n2. **Omar** is a __knight__"),       # emphasis
    (GOLD,   "(1) Ana is a knave (verified)\n(2) Omar is a knight (verified)"),
    (GOLD,   "ana IS A KNAVE, omar IS A KNIGHT"),
    (GOLD,   "Ana: knave, Omar: knight"),                                   # links
    (GOLD,   "Ana - knave; Omar - knight"),
    (GOLD,   "Ana = knave and Omar = knight"),
    (GOLD,   "Ana → knave\nOmar → knight"),
    (GOLD,   "Ana (knave), Omar (knight)"),
    (GOLD,   "Ana’s a knave and Omar's a knight."),
    (GOLD,   "Ana knave\nOmar knight"),
    (GOLD,   "Ana is a knave, Omar a knight."),
    (GOLD,   "Ana must be a knave, and Omar must therefore be a knight."),
    (GOLD,   "Ana is definitely a knave; Omar is indeed the knight."),
    (GOLD,   "| who | what |\n|---|---|\n| Ana | knave |\n| Omar | knight |"),
    (GOLD,   '{"Ana": "knave", "Omar": "knight"}'),
    (GOLD,   r"\text{Ana}: \text{knave}, \text{Omar}: \text{knight}"),
    (GOLD,   r"\text{Ana is a knave} \\ \text{Omar is a knight}"),
    (GOLD,   "Knights: Omar\nKnaves: Ana"),                                 # by role
    (GOLD,   "### Knights\n- Omar\n\n### Knaves\n- Ana"),
    (GOLD,   "The knight is Omar and the knave is Ana."),
    (GOLD,   "Who is a knight? Omar is a knight. And a knave? Ana is a knave."),
    (KNAVES, "Ana and Omar are both knaves."),                              # several at once
    (KNAVES, "Both are knaves."),
    (KNAVES, "All of them are knaves."),
    (KNAVES, "Everyone is a knave."),
    (KNAVES, "Knaves: all of them. Knights: none."),
    (HEROES, "Jack is a villain. Ann and Jackson are heroes."),
    (HEROES, "Jack is a villain. Ann and Jackson are heros."),
    (HEROES, "Jackson is a hero, Jack is a villain, Ann is a hero"),        # Jack is not Jackson
    (GOLD,   "Ana is not a knight, and Omar is not a knave."),              # denials
    (KNAVES, "Ana isn't a knight. Omar is not a knight."),
    (GOLD,   "Ana cannot be a knight. Omar can't be a knave."),
    (GOLD,   "Ana is not a knight but a knave. Omar is a knight, not a knave."),
    (GOLD,   "If Ana is a knight, then Omar lies, so Ana is a knave. Omar is a knight."),
    (GOLD,   "Ana is a knave, because Omar said that Ana is a knight. Omar is a knight."),
    (GOLD,   "Omar is a knight. Suppose Ana is a knight. Contradiction. So Ana is a knave."),
    (GOLD,   "CONCLUSION:\nAna: knight, Omar: knave\n\nCONCLUSION:\nAna: knave, Omar: knight"),
    (GOLD,   "## Conclusion\n\nAna is a knave, Omar is a knight\n\n### Reason: Ana is a knight"),
    ("Ana is a oracle, and Omar is an impostor.", "Ana is an oracle, Omar is a impostor"),
    ("Ana is a blick, and Omar is a blick.",      "Ana is a blick. Omar is a blick."),
    ("Mary Ann is a sage, and Mary is a fool.",   "Mary is a fool and Mary  Ann is a sage"),
]
WRONG = [
    # gold, an answer, people who are right in it
    (GOLD,   "Ana is a knave, and Omar is a knave.",                 1),
    (GOLD,   "Ana is a knight, and Omar is a knave.",                0),
    (GOLD,   "Ana is a knave.",                                      1),
    (GOLD,   "Ana is a knave. Omar is a knight. Ana is a knight.",   1),    # contradiction
    (GOLD,   "Ana is a knight and a knave. Omar is a knight.",       1),
    (GOLD,   "Ana is a knave or a knight. Omar is a knight.",        1),    # hedges
    (GOLD,   "Ana is a knave/knight. Omar is a knight.",             1),
    (GOLD,   "Ana is either a knave or a knight. Omar is a knight.", 1),
    (GOLD,   "If Omar is a knight, Ana is a knave.",                 0),
    (GOLD,   "Ana is a knave if Omar is a knight.",                  0),
    (GOLD,   "Ana is a knave if and only if Omar is a knight.",      0),
    (GOLD,   "Omar says that Ana is a knave. Omar is a knight.",     1),    # reported
    (GOLD,   "Assume that Ana is a knave and Omar is a knight.",     0),
    (GOLD,   "Ana is a villain, and Omar is a hero.",                0),    # another pair
    (KNAVES, "Ana is a knave, Omar is a knight.",                    1),
    (KNAVES, "Ana is a knave, Omar is not a knave.",                 1),
    (KNAVES, "Ana and Omar are not both knaves.",                    0),
    (HEROES, "Ann is a hero, Jackson is a hero.",                    2),    # nobody said Jack
    ("Jack is a hero.", "Jackson is a hero.",                        0),
    ("Jackson is a hero.", "Jack is a hero.",                        0),
    ("Ana is a blick.", "Ana is not a blick.",                       0),
    (GOLD,   "",                                                     0),
    (GOLD,   "42",                                                   0),
]
REFERENCE = [
    # the published rule: an answer to GOLD, whether it is right, and the share it found
    ("CONCLUSION:\n(1) Ana is a knave\n(2) Omar is a knight",        True,  1.0),
    ("CONCLUSION:\n(1) Omar is a knight\n(2) Ana is a knave",        True,  1.0),
    ("Conclusion: Ana is a knave, Omar is a knight",                 True,  1.0),
    ("(1) Ana is a knave (2) Omar is a knight",                      True,  1.0),   # no header
    ("Ana is a knave, and Omar is a knight.",                        False, 0.0),   # nor numbers
    ("CONCLUSION:\n(1) Ana is a knave\n(2) Omar is a knight\n(3) Bo is a knave", False, 0.0),
    ("CONCLUSION:\n(1) Ana is a knave (verified)\n(2) Omar is a knight",         False, 0.0),
    ("CONCLUSION:\n(1) **Ana** is a knave\n(2) Omar is a knight",    False, 0.5),
    ("CONCLUSION:\n(1) Ana is a knave\n(2) Omar is a knight\n### Reason: if so", True, 1.0),
    ("CONCLUSION:\n(1) ana is a knave\n(2) Omar is a knave",         False, 0.0),   # case counts
    ("CONCLUSION: Ana is a knave CONCLUSION: Omar is a knight",      False, 0.5),   # the first
    ("CONCLUSION:(1) Ana is a knave (2) Omar is a knight\n### Question: if",     True, 1.0),
]
FOUND = [
    # a text, the rule that finds the answer, the answer
    ("So.\n\nCONCLUSION:\n(1) A is b\n(2) C is d", "conclusion", "(1) A is b\n(2) C is d"),
    ("So.\n\n**Conclusion:** A is b.\n\n### Check\nok", "conclusion", "A is b"),
    ("# Final conclusion\n\n- A is b\n- C is d",   "conclusion", "- A is b\n- C is d"),
    ("The answer is: A is a b.",                   "conclusion", "A is a b"),
    ("Therefore, the final answer is:\nA is a b.",  "conclusion", "A is a b"),
    ("What he says, as its own conclusion: no.\nA is a b, C a d.", "closing", "A is a b, C a d"),
    ("So A must be a b, and C is a d.\nThis is the only solution.", "closing",
     "So A must be a b, and C is a d"),
    ("x <answer>A is a b, C is a d</answer> y",    "conclusion", "A is a b, C is a d"),
    ("CONCLUSION:\n(1) A is b\n\nCONCLUSION:\n(1) ...", "conclusion", "(1) A is b"),
    ("CONCLUSION:\n(1) A is b\nCONCLUSION:\n(1) A is d", "conclusion", "(1) A is d"),
    ("Thus.\nA is a b, and C is a d.",             "closing", "A is a b, and C is a d"),
    ("Thus:\n\n- A is a b\n- C is a d\n",          "closing", "- A is a b\n- C is a d"),
    ("Thus:\n- E is a b\nA is a b, C is a d.",     "closing", "A is a b, C is a d"),
    ("Thus.\nA: b\nC: d\n\nThat is all.",          "closing", "A: b\nC: d"),
    ("Ana and Omar are both knaves, done.",        "closing", "Ana and Omar are both knaves, done"),
]
ALIKE = [
    # answers that say the same, for majority votes; the last one does not
    ("(1) Ana is a knave\n(2) Omar is a knight", "Omar: knight, **Ana**: a knave", "Ana: knave"),
    ("CONCLUSION: Ana is not a knave", "Ana is not a knave", "Ana is a knave"),
    ("I  do not know", "i do not know", "I do know"),
]
# fmt: on
RULES = GRADERS["assignment"].extract


@pytest.mark.parametrize(("gold", "answer"), RIGHT)
def test_everybody_is_right(gold, answer):
    found = assignment(gold, answer)
    assert (found.equal, found.measures["per_person"]) == (True, 1.0), found.note


@pytest.mark.parametrize(("gold", "answer", "right"), WRONG)
def test_somebody_is_wrong(gold, answer, right):
    found = assignment(gold, answer)
    people = len(stated_roles(gold))
    assert (found.equal, found.measures["per_person"]) == (False, right / people), found.note


@pytest.mark.parametrize(("answer", "equal", "share"), REFERENCE)
def test_the_published_rule_judges(answer, equal, share):
    found = kk_reference(GOLD, answer)
    assert (found.equal, found.measures["per_person"]) == (equal, share)


@pytest.mark.parametrize(("text", "rule", "answer"), FOUND)
def test_a_conclusion_is_found(text, rule, answer):
    found = extract(text, RULES)
    assert (found.rule, found.text) == (rule, answer)
    assert text[slice(*found.span)] == answer


@pytest.mark.parametrize("text", ["", "I do not know.", "CONCLUSION:", "<answer></answer>", "..."])
def test_no_conclusion_is_found(text):
    assert extract(text, RULES) is None


@pytest.mark.parametrize(("one", "other", "third"), ALIKE)
def test_answers_vote_together_that_say_the_same(one, other, third):
    assert assignment_key(one) == assignment_key(other) != assignment_key(third)


def test_a_fault_is_named():
    note = assignment(HEROES, "Ann is a villain, Jack is a hero and a villain.").note
    assert note == (
        "0 of 3 right: Ann is called villain, and is hero; Jack is called both hero and villain; "
        "Jackson has no role"
    )


def test_a_gold_without_roles_is_not_judged():
    assert assignment("42", "Ana is a knave").equal is None


def test_a_gold_is_read_in_its_order():
    assert [*stated_roles("(1) Jo is a knave\n(2) Al Bo is an angel").items()] == [
        ("Jo", "knave"),
        ("Al Bo", "angel"),
    ]


@given(st.text(alphabet="Ana Omr isknveght,.:|-*()\n'\"\\{}<>#", max_size=300))
def test_no_text_breaks_a_grader(text):
    for judge in (assignment, kk_reference):
        assert judge(GOLD, text).equal in {True, False}
    for rule in RULES:
        found = extract(text, (rule,))
        assert found is None or found.text in text


HOSTILE = ["(" * 10**6, "Ana is a " * 10**5, "CONCLUSION:" * 10**5, "-\n" * 10**6, "\\" * 10**6]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:3])
def test_a_megabyte_is_judged(text):
    found = extract(text, RULES)
    assert found is None or not assignment(GOLD, found.text).equal
    assert not assignment(GOLD, text).equal
    assert not kk_reference(GOLD, text).equal


# --- published outputs -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def outputs(shared):
    with gzip.open(shared / "outputs_reasoning_gym" / "knights_knaves.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def scored(outputs):
    """Each published output with our score, by their formula for partial credit."""
    rows = []
    for row in outputs:
        found = extract(row["output"], RULES)
        share = 0.0 if found is None else assignment(row["gold"], found.text).measures["per_person"]
        # 1 for all people, 0.3 + 0.7 of their share for some, 0 for none.
        rows.append((row, 0.3 + 0.7 * share if share else 0.0))
    return rows


@pytest.mark.shared
def test_published_means_are_ours_wherever_the_answer_was_tagged_as_asked(scored):
    means = defaultdict(lambda: [0.0, 0.0])
    for row, score in scored:
        # They score nothing that does not stand in <answer>; what no rule of theirs found is None.
        counted = score if row["pred"] is not None else 0.0
        sums = means[row["dataset"], row["model"]]
        sums[0] += row["score"]
        sums[1] += counted
    differing = {
        key: ours - theirs for key, (theirs, ours) in means.items() if ours != pytest.approx(theirs)
    }
    # One row: in `Harper is a egoist, Avery is a altruist/egoist, and Ava is a altruist` two
    # are right; their reading finds other names than the gold's, and gives nothing.
    assert differing == {
        ("knights_knaves-hard", "mistralai_mistral-small-3.1-24b-instruct"): pytest.approx(23 / 30)
    }
    assert len(means) == 9


@pytest.mark.shared
def test_every_row_that_differs_has_its_reason(scored):
    differing = [(row, ours) for row, ours in scored if abs(ours - row["score"]) > 1e-6]
    reasons = Counter(
        "said without the tag" if row["pred"] is None else "a hedge about one of three"
        for row, _ in differing
    )
    assert (len(scored), reasons) == (
        850,
        {"said without the tag": 47, "a hedge about one of three": 1},
    )
    assert all(ours > row["score"] for row, ours in differing)


REWRITTEN = {
    "bare": lambda answer: answer,
    "bold": lambda answer: f"**{answer}**",
    "list": lambda answer: "\n".join(f"- {part}" for part in re.split(r",? and |, ", answer)),
    "asked": lambda answer: f"CONCLUSION:\n(1) {answer}",
}


@pytest.mark.shared
@pytest.mark.parametrize("form", REWRITTEN)
def test_a_verdict_does_not_hang_on_the_form_of_the_answer(scored, form):
    tagged = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
    changed = Counter()
    for row, score in scored:
        if row["pred"] is not None:
            text = tagged.sub(lambda found: REWRITTEN[form](found[1].strip()), row["output"])
            found = extract(text, RULES)
            assert found is not None
            changed[score == 1, assignment(row["gold"], found.text).equal] += 1
    assert changed == {(True, True): 618, (False, False): 181}


@pytest.mark.shared
def test_untagged_answers_are_right_as_often_as_their_words_say(scored):
    untagged = [ours for row, ours in scored if row["pred"] is None]
    assert Counter(round(score, 2) for score in untagged) == UNTAGGED


UNTAGGED = {1.0: 32, 0.77: 4, 0.65: 5, 0.53: 6, 0.0: 4}
"""Whole assignments that were right, two of three, one of two, one of three, and none."""
