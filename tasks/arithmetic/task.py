"""Chains of one to three integer operations, evaluated from left to right."""

from __future__ import annotations

from random import Random

from mathreason_eval.seeds import item_rng
from mathreason_eval.types import Problem

LONGEST = 3
"""Operations of the longest chain."""
LARGEST = (20, 99, 999)
"""The largest number in a chain, by size."""


def problem(index: int, seed: int) -> Problem:
    """Return problem number `index`; lengths and sizes alternate, so that prefixes are balanced."""
    rng = item_rng("arithmetic", seed, index)
    operations, largest = index % LONGEST + 1, LARGEST[index // LONGEST % len(LARGEST)]
    text, value = _first(rng, largest)
    for _ in range(operations - 1):
        number = rng.randint(2, largest)
        if rng.getrandbits(1) or number > value:
            text, value = f"{text} + {number}", value + number
        else:
            text, value = f"{text} - {number}", value - number
    return Problem(
        id=f"arithmetic-{seed}-{index}",
        question=f"What is {text}?",
        gold=(str(value),),
        meta={"operations": operations, "largest": largest},
    )


def _first(rng: Random, largest: int) -> tuple[str, int]:
    """Return a sum, a difference or a product, never below zero."""
    kind = rng.randrange(3)
    one, other = rng.randint(2, largest), rng.randint(2, largest)
    if kind == 0:
        return f"{one} + {other}", one + other
    if kind == 1:
        one, other = max(one, other), min(one, other)
        return f"{one} - {other}", one - other
    other = other % 9 + 2
    return f"{one} × {other}", one * other
