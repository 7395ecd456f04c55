"""How far results under several settings lie apart, noise taken out, and how stable an order is."""

from __future__ import annotations

import math
from dataclasses import astuple
from random import Random
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.compare.spread import orders, spread
from mathreason_eval.types import Metric, Unit


def metric(value: float, fixed_se: float | None = 0.0) -> Metric:
    return Metric(
        task="t", slice="all", name="avg", unit=Unit.SHARE, value=value, low=0.0, high=1.0, se=0.1,
        problems=9, samples=9, method="", fixed_se=fixed_se,
    )  # fmt: skip


def test_the_spread_is_that_of_the_values():
    found = spread([metric(0.5), metric(0.7), metric(0.6)])
    assert (found.mean, found.sd) == (pytest.approx(0.6), pytest.approx(0.1))
    assert (found.worst, found.best) == (0, 1)
    assert found.beyond_noise == pytest.approx(found.sd)


# fmt: off
NOISE = [
    # standard errors of three values 0.1 apart, and what is left of their deviation of 0.1
    ((0.0, 0.0, 0.0),     0.1),
    ((0.06, 0.06, 0.06),  0.08),
    ((0.1, 0.1, 0.1),     0.0),
    ((0.3, 0.3, 0.3),     0.0),
    ((0.06, None, 0.06),  None),
    ((None, None, None),  None),
]
# fmt: on


@pytest.mark.parametrize(("errors", "left"), NOISE)
def test_noise_is_not_taken_for_a_spread(errors, left):
    found = spread([metric(0.5 + 0.1 * n, one) for n, one in enumerate(errors)])
    assert found.beyond_noise == (None if left is None else pytest.approx(left, abs=1e-9))


def test_settings_that_do_not_matter_have_no_spread_beyond_noise():
    """Of 400 grids without any effect the mean square beyond noise is about nothing."""
    random, squares = Random(1), []
    for _ in range(400):
        values = [metric(random.gauss(0.5, 0.03), 0.03) for _ in range(6)]
        found = spread(values)
        assert found.beyond_noise is not None
        squares.append(found.sd**2 - 0.03**2)
    assert abs(fmean(squares)) < 4 * stdev(squares) / math.sqrt(400)


# fmt: off
ORDERS = [
    # by model and setting; (first, second, settings in which it is above, below, in all)
    ({"a": {1: 0.5, 2: 0.6}, "b": {1: 0.4, 2: 0.5}},      [("a", "b", 2, 0, 2)]),
    ({"b": {1: 0.4, 2: 0.5}, "a": {1: 0.5, 2: 0.6}},      [("a", "b", 2, 0, 2)]),
    ({"a": {1: 0.5, 2: 0.3}, "b": {1: 0.4, 2: 0.35}},     [("a", "b", 1, 1, 2)]),
    ({"a": {1: 0.5, 2: 0.5}, "b": {1: 0.5, 2: 0.4}},      [("a", "b", 1, 0, 2)]),
    ({"a": {1: 0.5, 3: 0.9}, "b": {1: 0.4, 2: 0.99}},     [("a", "b", 1, 0, 1)]),
    ({"a": {1: 0.5}, "b": {2: 0.4}},                      []),
    ({"a": {1: 0.5}},                                     []),
]
# fmt: on


@pytest.mark.parametrize(("values", "pairs"), ORDERS, ids=str)
def test_an_order_is_counted_where_both_were_measured(values, pairs):
    assert [astuple(one) for one in orders(values)] == pairs


@given(
    st.dictionaries(st.sampled_from("abcd"), st.dictionaries(st.integers(0, 4), st.floats(0, 1)))
)
def test_ties_and_orders_make_up_the_settings(values):
    for one in orders(values):
        assert 0 <= one.above + one.below <= one.settings
        assert one.settings == len(values[one.first].keys() & values[one.second].keys())
