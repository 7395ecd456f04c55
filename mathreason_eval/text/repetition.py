"""Texts that repeat themselves at their end, as a model does that no limit of tokens would stop."""

from __future__ import annotations

_NEEDLE = 40
"""Characters at the end whose last occurrence before gives the period."""
_TIMES = 3
"""How often the period must be there, in full, one after another."""
_LEAST = 200
"""Characters that the repeats together have at least: `0000` and rows of a table are no loop."""
_TRIED = 8
"""Occurrences that are tried: a passage may have its own end in it several times."""
_TAIL = 20_000
"""Characters at the end that are looked at."""


def ends_in_repetition(text: str) -> bool:
    """Return whether a text ends in a passage that is there three times in a row, or more often.

    Only exact repeats count: steps whose number rises are none.
    """
    tail = text[-_TAIL:]
    if len(tail) < _LEAST:
        return False
    # A cut falls anywhere: the end of a text is the beginning of another repeat.
    needle, before = tail[-_NEEDLE:], len(tail) - _NEEDLE
    for _ in range(_TRIED):
        before = tail.rfind(needle, 0, before + _NEEDLE - 1)
        if before < 0:
            return False
        if _has_period(tail, len(tail) - _NEEDLE - before):
            return True
    return False


def _has_period(text: str, period: int) -> bool:
    """Return whether a text ends in as many repeats of that many characters as are a loop."""
    times = max(_TIMES, -(-_LEAST // period))
    length = period * times
    return length <= len(text) and text[-length:] == text[-period:] * times
