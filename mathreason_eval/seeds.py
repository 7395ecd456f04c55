"""The one random source: seeds by hash, and draws that every version of Python makes alike.

So neither order, batch nor machine of a request changes its seed or a generated problem.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from random import Random
from typing import Protocol, TypeVar

_SEED_BITS = 31
"""Engines take signed 32-bit seeds; the sign is left alone."""


def sample_seed(run_seed: int, problem_id: str, sample: int) -> int:
    """Return the seed of one sample, in [0, 2**31): a function of its three arguments only."""
    digest = hashlib.sha256(f"{run_seed}/{problem_id}/{sample}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> (32 - _SEED_BITS)


def item_rng(task: str, seed: int, index: int) -> Random:
    """Return the random source of one generated problem: the same on every machine, in any order.

    `Random` seeded with an int is specified bit for bit by Python; seeding with bytes or str is
    not promised, so the digest is turned into an int first.
    """
    digest = hashlib.sha256(f"{task}/{seed}/{index}".encode()).digest()
    return Random(int.from_bytes(digest, "big"))


# --- draws -------------------------------------------------------------------------------------

Chosen = TypeVar("Chosen")


class Source(Protocol):
    """Where chance comes from: `random.Random` is one."""

    def random(self) -> float:
        """Return a number in [0, 1)."""


# Python promises the same `random()` for ever, and nothing of how `choice` and `sample` use it.
def below(rng: Source, bound: int) -> int:
    """Return a whole number from 0 to below a bound, each as likely."""
    return int(rng.random() * bound)


def between(rng: Source, low: int, high: int) -> int:
    """Return a whole number from `low` to `high`, both included, each as likely."""
    return low + int(rng.random() * (high - low + 1))


def one_of(rng: Source, choices: Sequence[Chosen]) -> Chosen:
    """Return one of several, each as likely."""
    return choices[int(rng.random() * len(choices))]


def some_of(rng: Source, choices: Sequence[Chosen], count: int) -> list[Chosen]:
    """Return some of several in random order, none twice."""
    left = list(choices)
    for place in range(count):
        other = between(rng, place, len(left) - 1)
        left[place], left[other] = left[other], left[place]
    return left[:count]


def text_of(rng: Source, alphabet: str, length: int) -> str:
    """Return a text of characters drawn one by one."""
    draw, size = rng.random, len(alphabet)
    return "".join([alphabet[int(draw() * size)] for _ in range(length)])
