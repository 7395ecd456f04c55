"""Which differences between the best results of a task are settled, by exact paired tests."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import median

from mathreason_eval.compare.pairing import metric_of
from mathreason_eval.site.leaderboard import Column, Standing
from mathreason_eval.stats.difference import Pair, difference
from mathreason_eval.stats.estimators.items import cluster_of
from mathreason_eval.stats.exact_tests import ExactTest, exact_test
from mathreason_eval.stats.multiplicity import holm
from mathreason_eval.stats.ranking import ALPHA, RunScores

MOST_COMPARED = 16
"""Results that are compared with each other, the best ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """A difference between two results."""

    difference: float
    """Row minus column, a fraction of 1."""
    p: float
    """Two-sided p-value of the exact paired test."""
    adjusted: float
    """The p-value adjusted over all pairs of the matrix."""
    test: str
    """Name of the test."""
    page: str
    """The address of the page that compares the two, from the site's root."""

    @property
    def settled(self) -> bool:
        """Return whether the adjusted test is significant."""
        return self.adjusted < ALPHA


@dataclass(frozen=True, kw_only=True, slots=True)
class Matrix:
    """Which differences between the best results of a task are settled."""

    standings: tuple[Standing, ...]
    """The results, the best first."""
    cells: tuple[tuple[Settled | None, ...], ...]
    """By row and column; None for a result with itself."""
    pairs: int
    """The number of pairs that are tested, all of those among the results."""
    left_out: int
    """The number of ranked results that are not in it."""

    @property
    def pages(self) -> tuple[str, ...]:
        """Return the results by their runs' names in addresses."""
        return tuple(standing.result.page for standing in self.standings)


def matrix(column: Column) -> Matrix | None:
    """Return the differences between the best ranked results; None for fewer than two.

    Each pair has the exact paired test over the problems, adjusted over all pairs by Holm.
    """
    ranked = [standing for standing in column.standings if standing.ranked]
    shown = ranked[:MOST_COMPARED]
    if len(shown) < 2:  # noqa: PLR2004  a pair
        return None
    places = [*combinations(range(len(shown)), 2)]
    clusters = problem_clusters(column)
    tests = [_test(column, clusters, shown[row], shown[other]) for row, other in places]
    found: dict[tuple[int, int], Settled] = {}
    for (row, other), test, adjusted in zip(
        places, tests, holm([test.p for test in tests]), strict=True
    ):
        ours, theirs = (shown[place] for place in (row, other))
        change = ours.result.scores[column.metric].mean - theirs.result.scores[column.metric].mean
        for place, own in (((row, other), change), ((other, row), -change)):
            found[place] = Settled(
                difference=own,
                p=test.p,
                adjusted=adjusted,
                test=test.name,
                page=pair_page(column, ours, theirs),
            )
    size = range(len(shown))
    return Matrix(
        standings=tuple(shown),
        cells=tuple(tuple(found.get((row, other)) for other in size) for row in size),
        pairs=len(places),
        left_out=len(ranked) - len(shown),
    )


def resolution(column: Column) -> float | None:
    """Return how far two results of a task must lie apart to be told apart, as a fraction of 1.

    Half the 95 % interval of the difference between two neighbours in the ranking, the median over
    the neighbours among the best; not adjusted for how many are compared. None for fewer than two.
    """
    ranked = [standing for standing in column.standings if standing.ranked][:MOST_COMPARED]
    if len(ranked) < 2:  # noqa: PLR2004  a pair
        return None
    clusters = problem_clusters(column)
    shares = metric_of(column.reference.entry, column.metric).definition.is_share
    intervals = [
        difference(
            [*result_pairs(clusters, one, other, column.metric).values()], shares=shares
        ).interval()
        for one, other in pairwise(ranked)
    ]
    return median((high - low) / 2 for low, high in intervals)


def pair_page(column: Column, one: Standing, other: Standing) -> str:
    """Return the address of the page of two results, whichever of them is better."""
    first, second = sorted((one.result.page, other.result.page))
    return f"compare/{column.page}/{first}-and-{second}.html"


def _test(column: Column, clusters: Clusters, one: Standing, other: Standing) -> ExactTest:
    counted = metric_of(column.reference.entry, column.metric).definition.is_counted
    pairs = [*result_pairs(clusters, one, other, column.metric, only_changed=True).values()]
    return exact_test(pairs, counted=counted) if pairs else ExactTest(p=1.0, name="no change")


Clusters = Mapping[str, Hashable]
"""The cluster of each problem, by its id."""


def problem_clusters(column: Column) -> Clusters:
    """Return the clusters of a task's problems; ranked results have the same problems."""
    key = column.reference.entry.report.cluster
    problems = (asked.problem for asked in column.reference.problems)
    return {problem.id: cluster_of(problem, key) for problem in problems}


def result_pairs(
    clusters: Clusters,
    one: Standing,
    other: Standing,
    metric: str,
    *,
    only_changed: bool = False,
) -> dict[str, Pair]:
    """Return the paired scores of two results by problem: before is the other's, after the one's.

    Args:
        clusters: those of the task's problems.
        one: a ranked result.
        other: another one, over the same problems.
        metric: a metric that both have scores of.
        only_changed: whether to leave out pairs that do not affect an exact test.
    """
    ours, theirs = one.result.scores[metric], other.result.scores[metric]
    weight = math.hypot(ours.weight, theirs.weight) / math.sqrt(2)
    return {
        name: Pair(
            before=before,
            after=after,
            samples=samples,
            cluster=clusters[name],
            weight=weight,
        )
        for name, before, after, samples in _scores(theirs, ours)
        if not only_changed or before != after or samples[0] != samples[1]
    }


def _scores(
    theirs: RunScores, ours: RunScores
) -> Iterator[tuple[str, float, float, tuple[int, int]]]:
    for name, after in ours.scores.items():
        if name in theirs.scores:
            samples = theirs.samples[name], ours.samples[name]
            yield name, theirs.scores[name], after, samples


def compared_pairs(found: Matrix) -> Iterator[tuple[Standing, Standing, Settled]]:
    """Yield each pair of a matrix once, the better result first, with its difference."""
    for row, other in combinations(range(len(found.standings)), 2):
        cell = found.cells[row][other]
        assert cell is not None, "only a result with itself has no difference"
        yield found.standings[row], found.standings[other], cell


def slice_problems(column: Column) -> dict[str, Sequence[str]]:
    """Return the ids of the problems of each value of the task's slices: `level=3`."""
    found: dict[str, list[str]] = {}
    for key in column.reference.entry.report.slices:
        for asked in column.reference.problems:
            if key in asked.problem.meta:
                name = f"{key}={asked.problem.meta[key]}"
                found.setdefault(name, []).append(asked.problem.id)
    return {**found}
