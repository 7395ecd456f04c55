"""The chance that a majority vote of k samples is right, exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from math import comb


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
    others = tuple(sorted(size for index, size in enumerate(sizes) if index != correct))
    return _maj(sizes[correct], others, unanswered, k)


@lru_cache(maxsize=1 << 14)
def _maj(right: int, others: tuple[int, ...], unanswered: int, k: int) -> float:
    """Sum, over the votes t of the right class, the ways in which no other class has more."""
    total = 0.0
    for votes in range(1, min(right, k) + 1):
        for tied, ways in enumerate(_ways(others, unanswered, k - votes, votes)):
            total += comb(right, votes) * ways / (1 + tied)
    return total / comb(sum(others) + right + unanswered, k)


@lru_cache(maxsize=1 << 14)
def _ways(others: tuple[int, ...], unanswered: int, draws: int, most: int) -> tuple[int, ...]:
    """Return, by the number of classes that reach `most`, the ways to draw from the rest.

    No class may have more than `most` votes; samples without an answer fill up as they like.
    """
    # reached[tied][drawn]: a polynomial in the number of samples drawn, for each count of ties.
    reached = [[comb(unanswered, drawn) for drawn in range(draws + 1)]]
    for size, count in Counter(others).items():
        for _ in range(count):
            reached = _with_class(reached, size, draws, most)
    return tuple(row[draws] for row in reached)


def _with_class(reached: list[list[int]], size: int, draws: int, most: int) -> list[list[int]]:
    fresh = [[0] * (draws + 1) for _ in range(len(reached) + (size >= most))]
    for tied, row in enumerate(reached):
        for drawn, ways in enumerate(row):
            if not ways:
                continue
            for votes in range(min(size, most, draws - drawn) + 1):
                fresh[tied + (votes == most)][drawn + votes] += ways * comb(size, votes)
    return fresh
