"""Problems drawn again and again from those at hand: what could have come out instead."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mathreason_eval.stats.uncertainty.difference import Pair

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

DRAWS = 10_000
"""Draws of as many problems as there are."""
_AT_ONCE = 1 << 22
"""Cells of the table of draws that are held in memory at once, at most."""
_WORTH = 8
"""A multinomial draw costs so much more a kind than drawing places does a unit."""


def bootstrap_interval(
    pairs: Sequence[Pair], *, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Return the paired bootstrap's percentile interval of the mean change (Efron 1979).

    Pairs stay pairs and clusters stay whole. It has width zero where no problem changed, which
    the interval of `difference` never has.

    Args:
        pairs: the problems that both runs have.
        level: its confidence.
        seed: of the draws.

    Raises:
        ValueError: if there are no pairs.
    """
    if not pairs:
        raise ValueError("A bootstrap needs a problem that both runs have.")
    import numpy as np

    sums = sums_of_clusters(
        [[pair.change] for pair in pairs],
        [pair.cluster for pair in pairs],
    )
    drawn = np.vstack(list(drawn_sums(sums, np.random.default_rng(seed))))
    tail = (1 - level) / 2
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], (tail, 1 - tail))
    return float(low), float(high)


def sums_of_clusters(rows: Sequence[Sequence[float]], clusters: Sequence[Hashable]) -> NDArray[Any]:
    """Return each cluster's column sums, and in a last column how many rows it has.

    Args:
        rows: one a problem, with as many figures each.
        clusters: to which each belongs; None if it stands for itself.
    """
    import numpy as np

    numbers: dict[Hashable, int] = {}
    places = [
        numbers.setdefault(("alone", row) if name is None else ("together", name), len(numbers))
        for row, name in enumerate(clusters)
    ]
    figures = np.column_stack([np.asarray(rows, dtype=float), np.ones(len(rows))])
    sums = np.zeros((len(numbers), figures.shape[1]))
    np.add.at(sums, places, figures)
    return sums


def drawn_sums(units: NDArray[Any], rng: Generator) -> Iterator[NDArray[Any]]:
    """Yield the column sums of `DRAWS` draws with replacement, a row a draw, some at a time.

    Args:
        units: a row for each of what is drawn; as many are drawn each time.
        rng: where the draws come from.
    """
    import numpy as np

    # Units that are alike are drawn as one: right or wrong of two runs has but four kinds.
    kinds, counts = np.unique(units, axis=0, return_counts=True)
    step = max(1, _AT_ONCE // len(units))
    for start in range(0, DRAWS, step):
        draws = min(step, DRAWS - start)
        if len(kinds) < len(units) / _WORTH:
            yield rng.multinomial(len(units), counts / len(units), size=draws) @ kinds
        else:
            yield _times_drawn(len(units), draws, rng) @ units


def _times_drawn(size: int, draws: int, rng: Generator) -> NDArray[Any]:
    """Return how often each of some places is drawn, a row a draw."""
    import numpy as np

    places = rng.integers(size, size=(draws, size)) + size * np.arange(draws)[:, None]
    counts = np.bincount(places.ravel(), minlength=draws * size)
    return counts.reshape(draws, size).astype(float)
