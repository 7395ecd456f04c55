"""Ranks that problems leave open: who is above whom, who is tied, and what nobody may claim."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mathreason_eval.stats.difference import Pair, bootstrap_interval, difference
from mathreason_eval.stats.ranking import RunScores, ranking


def contender(scores, n=1):
    named = {f"q{number}": score for number, score in enumerate(scores)}
    return RunScores(scores=named, samples=dict.fromkeys(named, n))


def shown(places):
    return [(one.best, one.worst, one.group, one.leads) for one in places]


def of(*counts):
    """So many right ones, then so many wrong, then right again."""
    return [float(place % 2 == 0) for place, count in enumerate(counts) for _ in range(count)]


TIED, FIRST, SECOND = (1, 2, 1, False), (1, 1, 1, True), (2, 2, 2, False)
# fmt: off
CASES = [
    # the runs: right, wrong, right, …             best and worst rank, group, leads
    ([of(50, 50), of(50, 50)],                      [TIED, TIED]),               # alike
    ([of(90, 10), of(50, 50)],                      [FIRST, SECOND]),
    ([of(50, 50), of(90, 10)],                      [SECOND, FIRST]),
    ([of(54, 46), of(46, 54)],                      [FIRST, SECOND]),            # eight of eight
    ([of(54, 46), of(0, 54, 46)],                   [TIED, TIED]),               # as many, others
    ([of(12), of(0, 12)],                           [FIRST, SECOND]),
    ([of(3), of(0, 3)],                             [TIED, TIED]),               # three say little
    ([of(1), of(0, 1)],                             [TIED, TIED]),               # one says nothing
    ([of(30)],                                      [(1, 1, 1, False)]),         # alone
    ([of(30), of(30), of(30)],                      [(1, 3, 1, False)] * 3),     # all right
    ([of(0, 30), of(0, 30), of(0, 30)],             [(1, 3, 1, False)] * 3),     # all wrong
    ([of(80, 20), of(0, 1, 79, 20), of(40, 60)],    [TIED, TIED, (3, 3, 2, False)]),
]
# fmt: on


@pytest.mark.parametrize(("rows", "wanted"), CASES)
def test_where_runs_stand(rows, wanted):
    assert shown(ranking([contender(row) for row in rows])) == wanted


def test_what_is_alike_for_all_moves_nobody():
    rows = [of(54, 46), of(46, 54)]
    easier = [row + [1] * 400 for row in rows]
    assert shown(ranking([contender(row) for row in rows])) == shown(
        ranking([contender(row) for row in easier])
    )


def test_what_comes_from_one_source_counts_once():
    rows = [contender(of(12, 12)), contender(of(0, 24))]
    sources = {f"q{number}": f"source {number % 4}" for number in range(24)}
    assert [one.leads for one in ranking(rows)] == [True, False]
    assert shown(ranking(rows, sources)) == [(1, 2, 1, False)] * 2


def test_several_samples_settle_what_one_does_not():
    rng = Random(5)
    above, below = ([p + rng.choice((-0.25, 0.25)) for _ in range(40)] for p in (0.75, 0.5))
    assert ranking([contender(above, 8), contender(below, 8)])[0].leads
    assert not ranking([contender([1, 1, 1, 0] * 4), contender([1, 0, 1, 0] * 4)])[0].leads


SCORES = st.lists(st.tuples(*[st.sampled_from([0, 0.25, 0.5, 1])] * 3), min_size=1, max_size=40)


@pytest.mark.slow
@given(SCORES)
@settings(max_examples=25)
def test_a_range_holds_the_rank_at_hand_and_a_leader_has_no_equal(rows):
    runs = [contender(column, 4) for column in zip(*rows, strict=True)]
    places = ranking(runs)
    for one in places:
        above = sum(other.value > one.value + 1e-9 for other in places)
        level = sum(other.value >= one.value - 1e-9 for other in places)
        assert one.best <= above + 1 <= level <= one.worst
        assert not one.leads or (one.worst, one.group, above, level) == (1, 1, 0, 1)


@pytest.mark.slow
@given(SCORES)
@settings(max_examples=25)
def test_two_runs_are_told_apart_where_the_interval_of_their_difference_says_so(rows):
    runs = [contender([row[side] for row in rows], 4) for side in (0, 1)]
    pairs = [Pair(before=row[0], after=row[1], samples=(4, 4)) for row in rows]
    apart = ranking(runs)[0].best == ranking(runs)[0].worst
    found = difference(pairs)
    # Student's quantile is the wider with few problems; between the two either may be.
    surely = found.p_above(0) < 0.01 or found.p_below(0) < 0.01
    surely_not = found.p_above(0) > 0.1 and found.p_below(0) > 0.1
    assert apart or not surely
    assert not (apart and surely_not and len(rows) >= 10)


@pytest.mark.slow
def test_equals_are_kept_apart_no_more_often_than_promised():
    rng, missed, led = Random(4), 0, 0
    for _ in range(60):
        easy = [rng.betavariate(1.2, 0.6) for _ in range(60)]
        places = ranking([contender([rng.random() < p for p in easy]) for _ in range(4)])
        missed += sum((one.best, one.worst) != (1, 4) for one in places)
        led += any(one.leads for one in places)
    # 5 % of 240 ranges, which are not independent, and of 60 leaders.
    assert missed <= 24, missed
    assert led <= 7, led


def test_a_seed_gives_the_same_ranks_again():
    runs = [contender([(i * k) % 3 > 0 for i in range(80)]) for k in (1, 2, 5, 7)]
    assert ranking(runs) == ranking(runs)


@pytest.mark.parametrize("runs", [[], [contender([])], [contender([1]), contender([1, 0])]])
def test_runs_that_have_no_common_problems_are_not_ranked(runs):
    with pytest.raises(ValueError, match="A ranking needs"):
        ranking(runs)


# --- the paired bootstrap ----------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 4, 97])
def test_the_bootstrap_equals_scipys(n):
    rng = np.random.default_rng(3)
    before, after = rng.binomial(n, 0.6, 150) / n, rng.binomial(n, 0.7, 150) / n
    pairs = [Pair(before=b, after=a) for b, a in zip(before, after, strict=True)]
    theirs = stats.bootstrap(
        (before, after), lambda b, a, axis: np.mean(a - b, axis=axis), n_resamples=10_000,
        paired=True, method="percentile", rng=np.random.default_rng(4),
    )  # fmt: skip
    # Two sets of draws: ends differ by hundredths of a standard error, or by a step of the scores.
    assert bootstrap_interval(pairs) == pytest.approx(
        tuple(theirs.confidence_interval), abs=0.1 * theirs.standard_error + 1 / n / 150
    )


def test_clusters_are_drawn_whole():
    alone = [Pair(before=0.5, after=0.5 + 0.5 * (i % 2)) for i in range(40)]
    together = [
        Pair(before=pair.before, after=pair.after, cluster=number % 2 + 2 * (number // 8))
        for number, pair in enumerate(alone)
    ]
    low, high = bootstrap_interval(together)
    narrow = bootstrap_interval(alone)
    assert high - low > 1.5 * (narrow[1] - narrow[0])


def test_without_pairs_there_is_no_bootstrap():
    with pytest.raises(ValueError, match="needs a shared problem"):
        bootstrap_interval([])
