"""Knights and knaves of our own: generated families of an original and six variants."""

from __future__ import annotations

from mathreason_eval.families.knights.family import VARIANTS, family
from mathreason_eval.families.knights.puzzles import Shape, as_lists
from mathreason_eval.types import Problem

PEOPLE = range(2, 9)


def problem(index: int, seed: int) -> Problem:
    """Return problem number `index`.

    Families are consecutive, and the number of people alternates between them: every prefix is
    balanced.
    """
    number, place = divmod(index, 1 + len(VARIANTS))
    rank, people = divmod(number, len(PEOPLE))
    shape = Shape(people=PEOPLE[people])
    member = family("kk-gen", seed, shape, rank)[place]
    origin = f"kk-gen-{seed}-{shape.people}ppl-{rank}"
    return Problem(
        id=origin if member.variant is None else f"{origin}~{member.variant}",
        question=member.question,
        gold=(member.gold,),
        meta={"people": shape.people},
        given={
            "names": [*member.wording.names],
            "solution": [*member.puzzle.roles],
            "statements": [as_lists(statement) for statement in member.puzzle.statements],
        },
        origin=None if member.variant is None else origin,
        variant=member.variant,
    )
