"""Runs with different numbers of samples: the exact distribution of a change by chance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import fisher_exact, hypergeom

from mathreason_eval.stats.decision import Call, PairedTask, decide
from mathreason_eval.stats.difference import Pair
from mathreason_eval.stats.exact_tests import exchange_test, sign_flip


def pair(correct, samples):
    before, after = (one / n for one, n in zip(correct, samples, strict=True))
    return Pair(before=before, after=after, samples=samples)


# fmt: off
TABLES = [
    # correct in both runs, samples of both
    ((8, 0), (8, 4)), ((6, 2), (8, 8)), ((5, 1), (9, 3)), ((0, 1), (8, 1)), ((1, 0), (1, 64)),
    ((50, 20), (64, 50)), ((3, 3), (3, 5)), ((0, 0), (2, 7)),
]
# fmt: on


@pytest.mark.parametrize(("correct", "samples"), TABLES)
def test_of_one_problem_it_is_fishers_exact_test(correct, samples):
    (b, a), (n, m) = correct, samples
    fisher = fisher_exact([[a, m - a], [b, n - b]], alternative="less")[1]
    own = hypergeom.pmf(a, n + m, a + b, m)
    found = exchange_test([pair(correct, samples)]).less
    assert found == pytest.approx(fisher - own / 2, rel=1e-9)


def test_of_one_sample_each_it_is_the_sign_flip_test():
    pairs = [pair(correct, (1, 1)) for correct in [(1, 0)] * 9 + [(0, 1)] * 3 + [(1, 1)] * 40]
    assert exchange_test(pairs).less == pytest.approx(sign_flip(pairs).less)


@pytest.mark.parametrize("samples", [(8, 1), (3, 7), (50, 64)])
def test_of_many_problems_it_is_what_drawing_shows(samples):
    rng = np.random.default_rng(4)
    n, m = samples
    chances = rng.beta(0.5, 0.5, 80)
    before, after = rng.binomial(n, chances), rng.binomial(m, np.clip(chances - 0.02, 0, 1))
    pairs = [pair((int(b), int(a)), samples) for b, a in zip(before, after, strict=True)]
    total = before + after
    drawn = rng.hypergeometric(total, n + m - total, n, size=(20_000, 80))
    sums = ((total - drawn) / m - drawn / n).sum(axis=1)
    own = sum(one.change for one in pairs)
    wanted = (sums < own - 1e-9).mean() + (abs(sums - own) < 1e-9).mean() / 2
    assert exchange_test(pairs).less == pytest.approx(wanted, abs=0.012)


def test_nothing_that_could_have_changed_is_no_fall():
    assert exchange_test([pair((8, 1), (8, 1))] * 30).less == 0.5


@pytest.mark.slow
def test_one_sample_against_eight_raises_no_false_alarm_on_an_easy_set():
    """Student's t alone calls 1.6 % of such changes without effect a regression at 1 %."""
    rng = np.random.default_rng(2)
    alarms = 0
    for _ in range(400):
        chances = rng.beta(1.9, 0.1, 100)
        before, after = rng.binomial(1, chances), rng.binomial(8, chances)
        pairs = [pair((int(b), int(a)), (1, 8)) for b, a in zip(before, after, strict=True)]
        (decision,) = decide([PairedTask(pairs=pairs)], alpha=0.05)
        alarms += decision.call is Call.REGRESSION
    # 20 are expected at most, and more than 30 once in a hundred times.
    assert alarms <= 30
