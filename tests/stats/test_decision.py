"""Pass, regression or not enough evidence."""

from __future__ import annotations

import pytest

from mathreason_eval.stats.decision import Call, PairedTask, _holm_levels, decide, single_look
from mathreason_eval.stats.difference import Pair, difference
from mathreason_eval.stats.exact_tests import exchange_test, sign_flip


def flips(lost, gained, same):
    changed = [(1.0, 0.0)] * lost + [(0.0, 1.0)] * gained + [(1.0, 1.0)] * same
    return [Pair(before=before, after=after) for before, after in changed]


TABLE = [
    # lost, gained, same, margin, beyond the margin; call
    (60, 10, 1_249, 0.01, False, Call.REGRESSION),
    (60, 10, 1_249, 0.01, True, Call.REGRESSION),
    (45, 20, 1_254, 0.01, True, Call.INCONCLUSIVE),     # a fall, not surely beyond the margin
    (20, 20, 1_279, 0.01, False, Call.INCONCLUSIVE),
    (5, 6, 1_308, 0.01, False, Call.PASS),
    (0, 0, 1_319, 0.01, False, Call.PASS),              # the same answers
    (0, 0, 30, 0.01, False, Call.INCONCLUSIVE),         # thirty cannot show one point
    (30, 0, 0, 0.01, False, Call.REGRESSION),
    (2, 0, 28, 0.01, False, Call.INCONCLUSIVE),         # two flips show nothing
    (12, 0, 1_307, 0.02, False, Call.PASS),             # a sure fall within the margin
    (1, 0, 0, 0.01, False, Call.INCONCLUSIVE),          # one problem
]  # fmt: skip


@pytest.mark.parametrize(("lost", "gained", "same", "margin", "beyond", "call"), TABLE)
def test_calls(lost, gained, same, margin, beyond, call):
    question = PairedTask(pairs=flips(lost, gained, same), margin=margin, beyond_margin=beyond)
    (decision,) = decide([question], alpha=0.01)
    assert decision.call is call


def test_bounds_say_what_the_call_says():
    for lost in range(0, 60, 3):
        (decision,) = decide([PairedTask(pairs=flips(lost, 10, 900))], alpha=0.05)
        assert (decision.call is Call.PASS) == (decision.decided.lower > -0.01)
        if decision.call is Call.REGRESSION:
            assert decision.decided.upper < 0


def test_among_many_tasks_a_regression_needs_more_evidence():
    slight = PairedTask(pairs=flips(22, 8, 700))
    (alone,) = decide([slight], alpha=0.01)
    among = decide([slight, *[PairedTask(pairs=flips(30, 30, 700))] * 9], alpha=0.01)[0]
    assert alone.call is Call.REGRESSION
    assert among.call is Call.INCONCLUSIVE


@pytest.mark.parametrize(("lost", "gained", "same"), [(22, 8, 700), (3, 0, 20), (60, 10, 1_249)])
def test_the_p_of_a_regression_is_the_largest_of_all_tests(lost, gained, same):
    pairs = flips(lost, gained, same)
    (decision,) = decide([PairedTask(pairs=pairs)], alpha=0.05)
    ps = difference(pairs).p_above(0.0), sign_flip(pairs).less
    assert decision.decided.regression_p == max(ps) > min(ps)


def test_of_unequal_samples_the_exchange_counts_too():
    pairs = [Pair(before=1.0, after=after / 4, samples=(1, 4)) for after in (4, 3, 2, 2, 1) * 4]
    (decision,) = decide([PairedTask(pairs=pairs)], alpha=0.05)
    assert decision.decided.regression_p >= exchange_test(pairs).less


def test_a_p_that_is_its_level_rejects():
    task = PairedTask(pairs=flips(22, 8, 700))
    (first,) = decide([task], alpha=0.01)
    for alpha, call in (
        (first.decided.regression_p, Call.REGRESSION),
        (first.decided.regression_p * 0.999, Call.INCONCLUSIVE),
    ):
        assert decide([task], alpha=alpha)[0].call is call


# fmt: off
LEVELS = [
    # ps            alphas          levels by Holm: the smallest p by its alpha comes first
    ([0.03, 0.02],  [0.10, 0.01],   [0.05, 0.01]),
    ([0.06, 0.02],  [0.10, 0.01],   [0.05, 0.005]),
    ([0.01, 0.03],  [0.05, 0.05],   [0.025, 0.05]),
    ([0.03, 0.01],  [0.05, 0.05],   [0.05, 0.025]),
    ([0.03, 0.04],  [0.05, 0.05],   [0.025, 0.025]),
    ([0.02],        [0.05],         [0.05]),
]
# fmt: on


@pytest.mark.parametrize(("ps", "alphas", "levels"), LEVELS)
def test_levels_share_alpha_by_weight(ps, alphas, levels):
    assert _holm_levels(ps, alphas, single_look) == pytest.approx(levels)
