"""Tests of paired scores, against brute force and against statsmodels."""

from __future__ import annotations

import gc
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as reference
from statsmodels.stats.multitest import multipletests

from mathreason_eval.stats.difference import Pair, difference
from mathreason_eval.stats.exact_tests import mcnemar, sign_flip
from mathreason_eval.stats.multiplicity import benjamini_hochberg, holm

COUNTS = st.tuples(st.integers(0, 4), st.integers(0, 4))


def pairs(counts, n=4):
    return [Pair(before=a / n, after=b / n, samples=(n, n)) for a, b in counts]


def brute(counts):
    """Return the one-sided mid-p of a fall over all sign flips."""
    changes = [b - a for a, b in counts]
    sums = [
        sum(sign * change for sign, change in zip(signs, changes, strict=True))
        for signs in itertools.product((1, -1), repeat=len(changes))
    ]
    below = sum(each < sum(changes) for each in sums)
    level = sum(each == sum(changes) for each in sums)
    return (below + level / 2) / len(sums)


@given(st.lists(COUNTS, min_size=1, max_size=8))
def test_the_sign_flip_test_equals_all_ways_to_flip(counts):
    assert sign_flip(pairs(counts)).less == pytest.approx(brute(counts))


@given(st.lists(COUNTS, min_size=1, max_size=30))
def test_swapping_the_runs_swaps_fall_and_rise(counts):
    there, back = sign_flip(pairs(counts)), sign_flip(pairs([(b, a) for a, b in counts]))
    assert (there.less, there.greater) == pytest.approx((back.greater, back.less))


@pytest.mark.parametrize(("lost", "gained"), [(10, 25), (3, 3), (0, 5), (1, 0), (7, 8), (40, 12)])
def test_of_one_sample_a_problem_it_is_mcnemar(lost, gained):
    flips = [(1, 0)] * lost + [(0, 1)] * gained + [(1, 1)] * 9
    assert sign_flip(pairs(flips, n=1)).two_sided == pytest.approx(mcnemar(lost, gained))


@pytest.mark.parametrize(("lost", "gained"), [(10, 25), (3, 3), (0, 5), (1, 0), (400, 333)])
def test_mcnemar_equals_statsmodels(lost, gained):
    exact = reference([[5, lost], [gained, 5]], exact=True).pvalue
    assert mcnemar(lost, gained, mid=False) == pytest.approx(exact)


def test_what_never_changed_has_no_evidence():
    found = sign_flip(pairs([(4, 4), (0, 0)]))
    assert (found.less, found.greater, found.two_sided) == (0.5, 0.5, 1.0)


@pytest.mark.parametrize("lost", [*range(1, 44, 3), 100, 1000])
def test_a_p_is_neither_above_one_nor_below_what_so_few_flips_can_show(lost):
    found = sign_flip(pairs([(1, 0)] * lost, n=1))
    assert max(1e-13, 2.0 ** -(lost + 1)) <= found.less
    assert found.greater <= 1.0


def test_a_cluster_flips_as_one():
    alone = [Pair(before=1.0, after=0.0) for _ in range(4)]
    together = [Pair(before=1.0, after=0.0, cluster="one source") for _ in range(4)]
    assert sign_flip(alone).less == pytest.approx(1 / 16 / 2)
    assert sign_flip(together).less == pytest.approx(1 / 2 / 2)


def test_many_problems_with_fine_scores_are_tested_at_once():
    fine = [Pair(before=0.5, after=0.5 - (i % 7) / 97, samples=(97, 89)) for i in range(5_000)]
    found = sign_flip(fine)
    assert 0 < found.less <= 1e-12
    assert math.isclose(found.greater, 1.0)


PS = st.lists(st.floats(1e-9, 1.0), min_size=1, max_size=12)


def test_an_adjusted_p_is_never_above_one():
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert benjamini_hochberg([0.01, 0.02, 0.03, 0.5]) == pytest.approx([0.04, 0.04, 0.04, 0.5])


def peers(ps, method):
    """Return what statsmodels says, which collects garbage: a second where a suite is in memory."""
    gc.freeze()
    try:
        return pytest.approx(multipletests(ps, method=method)[1])
    finally:
        gc.unfreeze()


@given(PS)
def test_adjusted_p_values_equal_statsmodels(ps):
    assert holm(ps) == peers(ps, "holm")
    assert benjamini_hochberg(ps) == peers(ps, "fdr_bh")


# --- the difference and its interval ---------------------------------------------------------


def test_a_difference_without_any_change_is_not_certain():
    low, high = difference(pairs([(4, 4)] * 30)).interval()
    assert low < 0 < high


@given(st.lists(COUNTS, min_size=1, max_size=30))
def test_an_interval_holds_its_value_and_turns_with_the_runs(counts):
    there, back = difference(pairs(counts)), difference(pairs([(b, a) for a, b in counts]))
    low, high = there.interval()
    assert -1 <= low <= there.value <= high <= 1
    assert (low, high) == pytest.approx(tuple(-end for end in reversed(back.interval())))


def test_clusters_add_up_before_they_are_squared():
    alone = [Pair(before=1.0, after=float(i % 2)) for i in range(40)]
    together = [
        Pair(before=pair.before, after=pair.after, cluster=number % 2 + 2 * (number // 8))
        for number, pair in enumerate(alone)
    ]
    assert difference(together).se > 1.5 * difference(alone).se


def test_amounts_have_no_bound():
    found = difference(
        [Pair(before=100.0, after=180.0), Pair(before=90.0, after=190.0)], shares=False
    )
    assert found.value == 90
    assert found.upper(0.025) > 200
