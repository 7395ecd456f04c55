"""The first false step of a solution: its index, the two accuracies, votes, the published rows."""

from __future__ import annotations

from collections import Counter

import pytest

from mathreason_eval.families.processbench.grader import (
    last_simple_box,
    processbench_reference,
    step_index,
)
from mathreason_eval.families.processbench.metrics import confusion, f1, first_error, majority
from mathreason_eval.stats.estimators.items import items_of
from mathreason_eval.tasks import load_task
from mathreason_eval.tasks.datasets import load_problems
from mathreason_eval.types import Outcome, Problem, Verdict

# fmt: off
ANSWERS = [
    # answer               gold   ours    published
    ("2",                  "2",   True,   True),
    (" 2 ",                "2",   True,   True),
    ("-1",                 "-1",  True,   True),
    ("−1",                 "-1",  True,   False),
    ("-1",                 "1",   False,  False),
    ("+2",                 "2",   True,   True),
    ("02",                 "2",   True,   True),
    ("2.",                 "2",   True,   False),
    ("paragraph_2",        "2",   True,   False),
    (r"\text{paragraph\_2}", "2", True,   False),
    ("<paragraph_2>",      "2",   True,   False),
    ("Paragraph 2",        "2",   True,   False),
    ("step-2",             "2",   True,   False),
    ("index -1",           "-1",  True,   False),
    ("-2",                 "-1",  True,   False),
    ("no error",           "-1",  True,   False),
    ("All steps are correct.", "-1", True, False),
    ("none",               "0",   False,  False),
    ("2 or 3",             "2",   False,  False),
    ("12",                 "2",   False,  False),
    ("2x",                 "2",   False,  False),
    ("",                   "0",   False,  False),
    ("9" * 1_000_000,      "9",   False,  False),
]

BOXES = [
    # text                                      what the published rule takes
    (r"\boxed{1} then \boxed{2}",               "2"),
    (r"\boxed{\text{paragraph}} so \boxed{ 3 }", " 3 "),
    (r"\boxed{1} and \boxed{\frac{1}{2}}",      r"\frac{1"),
    ("the index is 2",                          None),
]

PUBLISHED_F1 = [
    # model      error   correct  F1 in per cent (arXiv:2412.06559, table 3)
    ("GPT-4o",   70.0,   91.2,    79.2),
    ("GPT-4o",   54.4,   76.6,    63.6),
    ("GPT-4o",   45.2,   65.6,    53.5),
    ("o1-mini",  88.9,   97.9,    93.2),
    ("o1-mini",  83.5,   95.1,    88.9),
    ("o1-mini",  80.2,   95.6,    87.2),
    ("o1-mini",  74.8,   91.7,    82.4),
]

COUNTS = [
    # file                     split            error  correct
    ("gsm8k.jsonl",            "gsm8k",         207,   193),
    ("math.jsonl.gz",          "math",          594,   406),
    ("olympiadbench.jsonl.gz", "olympiadbench", 661,   339),
]
# fmt: on


@pytest.mark.parametrize(("answer", "gold", "ours", "published"), ANSWERS)
def test_an_index_is_read_however_it_is_named(answer, gold, ours, published):
    assert step_index(gold, answer).equal is ours
    assert processbench_reference(gold, answer).equal is published


@pytest.mark.parametrize(("text", "box"), BOXES)
def test_the_published_rule_takes_the_last_simple_box(text, box):
    found = last_simple_box(text)
    assert (found and found.text) == box
    assert found is None or text[slice(*found.span)] == box


@pytest.mark.parametrize(("model", "error", "correct", "published"), PUBLISHED_F1)
def test_f1_is_the_harmonic_mean_of_two_accuracies(model, error, correct, published):
    assert round(f1(error, correct), 1) == published


def test_of_two_zeros_f1_is_zero():
    assert f1(0.0, 0.0) == 0.0


@pytest.mark.shared
@pytest.mark.parametrize(("file", "split", "error", "correct"), COUNTS)
def test_the_published_rows_have_the_published_counts(shared, file, split, error, correct):
    rows = load_problems(load_task("processbench"), [str(shared / "processbench" / file)]).problems
    counts = Counter(problem.gold == ("-1",) for problem in rows)
    assert (counts[False], counts[True]) == (error, correct)
    assert {problem.meta["split"] for problem in rows} == {split}
    assert all(int(p.gold[0]) < len(p.given["steps"]) for p in rows)
    assert all(p.meta["answer_correct"] for p in rows if p.gold == ("-1",))


# --- metrics ---------------------------------------------------------------------------------


def items(*rows):
    """Return items of (split, true index, said answers)."""
    problems, verdicts = [], []
    for number, (split, true, answers) in enumerate(rows):
        identity = f"{split}-{number}"
        meta = {"split": split, "length": "1-5"}
        problems.append(Problem(id=identity, question="?", gold=(str(true),), meta=meta))
        for sample, answer in enumerate(answers):
            right = answer is not None and step_index(str(true), answer).equal
            outcome = Outcome.CORRECT if right else Outcome.WRONG
            verdicts.append(
                Verdict(
                    problem_id=identity,
                    sample=sample,
                    outcome=Outcome.NO_ANSWER if answer is None else outcome,
                    answer=answer,
                    rule="step-index",
                    note="",
                    score=float(right),
                )
            )
    return items_of(problems, [], verdicts, str, cluster=None)


def values(*rows):
    return {(m.slice, m.name): m for m in first_error("processbench", items(*rows))}


def test_each_split_has_two_accuracies_and_their_f1():
    found = values(("a", 1, ["1"]), ("a", 2, ["1"]), ("a", -1, ["-1"]))
    part = [found["split=a", name] for name in ("acc_error", "acc_correct", "f1")]
    assert [(m.value, m.problems) for m in part] == [(0.5, 2), (1.0, 1), (pytest.approx(2 / 3), 3)]


def test_the_whole_is_the_plain_mean_over_splits():
    easy = [("a", 1, ["1"]), ("a", -1, ["-1"])] * 5
    hard = [("b", 1, ["0"]), ("b", -1, ["-1"])]
    whole = values(*easy, *hard)["all", "f1"]
    assert (whole.value, whole.problems) == (0.5, 12)
    assert whole.low < 0.5 < whole.high
    assert whole.method.startswith("unweighted mean of 2 splits")


def test_a_critic_that_never_complains_has_an_f1_of_zero_and_an_interval():
    found = values(*[("a", i % 3, ["-1"]) for i in range(10)], *[("a", -1, ["-1"])] * 10)
    assert found["split=a", "acc_correct"].value == 1.0
    assert (found["split=a", "f1"].value, found["split=a", "f1"].low) == (0.0, 0.0)
    assert found["split=a", "f1"].high > 0.1


# fmt: off
VOTES = [
    # said, true index,                                    whether the majority is right
    (["1", "1", "2"],                                 1,   1.0),
    (["1", "2", "2"],                                 1,   0.0),
    (["1", "paragraph_1", "2", "2", "2"],             2,   1.0),
    (["1", "2"],                                      1,   1.0),  # the first said of two
    (["2", "1"],                                      1,   0.0),
    ([None, "what?", "1", None],                      1,   1.0),  # only indices vote
    ([None, "what?"],                                 -1,  0.0),
]
# fmt: on


@pytest.mark.parametrize(("said", "true", "right"), VOTES)
def test_indices_are_voted_on(said, true, right):
    assert majority(items(("a", true, said))[0]) == right


def test_with_several_samples_the_vote_has_its_own_f1():
    found = values(("a", 1, ["1", "1", "2"]), ("a", -1, ["-1", "-1", "0"]))
    assert found["split=a", "f1"].value == pytest.approx(2 / 3)
    assert found["split=a", "f1_maj@3"].value == found["all", "f1_maj@3"].value == 1.0


def test_confusion_counts_what_was_said_of_each_index():
    table = confusion(items(("a", 1, ["1", "2", None]), ("a", -1, ["-1", "none"])))
    assert table == {(1, 1): 1, (1, 2): 1, (1, None): 1, (-1, -1): 2}
