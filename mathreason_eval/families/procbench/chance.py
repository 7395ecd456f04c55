"""Draws that every version of Python makes alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

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
