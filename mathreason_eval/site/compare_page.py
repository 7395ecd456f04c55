"""The page of two results of a task: their difference, the problems that flip, and the slices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from mathreason_eval.compare.contrast import Flip, flips
from mathreason_eval.compare.pairing import PairedScores, metric_of
from mathreason_eval.site.charts import Axis, axis
from mathreason_eval.site.leaderboard import Column, Standing
from mathreason_eval.site.pages import Values, result_labels
from mathreason_eval.site.problem_page import problem_page
from mathreason_eval.site.problems import ProblemEntry
from mathreason_eval.site.settled import (
    Clusters,
    Matrix,
    Settled,
    problem_clusters,
    result_pairs,
    slice_problems,
)
from mathreason_eval.stats.difference import Difference, Pair, difference
from mathreason_eval.stats.exact_tests import exact_test
from mathreason_eval.stats.metrics import DEFAULT_METRIC
from mathreason_eval.stats.multiplicity import benjamini_hochberg
from mathreason_eval.types import Metric

MOST_FLIPS = 100
"""Problems on the page that flip in one direction."""
_MOST_SLICES = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Dumbbell:
    """One slice in two results."""

    slice: str
    one: Metric
    other: Metric
    difference: Difference
    adjusted: float
    """The p of the exact paired test, adjusted over the slices of the page."""

    @property
    def low(self) -> float:
        """Return the lower end of the difference's 95 % interval."""
        return self.difference.interval()[0]

    @property
    def high(self) -> float:
        """Return its upper end."""
        return self.difference.interval()[1]


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedTask:
    """What all pairs of results of a task share."""

    pairs: int
    """The number of pairs that are tested together."""
    entries: Mapping[str, ProblemEntry]
    """The problems by id."""
    slices: Mapping[str, Collection[str]]
    """The ids of the problems of each slice."""
    clusters: Clusters
    label: Mapping[str, str]
    """The name of each result that is shown, by its run."""

    @classmethod
    def of(cls, column: Column, found: Matrix, entries: Iterable[ProblemEntry]) -> Self:
        """Return what the pairs of a matrix share."""
        # Ranked results have the same problems, so that an id is one problem.
        asked = {problem.address for problem in column.reference.problems}
        return cls(
            pairs=found.pairs,
            entries={one.problem.id: one for one in entries if one.address in asked},
            slices=slice_problems(column),
            clusters=problem_clusters(column),
            label=result_labels([standing.result for standing in column.standings]),
        )


def compare_values(
    column: Column, pair: tuple[Standing, Standing, Settled], task: ComparedTask
) -> Values:
    """Return the variables of the template for two results.

    Args:
        column: their task.
        pair: the better result, the other one, and their difference.
        task: what all pairs of the task share.
    """
    one, other, settled = pair
    pairs = result_pairs(task.clusters, one, other, column.metric)
    by_accuracy = (
        pairs
        if column.metric == DEFAULT_METRIC
        else result_pairs(task.clusters, one, other, DEFAULT_METRIC)
    )
    named = metric_of(column.reference.entry, column.metric)
    changed = _flips(column, by_accuracy)
    # Of equally strong changes that of the harder problem is the more remarkable.
    ordered = sorted(
        changed, key=lambda flip: (-flip.strength, task.entries[flip.problem_id].share)
    )
    gained = [flip for flip in ordered if not flip.lost]
    lost = [flip for flip in ordered if flip.lost]
    dumbbells = _dumbbells(one, other, by_accuracy, task.slices)
    return {
        "column": column,
        "one": one,
        "other": other,
        "settled": settled,
        "tested": task.pairs,
        "difference": difference(list(pairs.values()), shares=named.definition.is_share),
        "label": task.label,
        "axis": axis((one.metric, other.metric)),
        "agreement": _agreement(by_accuracy.values()),
        "single": one.result.entry.samples == other.result.entry.samples == 1,
        "sides": [
            {
                "winner": winner,
                "loser": loser,
                "count": len(side),
                "rows": [_flip_row(column, task.entries[flip.problem_id], flip) for flip in shown],
            }
            for winner, loser, side in ((one, other, gained), (other, one, lost))
            for shown in (side[:MOST_FLIPS],)
        ],
        "dumbbells": dumbbells,
        "sliced": DEFAULT_METRIC,
        "dumbbell_axis": _dumbbell_axis(dumbbells),
        "sure": sum(flip.is_sure for flip in changed),
    }


def _flips(column: Column, pairs: Mapping[str, Pair]) -> Sequence[Flip]:
    """Return the problems whose accuracy changed by more than noise: lost ones first."""
    own = {name: (pair.before, pair.after) for name, pair in pairs.items()}
    metric = metric_of(column.reference.entry, DEFAULT_METRIC)
    return flips(PairedScores(metric=metric, pairs=pairs, own=own))


def _flip_row(column: Column, entry: ProblemEntry, flip: Flip) -> Values:
    return {"entry": entry, "flip": flip, "href": problem_page(column, entry)}


def _agreement(pairs: Iterable[Pair]) -> Mapping[str, int]:
    """Return how many problems both, one alone, or none of two results solves in most samples."""
    return Counter(
        {
            (True, True): "both",
            (True, False): "one",
            (False, True): "other",
            (False, False): "none",
        }[pair.after > 1 / 2, pair.before > 1 / 2]
        for pair in pairs
    )


def _dumbbells(
    one: Standing,
    other: Standing,
    pairs: Mapping[str, Pair],
    slices: Mapping[str, Collection[str]],
) -> list[Dumbbell]:
    """Return the slices that both results have, their p-values adjusted over all of them."""
    made: list[tuple[Dumbbell, float]] = []
    for name, problems in slices.items():
        ours, theirs = (standing.result.metric(DEFAULT_METRIC, name) for standing in (one, other))
        own = [pairs[problem] for problem in problems if problem in pairs]
        if ours is None or theirs is None or not own or len(made) == _MOST_SLICES:
            continue
        made.append((_dumbbell(name, ours, theirs, own), exact_test(_informative(own)).p))
    adjusted = benjamini_hochberg([p for _, p in made])
    return [replace(drawn, adjusted=p) for (drawn, _), p in zip(made, adjusted, strict=True)]


def _dumbbell(name: str, ours: Metric, theirs: Metric, pairs: Sequence[Pair]) -> Dumbbell:
    found = difference(pairs, shares=True)
    return Dumbbell(slice=name, one=ours, other=theirs, difference=found, adjusted=1.0)


def _informative(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs without those that do not affect an exact test."""
    return [pair for pair in pairs if pair.change or pair.samples[0] != pair.samples[1]]


def _dumbbell_axis(drawn: Sequence[Dumbbell]) -> Axis:
    return axis(
        replace(metric, low=metric.value, high=metric.value)
        for one in drawn
        for metric in (one.one, one.other)
    )
