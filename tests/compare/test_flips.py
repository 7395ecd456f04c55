"""Which problems are said to be lost or gained, in which order, and of which it is sure."""

from __future__ import annotations

import pytest
from scipy.stats import fisher_exact

from mathreason_eval.compare.contrast import flips
from mathreason_eval.compare.pairing import PairedScores
from mathreason_eval.stats.difference import Pair
from mathreason_eval.stats.exact_tests import fisher
from mathreason_eval.stats.metrics import find_metric

# fmt: off
LISTED = [
    # correct before, of; correct after, of; whether it is listed
    (1, 1, 0, 1, True),     # a single sample
    (0, 1, 1, 1, True),
    (4, 4, 2, 4, True),     # thinned, though still at one half
    (4, 4, 3, 4, False),
    (2, 4, 0, 4, True),
    (5, 8, 3, 8, False),    # noise, though it crosses one half
    (2, 2, 0, 2, True),
    (2, 2, 1, 2, False),
    (8, 8, 0, 8, True),
    (64, 64, 60, 64, True),
    (33, 64, 31, 64, False),
    (1, 1, 8, 8, False),
]
FISHER = [(8, 8, 0, 8), (4, 4, 2, 4), (64, 64, 50, 64), (1, 8, 6, 8), (3, 4, 7, 32), (1, 1, 0, 1)]
# fmt: on


def pair_of(before, m, after, n):
    return Pair(before=before / m, after=after / n, samples=(m, n))


def listed(counts, metric="avg", same=0):
    pairs = {f"q{number}": pair_of(*count) for number, count in enumerate(counts)}
    pairs |= {f"same{number}": pair_of(4, 4, 4, 4) for number in range(same)}
    own = {name: (pair.before, pair.after) for name, pair in pairs.items()}
    return flips(PairedScores(metric=find_metric(metric), pairs=pairs, own=own))


@pytest.mark.parametrize(("before", "m", "after", "n", "is_listed"), LISTED)
def test_noise_is_not_listed(before, m, after, n, is_listed):
    assert bool(listed([(before, m, after, n)])) == is_listed


def test_the_strongest_change_is_first_and_lost_ones_before_gained():
    counts = [(4, 8, 0, 8), (0, 8, 8, 8), (8, 8, 0, 8), (8, 8, 4, 8), (0, 8, 5, 8)]
    assert [one.problem_id for one in listed(counts)] == ["q2", "q0", "q3", "q1", "q4"]


def test_those_are_sure_whose_own_samples_show_it():
    counts = [(8, 8, 0, 8), (8, 8, 4, 8), (64, 64, 40, 64), (1, 1, 0, 1)]
    assert {one.problem_id for one in listed(counts, same=90) if one.is_sure} == {"q0", "q2"}
    # Among many problems the same change is less of a surprise.
    assert not any(one.is_sure for one in listed([(8, 8, 0, 8)], same=900))


def test_of_other_scores_those_are_listed_that_cross_one_half():
    counts = [(4, 4, 2, 4), (4, 4, 1, 4), (1, 4, 3, 4)]
    assert [one.problem_id for one in listed(counts, "pass@2")] == ["q1", "q2"]
    assert not any(one.is_sure for one in listed(counts, "pass@2"))


@pytest.mark.parametrize(("before", "m", "after", "n"), FISHER)
def test_fishers_test_is_twice_its_one_sided_p(before, m, after, n):
    table = [[before, m - before], [after, n - after]]
    less, greater = (fisher_exact(table, side).pvalue for side in ("less", "greater"))
    assert fisher(pair_of(before, m, after, n)) == pytest.approx(min(1, 2 * min(less, greater)))
