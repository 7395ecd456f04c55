"""Which exact test answers for which pairs, and that they agree where more than one could."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.stats.difference import Pair
from mathreason_eval.stats.exact_tests import exact_test, mcnemar, sign_flip


def pairs(counts, sizes=(1, 1), clusters=None):
    return [
        Pair(
            before=before / sizes[0],
            after=after / sizes[1],
            samples=sizes,
            cluster=clusters and clusters[place],
        )
        for place, (before, after) in enumerate(counts)
    ]


FLIPS = [(1, 0)] * 3 + [(0, 1)] * 9 + [(1, 1)] * 5
EASY = [(1, 7)] * 12 + [(1, 8)] * 88
# fmt: off
TESTS = [
    # pairs                                             test
    (pairs(FLIPS),                                      "exact McNemar (mid-p)"),
    (pairs(FLIPS, clusters="abcdefghijklmnopq"),        "exact McNemar (mid-p)"),
    (pairs(FLIPS, clusters="aabbccddeeffgghhi"),        "exact sign flips (mid-p)"),
    (pairs([(1, 3), (2, 2), (0, 4)], (4, 4)),           "exact sign flips (mid-p)"),
    (pairs([(0, 4), (4, 4)], (4, 4)),                   "exact McNemar (mid-p)"),     # all or none
    (pairs(EASY, (1, 8)),                               "exact sign flips and exchange (mid-p)"),
]
# fmt: on


def test_problems_that_did_not_change_do_not_count():
    assert exact_test(pairs([(1, 0), *[(1, 1)] * 20])).p == exact_test(pairs([(1, 0)])).p
    assert exact_test(pairs(FLIPS)).p == pytest.approx(mcnemar(3, 9))
    assert exact_test(pairs([(1, 0)] * 9 + [(0, 1)] * 3)).p == pytest.approx(mcnemar(9, 3))


@pytest.mark.parametrize(("given_pairs", "test"), TESTS)
def test_which_test_answers(given_pairs, test):
    found = exact_test(given_pairs)
    assert (found.name, 0 < found.p <= 1) == (test, True)


COUNTS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=30)


@pytest.mark.slow
@given(COUNTS)
def test_mcnemar_is_the_test_of_sign_flips(counts):
    assert exact_test(pairs(counts)).p == pytest.approx(sign_flip(pairs(counts)).two_sided)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4)), min_size=1, max_size=15))
def test_the_order_of_the_runs_does_not_matter(counts):
    there = exact_test(pairs(counts, (2, 4)))
    back = exact_test(pairs([(after, before) for before, after in counts], (4, 2)))
    assert there.p == pytest.approx(back.p)


def test_a_few_errors_of_many_samples_are_no_evidence_that_one_sample_had_none():
    unequal = pairs(EASY, (1, 8))
    assert sign_flip(unequal).two_sided < 0.001
    assert exact_test(unequal).p > 0.2


def test_scores_that_are_no_counts_cannot_be_exchanged():
    unequal = [Pair(before=0.5, after=5 / 6, samples=(2, 4)), Pair(before=0.0, after=0.5)]
    assert exact_test(unequal, counted=False).name == "exact sign flips (mid-p)"
