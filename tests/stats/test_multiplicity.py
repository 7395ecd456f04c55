"""Tests of several looks at growing evidence, against published bounds and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from mathreason_eval.stats.multiplicity import SPENDING_FUNCTIONS, alpha_spent, nominal_levels

# fmt: off
BOUNDS = [  # one-sided 0.025, equally spaced, as Reboussin, DeMets, Kim and Lan (2000) have them
    ("obrien-fleming", [2.963, 1.969]),
    ("obrien-fleming", [3.710, 2.511, 1.993]),
    ("obrien-fleming", [4.877, 3.357, 2.680, 2.290, 2.031]),
    ("pocock",         [2.157, 2.201]),
    ("pocock",         [2.279, 2.295, 2.296]),
    ("pocock",         [2.438, 2.427, 2.410, 2.397, 2.386]),
]
LOOKS = [
    [1],
    [8, 16, 32],
    [30, 500, 1319],
    [99, 100],              # the second look brings next to nothing
    [1, 1.001, 2],
    [1, 2, 3, 4, 5],
]
WRONG = [
    ([],        0.01, "pocock",    "positive and increase"),
    ([0, 1],    0.01, "pocock",    "positive and increase"),
    ([-1, 1],   0.01, "pocock",    "positive and increase"),
    ([8, 8],    0.01, "pocock",    "positive and increase"),
    ([16, 8],   0.01, "pocock",    "positive and increase"),
    ([8, 16],   0.5,  "pocock",    r"0\.5 is not"),
    ([8, 16],   0.0,  "pocock",    r"0\.0 is not"),
    ([8, 16],   0.01, "haybittle", "no spending function 'haybittle'"),
]
SHARES = [-0.1, 0.0, 1.001, 2.0]
# fmt: on


@pytest.mark.parametrize(("kind", "bounds"), BOUNDS)
def test_bounds_are_the_published_ones(kind, bounds):
    levels = nominal_levels(range(1, len(bounds) + 1), 0.025, kind)
    assert [-norm.ppf(level) for level in levels] == pytest.approx(bounds, abs=0.0006)


@pytest.mark.parametrize("kind", SPENDING_FUNCTIONS)
@pytest.mark.parametrize("looks", LOOKS, ids=str)
def test_all_looks_together_have_alpha(looks, kind):
    levels = nominal_levels(looks, 0.01, kind)
    shares = np.array(looks) / looks[-1]
    correlation = np.minimum.outer(shares, shares) / np.sqrt(np.outer(shares, shares))
    together = multivariate_normal(
        cov=correlation, allow_singular=True, seed=1, maxpts=400_000, abseps=1e-7, releps=1e-7
    )
    crossed = 1 - together.cdf(-norm.ppf(levels))
    assert crossed == pytest.approx(0.01, abs=2e-5)


@pytest.mark.parametrize("kind", SPENDING_FUNCTIONS)
def test_a_level_depends_on_no_later_look(kind):
    assert nominal_levels([8, 16, 32], 0.01, kind)[0] == pytest.approx(
        nominal_levels([8, 20, 24, 32], 0.01, kind)[0]
    )


@pytest.mark.parametrize("kind", SPENDING_FUNCTIONS)
def test_all_of_alpha_is_spent_at_the_end(kind):
    assert alpha_spent(1.0, 0.01, kind) == pytest.approx(0.01)


@pytest.mark.parametrize(("looks", "alpha", "kind", "says"), WRONG)
def test_what_is_no_plan_is_refused(looks, alpha, kind, says):
    with pytest.raises(ValueError, match=says):
        nominal_levels(looks, alpha, kind)


@pytest.mark.parametrize("share", SHARES)
def test_what_is_no_share_of_the_information_is_refused(share):
    with pytest.raises(ValueError, match="An information fraction"):
        alpha_spent(share, 0.01)
