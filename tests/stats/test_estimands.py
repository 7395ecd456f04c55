"""The two questions about a change, and the pass that refutes a fall by the margin."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import t as student

from mathreason_eval.stats.decision import Call, PairedTask, decide, suite_pairs
from mathreason_eval.stats.difference import Pair, difference
from mathreason_eval.stats.estimands import (
    Estimand,
    evidence,
    losses_alone_p,
    mixed_variance,
    none_lost,
    tango_variance,
)


def shares(counts, samples):
    """Pairs of (correct before, correct after) of so many samples."""
    return [
        Pair(before=b / samples[0], after=a / samples[1], samples=samples) for b, a in counts
    ]  # fmt: skip


def questions(pairs):
    return {one.estimand: one for one in evidence(pairs, difference(pairs), counted=True)}


# fmt: off
ASKED = [
    # samples, whether scores are counts; the questions that can be answered, what decides first
    ((1, 1),  True,  [Estimand.NEW]),
    ((1, 8),  True,  [Estimand.NEW]),
    ((8, 1),  True,  [Estimand.NEW]),
    ((2, 2),  True,  [Estimand.THESE, Estimand.NEW]),
    ((64, 8), True,  [Estimand.THESE, Estimand.NEW]),
    ((8, 8),  False, [Estimand.NEW]),
]
# fmt: on


@pytest.mark.parametrize(("samples", "counted", "answered"), ASKED)
def test_of_one_sample_these_problems_are_not_spoken_of(samples, counted, answered):
    pairs = shares([(1, 1)] * 30, samples)
    found = evidence(pairs, difference(pairs), counted=counted)
    assert [one.estimand for one in found] == answered


# fmt: off
UNLUCKY = [
    # problems as (before, after) of 64, margin; whether the baseline's noise counts as more
    ([(8, 9)] * 10 + [(0, 0)] * 20,   0.02, True),
    ([(8, 5)] * 10 + [(0, 0)] * 20,   0.02, True),
    ([(8, 0)] * 10 + [(0, 0)] * 20,   0.02, False),   # it fell by more than the margin
    ([(60, 60)] * 30,                 0.02, False),   # with more chances to be solved, less noise
]
# fmt: on


@pytest.mark.parametrize(("counts", "margin", "more"), UNLUCKY)
def test_a_run_that_looks_too_good_had_an_unlucky_baseline(counts, margin, more):
    """Where the score fell by the margin, hard problems have more noise than is seen."""
    pairs = shares(counts, (64, 64))
    these = questions(pairs)[Estimand.THESE]
    noise, after = (
        sum(p * (1 - p) / 63 for p in scores)
        for scores in zip(*((one.before, one.after) for one in pairs), strict=True)
    )
    pseudo = these.se**2 * len(pairs) ** 2 - noise - after
    part = 1 - margin * len(pairs) / sum(one.before for one in pairs)
    fallen = sum(part * (1 - part) * p / 64 + part**2 * p * (1 - p) / 63
                 for p in (one.before for one in pairs))  # fmt: skip
    least = noise + pseudo + max(after, fallen)
    assert (these.pass_variance(margin) > least * (1 + 1e-9)) == more
    assert these.pass_variance(margin) >= least * (1 - 1e-9)


def test_five_of_thirty_problems_that_are_lost_whole():
    pairs = shares([(64, 0)] * 5 + [(64, 64)] * 20 + [(0, 0)] * 5, (64, 64))
    (found,) = decide([PairedTask(pairs=pairs)], alpha=0.01)
    these, new = found.answers
    assert (these.call, new.call) == (Call.REGRESSION, Call.INCONCLUSIVE)
    assert these.upper < -0.15
    assert new.upper > 0
    (found,) = decide([PairedTask(pairs=pairs, estimand=Estimand.NEW)], alpha=0.01)
    assert found.call is Call.INCONCLUSIVE


# --- a pass of new problems ------------------------------------------------------------------


@pytest.mark.parametrize("lost", [0, 1, 5])
@pytest.mark.parametrize("gained", [0, 3])
def test_tangos_variance_is_that_of_the_likeliest_loss(lost, gained):
    n, margin = 40, 0.1
    same = n - lost - gained

    def unlikely(q):
        parts = (lost, q), (gained, q - margin), (same, 1 - 2 * q + margin)
        return -sum(count * math.log(chance) for count, chance in parts if count)

    found = minimize_scalar(
        unlikely, bounds=(margin + 1e-9, (1 + margin) / 2 - 1e-9), method="bounded",
        options={"xatol": 1e-10},
    )  # fmt: skip
    expected = n * (2 * found.x - margin * (1 + margin))
    assert tango_variance(lost, gained, n, margin) == pytest.approx(expected, rel=1e-4)


# fmt: off
EXACT = [  # problems, margin, alpha, the largest chance of a wrong pass
    ( 30, 0.10, 0.01, 0.0085), ( 30, 0.05, 0.01, 0.0108), ( 50, 0.10, 0.01, 0.0116),
    (100, 0.05, 0.01, 0.0100), (200, 0.01, 0.01, 0.0100), (200, 0.02, 0.01, 0.0100),
    (200, 0.01, 0.10, 0.1060), ( 30, 0.10, 0.05, 0.0510),
]
# fmt: on


@pytest.mark.parametrize(("problems", "margin", "alpha", "most"), EXACT)
def test_of_one_sample_no_loss_by_the_margin_passes_more_often(problems, margin, alpha, most):
    lost, gained = np.meshgrid(np.arange(problems + 1), np.arange(problems + 1), indexing="ij")
    inside = lost + gained <= problems
    with np.errstate(invalid="ignore"):
        variance = tango_variance(lost, gained, problems, margin)
        z = (gained - lost + problems * margin) / np.sqrt(np.maximum(variance, 1e-300))
    passes = inside & (z >= student.isf(alpha, problems - 1))
    passes &= losses_alone_p(z, problems, margin) <= alpha
    ways = [math.lgamma(k + 1) for k in range(problems + 1)]
    logs = np.array(ways)
    for q in np.linspace(margin, (1 + margin) / 2 - 1e-6, 25):
        chances = np.array([q, max(q - margin, 1e-300), 1 - 2 * q + margin])
        counts = np.array([lost, gained, problems - lost - gained])[:, passes]
        each = logs[problems] - logs[counts].sum(axis=0) + np.log(chances) @ counts
        assert np.exp(each).sum() <= most


def test_changes_of_several_samples_are_mixed_with_whole_losses():
    counts = [(8, 8)] * 20 + [(7, 6)] * 5 + [(3, 5)] * 5
    pairs = shares(counts, (8, 8))
    changes = np.array([pair.change for pair in pairs])
    margin, n = 0.1, len(pairs)
    part = (changes.mean() + margin) / (1 + changes.mean())
    mixture = [*changes, *[-1.0] * n]
    weights = np.array([(1 - part) / n] * n + [part / n] * n)
    mean = float(weights @ mixture)
    assert mean == pytest.approx(-margin)
    variance = n * float(weights @ (np.array(mixture) - mean) ** 2)
    assert questions(pairs)[Estimand.NEW].pass_variance(margin) == pytest.approx(variance)
    both = changes.sum(), (changes**2).sum()
    assert mixed_variance(*both, n, margin, max) == pytest.approx(variance)


def test_losses_that_were_not_seen_have_a_variance():
    for samples in ((1, 1), (8, 8), (64, 64)):
        new = questions(shares([samples] * 200, samples))[Estimand.NEW]
        assert new.pass_p(0.01) > 0.01
        assert new.pass_p(0.2) < 0.01


@pytest.mark.parametrize(("problems", "alpha", "most"), [(200, 0.01, 0.023), (4, 0.01, 1.0)])
def test_none_lost_of_some_leaves_room_for_a_few(problems, alpha, most):
    assert none_lost(problems, alpha) == pytest.approx(most, abs=5e-4)
    # A share so large is lost nowhere in so many with just this chance.
    assert most == 1 or (1 - most) ** problems == pytest.approx(alpha, rel=0.1)


def test_clusters_are_lost_whole():
    alone = shares([(1, 1)] * 60, (1, 1))
    groups = [Pair(before=1, after=1, cluster=index // 4) for index in range(60)]
    p = [questions(pairs)[Estimand.NEW].pass_p(0.1) for pairs in (alone, groups)]
    assert p[0] < p[1]


# --- a pass of these problems ----------------------------------------------------------------


def test_the_noise_of_a_fallen_run_counts_in_a_pass():
    sure = questions(shares([(8, 8)] * 200, (8, 8)))[Estimand.THESE]
    seen = (sure.problems * sure.se) ** 2
    assert sure.pass_variance(0.02) > 8 * seen
    # Where chances are middling a fall adds little.
    noisy = questions(shares([(4, 4)] * 200, (8, 8)))[Estimand.THESE]
    assert noisy.pass_variance(0.02) == pytest.approx((noisy.problems * noisy.se) ** 2, rel=0.01)


def test_few_samples_have_few_degrees_of_freedom():
    few = questions(shares([(2, 2)] * 28 + [(1, 2), (2, 1)], (2, 2)))[Estimand.THESE]
    many = questions(shares([(32, 32)] * 15, (64, 64)))[Estimand.THESE]
    assert few.freedom == 2
    assert many.freedom > 1000


@pytest.mark.parametrize("estimand", Estimand)
def test_the_bound_is_where_the_pass_begins(estimand):
    counts = [(8, 8)] * 150 + [(7, 5)] * 25 + [(3, 5)] * 25
    found = questions(shares(counts, (8, 8)))[estimand]
    lower = found.lower(0.01)
    assert found.pass_p(-lower) == pytest.approx(0.01, rel=1e-6)
    ps = [found.pass_p(margin) for margin in np.linspace(0.0, 0.5, 60)]
    assert ps == sorted(ps, reverse=True)
    assert found.upper(0.01) > found.value > lower


# --- a suite ---------------------------------------------------------------------------------


def suites(rng, fall, tasks=6, problems=100, samples=4):
    """The pairs of the tasks of a suite that all fall by so much."""
    found = []
    for _ in range(tasks):
        chances = rng.beta(1.7, 0.3, problems)
        both = chances, chances * (1 - fall / chances.mean())
        before, after = (rng.binomial(samples, each) for each in both)
        found.append(shares(zip(before.tolist(), after.tolist(), strict=True), (samples, samples)))
    return found


def decided(tasks, margin=0.01):
    """What is called of the tasks, and of the suite."""
    row = PairedTask(pairs=suite_pairs(list(enumerate(tasks))), margin=margin, share=len(tasks))
    *each, whole = decide([*(PairedTask(pairs=pairs, margin=margin) for pairs in tasks), row],
                          alpha=0.01)  # fmt: skip
    return [one.call for one in each], whole.call


def test_six_tasks_minus_three_points_are_a_fall_of_the_suite_alone():
    counts = [(4, 4)] * 60 + [(4, 3)] * 18 + [(3, 4)] * 6 + [(2, 2)] * 6 + [(0, 0)] * 10
    tasks = [shares(counts, (4, 4))] * 6
    each, whole = decided(tasks)
    assert difference(tasks[0]).value == pytest.approx(-0.03)
    assert ({*each}, whole) == ({Call.INCONCLUSIVE}, Call.REGRESSION)


@pytest.mark.slow
def test_six_tasks_that_fall_by_three_points_are_seen_together():
    rng = np.random.default_rng(5)
    together = alone = 0
    for _ in range(20):
        tasks = suites(rng, 0.03)
        each, whole = decided(tasks)
        together += Call.REGRESSION in {*each, whole}
        holm = decide([PairedTask(pairs=pairs) for pairs in tasks], alpha=0.01)
        alone += Call.REGRESSION in {one.call for one in holm}
    assert together >= 14
    assert alone <= 10


@pytest.mark.slow
def test_six_tasks_that_do_not_fall_are_not_called_worse():
    rng = np.random.default_rng(5)
    found = [decided(suites(rng, 0.0), margin=0.05) for _ in range(100)]
    worse = sum(Call.REGRESSION in {*each, whole} for each, whole in found)
    assert worse <= 5
    # An unchanged suite passes where its tasks do not.
    assert sum(whole is Call.PASS for _, whole in found) >= 90
    assert sum({*each} == {Call.PASS} for each, _ in found) <= 10


def test_a_suite_is_the_weighted_mean_of_its_tasks():
    small, large = shares([(4, 0)] * 10, (4, 4)), shares([(4, 4)] * 90, (4, 4))
    tasks = [("small", small), ("large", large)]
    assert difference(suite_pairs(tasks)).value == pytest.approx(-0.5)
    assert difference(suite_pairs(tasks, by_problem=True)).value == pytest.approx(-0.1)


def test_strata_do_not_vary_by_what_their_tasks_differ():
    up, down = shares([(0, 4)] * 50, (4, 4)), shares([(4, 0)] * 50, (4, 4))
    together = difference(suite_pairs([("up", up), ("down", down)]))
    one_task = difference([*up, *down])
    assert together.value == one_task.value == 0
    assert together.se < one_task.se / 5


def test_a_loss_may_be_all_in_the_task_that_weighs_most():
    small, large = shares([(1, 1)] * 20, (1, 1)), shares([(1, 1)] * 500, (1, 1))
    tasks = [("small", small), ("large", large)]
    variances = [
        evidence(pairs, difference(pairs), counted=True)[0].pass_variance(0.05) / len(pairs) ** 2
        for pairs in (suite_pairs(tasks), suite_pairs(tasks, by_problem=True))
    ]
    assert variances[0] > 3 * variances[1]
