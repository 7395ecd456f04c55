"""Chains of one to three integer operations, from left to right as they are written."""

from __future__ import annotations

from random import Random

from mathreason_eval.seeds import item_rng
from mathreason_eval.types import Problem

LONGEST = 3


def problem(index: int, seed: int) -> Problem:
    """Return problem number `index`; the number of operations goes round, so prefixes are fair."""
    rng = item_rng("arithmetic", seed, index)
    operations = index % LONGEST + 1
    text, value = _first(rng)
    for _ in range(operations - 1):
        number = rng.randint(2, 99)
        if rng.getrandbits(1) or number > value:
            text, value = f"{text} + {number}", value + number
        else:
            text, value = f"{text} - {number}", value - number
    return Problem(
        id=f"arithmetic-{seed}-{index}",
        question=f"What is {text}?",
        gold=(str(value),),
        meta={"operations": operations},
    )


def _first(rng: Random) -> tuple[str, int]:
    """Return a sum, a difference or a product, never below zero."""
    kind = rng.randrange(3)
    if kind == 0:
        one, other = rng.randint(2, 999), rng.randint(2, 999)
        return f"{one} + {other}", one + other
    if kind == 1:
        one, other = sorted((rng.randint(2, 999), rng.randint(2, 999)), reverse=True)
        return f"{one} - {other}", one - other
    one, other = rng.randint(2, 99), rng.randint(2, 99)
    return f"{one} × {other}", one * other
