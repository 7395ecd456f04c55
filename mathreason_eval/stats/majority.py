"""The chance that a majority vote of k samples is right, exactly and for every k."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import comb
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FLOATS_COUNT_TO = 1000
"""Of more samples, there are more draws than a float can hold; Python's integers are slower."""


def maj_at_k(sizes: Sequence[int], correct: int | None, unanswered: int, k: int) -> float:
    """Return maj@k of one problem, in [0, 1]: the expected credit of a vote among k samples.

    The k samples are drawn without replacement from all n. The largest class of equivalent answers
    wins; classes of equal size share the credit. Samples without an answer have no vote; where
    none of the k has one, the vote is lost.

    Args:
        sizes: how many samples each class of answers holds.
        correct: index of the class that is correct; None if no sample is.
        unanswered: samples without an answer.
        k: samples drawn.

    Raises:
        ValueError: unless 1 <= k <= n.
    """
    n = sum(sizes) + unanswered
    if not 1 <= k <= n:
        raise ValueError(f"maj@{k} of {n} samples does not exist.")
    if correct is None:
        return 0.0
    others = sorted(size for index, size in enumerate(sizes) if index != correct)
    return _curve(sizes[correct], tuple(others), unanswered)[k - 1]


@lru_cache(maxsize=1 << 12)
def _curve(right: int, others: tuple[int, ...], unanswered: int) -> tuple[float, ...]:
    """Return maj@1 to maj@n."""
    import numpy as np

    n = right + sum(others) + unanswered
    ways = _ways_of_rest(right, others, unanswered, float if n <= _FLOATS_COUNT_TO else object)
    # won[t, k]: the draws of k in which the right class wins, together with t others.
    won = np.zeros((ways.shape[1], n + 1), dtype=ways.dtype)
    for votes in range(1, right + 1):
        won[:, votes : n - right + votes + 1] += ways[votes - 1] * comb(right, votes)
    return tuple(
        float(sum(won[ties, k] / ((1 + ties) * comb(n, k)) for ties in range(len(won))))
        for k in range(1, n + 1)
    )


def _ways_of_rest(
    right: int, others: tuple[int, ...], unanswered: int, kind: type[float | object]
) -> NDArray[Any]:
    """Return the ways to draw from the rest where no class has more votes than the right one.

    At [v - 1, t, d]: the right class has v votes, t others as many, and d are drawn of the rest.
    Class by class, these are the coefficients of a product of polynomials.
    """
    import numpy as np

    ways = np.zeros((right, 1, unanswered + sum(others) + 1), dtype=kind)
    ways[:, 0, : unanswered + 1] = [comb(unanswered, drawn) for drawn in range(unanswered + 1)]
    drawable = unanswered + 1
    for size in others:
        joined = np.zeros((right, ways.shape[1] + 1, ways.shape[2]), dtype=kind)
        for votes in range(min(size, right) + 1):
            more = ways[:, :, :drawable] * comb(size, votes)
            joined[votes:, :-1, votes : votes + drawable] += more[votes:]
            if votes:
                joined[votes - 1, 1:, votes : votes + drawable] += more[votes - 1]
        ways = joined
        drawable += size
    return ways
