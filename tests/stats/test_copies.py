"""Samples that are copies are noticed, said, and not counted; those that agree by chance are."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.stats.columns import SampleColumns
from mathreason_eval.stats.copies import (
    Copies,
    copied_samples,
    copies_note,
    repeats_note,
    without_copies,
)
from mathreason_eval.stats.summary import PLAIN, summarize
from mathreason_eval.types import Generation, Outcome, Problem, Verdict

LONG, OTHER = "So we add. " * 10, "So we count. " * 10


def samples(*problems):
    """Samples of problems, each given by its texts."""
    return [
        Generation(problem_id=str(number), sample=index, text=text)
        for number, texts in enumerate(problems)
        for index, text in enumerate(texts)
    ]


# fmt: off
CASES = [
    # texts of each problem; copies where the temperature is not known to be 0, and where it is
    ([(LONG, LONG)] * 5,                        {1: 0},       {1: 0}),
    ([(LONG, LONG, LONG)] * 5,                  {1: 0, 2: 0}, {1: 0, 2: 0}),
    ([(LONG, OTHER, LONG)] * 5,                 {2: 0},       {2: 0}),        # a file twice
    ([(LONG, LONG)] * 4,                        {},           {1: 0}),        # too few to be sure
    ([("42", "42")] * 1000,                     {},           {1: 0}),        # a short answer
    ([(LONG, LONG)] * 5 + [("42", "42")],       {1: 0},       {1: 0}),
    ([(LONG, LONG)] * 99 + [(LONG, OTHER)],     {},           {}),            # one that differs
    ([(LONG,)] * 5,                             {},           {}),
    ([(LONG, LONG)] * 5 + [(OTHER,)],           {1: 0},       {1: 0}),        # interrupted
    ([],                                        {},           {}),
]
# fmt: on


@pytest.mark.parametrize(("texts", "sampled", "greedy"), CASES)
def test_a_copy_is_the_same_on_every_problem(texts, sampled, greedy):
    assert copied_samples(samples(*texts), greedy=False).original == sampled
    assert copied_samples(samples(*texts), greedy=True).original == greedy


def test_another_thought_makes_another_sample():
    made = [
        Generation(problem_id=str(n), sample=index, text="42", reasoning=thought)
        for n in range(9)
        for index, thought in enumerate((LONG, OTHER, LONG))
    ]
    assert copied_samples(made, greedy=False).original == {2: 0}


def test_copies_are_left_out_of_every_metric_and_said():
    texts = [(LONG, LONG)] * 6
    problems = [Problem(id=str(n), question="q", gold=("1",)) for n in range(len(texts))]
    verdicts = [
        Verdict(
            problem_id=str(n), sample=index, outcome=Outcome.CORRECT if n % 2 else Outcome.WRONG,
            answer="1", rule="r", note="n", score=float(n % 2),
        )
        for n in range(len(texts))
        for index in range(2)
    ]  # fmt: skip
    found = {m.name: m for m in summarize("t", problems, samples(*texts), verdicts, key=str)}
    assert (found["avg"].value, found["avg"].samples) == (0.5, 6)
    assert found["avg"].fixed_se is None
    assert "pass@2" not in found
    assert all("1 is a copy" in metric.method for metric in found.values())


# fmt: off
UNANSWERED = [
    # texts of each problem, None where the request failed; at temperature 0: copies; which of them
    # are left out on each problem; how many of their samples count
    ([(None, "a"), ("b", "b"), ("c", "c")],     {1: 0},       [(), (1,), (1,)],       1),
    ([("a", None), ("b", "b"), ("c", "c")],     {1: 0},       [(), (1,), (1,)],       1),
    ([(None, None), ("b", "b")],                {1: 0},       [(), (1,)],             1),
    ([(None, "a", "a"), ("b", "b", "b")],       {1: 0, 2: 0}, [(2,), (1, 2)],         1),
    ([(None, "a", "x"), ("b", "b", "b")],       {1: 0},       [(), (1,)],             1),
    ([(None, "a"), (None, "b")],                {},           [(), ()],               0),
    ([(None, None), (None, None)],              {},           [(), ()],               0),
    ([("a", "a"), ("b", "b")],                  {1: 0},       [(1,), (1,)],           0),
]
# fmt: on


@pytest.mark.parametrize(("texts", "original", "left_out", "alone"), UNANSWERED)
def test_what_repeats_no_sample_of_its_problem_is_no_copy(texts, original, left_out, alone):
    made = [
        Generation(
            problem_id=str(number), sample=index, text=text or "",
            finish_reason="stop" if text else "failed",
        )
        for number, of_problem in enumerate(texts)
        for index, text in enumerate(of_problem)
    ]  # fmt: skip
    copies = copied_samples(made, greedy=True)
    assert copies.original == original
    assert copies.samples == {
        (str(number), index) for number, indices in enumerate(left_out) for index in indices
    }
    assert copies.alone == alone
    if copies:
        assert ("except" in copies_note(copies)) == (alone > 0)
    kept = without_copies(SampleColumns.of(made), copies).infos()
    answered = {one.problem_id for one in made if not one.is_failure}
    assert {one.problem_id for one in kept if not one.is_failure} == answered
    assert sum(one.is_failure for one in kept) == sum(one.is_failure for one in made)


def test_the_only_answer_to_a_problem_counts():
    texts = [(None, "1"), ("1", "1"), *[("2", "2")] * 4]
    made = [
        Generation(problem_id=str(n), sample=i, text=text or "",
                   finish_reason="stop" if text else "failed")
        for n, of_problem in enumerate(texts)
        for i, text in enumerate(of_problem)
    ]  # fmt: skip
    verdicts = [
        Verdict(problem_id=one.problem_id, sample=one.sample, answer=one.text or None, rule="r",
                note="n", outcome=Outcome.CORRECT if one.text == "1" else Outcome.WRONG,
                score=float(one.text == "1"))
        for one in made
    ]  # fmt: skip
    problems = [Problem(id=str(n), question="q", gold=("1",)) for n in range(len(texts))]
    report = replace(PLAIN, greedy=True)
    found = summarize("t", problems, made, verdicts, key=str, report=report)
    [avg] = [one for one in found if one.name == "avg"]
    assert (avg.value, avg.samples) == (0.25, 7)
    assert "except 1 that repeats none" in avg.method
    assert not any("@" in one.name for one in found)  # Of one problem, which failed once.


@given(st.lists(st.lists(st.sampled_from([LONG, OTHER]), min_size=3, max_size=3), max_size=8))
def test_leaving_copies_out_leaves_no_copies(texts):
    made = samples(*texts)
    for greedy in (False, True):
        copies = copied_samples(made, greedy=greedy)
        rest = without_copies(SampleColumns.of(made), copies)
        assert not copied_samples(rest, greedy=greedy)
        original = copies.original
        assert all(first < copy and first not in original for copy, first in original.items())


@pytest.mark.parametrize(
    ("original", "alone", "said"),
    [({1: 0}, 0, "sample 1 is a copy of an earlier one and not counted"),
     ({1: 0, 2: 0, 3: 0}, 0, "samples 1 to 3 are copies of an earlier one and not counted"),
     ({1: 0, 3: 0}, 0, "samples 1, 3 are copies of an earlier one and not counted"),
     ({1: 0}, 2, "sample 1 is a copy of an earlier one and not counted, except 2 that repeat none"),
    ],
)  # fmt: skip
def test_copies_are_named(original, alone, said):
    copies = Copies(original=original, samples=frozenset(), independent=1, alone=alone)
    assert copies_note(copies) == said


# fmt: off
REPEATS = [
    # texts of each problem; repeats and samples compared, at an unknown temperature
    ([(LONG, LONG)] * 50 + [(LONG, OTHER)] * 50,              50, 100),   # a cache
    ([(LONG, OTHER, LONG)] * 50 + [(LONG, OTHER, OTHER + "a")] * 50, 50, 200),
    ([(LONG, OTHER, LONG)] * 5 + [(LONG, OTHER, OTHER)] * 5,  10, 20),    # of either
    ([(LONG, LONG)] * 100,                                    0,  0),     # all copies, left out
    ([("42", "42")] * 99 + [("42", "43")],                    0,  0),     # short
    ([(LONG, OTHER)] * 100,                                   0,  100),
]
# fmt: on


@pytest.mark.parametrize(("texts", "repeats", "compared"), REPEATS)
def test_samples_that_repeat_an_earlier_one_on_some_problems_count_and_are_reported(
    texts, repeats, compared
):
    copies = copied_samples(samples(*texts), greedy=False)
    assert (copies.repeats, copies.compared) == (repeats, compared)
    assert (repeats_note(copies) is not None) == (repeats > 0)


def test_few_repeats_are_not_worth_a_note():
    few = copied_samples(samples(*[(LONG, LONG)] * 9, *[(LONG, OTHER)] * 91), greedy=False)
    assert few.repeats == 9
    assert repeats_note(few) is None
    greedy = copied_samples(samples(*[("1", "1")] * 9, ("1", "2")), greedy=True)
    assert repeats_note(greedy) == (
        "9 of 10 further samples have the text of an earlier one of their problem and are counted"
    )
