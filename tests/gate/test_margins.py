"""The smallest margin that an unchanged model passes in 80 % of runs."""

from __future__ import annotations

import numpy as np
import pytest

from mathreason_eval.errors import UserError
from mathreason_eval.gate.margins import AUTO, auto_margin, is_auto, suite_margin
from mathreason_eval.gate.sample_size import unchanged_passes
from mathreason_eval.stats.decision import Call, PairedTask, decide
from mathreason_eval.stats.difference import Pair
from mathreason_eval.stats.estimands import Estimand

EASY = [(8, 8)] * 60 + [(7, 8)] * 20 + [(4, 8)] * 12 + [(0, 8)] * 8
ALPHA = 0.01


def found(samples, estimand=None, counts=EASY):
    return auto_margin("gsm8k", counts, samples, (ALPHA, estimand))


def test_more_samples_allow_a_smaller_margin():
    margins = [found((8, n)) for n in (2, 4, 8, 32)]
    assert margins == sorted(margins, reverse=True)
    assert margins[0] > 1.3 * margins[-1]


def test_new_problems_need_a_larger_margin():
    assert found((8, 8), Estimand.NEW) > found((8, 8), Estimand.THESE)


def test_a_margin_is_whole_hundredths_of_a_point():
    assert round(found((8, 8)) * 1e4, 6).is_integer()


def test_auto_is_above_and_below_nothing():
    assert is_auto(AUTO)
    assert not is_auto(0.01)
    assert not AUTO < 1


@pytest.mark.parametrize(("counts", "says"), [
    ([(4, 8)] * 3 + [(0, 8)] * 27, "allow one of"),
    ([(0, 8)] * 30, "take more problems"),
])  # fmt: skip
@pytest.mark.slow
def test_half_of_the_score_is_too_much(counts, says):
    with pytest.raises(UserError, match="half of the baseline") as error:
        found((8, 8), counts=counts)
    assert says in str(error.value)


def test_margins_of_tasks_add_up_as_standard_errors_do():
    assert suite_margin([(0.03, 100)] * 9, by_problem=False) == pytest.approx(0.01)
    assert suite_margin([(0.03, 100)] * 9, by_problem=True) == pytest.approx(0.01)
    assert suite_margin([(0.09, 1), (0.01, 999)], by_problem=True) == pytest.approx(0.01, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("samples", "estimand"), [
    ((8, 8), Estimand.THESE), ((8, 2), Estimand.THESE), ((8, 8), Estimand.NEW),
])  # fmt: skip
def test_an_unchanged_model_passes_it_in_four_runs_of_five(samples, estimand):
    rng = np.random.default_rng(3)
    chances = rng.beta(1.7, 0.3, 200)
    base = [(int(c), 8) for c in rng.binomial(8, chances)]
    margin = found(samples, estimand, base)
    passed = 0
    for _ in range(200):
        both = (rng.binomial(n, chances).tolist() for n in samples)
        pairs = [
            Pair(before=b / samples[0], after=a / samples[1], samples=samples)
            for b, a in zip(*both, strict=True)
        ]
        task = PairedTask(pairs=pairs, margin=margin, estimand=estimand)
        passed += decide([task], alpha=ALPHA)[0].call is Call.PASS
    assert 0.68 <= passed / 200 <= 0.92


# fmt: off
UNCHANGED = [
    # samples of both runs, what decides, margin; a task of a few hundred problems
    ((8, 8), Estimand.THESE, 0.03), ((8, 8), Estimand.THESE, 0.06), ((8, 2), Estimand.THESE, 0.05),
    ((8, 8), Estimand.NEW,   0.06), ((1, 1), Estimand.NEW,   0.10),
]
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize(("samples", "estimand", "margin"), UNCHANGED)
def test_how_often_an_unchanged_model_passes_is_said_from_one_pair_of_runs(
    samples, estimand, margin
):
    rng = np.random.default_rng(5)
    chances = rng.beta(1.7, 0.7, 150)
    said, passed = [], 0
    for _ in range(150):
        both = (rng.binomial(n, chances).tolist() for n in samples)
        pairs = [
            Pair(before=b / samples[0], after=a / samples[1], samples=samples)
            for b, a in zip(*both, strict=True)
        ]
        task = PairedTask(pairs=pairs, margin=margin, estimand=estimand)
        (decision,) = decide([task], alpha=ALPHA)
        passed += decision.call is Call.PASS
        said.append(unchanged_passes(task, decision))
    assert abs(np.mean(said) - passed / 150) < 0.12
    assert np.std(said) < 0.12
