"""Random numbers: seeds by hash, and draws that are the same in every version of Python.

Seeds and generated problems do not depend on the order of requests, on batches or the machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from random import Random
from typing import Protocol, TypeVar

_SEED_BITS = 31
"""Engines take signed 32-bit seeds; no seed is negative."""


def sample_seed(run_seed: int, problem_id: str, sample: int) -> int:
    """Return the seed of one sample, in [0, 2**31), from these three arguments alone."""
    digest = hashlib.sha256(f"{run_seed}/{problem_id}/{sample}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> (32 - _SEED_BITS)


def later_seed(seed: int) -> int:
    """Return the seed with which a sample goes on, in [0, 2**31), from that of its beginning."""
    return sample_seed(seed, "continued", 0)


def item_rng(task: str, seed: int, index: int) -> Random:
    """Return the random generator of one generated problem, the same on every machine.

    Python specifies `Random` seeded with an int bit for bit, but not seeded with bytes or str.
    """
    digest = hashlib.sha256(f"{task}/{seed}/{index}".encode()).digest()
    return Random(int.from_bytes(digest, "big"))


# --- draws -------------------------------------------------------------------------------------

Chosen = TypeVar("Chosen")


class Source(Protocol):
    """A random generator, such as `random.Random`."""

    def random(self) -> float:
        """Return a number in [0, 1)."""


# Python guarantees the sequence of `random()`, but not how `choice` and `sample` use it.
def below(rng: Source, bound: int) -> int:
    """Return a uniform integer in [0, bound)."""
    return int(rng.random() * bound)


def between(rng: Source, low: int, high: int) -> int:
    """Return a uniform integer in [low, high]."""
    return low + int(rng.random() * (high - low + 1))


def one_of(rng: Source, choices: Sequence[Chosen]) -> Chosen:
    """Return one of the choices, each equally likely."""
    return choices[int(rng.random() * len(choices))]


def some_of(rng: Source, choices: Sequence[Chosen], count: int) -> list[Chosen]:
    """Return `count` of the choices in random order, drawn without replacement."""
    left = list(choices)
    for place in range(count):
        other = between(rng, place, len(left) - 1)
        left[place], left[other] = left[other], left[place]
    return left[:count]


def text_of(rng: Source, alphabet: str, length: int) -> str:
    """Return a text of `length` characters, drawn independently from an alphabet."""
    draw, size = rng.random, len(alphabet)
    return "".join([alphabet[int(draw() * size)] for _ in range(length)])
