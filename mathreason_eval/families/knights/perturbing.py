"""A puzzle changed a little in what is said, so that its solution becomes another."""

from __future__ import annotations

from collections.abc import Iterator

from mathreason_eval.families.knights.logic import (
    Claim,
    Compound,
    Puzzle,
    Statement,
    is_contingent,
    only_solution,
)
from mathreason_eval.families.knights.sampling import MOST_TRIES, Shape, draw_statement
from mathreason_eval.seeds import Source, below, some_of


def perturb_statement(rng: Source, puzzle: Puzzle, shape: Shape) -> Puzzle | None:
    """Return the puzzle with one person's statement replaced; None if no try led to another."""
    for _ in range(MOST_TRIES):
        person = below(rng, shape.people)
        changed = with_statement(puzzle, person, draw_statement(rng, person, shape))
        if changed is not None:
            return changed
    return None


def perturb_leaf(rng: Source, puzzle: Puzzle) -> Puzzle | None:
    """Return the puzzle with one claim within a statement replaced; None if that cannot be.

    In a small puzzle there may be no single claim whose change leads to one other solution.
    """
    people = len(puzzle.statements)
    for person in some_of(rng, range(people), people):
        statements = [*_other_leaves(puzzle.statements[person], person, people)]
        for statement in some_of(rng, statements, len(statements)):
            changed = with_statement(puzzle, person, statement)
            if changed is not None and is_contingent(statement, people):
                return changed
    return None


def _other_leaves(statement: Statement, speaker: int, people: int) -> Iterator[Statement]:
    """Yield a statement with one claim replaced by another, in every way there is."""
    if isinstance(statement, Claim):
        for person in range(people):
            yield Claim(person, truthful=True)
            if person != speaker:
                yield Claim(person, truthful=False)
        return
    for place, part in enumerate(statement.parts):
        for other in _other_leaves(part, speaker, people):
            if other not in statement.parts:
                parts = (*statement.parts[:place], other, *statement.parts[place + 1 :])
                yield Compound(statement.sign, parts)


def with_statement(puzzle: Puzzle, person: int, statement: Statement) -> Puzzle | None:
    """Return the puzzle where a person says something else, if its one solution is another."""
    statements = (*puzzle.statements[:person], statement, *puzzle.statements[person + 1 :])
    roles = only_solution(statements)
    if roles is None or roles == puzzle.roles:
        return None
    return Puzzle(statements, roles)
