"""Estimators against published values, brute force and other libraries."""

from __future__ import annotations

import doctest
import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from manifests import report_of
from project import ROOT

from mathreason_eval.errors import UnknownNameError
from mathreason_eval.stats.estimators.passk import curves
from mathreason_eval.stats.estimators.votes import maj_curve
from mathreason_eval.stats.intervals import mean_of_amounts, mean_of_scores, wilson
from mathreason_eval.stats.summary import outcome_counts, summarize
from mathreason_eval.types import Generation, Outcome, Problem, Verdict

# fmt: off
PASS_AT_K = [
    # n,  c,  k, value                published golden values and edges
    (10,   3,  1, 0.3),
    (10,   3,  5, 0.9166666667),
    (10,   0,  5, 0.0),
    (16,   1,  8, 0.5),
    (100,  7, 10, 0.5332595857),
    (5,    5,  2, 1.0),
    (1,    1,  1, 1.0),
    (2000, 3, 1000, 0.8751875938),    # no overflow
]
WILSON = [
    # share, n, low, high
    (1.0,   30, 0.88650, 1.0),
    (0.0,   30, 0.0,     0.11350),
    (0.5,  100, 0.40383, 0.59617),
]
MAJORITY = [
    # class sizes, correct, unanswered, k, value
    ((3, 1), 0,    0, 4, 1.0),
    ((1, 3), 0,    0, 4, 0.0),
    ((2, 2), 0,    0, 4, 0.5),        # a tie is shared
    ((1,),   0,    3, 1, 0.25),       # no answer, no vote
    ((1,),   0,    3, 4, 1.0),
]
# fmt: on


def pass_at_k(n, c, k):
    return curves(n).pass_any[c, k - 1]


@pytest.mark.slow
@pytest.mark.parametrize(("n", "c", "k", "value"), PASS_AT_K)
def test_pass_at_k_has_the_published_values(n, c, k, value):
    assert pass_at_k(n, c, k) == pytest.approx(value, abs=1e-9)


@pytest.mark.slow
@given(st.integers(1, 60), st.data())
def test_pass_at_k_is_the_definition(n, data):
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    assert pass_at_k(n, c, k) == pytest.approx(1 - math.comb(n - c, k) / math.comb(n, k))


@pytest.mark.slow
def test_pass_at_k_is_hypergeometric():
    hypergeom = pytest.importorskip("scipy.stats").hypergeom
    for n, c, k in [(64, 3, 16), (200, 50, 7), (1000, 1, 999)]:
        assert pass_at_k(n, c, k) == pytest.approx(hypergeom.sf(0, n, c, k))


@pytest.mark.parametrize(("share", "n", "low", "high"), WILSON)
def test_wilson_has_the_textbook_values(share, n, low, high):
    assert wilson(share, n) == pytest.approx((low, high), abs=2e-5)


@pytest.mark.slow
@given(st.integers(1, 2000), st.data())
def test_wilson_is_that_of_another_library(n, data):
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    right = data.draw(st.integers(0, n))
    oracle = proportion.proportion_confint(right, n, method="wilson")
    assert wilson(right / n, n) == pytest.approx(oracle, abs=1e-12)


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=200))
def test_one_sample_a_problem_is_plain_wilson(scores):
    mean = mean_of_scores(scores)
    assert (mean.low, mean.high) == pytest.approx(wilson(mean.value, len(scores)), abs=1e-12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=100))
def test_an_interval_holds_its_mean_within_the_ends(scores):
    mean = mean_of_scores(scores)
    assert 0 <= mean.low <= mean.value <= mean.high <= 1
    assert mean.low < mean.high


def test_averaging_samples_narrows_the_interval_and_repeating_them_does_not():
    once = mean_of_scores([0.0, 1.0] * 15)
    averaged = mean_of_scores([0.25, 0.75] * 15)
    assert averaged.high - averaged.low < once.high - once.low


def test_one_wrong_sample_of_240_hardly_moves_the_interval():
    all_right, one_wrong = mean_of_scores([1.0] * 30), mean_of_scores([1.0] * 29 + [0.875])
    assert one_wrong.low == pytest.approx(all_right.low, abs=0.015)


def test_scores_all_alike_still_have_an_interval():
    mean = mean_of_scores([0.5] * 30)
    assert mean.se == 0
    assert mean.low < 0.49
    assert mean.high > 0.51


def test_amounts_have_students_interval():
    stats = pytest.importorskip("scipy.stats")
    amounts = [100.0, 130.0, 80.0, 250.0]
    oracle = stats.t.interval(0.95, 3, np.mean(amounts), stats.sem(amounts))
    mean = mean_of_amounts(amounts)
    assert (mean.low, mean.high) == pytest.approx(oracle)


def verdicts_of(*rows: tuple[str, str | None, Outcome]) -> list[Verdict]:
    counts: dict[str, int] = {}
    made = []
    for problem, answer, outcome in rows:
        made.append(
            Verdict(
                problem_id=problem, sample=counts.get(problem, 0), outcome=outcome, answer=answer,
                rule="number", note="", score=float(outcome is Outcome.CORRECT),
            )
        )  # fmt: skip
        counts[problem] = counts.get(problem, 0) + 1
    return made


def metrics_of(problems, verdicts, generations=(), **settings):
    found = summarize("t", problems, generations, verdicts, key=str.lower, **settings)
    return {(m.slice, m.name): m for m in found}


RIGHT, WRONG, NONE = Outcome.CORRECT, Outcome.WRONG, Outcome.NO_ANSWER


def test_repeats_of_one_problem_do_not_shrink_the_interval():
    problems = [Problem(id=str(i), question="q", gold=("1",)) for i in range(30)]
    once = verdicts_of(*[(p.id, "1", RIGHT) for p in problems])
    often = verdicts_of(*[(p.id, "1", RIGHT) for p in problems for _ in range(16)])
    one, many = metrics_of(problems, once), metrics_of(problems, often)
    assert many["all", "avg"].low == one["all", "avg"].low
    assert (many["all", "avg"].problems, many["all", "avg"].samples) == (30, 480)


def maj_at_k(sizes, correct, unanswered, k):
    others = [size for index, size in enumerate(sizes) if index != correct]
    return maj_curve(sizes[correct], others, unanswered)[k - 1]


@pytest.mark.parametrize(("sizes", "correct", "unanswered", "k", "value"), MAJORITY)
def test_a_vote_is_counted_as_one_would_by_hand(sizes, correct, unanswered, k, value):
    assert maj_at_k(sizes, correct, unanswered, k) == pytest.approx(value)


@pytest.mark.slow
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 3), st.data())
def test_a_vote_is_the_mean_over_all_subsets(sizes, unanswered, data):
    correct = data.draw(st.integers(0, len(sizes) - 1))
    n = sum(sizes) + unanswered
    k = data.draw(st.integers(1, n))
    ballots = [c for c, size in enumerate(sizes) for _ in range(size)] + [None] * unanswered
    credit = []
    for drawn in combinations(ballots, k):
        votes = [drawn.count(c) for c in range(len(sizes))]
        most = max(votes)
        winners = [c for c, v in enumerate(votes) if v == most > 0]
        credit.append((correct in winners) / len(winners) if winners else 0.0)
    assert maj_at_k(sizes, correct, unanswered, k) == pytest.approx(sum(credit) / len(credit))


@pytest.mark.slow
@pytest.mark.parametrize("k", [2, 24, 63])
def test_a_vote_of_64_is_the_mean_over_a_million_draws(k):
    sizes = (20, 18, 9, 6, 4, 1, 1)
    drawn = np.random.default_rng(7).multivariate_hypergeometric((*sizes, 5), k, 1_000_000)[:, :-1]
    most = drawn.max(axis=1)
    winners = (drawn == most[:, None]) & (most > 0)[:, None]
    credit = winners[:, 0] / winners.sum(axis=1).clip(1)
    noise = credit.std() / 1000
    assert maj_at_k(sizes, 0, 5, k) == pytest.approx(credit.mean(), abs=4 * noise + 1e-9)


@pytest.mark.slow
def test_a_vote_of_all_samples_is_the_one_vote_there_is():
    # More draws than a float can hold.
    assert maj_at_k((51, 50, 2), 0, 947, 1050) == 1
    assert maj_at_k((2, 1), 0, 1097, 2) == pytest.approx(pass_at_k(1100, 2, 2), abs=2e-6)


def test_metrics_by_hand():
    problems = [
        Problem(id="a", question="q", gold=("1",), meta={"level": 2}),
        Problem(id="b", question="q", gold=("1",), meta={"level": 10}),
        Problem(id="c", question="q", gold=("1",), meta={"level": 10}),
    ]
    verdicts = verdicts_of(
        ("a", "1", RIGHT), ("a", "1.0", RIGHT), ("a", "X", WRONG), ("a", None, NONE),
        ("b", "x", WRONG), ("b", "X", WRONG), ("b", "1", RIGHT), ("b", "y", WRONG),
    )  # fmt: skip
    generations = [
        Generation(problem_id=v.problem_id, sample=v.sample, text="", completion_tokens=10)
        for v in verdicts
    ]
    found = metrics_of(problems, verdicts, generations, report=report_of(slices=("level",)))
    values = {name: round(found[name].value, 6) for name in found}
    assert values["all", "avg"] == round((2 / 4 + 1 / 4) / 2, 6)
    assert values["all", "pass@2"] == round(((1 - 1 / 6) + (1 - 3 / 6)) / 2, 6)
    assert values["all", "maj@4"] == round((1 + 0) / 2, 6)
    assert values["all", "no_answer"] == 0.125
    assert values["all", "tokens"] == 10
    assert (values["level=2", "avg"], values["level=10", "avg"]) == (0.5, 0.25)
    assert [s for s, n in found if n == "avg"] == ["all", "level=2", "level=10"]
    assert found["all", "avg"].problems == 2
    assert all(m.low <= m.value <= m.high and m.method for m in found.values())


def test_refusals_are_counted_apart_and_in_no_answer():
    problems = [Problem(id=i, question="q", gold=("1",)) for i in "ab"]
    verdicts = verdicts_of(
        ("a", "1", RIGHT), ("a", None, NONE), ("b", None, NONE), ("b", "1", RIGHT)
    )
    samples = [
        Generation(problem_id=v.problem_id, sample=v.sample, text="", finish_reason="stop",
                   refused=v.problem_id == "a" and v.outcome is NONE)
        for v in verdicts
    ]  # fmt: skip
    values = {
        name: metric.value for (_, name), metric in metrics_of(problems, verdicts, samples).items()
    }
    assert (values["no_answer"], values["refused"]) == (0.5, 0.25)
    answered = [replace(sample, refused=False) for sample in samples]
    assert ("all", "refused") not in metrics_of(problems, verdicts, answered)


def test_a_problem_with_fewer_samples_does_not_count_for_a_larger_k():
    problems = [Problem(id=i, question="q", gold=("1",)) for i in "ab"]
    verdicts = verdicts_of(("a", "1", RIGHT), ("a", "1", RIGHT), ("b", "2", WRONG))
    found = metrics_of(problems, verdicts)
    assert (found["all", "pass@2"].problems, found["all", "avg"].problems) == (1, 2)


def test_answers_that_differ_in_spelling_vote_together():
    problems = [Problem(id="a", question="q", gold=("1",))]
    rows = [("a", "1", RIGHT), ("a", "x", WRONG), ("a", "X", WRONG)]
    assert metrics_of(problems, verdicts_of(*rows))["all", "maj@3"].value == 0


def test_slices_are_sorted_as_people_count():
    levels = ["Level 10", "Level 2", 10, 2, "x", "v1.10", "v1.9"]
    problems = [
        Problem(id=str(i), question="q", gold=("1",), meta={"level": level})
        for i, level in enumerate(levels)
    ] + [Problem(id="none", question="q", gold=("1",))]
    found = metrics_of(
        problems,
        verdicts_of(*[(p.id, "1", RIGHT) for p in problems]),
        report=report_of(slices=("level",)),
    )
    assert [s for s, name in found if name == "avg"] == [
        "all", "level=2", "level=10", "level=Level 2", "level=Level 10", "level=v1.9",
        "level=v1.10", "level=x"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tokens", "value"), [((10, 20, 30), 22.5), ((10, None, 30), None), ((None,) * 3, None)]
)
def test_amounts_are_known_only_where_every_sample_has_them(tokens, value):
    problems = [Problem(id=i, question="q", gold=("1",)) for i in "ab"]
    verdicts = verdicts_of(("a", "1", RIGHT), ("a", "1", RIGHT), ("b", "1", RIGHT))
    generations = [
        Generation(problem_id=i, sample=s, text="", completion_tokens=n)
        for (i, s), n in zip([("a", 0), ("a", 1), ("b", 0)], tokens, strict=True)
    ]
    mean = metrics_of(problems, verdicts, generations).get(("all", "tokens"))
    assert (mean and mean.value) == value
    assert mean is None or (mean.problems, mean.samples) == (2, 3)


def test_of_two_lines_on_one_sample_the_first_counts():
    problems = [Problem(id=i, question="q", gold=("1",)) for i in "ab"]
    lines = [("a", 10, "stop"), ("b", 30, "stop"), ("a", 90, None)]
    generations = [
        Generation(problem_id=i, sample=0, text="", completion_tokens=n, finish_reason=ended)
        for i, n, ended in lines
    ]
    found = metrics_of(problems, verdicts_of(("a", "1", RIGHT), ("b", "1", RIGHT)), generations)
    assert found["all", "tokens"].value == 20
    assert found["all", "tokens"].samples == 2
    assert ("all", "truncated") in found


def test_two_verdicts_on_one_sample_are_an_error():
    problems = [Problem(id="a", question="q", gold=("1",))]
    twice = verdicts_of(("a", "1", RIGHT)) * 2
    with pytest.raises(ValueError, match="two verdicts on one sample of 'a'"):
        metrics_of(problems, twice)


def test_a_verdict_on_no_problem_is_an_error():
    with pytest.raises(ValueError, match="'b', which is not a problem"):
        metrics_of([Problem(id="a", question="q", gold=("1",))], verdicts_of(("b", "1", RIGHT)))


def test_outcomes_add_up_and_name_all_five():
    counts = outcome_counts(verdicts_of(("a", "1", RIGHT), ("a", None, NONE)))
    assert set(counts) == set(Outcome)
    assert sum(counts.values()) == 2


def test_metrics_of_a_name_that_nobody_has_are_an_error():
    problem = Problem(id="p", question="q", gold=("1",))
    with pytest.raises(UnknownNameError, match="named 'bayse'"):
        metrics_of([problem], verdicts_of(("p", "1", RIGHT)), report=report_of(metrics=("bayse",)))


def test_no_verdicts_is_an_error_not_a_zero():
    with pytest.raises(ValueError, match="no verdicts"):
        metrics_of([Problem(id="a", question="q", gold=("1",))], [])


def test_a_mean_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        mean_of_scores([])
    with pytest.raises(ValueError, match="at least two"):
        mean_of_amounts([1.0])
    with pytest.raises(ValueError, match="at least one"):
        wilson(0.5, 0)


def test_worked_examples_of_the_page_are_true():
    page = ROOT / "docs" / "statistics.md"
    failed, tried = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert (failed, tried > 10) == (0, True)


def test_thoughts_are_counted_where_all_are_known_and_answers_that_were_cut():
    problems = [Problem(id=name, question="?", gold=("4",)) for name in "ab"]
    verdicts = [
        Verdict(problem_id=name, sample=0, outcome=outcome, rule="number", note="", score=1.0)
        for name, outcome in zip("ab", (Outcome.CORRECT, Outcome.TRUNCATED), strict=True)
    ]

    def values(ends, thoughts):
        generations = [
            Generation(
                problem_id=name, sample=0, text="4", finish_reason=end, reasoning_tokens=thought
            )
            for name, end, thought in zip("ab", ends, thoughts, strict=True)
        ]
        metrics = summarize("t", problems, generations, verdicts, key=str)
        return {metric.name: metric.value for metric in metrics}

    both = values(("length", "length"), (10, 20))
    assert (both["answered_then_cut"], both["reasoning_tokens"]) == (0.5, 15)
    assert both["truncated"] == 0.5
    assert "reasoning_tokens" not in values(("length", "length"), (10, None))
    assert "reasoning_tokens" not in values(("length", "length"), (0, 0))
    assert "answered_then_cut" not in values(("stop", "length"), (10, 20))
    assert "answered_then_cut" not in values((None, "length"), (10, 20))


def test_what_was_weakly_found_or_not_claimed_is_counted_where_there_is_any():
    problems = [Problem(id=name, question="?", gold=("4",)) for name in "abc"]

    def values(*found):
        verdicts = [
            Verdict(
                problem_id=problem.id, sample=0, answer="4", note="", rule=rule,
                outcome=Outcome.CORRECT if rule == "number" else Outcome.WRONG,
                found_by=found_by, score=float(rule == "number"),
            )
            for problem, (rule, found_by) in zip(problems, found, strict=True)
        ]  # fmt: skip
        metrics = summarize("t", problems, [], verdicts, key=str)
        return {metric.name: (metric.value, metric.problems) for metric in metrics}

    boxed, last, denied = ("number", "boxed"), ("number", "last_number"), ("not_claimed", "boxed")
    some = values(boxed, last, denied)
    assert some["weakly_found"] == (0.5, 2)
    assert some["not_claimed"] == (pytest.approx(1 / 3), 3)
    assert not {"weakly_found", "not_claimed"} & values(boxed, boxed, boxed).keys()
    # A wrong answer may be found by any rule: nobody is credited with it.
    assert "weakly_found" not in values(boxed, boxed, ("not_claimed", "last_number"))
