"""What people may say of each other, what it means, and who can be what.

A statement's meaning is a bit mask over all 2**n ways in which n people can be knights or knaves:
bit w is set where the statement is true in world w, and person i is a knight in the worlds whose
number has bit i. Solving is then a handful of bit operations on whole numbers of 2**n bits.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import NamedTuple

NOT, AND, OR, IF, IFF = "not", "and", "or", "->", "<=>"


# Tuples, and not dataclasses: they are compared and hashed by the million.
class Claim(NamedTuple):
    """`Person is a knight`, or `is a knave`."""

    person: int
    """Index of whom it is about."""
    truthful: bool
    """Whether it says that the person tells the truth."""


class Compound(NamedTuple):
    """Statements joined by a connective: `not` joins one, `->` and `<=>` two, the others more."""

    sign: str
    parts: tuple[Statement, ...]


Statement = Claim | Compound
Roles = tuple[bool, ...]
"""Who tells the truth, by index."""


class Puzzle(NamedTuple):
    """What everybody says, and who is what."""

    statements: tuple[Statement, ...]
    """One statement a person, in order."""
    roles: Roles


# There are few statements of a usual size, 900 of eight people, and each is met again and again.
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
    """Return for each person the worlds where that is a knight, and all worlds, as bit masks."""
    everywhere = (1 << (1 << people)) - 1
    # In blocks of 2**i worlds, person i is now a knave and now a knight.
    knights = tuple(everywhere // ((1 << (1 << i)) + 1) << (1 << i) for i in range(people))
    return knights, everywhere


def possible_worlds(statements: tuple[Statement, ...]) -> int:
    """Return the worlds in which exactly the knights say what is true, as a bit mask."""
    people = len(statements)
    knights, everywhere = worlds(people)
    left = everywhere
    for knight, statement in zip(knights, statements, strict=True):
        left &= everywhere ^ knight ^ meaning(statement, people)
        if not left:
            break
    return left


def only_solution(statements: tuple[Statement, ...]) -> Roles | None:
    """Return who is what; None if there is no answer, or more than one."""
    left = possible_worlds(statements)
    if left.bit_count() != 1:
        return None
    world = left.bit_length() - 1
    return tuple(bool(world >> person & 1) for person in range(len(statements)))


def as_lists(statement: Statement) -> list[object]:
    """Return a statement as lists of JSON: `["and", ["knight", 0], ["knave", 2]]`."""
    if isinstance(statement, Claim):
        return ["knight" if statement.truthful else "knave", statement.person]
    return [statement.sign, *map(as_lists, statement.parts)]
