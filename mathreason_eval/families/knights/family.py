"""An original puzzle and its six variants: two in what is said, four in how it is told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from mathreason_eval.families.knights.logic import Puzzle, Statement
from mathreason_eval.families.knights.names import UNCOMMON_NAMES
from mathreason_eval.families.knights.perturbing import perturb_leaf, perturb_statement
from mathreason_eval.families.knights.roles import OWN_PAIRS
from mathreason_eval.families.knights.sampling import MOST_TRIES, NoPuzzleError, Shape, draw_puzzle
from mathreason_eval.families.knights.wording import (
    Telling,
    draw_telling,
    question,
    solution,
)
from mathreason_eval.seeds import Source, item_rng, one_of, some_of

LOGICAL = ("perturbed_statement", "perturbed_leaf")
"""Variants with another solution."""
VERBAL = ("random_pair", "flip_role", "uncommon_name", "reorder_statement")
"""Variants of the same statements and solution, told otherwise."""
VARIANTS = (*LOGICAL, *VERBAL)

_TOGETHER = 32
"""Originals that are drawn at once: none may be like one before it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One puzzle of a family, told."""

    variant: str | None
    """None for the original."""
    puzzle: Puzzle
    telling: Telling

    @property
    def question(self) -> str:
        """Return the puzzle as it is asked."""
        return question(self.puzzle, self.telling)

    @property
    def gold(self) -> str:
        """Return who is what."""
        return solution(self.puzzle, self.telling)


@lru_cache(maxsize=64)
def family(task: str, seed: int, shape: Shape, rank: int) -> tuple[Member, ...]:
    """Return the original of that rank among all of its shape, and its variants in order.

    A function of its arguments alone. No two originals of a seed have the same statements.

    Raises:
        NoPuzzleError: if there are not that many puzzles of the shape.
    """
    block, place = divmod(rank, _TOGETHER)
    original, *changed = _originals(task, seed, shape, block)[place]
    rng = item_rng(_stream(task, shape, "words"), seed, rank)
    told = draw_telling(rng, shape.people)
    tellings = (
        ("random_pair", replace(told, pair=one_of(rng, OWN_PAIRS))),
        ("flip_role", replace(told, pair=told.pair.flipped)),
        ("uncommon_name", replace(told, names=tuple(some_of(rng, UNCOMMON_NAMES, shape.people)))),
        ("reorder_statement", replace(told, order=_another_order(rng, told.order))),
    )
    return (
        Member(variant=None, puzzle=original, telling=told),
        *(
            Member(variant=variant, puzzle=puzzle, telling=told)
            for variant, puzzle in zip(LOGICAL, changed, strict=True)
        ),
        *(
            Member(variant=variant, puzzle=original, telling=telling)
            for variant, telling in tellings
        ),
    )


@lru_cache(maxsize=1 << 10)
def _originals(task: str, seed: int, shape: Shape, block: int) -> tuple[tuple[Puzzle, ...], ...]:
    """Return a block of originals, each with its logical variants, none like one before it."""
    seen: set[tuple[Statement, ...]] = set()
    for earlier in range(block):
        seen.update(drawn[0].statements for drawn in _originals(task, seed, shape, earlier))
    rng = item_rng(_stream(task, shape, "puzzles"), seed, block)
    return tuple(_new_original(rng, shape, seen) for _ in range(_TOGETHER))


def _new_original(
    rng: Source, shape: Shape, seen: set[tuple[Statement, ...]]
) -> tuple[Puzzle, ...]:
    for _ in range(MOST_TRIES):
        original = draw_puzzle(rng, shape)
        if original.statements in seen:
            continue
        leaf = perturb_leaf(rng, original)
        statement = perturb_statement(rng, original, shape)
        # A family is complete, so that every variant is compared on the same originals.
        if leaf is not None and statement is not None and statement != leaf:
            seen.add(original.statements)
            return original, statement, leaf
    raise NoPuzzleError(
        f"There are not that many different puzzles of {shape}.",
        "Ask for fewer, or for more people.",
    )


def _another_order(rng: Source, order: tuple[int, ...]) -> tuple[int, ...]:
    while True:
        other = tuple(some_of(rng, order, len(order)))
        if other != order:
            return other


def _stream(task: str, shape: Shape, purpose: str) -> str:
    """Return the name of a stream of chance that no other shape or purpose draws from."""
    return f"{task}/{shape.people}/{shape.depth}/{shape.width}/{purpose}"
