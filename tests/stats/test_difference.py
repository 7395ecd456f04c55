"""Student's t distribution without a library, against the library."""

from __future__ import annotations

import subprocess
import sys

import pytest
from scipy.special import stdtr, stdtrit

from mathreason_eval.stats.difference import t_quantile, t_sf

FREEDOM = [1, 2, 3, 5, 29, 99, 1_318, 100_000]


@pytest.mark.parametrize("freedom", FREEDOM)
@pytest.mark.parametrize("distance", [-3.0, -0.1, 0.0, 1e-9, 1e-3, 0.1, 0.5, 1, 2, 2.5, 5, 10, 50])
def test_tails(freedom, distance):
    assert t_sf(distance, freedom) == pytest.approx(stdtr(freedom, -distance), rel=1e-8, abs=1e-290)


@pytest.mark.parametrize("freedom", FREEDOM)
@pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.6, 0.8, 0.95, 0.99, 0.9995, 1 - 1e-7])
def test_quantiles(freedom, share):
    assert t_quantile(share, freedom) == pytest.approx(stdtrit(freedom, share), rel=1e-8, abs=1e-9)


def test_it_needs_no_library():
    code = (
        "import sys; from mathreason_eval.stats.difference import Pair, difference\n"
        "difference([Pair(before=1, after=0)] * 30).lower(0.01)\n"
        "print([name for name in ('numpy', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
