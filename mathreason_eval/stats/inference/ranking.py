"""Which ranks the problems at hand leave open, when several runs have answered the same ones."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mathreason_eval.stats.inference.evidence import evidence
from mathreason_eval.stats.inference.significance import holm
from mathreason_eval.stats.uncertainty.bootstrap import drawn_sums, sums_of_clusters
from mathreason_eval.stats.uncertainty.difference import Pair
from mathreason_eval.stats.uncertainty.prior import PSEUDO_COUNT

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

ALPHA = 0.05
"""Chance that a range of ranks misses, and level of all tests against one leader together."""
_IMAGINED = round(2 * 2 * PSEUDO_COUNT)
"""Problems imagined beside the real ones; no range is settled by fewer than a handful.

Of each of the two runs that a distance is between, the pseudo-observations of both kinds: one.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Contender:
    """One run with its scores, each in [0, 1], or what each brings to a metric."""

    scores: Mapping[str, float]
    """By problem; all contenders have the same problems."""
    samples: Mapping[str, int]
    """How many samples each score is the mean of."""
    weight: float = 1.0
    """How far its value moves if a problem's score does, times the number of problems."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where one run stands among others."""

    value: float
    """Its mean score."""
    best: int
    worst: int
    """Ends of the 95 % range of its rank; 1 is the highest, and equals share their ranks."""
    group: int
    """1 for the leader and all that are not significantly below it, and so on among the rest."""
    p: float
    """P of the two-sided test against the leader of its group or, of a leader, 1."""
    leads: bool
    """Whether it is surely above every other, by its range and by the tests; never if alone."""


def ranking(
    contenders: Sequence[Contender],
    clusters: Mapping[str, Hashable] | None = None,
    *,
    counted: bool = True,
    seed: int = 0,
) -> list[Place]:
    """Return where each stands, in the order given.

    A range leaves open every rank that the problems at hand do. It comes from a joint bootstrap:
    the problems are drawn again, the same for all, so that what is easy or hard for all moves
    nothing. Above or below a run are those whose distance from it is larger, by its own spread,
    than 95 % of draws move the farthest distance of any (Mogstad, Romano, Shaikh and Wilhelm 2024,
    Review of Economic Studies 91, 476-518). Among the problems drawn from are two imagined ones,
    which any run solves at even chance: so three problems that one run solves and another does not
    settle nothing.

    Groups come from exact tests, problem by problem, of each run against the highest of its group.

    Args:
        contenders: runs over the same problems.
        clusters: what problems share with others, such as an original; None if nothing.
        counted: whether scores are shares of correct samples.
        seed: of the draws.

    Raises:
        ValueError: if there are no contenders, or no problems, or not the same for all.
    """
    if not contenders or not contenders[0].scores:
        raise ValueError("A ranking needs runs that have problems.")
    names = list(contenders[0].scores)
    if any(other.scores.keys() != contenders[0].scores.keys() for other in contenders):
        raise ValueError("A ranking needs runs over the same problems.")
    shared = [None if clusters is None else clusters.get(name) for name in names]
    ranges = _ranges(contenders, names, shared, seed)
    groups = _groups(contenders, shared, counted=counted)
    alone = sum(group == 1 for group, _ in groups) == 1 < len(contenders)
    return [
        Place(
            value=_mean(contender),
            best=best,
            worst=worst,
            group=group,
            p=p,
            leads=alone and group == 1 and worst == 1,
        )
        for contender, (best, worst), (group, p) in zip(contenders, ranges, groups, strict=True)
    ]


def _mean(contender: Contender) -> float:
    return math.fsum(contender.scores.values()) / len(contender.scores)


# --- ranges ----------------------------------------------------------------------------------


def _ranges(
    contenders: Sequence[Contender], names: Sequence[str], shared: Sequence[Hashable], seed: int
) -> list[tuple[int, int]]:
    """Return the best and the worst rank that the draws leave open, for each."""
    import numpy as np

    rng = np.random.default_rng(seed)
    units = sums_of_clusters([[c.scores[name] for c in contenders] for name in names], shared)
    # The last column counts imagined problems: those drawn have their scores tossed below.
    units[:, -1] = 0
    imagined = np.zeros((_IMAGINED, units.shape[1]))
    imagined[:, -1] = 1
    sizes = np.array([_samples(contender) for contender in contenders])
    weights = np.array([c.weight for c in contenders]) * (len(names) / len(units))
    drawn = np.vstack(
        [
            _with_tosses(some, sizes, rng, weights)
            for some in drawn_sums(np.vstack([units, imagined]), rng)
        ]
    )
    sums = units[:, :-1].sum(axis=0)
    return [_range(drawn, sums, place) for place in range(len(contenders))]


def _range(drawn: NDArray[Any], sums: NDArray[Any], place: int) -> tuple[int, int]:
    """Return the ranks that one run may have, given how far its distances moved in the draws."""
    import numpy as np

    distances = sums - sums[place]
    moved = drawn - drawn[:, [place]] - distances
    spread = moved.std(axis=0)
    # It is at no distance from itself, whatever is drawn.
    spread[place] = np.inf
    farthest = np.quantile(np.abs(moved / spread).max(axis=1), 1 - ALPHA)
    above = int((distances / spread > farthest).sum())
    below = int((distances / spread < -farthest).sum())
    return 1 + above, len(sums) - below


def _samples(contender: Contender) -> int:
    """Return of how many samples a score is the mean, on average."""
    sizes = contender.samples.values()
    return max(1, round(len(sizes) / math.fsum(1 / size for size in sizes)))


def _with_tosses(
    drawn: NDArray[Any], sizes: NDArray[Any], rng: Generator, weights: NDArray[Any]
) -> NDArray[Any]:
    """Return the sums of the runs' scores, with those of the imagined problems among them.

    An imagined one weighs as much as a cluster does on average.
    """
    tosses = drawn[:, -1:].astype(int) * sizes
    sums: NDArray[Any] = drawn[:, :-1] + weights * rng.binomial(tosses, 0.5) / sizes
    return sums


# --- groups ----------------------------------------------------------------------------------


def _groups(
    contenders: Sequence[Contender], shared: Sequence[Hashable], *, counted: bool
) -> list[tuple[int, float]]:
    """Return the group of each, and the p of its test against the leader of that group."""
    found: dict[int, tuple[int, float]] = {}
    rest = sorted(range(len(contenders)), key=lambda place: -_mean(contenders[place]))
    group = 0
    while rest:
        group += 1
        leader, *others = rest
        found[leader] = group, 1.0
        pairs = [_pairs(contenders[leader], contenders[one], shared) for one in others]
        ps = holm([evidence(each, counted=counted).p for each in pairs])
        found |= {one: (group, p) for one, p in zip(others, ps, strict=True) if p > ALPHA}
        rest = [one for one in others if one not in found]
    return [found[place] for place in range(len(contenders))]


def _pairs(leader: Contender, other: Contender, shared: Sequence[Hashable]) -> list[Pair]:
    """Return the scores of two runs side by side."""
    return [
        Pair(
            before=score,
            after=other.scores[name],
            samples=(leader.samples[name], other.samples[name]),
            cluster=cluster,
        )
        for (name, score), cluster in zip(leader.scores.items(), shared, strict=True)
        # What did not change has no say, unless samples may be exchanged.
        if score != other.scores[name] or leader.samples[name] != other.samples[name]
    ]
