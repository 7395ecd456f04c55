"""Statements about who is a knight, their meaning, and puzzles with exactly one solution.

A statement's meaning is a bit mask over all 2**n assignments of roles to n people, called worlds:
bit w is set if the statement is true in world w, and person i is a knight in the worlds whose
number has bit i. Solving is then a few bit operations on integers of 2**n bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

from mathreason_eval.errors import UserError
from mathreason_eval.seeds import Source, below, one_of, some_of

NOT, AND, OR, IF, IFF = "not", "and", "or", "->", "<=>"


# Tuples, not dataclasses: they are compared and hashed by the million.
class Claim(NamedTuple):
    """`Person is a knight`, or `is a knave`."""

    person: int
    """Index of the person it is about."""
    truthful: bool
    """Whether it claims that the person tells the truth."""


class Compound(NamedTuple):
    """Statements joined by a connective: `not` takes one, `->` and `<=>` two, the others more."""

    sign: str
    parts: tuple[Statement, ...]


Statement = Claim | Compound
Roles = tuple[bool, ...]
"""Whether each person tells the truth, by index."""


class Puzzle(NamedTuple):
    """One statement by each person, in order, and the only consistent assignment of roles."""

    statements: tuple[Statement, ...]
    roles: Roles


# --- meaning ---------------------------------------------------------------------------------


# There are few statements of the usual sizes, 900 of eight people, and each is used many times.
@lru_cache(maxsize=1 << 14)
def meaning(statement: Statement, people: int) -> int:
    """Return the worlds in which a statement is true, as a bit mask."""
    knights, everywhere = worlds(people)
    return _meaning(statement, knights, everywhere)


def is_contingent(statement: Statement, people: int) -> bool:
    """Return whether a statement is true in some worlds and false in others."""
    _, everywhere = worlds(people)
    return isinstance(statement, Claim) or 0 < meaning(statement, people) < everywhere


def _meaning(statement: Statement, knights: tuple[int, ...], everywhere: int) -> int:
    if isinstance(statement, Claim):
        mask = knights[statement.person]
        return mask if statement.truthful else everywhere ^ mask
    sign, parts = statement
    mask = _meaning(parts[0], knights, everywhere)
    if sign == NOT:
        return everywhere ^ mask
    for part in parts[1:]:
        other = _meaning(part, knights, everywhere)
        if sign == AND:
            mask &= other
        elif sign == OR:
            mask |= other
        elif sign == IF:
            mask = (everywhere ^ mask) | other
        else:
            assert sign == IFF, f"unknown connective {sign!r}"
            mask ^= everywhere ^ other
    return mask


@cache
def worlds(people: int) -> tuple[tuple[int, ...], int]:
    """Return (the worlds in which each person is a knight, all worlds), as bit masks."""
    everywhere = (1 << (1 << people)) - 1
    # Person i's role alternates between blocks of 2**i worlds, knave first.
    knights = tuple(everywhere // ((1 << (1 << i)) + 1) << (1 << i) for i in range(people))
    return knights, everywhere


def possible_worlds(statements: tuple[Statement, ...]) -> int:
    """Return the worlds in which exactly the knights make true statements, as a bit mask."""
    people = len(statements)
    knights, everywhere = worlds(people)
    left = everywhere
    for knight, statement in zip(knights, statements, strict=True):
        left &= everywhere ^ knight ^ meaning(statement, people)
        if not left:
            break
    return left


def only_solution(statements: tuple[Statement, ...]) -> Roles | None:
    """Return the only consistent roles; None if there is no solution, or more than one."""
    left = possible_worlds(statements)
    if left.bit_count() != 1:
        return None
    world = left.bit_length() - 1
    return tuple(bool(world >> person & 1) for person in range(len(statements)))


def as_lists(statement: Statement) -> list[object]:
    """Return a statement as JSON lists: `["and", ["knight", 0], ["knave", 2]]`."""
    if isinstance(statement, Claim):
        return ["knight" if statement.truthful else "knave", statement.person]
    return [statement.sign, *map(as_lists, statement.parts)]


# --- drawing ---------------------------------------------------------------------------------


class NoPuzzleError(UserError):
    """No further puzzle of a shape could be drawn."""


_FEWEST = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """The size of a puzzle."""

    people: int
    depth: int = 2
    """Depth of statements: 2 joins claims such as `B is a knave`, 3 joins such compounds."""
    width: int = 2
    """Maximum number of parts joined by `and` and `or`."""

    def __post_init__(self) -> None:
        claims = 2 * self.people - 1
        # Claims alone make no puzzle: if an assignment is consistent, so is its opposite.
        if min(self.people, self.depth, self.width) < _FEWEST or self.width > claims:
            raise NoPuzzleError(
                f"There are no puzzles of {self}.",
                "Each number must be at least 2, and the width at most the number of claims a "
                "person can make: one less than twice the number of people.",
            )


MOST_TRIES = 1_000
"""Maximum number of draws for a puzzle, or for a variant of one."""


def draw_puzzle(rng: Source, shape: Shape) -> Puzzle:
    """Return a puzzle with exactly one solution.

    Raises:
        NoPuzzleError: if none is found in `MOST_TRIES` draws.
    """
    for _ in range(MOST_TRIES):
        statements = tuple(draw_statement(rng, person, shape) for person in range(shape.people))
        roles = only_solution(statements)
        if roles is not None:
            return Puzzle(statements, roles)
    raise NoPuzzleError(f"No puzzle of {shape} has one solution.", "Ask for fewer people.")


def draw_statement(rng: Source, speaker: int, shape: Shape) -> Statement:
    """Return a statement by one person that is true in some worlds and false in others."""
    while True:
        statement = _statement(rng, speaker, shape, shape.depth)
        if is_contingent(statement, shape.people):
            return statement


_CONNECTIVES = (None, NOT, AND, OR, IF, IFF)
"""Connectives, drawn with equal probabilities; None: a claim alone."""


def _statement(rng: Source, speaker: int, shape: Shape, depth: int) -> Statement:
    sign = None if depth == 1 else one_of(rng, _CONNECTIVES)
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


def draw_claim(rng: Source, speaker: int, people: int) -> Claim:
    """Return a claim by one person about anyone, except "I am a knave"."""
    # Claims are numbered; the number of the impossible one is replaced by the last.
    number = below(rng, 2 * people - 1)
    if number == 2 * speaker + 1:
        number = 2 * people - 1
    return Claim(number // 2, number % 2 == 0)


# --- perturbing ------------------------------------------------------------------------------


def perturb_statement(rng: Source, puzzle: Puzzle, shape: Shape) -> Puzzle | None:
    """Return the puzzle with one statement replaced and another solution; None if not found."""
    for _ in range(MOST_TRIES):
        person = below(rng, shape.people)
        changed = with_statement(puzzle, person, draw_statement(rng, person, shape))
        if changed is not None:
            return changed
    return None


def perturb_leaf(rng: Source, puzzle: Puzzle) -> Puzzle | None:
    """Return the puzzle with one claim within a statement replaced; None if impossible.

    In a small puzzle there may be no claim whose replacement gives another unique solution.
    """
    people = len(puzzle.statements)
    for person in some_of(rng, range(people), people):
        statements = [*_with_other_leaf(puzzle.statements[person], person, people)]
        for statement in some_of(rng, statements, len(statements)):
            changed = with_statement(puzzle, person, statement)
            if changed is not None and is_contingent(statement, people):
                return changed
    return None


def _with_other_leaf(statement: Statement, speaker: int, people: int) -> Iterator[Statement]:
    """Yield the statement with one claim replaced by another, in every possible way."""
    if isinstance(statement, Claim):
        for person in range(people):
            yield Claim(person, truthful=True)
            if person != speaker:
                yield Claim(person, truthful=False)
        return
    for place, part in enumerate(statement.parts):
        for other in _with_other_leaf(part, speaker, people):
            if other not in statement.parts:
                parts = (*statement.parts[:place], other, *statement.parts[place + 1 :])
                yield Compound(statement.sign, parts)


def with_statement(puzzle: Puzzle, person: int, statement: Statement) -> Puzzle | None:
    """Return the puzzle with another statement by a person; None if no other unique solution."""
    statements = (*puzzle.statements[:person], statement, *puzzle.statements[person + 1 :])
    roles = only_solution(statements)
    return None if roles is None or roles == puzzle.roles else Puzzle(statements, roles)
