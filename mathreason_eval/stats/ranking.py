"""Confidence ranges for the ranks of several runs over the same problems."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mathreason_eval.stats.difference import PSEUDO_COUNT, Pair, bootstrap_sums, cluster_sums
from mathreason_eval.stats.exact_tests import exact_test
from mathreason_eval.stats.multiplicity import holm

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class RunScores:
    """The scores of one run, each in [0, 1], or each problem's contribution to a metric."""

    scores: Mapping[str, float]
    """By problem; all runs of a ranking have the same problems."""
    samples: Mapping[str, int]
    """Number of samples of each problem, of which the scores are means."""
    weight: float = 1.0
    """Derivative of the metric with respect to a problem's score, times N; 1 for a mean."""

    @property
    def mean(self) -> float:
        """Return the mean score."""
        return math.fsum(self.scores.values()) / len(self.scores)

    @property
    def samples_per_problem(self) -> int:
        """Return the harmonic mean of the numbers of samples, rounded."""
        sizes = self.samples.values()
        return max(1, round(len(sizes) / math.fsum(1 / size for size in sizes)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Rank:
    """The rank of one run among others."""

    value: float
    """Its mean score."""
    best: int
    worst: int
    """Ends of the 95 % range of its rank; 1 is the highest, and equal runs have equal ranges."""
    group: int
    """1 for the leader and all runs not significantly below it; then likewise among the rest."""
    p: float
    """Two-sided p-value of the test against the leader of its group; 1 for a leader."""
    leads: bool
    """Whether it is above all others, by its range and by the tests; false for a single run."""


def ranking(
    runs: Sequence[RunScores],
    clusters: Mapping[str, Hashable] | None = None,
    *,
    counted: bool = True,
    seed: int = 0,
) -> list[Rank]:
    """Return the rank of each run, in the order given.

    A range contains every rank that the problems do not exclude. It comes from a joint bootstrap:
    the same problems are resampled for all runs, so difficulty common to all cancels. A run counts
    as above or below another if their distance, in its standard deviations, exceeds the 95 %
    quantile of the largest deviation of any distance (Mogstad, Romano, Shaikh and Wilhelm 2024,
    Review of Economic Studies 91, 476-518). Two pseudo-problems, which every run solves with
    probability 1/2, are resampled as well: so three problems that one run solves and another does
    not cannot exclude any rank.

    Groups come from exact paired tests of each run against the highest run of its group.

    Args:
        runs: the scores of each run, over the same problems.
        clusters: the cluster of each problem, such as its original; None if all are independent.
        counted: whether scores are fractions of correct samples.
        seed: the seed of the bootstrap.

    Raises:
        ValueError: if there are no runs, or no problems, or not the same for all.
    """
    if not runs or not runs[0].scores:
        raise ValueError("A ranking needs runs with problems.")
    names = list(runs[0].scores)
    if any(other.scores.keys() != runs[0].scores.keys() for other in runs):
        raise ValueError("A ranking needs runs over the same problems.")
    shared = [None if clusters is None else clusters.get(name) for name in names]
    ranges = _rank_ranges(runs, names, shared, seed)
    groups = _groups(runs, shared, counted=counted)
    separate = sum(group == 1 for group, _ in groups) == 1 < len(runs)
    return [
        Rank(
            value=run.mean,
            best=best,
            worst=worst,
            group=group,
            p=p,
            leads=separate and group == 1 and worst == 1,
        )
        for run, (best, worst), (group, p) in zip(runs, ranges, groups, strict=True)
    ]


# --- ranges ----------------------------------------------------------------------------------

ALPHA = 0.05
"""Probability that a range misses the rank; also the level of all tests against one leader."""
_PSEUDO_PROBLEMS = round(2 * 2 * PSEUDO_COUNT)
"""Number of pseudo-problems: pseudo-observations of both kinds for each of two runs."""


def _rank_ranges(
    runs: Sequence[RunScores], names: Sequence[str], shared: Sequence[Hashable], seed: int
) -> list[tuple[int, int]]:
    """Return the best and the worst possible rank of each run."""
    import numpy as np

    rng = np.random.default_rng(seed)
    units = cluster_sums([[run.scores[name] for run in runs] for name in names], shared)
    # The last column counts pseudo-problems; their scores are drawn for each resample.
    units[:, -1] = 0
    pseudo = np.zeros((_PSEUDO_PROBLEMS, units.shape[1]))
    pseudo[:, -1] = 1
    sizes = np.array([run.samples_per_problem for run in runs])
    # A pseudo-problem has the average weight of a cluster.
    weights = np.array([run.weight for run in runs]) * (len(names) / len(units))
    blocks = []
    for block in bootstrap_sums(np.vstack([units, pseudo]), rng):
        trials = block[:, -1:].astype(int) * sizes
        blocks.append(block[:, :-1] + weights * rng.binomial(trials, 0.5) / sizes)
    drawn, sums = np.vstack(blocks), units[:, :-1].sum(axis=0)
    return [_rank_range(drawn, sums, place) for place in range(len(runs))]


def _rank_range(drawn: NDArray[Any], sums: NDArray[Any], place: int) -> tuple[int, int]:
    """Return the best and the worst rank of one run that the resampled distances allow."""
    import numpy as np

    distances = sums - sums[place]
    deviations = drawn - drawn[:, [place]] - distances
    spread = deviations.std(axis=0)
    # The distance of a run from itself is always zero.
    spread[place] = np.inf
    critical = np.quantile(np.abs(deviations / spread).max(axis=1), 1 - ALPHA)
    above = int((distances / spread > critical).sum())
    below = int((distances / spread < -critical).sum())
    return 1 + above, len(sums) - below


# --- groups ----------------------------------------------------------------------------------


def _groups(
    runs: Sequence[RunScores], shared: Sequence[Hashable], *, counted: bool
) -> list[tuple[int, float]]:
    """Return for each run its group and the p of its test against the group's leader."""
    found: dict[int, tuple[int, float]] = {}
    rest = sorted(range(len(runs)), key=lambda place: -runs[place].mean)
    group = 0
    while rest:
        group += 1
        leader, *others = rest
        found[leader] = group, 1.0
        pairs = [_pairs(runs[leader], runs[other], shared) for other in others]
        ps = holm([exact_test(each, counted=counted).p for each in pairs])
        found |= {one: (group, p) for one, p in zip(others, ps, strict=True) if p > ALPHA}
        rest = [one for one in others if one not in found]
    return [found[place] for place in range(len(runs))]


def _pairs(leader: RunScores, other: RunScores, shared: Sequence[Hashable]) -> list[Pair]:
    """Return the paired scores of two runs, without pairs that do not affect the test."""
    return [
        Pair(
            before=score,
            after=other.scores[name],
            samples=(leader.samples[name], other.samples[name]),
            cluster=cluster,
        )
        for (name, score), cluster in zip(leader.scores.items(), shared, strict=True)
        # Equal scores matter only in the exchange test.
        if score != other.scores[name] or leader.samples[name] != other.samples[name]
    ]
