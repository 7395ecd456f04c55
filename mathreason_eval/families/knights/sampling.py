"""Puzzles drawn at random, each with exactly one solution and no two alike."""

from __future__ import annotations

from dataclasses import dataclass

from mathreason_eval.errors import UserError
from mathreason_eval.families.knights.logic import (
    AND,
    IF,
    IFF,
    NOT,
    OR,
    Claim,
    Compound,
    Puzzle,
    Statement,
    is_contingent,
    only_solution,
)
from mathreason_eval.seeds import Source, below, one_of

MOST_TRIES = 1_000
"""Draws after which a puzzle, or a change of one, is given up."""


class NoPuzzleError(UserError):
    """No further puzzle of a kind could be drawn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """How large a puzzle is."""

    people: int
    depth: int = 2
    """How deep statements nest: 2 joins claims such as `B is a knave`, 3 what is so joined."""
    width: int = 2
    """How many parts `and` and `or` join at most."""

    def __post_init__(self) -> None:
        claims = 2 * self.people - 1
        # Of claims alone no puzzle is made: where an assignment fits, so does its opposite.
        if min(self.people, self.depth, self.width) < _FEWEST or self.width > claims:
            raise NoPuzzleError(
                f"There are no puzzles of {self}.",
                "Each number is 2 or more, and a person has only so many claims to join: one less "
                "than twice the people.",
            )


_FEWEST = 2


def draw_statement(rng: Source, speaker: int, shape: Shape) -> Statement:
    """Return a statement of one person that is true in some worlds and false in others."""
    while True:
        statement = _statement(rng, speaker, shape, shape.depth)
        if is_contingent(statement, shape.people):
            return statement


def draw_claim(rng: Source, speaker: int, people: int) -> Claim:
    """Return a claim of one person about one of all; never to be a knave oneself."""
    # All claims but the one that nobody can make, numbered through.
    number = below(rng, 2 * people - 1)
    if number == 2 * speaker + 1:
        number = 2 * people - 1
    return Claim(number // 2, number % 2 == 0)


_SIGNS = (None, NOT, AND, OR, IF, IFF)
"""A claim alone is as likely as each connective."""


def _statement(rng: Source, speaker: int, shape: Shape, depth: int) -> Statement:
    sign = None if depth == 1 else one_of(rng, _SIGNS)
    if sign is None:
        return draw_claim(rng, speaker, shape.people)
    count = 1 if sign == NOT else _FEWEST
    if sign in {AND, OR}:
        count += below(rng, shape.width - 1)
    parts: list[Statement] = []
    while len(parts) < count:
        part = _statement(rng, speaker, shape, depth - 1)
        if part not in parts:
            parts.append(part)
    return Compound(sign, tuple(parts))


def draw_puzzle(rng: Source, shape: Shape) -> Puzzle:
    """Return a puzzle with exactly one solution.

    Raises:
        NoPuzzleError: if none is found in many tries.
    """
    for _ in range(MOST_TRIES):
        statements = tuple(draw_statement(rng, person, shape) for person in range(shape.people))
        roles = only_solution(statements)
        if roles is not None:
            return Puzzle(statements, roles)
    raise NoPuzzleError(f"No puzzle of {shape} has one solution.", "Ask for fewer people.")
