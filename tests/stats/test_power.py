"""Tests of promised power: against the decision itself, and against draws of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from project import often

from mathreason_eval.stats.decision import Call, PairedTask, decide
from mathreason_eval.stats.difference import Pair
from mathreason_eval.stats.difficulty import (
    Difficulty,
    change_distribution,
    fit_difficulty,
    spread_of,
    variance_between,
    whole_problems,
)
from mathreason_eval.stats.estimands import Estimand
from mathreason_eval.stats.power import (
    GateSettings,
    decisions,
    min_lost_problems,
    power,
    smallest_n,
)

MIDDLING = fit_difficulty([(c, 8) for c in (0, 1, 3, 5, 6, 7, 8, 8, 8, 8)])

# fmt: off
PROMISES = [  # fall, samples, problems, margin, which question decides
    (0.15, (1, 1),  30, 0.01, None),
    (0.00, (1, 1), 400, 0.05, None),
    (0.10, (8, 1),  60, 0.01, None),
    (0.00, (8, 8),  60, 0.05, Estimand.NEW),
    (0.00, (8, 8),  60, 0.05, None),
    (0.05, (8, 8),  60, 0.01, None),
    (0.10, (4, 16), 30, 0.01, Estimand.NEW),
    (0.10, (4, 16), 30, 0.01, None),
]
LOST = [  # problems, alpha, fewest problems that are seen if lost whole
    (30,   0.01, 6),
    (30,   0.05, 4),
    (1319, 0.01, 6),
    (5,    0.01, None),
]
# fmt: on


def call(before, after, samples, rule):
    pairs = [
        Pair(before=b / samples[0], after=a / samples[1], samples=samples)
        for b, a in zip(before, after, strict=True)
    ]
    task = PairedTask(pairs=pairs, margin=rule.margin, estimand=rule.estimand)
    (found,) = decide([task], alpha=rule.alpha)
    return found.call


def drawn(fall, samples, problems, times):
    """Counts of correct samples in pairs of runs, of problems drawn from the distribution."""
    rng = np.random.default_rng(7)
    logits = MIDDLING.logit_mean + MIDDLING.logit_sd * rng.standard_normal((times, problems))
    before = 1 / (1 + np.exp(-logits))
    harder = smallest_n(lambda s: before.mean() - (1 / (1 + np.exp(s - logits))).mean(), fall, 0, 9,
                   step=1e-4) if fall else 0.0  # fmt: skip
    after = 1 / (1 + np.exp(harder - logits))
    return rng.binomial(samples[0], before), rng.binomial(samples[1], after)


@pytest.mark.slow
@pytest.mark.parametrize("case", PROMISES)
def test_the_promised_power_is_that_of_the_decision(case):
    fall, samples, problems, margin, estimand = case
    rule = GateSettings(margin=margin, alpha=0.05, estimand=estimand)
    promised = power(change_distribution(MIDDLING, fall, samples), problems, rule)
    times = often(200, 400)
    pairs = zip(*drawn(fall, samples, problems, times), strict=True)
    found = [call(b, a, samples, rule) for b, a in pairs]
    shares = found.count(Call.PASS) / times, found.count(Call.REGRESSION) / times
    # Three standard errors: of 400 draws seven points; benchmarks/calibration.py draws 4,000.
    error = 1.4 / math.sqrt(times)
    assert (promised.passes, promised.regression) == pytest.approx(shares, abs=error)


HARD = fit_difficulty([(0, 50)] * 20 + [(1, 50)] * 4 + [(4, 50)] * 4 + [(14, 50)] * 2)
"""A mean of 3 %, as of a small model on a competition: few of 240 samples are correct."""


@pytest.mark.slow
@pytest.mark.parametrize(("fall", "samples"), [(0.028, (8, 8)), (0.025, (8, 16)), (0, (8, 8))])
def test_the_power_of_few_correct_samples_is_not_that_of_a_normal_distribution(fall, samples):
    change = change_distribution(HARD, fall, samples)
    rule = GateSettings(margin=0.01, alpha=0.05)
    rng = np.random.default_rng(3)
    cells = rng.multinomial(30, change.chances / change.chances.sum(), size=400)
    correct = [*np.ndindex(samples[0] + 1, samples[1] + 1)]
    found = []
    for row in cells:
        counts = [one for one, times in zip(correct, row, strict=True) for _ in range(times)]
        found.append(call(*zip(*counts, strict=True), samples, rule))
    shares = found.count(Call.PASS) / 400, found.count(Call.REGRESSION) / 400
    promised = power(change, 30, rule)
    assert (promised.passes, promised.regression) == pytest.approx(shares, abs=0.07)
    assert power(change, 30, rule) == promised  # always the same draws


@pytest.mark.slow
@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=20, max_size=40))
def test_the_decisions_are_those_of_decide(counts):
    rule = GateSettings(margin=0.2, alpha=0.05, estimand=Estimand.NEW)
    before, after = zip(*counts, strict=True)
    changes = np.array([(a - b) / 2 for b, a in counts])
    change = change_distribution(MIDDLING, 0.05, (2, 2))
    passes, falls = decisions(
        changes.sum(keepdims=True), (changes**2).sum(keepdims=True), len(counts), change, rule
    )
    found = call(before, after, (2, 2), rule)
    assert bool(passes[0]) == (found is Call.PASS)
    assert found is Call.PASS or bool(falls[0]) == (found is Call.REGRESSION)


@pytest.mark.parametrize(("problems", "alpha", "lost"), LOST)
def test_problems_lost_whole_are_seen_from_a_number_on(problems, alpha, lost):
    assert min_lost_problems(problems, GateSettings(alpha=alpha)) == lost


def test_the_fitted_difficulty_has_the_noise_of_the_run():
    counts = [(0, 4), (1, 4), (2, 4), (4, 4), (4, 4)]
    found = fit_difficulty(counts)
    within = sum(c / 4 * (1 - c / 4) * 4 / 3 for c, _ in counts) / 5
    assert (found.mean, found.within) == pytest.approx((11 / 20, within))


def test_the_distribution_of_change_keeps_mean_and_noise():
    change = change_distribution(MIDDLING, 0.0, (1, 1))
    assert change.moment(2) == pytest.approx(2 * MIDDLING.within, rel=1e-6)


def test_a_fall_is_as_large_as_asked():
    assert change_distribution(MIDDLING, 0.07, (3, 5)).moment(1) == pytest.approx(-0.07)


def test_of_one_sample_the_noise_is_taken_for_the_most_it_can_be():
    found = fit_difficulty([(1, 1)] * 6 + [(0, 1)] * 4)
    assert (found.within, found.between, found.estimated) == pytest.approx((0.24, 0, False))


@pytest.mark.parametrize("counts", [[(8, 8)] * 30, [(0, 8)] * 30, [(8, 8)] * 15 + [(0, 8)] * 15])
def test_runs_without_variance_have_a_distribution(counts):
    assert isinstance(fit_difficulty(counts), Difficulty)


def test_a_score_cannot_fall_below_zero():
    with pytest.raises(ValueError, match="drop"):
        change_distribution(MIDDLING, 0.99, (1, 1))


def test_more_samples_see_more():
    seen = [
        power(change_distribution(MIDDLING, 0.05, (n, n)), 100, GateSettings()).regression
        for n in (1, 4, 16, math.inf)
    ]
    assert seen == sorted(seen)


@given(st.floats(0.05, 0.95), st.floats(0.1, 4))
def test_the_smallest_number_is_found(wanted, scale):
    found = smallest_n(lambda x: 1 - math.exp(-x / scale), wanted, 0.0, 40.0, step=1e-3)
    assert 1 - math.exp(-found / scale) == pytest.approx(wanted, abs=0.01)


# --- models that are equally good --------------------------------------------------------------


@pytest.mark.parametrize("between", [0.002, 0.01, 0.04])
def test_what_problems_change_by_themselves_has_the_variance_that_was_asked_for(between):
    spread = spread_of(MIDDLING, between)
    change = change_distribution(MIDDLING, 0.05, (math.inf, math.inf), spread=spread)
    assert change.moment(1) == pytest.approx(-0.05)
    still = change_distribution(MIDDLING, 0.0, (math.inf, math.inf), spread=spread)
    assert (still.moment(1), still.between) == pytest.approx((0.0, between), abs=1e-6)


def test_of_problems_that_are_lost_as_a_whole_the_mean_falls_as_asked():
    change = whole_problems(MIDDLING, 0.1, (4, 4))
    assert change.moment(1) == pytest.approx(-0.1)
    assert change.between > change_distribution(MIDDLING, 0.1, (4, 4)).between


def test_the_variance_of_true_changes_is_found_beside_that_of_sampling():
    rng = np.random.default_rng(3)
    p = rng.beta(2, 2, 20_000)
    moved = np.clip(p + 0.1 * rng.choice([-1, 1], len(p)), 0, 1)
    truth = float((moved - p).var())
    pairs = [
        Pair(before=b / 5, after=a / 8, samples=(5, 8))
        for b, a in zip(rng.binomial(5, p).tolist(), rng.binomial(8, moved).tolist(), strict=True)
    ]
    found, error = variance_between(pairs)
    assert abs(found - truth) < 4 * error
    assert error < 0.1 * truth
