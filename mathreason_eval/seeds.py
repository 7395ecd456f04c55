"""Seeds by hash, so that the order, the batch or the machine of a request never changes it."""

from __future__ import annotations

import hashlib
from random import Random

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
