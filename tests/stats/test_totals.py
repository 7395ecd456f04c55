"""Metrics that are functions of sums: their parts, their errors, and the joint bootstrap."""

from __future__ import annotations

import math

import numpy as np
import pytest
from project import often

from mathreason_eval.stats.decision import Call, PairedTask, decide
from mathreason_eval.stats.difference import Pair, bootstrap_interval, difference
from mathreason_eval.stats.estimators.items import items_of
from mathreason_eval.stats.estimators.paired import FAMILY_TOTALS, paired
from mathreason_eval.stats.estimators.totals import joint_bootstrap, left_out
from mathreason_eval.stats.metrics import find_metric
from mathreason_eval.stats.summary import macro_by, problem_scores
from mathreason_eval.types import Outcome, Problem, Verdict


def family(number, original, *variants):
    """The problems of a family with their verdicts: one sample each, solved or not."""
    names = [f"f{number}", *(f"f{number}~{kind}" for kind in range(len(variants)))]
    problems, verdicts = [], []
    for place, (name, solved) in enumerate(zip(names, (original, *variants), strict=True)):
        problems.append(
            Problem(id=name, question="?", gold=("1",), meta={"level": number % 3},
                    origin=names[0] if place else None, variant=str(place) if place else None)
        )  # fmt: skip
        verdicts += [
            Verdict(problem_id=name, sample=k, rule="r", note="", score=0.0,
                    outcome=Outcome.CORRECT if one else Outcome.WRONG)
            for k, one in enumerate(np.atleast_1d(solved).tolist())
        ]  # fmt: skip
    return problems, verdicts


def items(families):
    made = [family(number, *solved) for number, solved in enumerate(families)]
    problems = [one for asked, _ in made for one in asked]
    verdicts = [one for _, judged in made for one in judged]
    return items_of(problems, (), verdicts, key=str, cluster=None)


SMALL = items([(1, 1), (1, 0), (1, 0), (0, 1), (1, 1), (0, 0)])
FEW_SOLVED = items([(1, 0), (0, 0), (0, 0)])


@pytest.mark.parametrize("name", [name for name in FAMILY_TOTALS if name != "robust"])
def test_a_value_is_that_of_the_metric(name):
    found = {one.name: one.value for one in paired("t", SMALL) if one.slice == "variant=1"}
    assert FAMILY_TOTALS[name](SMALL).of_all == pytest.approx(found[name])


@pytest.mark.parametrize("name", FAMILY_TOTALS)
def test_parts_have_the_value_as_their_mean(name):
    totals = FAMILY_TOTALS[name](SMALL)
    parts, weight = totals.influences()
    assert np.mean(parts) == pytest.approx(totals.of_all)
    assert 0.5 < weight < 4
    assert len(set(parts)) > 1


def test_a_part_without_which_there_is_no_value_is_the_value():
    parts, _ = FAMILY_TOTALS["cr"](FEW_SOLVED).influences()
    assert parts == [0.0, 0.0, 0.0]


def test_without_a_solved_original_there_is_no_consistency():
    with pytest.raises(ValueError, match="no score"):
        problem_scores(items([(0, 1), (0, 0)]), find_metric("cr"))


def test_the_parts_of_a_mean_are_its_scores():
    totals = FAMILY_TOTALS["kept"](SMALL)
    assert totals.influences()[0] == pytest.approx([1, 0, 0, 0, 1, 0])


def test_macro_weighs_every_value_the_same():
    found = items([(1, 1), (0, 0), (1, 1), (1, 0)])
    metric = find_metric("macro")
    metric = type(metric)(name="macro", k=1, definition=macro_by("level"))
    scores = problem_scores(found, metric)
    # The levels 0, 1, 2 have 3 of 4, 0 of 2 and 2 of 2.
    assert np.mean([one.part for one in scores.values()]) == pytest.approx((3 / 4 + 0 + 1) / 3)
    assert sum(one.weight for one in scores.values()) == pytest.approx(8)


def drawn(rng, count, drop, share=0.8):
    """Families of which so many originals are solved, and fewer variants."""
    p = rng.beta(2, 2 * (1 - share) / share, count)
    return [(rng.random() < one, rng.random() < one * (1 - drop)) for one in p.tolist()]


def change(name, before, after):
    """The pairs of a metric of two runs of equal families."""
    metric = find_metric(name)
    old, new = (problem_scores(one, metric) for one in (before, after))
    return [
        Pair(before=old[key].part, after=new[key].part,
             weight=math.hypot(old[key].weight, new[key].weight) / math.sqrt(2))
        for key in old if key in new
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", ["drop", "cr", "limem", "pdr", "robust"])
def test_the_interval_of_a_change_is_that_of_the_joint_bootstrap(name):
    rng = np.random.default_rng(11)
    before, after = (items(drawn(rng, 300, drop)) for drop in (0.1, 0.3))
    pairs = change(name, before, after)
    found = difference(pairs)
    totals = FAMILY_TOTALS[name](before), FAMILY_TOTALS[name](after)
    names = [one.problem.id for one in totals[0].units]
    low, high = joint_bootstrap(totals, names, [None] * len(names))
    assert found.value == pytest.approx(totals[1].of_all - totals[0].of_all)
    assert (low, high) == pytest.approx(found.interval(), abs=0.12 * (high - low))
    # That of the parts is nearly the same: the functions are smooth.
    assert bootstrap_interval(pairs) == pytest.approx((low, high), abs=0.05 * (high - low))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["drop", "cr"])
def test_a_gate_on_it_is_seldom_wrong(name):
    """Both errors at 5 %: a regression although nothing changed, a pass although it did."""
    rng, alarms, passes, runs = np.random.default_rng(13), 0, 0, often(40, 100)
    sign = -1 if name == "drop" else 1
    for _ in range(runs):
        before, same = (items(drawn(rng, 60, 0.1)) for _ in range(2))
        pairs = [
            Pair(before=sign * one.before, after=sign * one.after, weight=one.weight)
            for one in change(name, before, same)
        ]
        (found,) = decide([PairedTask(pairs=pairs, margin=0.1, counted=False)], alpha=0.05)
        alarms += found.call is Call.REGRESSION
        worse = items(drawn(rng, 60, 0.3))
        pairs = [
            Pair(before=sign * one.before, after=sign * one.after, weight=one.weight)
            for one in change(name, before, worse)
        ]
        (found,) = decide([PairedTask(pairs=pairs, margin=0.1, counted=False)], alpha=0.05)
        passes += found.call is Call.PASS
    # 99.9 % of a binomial with 5 % is at most 7 of 40, and 13 of 100.
    assert max(alarms, passes) <= often(7, 13)


# --- whatever can be computed ----------------------------------------------------------------


def mean_of(some):
    return sum(item.accuracy for item in some) / len(some) if some else None


def test_leaving_groups_out_finds_the_error_of_a_mean():
    found = items([(one, one) for one in np.random.default_rng(3).random(400) < 0.7])
    parts = left_out(found, mean_of)
    pairs = [Pair(before=0.0, after=part, cluster=group) for part, group in parts]
    plain = [Pair(before=0.0, after=one.accuracy, cluster=one.cluster) for one in found]
    mine, theirs = difference(pairs, shares=False), difference(plain, shares=False)
    assert mine.value == pytest.approx(theirs.value)
    assert mine.se == pytest.approx(theirs.se, rel=0.15)
    assert mine.clusters == 100


def test_equal_problems_are_left_out_together_in_any_order():
    found = items([(1, 0)] * 250)
    one, other = (left_out(some, mean_of) for some in (found, found[::-1]))
    assert [group for _, group in one] == [group for _, group in other[::-1]]


def test_where_there_is_no_value_nothing_is_left_out():
    assert left_out(SMALL, lambda _: None) is None
