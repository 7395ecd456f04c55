r"""Whether two answers to one problem are one vote, where their keys do not show it.

A key is a bucket: answers that share one are equal, but `x > 2` and `(2, \infty)`, or `3` and
`x = 3`, have two. Only a comparison joins them.
"""

from __future__ import annotations

import re
from functools import lru_cache

from mathreason_eval.maths.compare.convention import Convention
from mathreason_eval.maths.compare.equal import compare

AMONG_ANSWERS = Convention(percent="sign", rounded_gold=0, rounded_answer=0)
"""Without what only a gold may ask for: two answers are no roundings of one another."""
_LONGEST = 300
"""Maximum characters of an answer that is compared; a longer one is a class by its key."""
_DECIDED = re.compile(r"number \S+|choice .*")
"""The keys that differ whenever two answers with such keys do: plain numbers, options."""


def same_vote(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Return whether two answers, each with its key, equal each other in either order.

    Only the quick comparison is asked, so that it takes bounded work.
    """
    if _is_decided(one[0]) and _is_decided(other[0]):
        return one[0] == other[0]
    if max(len(one[1]), len(other[1])) > _LONGEST:
        return False
    return _equal_both_ways(one[1], other[1])


@lru_cache(maxsize=1 << 14)
def _is_decided(key: str) -> bool:
    return _DECIDED.fullmatch(key) is not None


@lru_cache(maxsize=1 << 14)
def _equal_both_ways(one: str, other: str) -> bool:
    there = compare(one, other, AMONG_ANSWERS).equal
    return there is True and compare(other, one, AMONG_ANSWERS).equal is True
