"""A puzzle told in words of our own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mathreason_eval.families.knights.logic import AND, IF, NOT, OR, Claim, Puzzle, Statement
from mathreason_eval.families.knights.names import NAMES
from mathreason_eval.families.knights.roles import KNIGHTS, Pair
from mathreason_eval.seeds import Source, one_of, some_of

_PLACES = (
    "Everybody in the village of {place} is either {a_knight} or {a_knave}.",
    "All who live in {place} are of one of two kinds: each of them is {a_knight} or {a_knave}.",
    "In {place}, whoever you meet is {a_knight} or {a_knave}.",
)
_PLACE_NAMES = ("Tarnwick", "Ostrelund", "Bellmoor", "Fenhallow", "Kestrel Bay", "Upper Dunnock")
_RULES = (
    "{Knight}s say only what is true, and {knave}s say only what is false.",
    "What {a_knight} says is always true; what {a_knave} says is always false.",
)
_FRAMES = (
    '{n} says: "{C}."', '{n} tells you: "{C}."', '"{C}," says {n}.', '"{C}," {n} insists.',
    '{n} shrugs and says: "{C}."', '{n} smiles and says: "{C}."', '{n} whispers: "{C}."',
    'Asked who is what, {n} answers: "{C}."', 'Then {n} speaks: "{C}."', '{n} calls out: "{C}."',
    '{n} swears: "{C}."', '{n} lets you know: "{C}."',
)  # fmt: skip
_QUESTIONS = (
    "Who is {a_knight}, and who is {a_knave}?",
    "Which of them is {a_knight}, and which {a_knave}?",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Telling:
    """How a puzzle is told: everything that can change without changing who said what."""

    names: tuple[str, ...]
    """By person."""
    place: str
    """Where the people live, in a sentence with slots for the roles."""
    rule: str
    frames: tuple[str, ...]
    """By person: how what is said is quoted."""
    question: str
    order: tuple[int, ...]
    """Persons in the order in which they speak."""
    pair: Pair = KNIGHTS


def draw_telling(rng: Source, people: int) -> Telling:
    """Return a way to tell a puzzle of so many people, who speak in order."""
    return Telling(
        names=tuple(some_of(rng, NAMES, people)),
        place=one_of(rng, _PLACES).replace("{place}", one_of(rng, _PLACE_NAMES)),
        rule=one_of(rng, _RULES),
        frames=tuple(one_of(rng, _FRAMES) for _ in range(people)),
        question=one_of(rng, _QUESTIONS),
        order=tuple(range(people)),
    )


def question(puzzle: Puzzle, telling: Telling) -> str:
    """Return the puzzle as it is asked."""
    pair, names = telling.pair, telling.names
    words = {
        "Knight": pair.knight.capitalize(),
        "knave": pair.knave,
        "a_knight": pair.a(truthful=True),
        "a_knave": pair.a(truthful=False),
    }
    said = []
    for person in telling.order:
        claim = in_words(puzzle.statements[person], names, pair)
        frame = telling.frames[person]
        said.append(frame.format(n=names[person], C=claim[0].upper() + claim[1:]))
    return " ".join(
        (
            telling.place.format(**words),
            telling.rule.format(**words),
            f"You meet {_listed(names)}.",
            *said,
            telling.question.format(**words),
        )
    )


def solution(puzzle: Puzzle, telling: Telling) -> str:
    """Return who is what: `Ana is a knave, and Omar is a knight.`, in the order of people."""
    roles = zip(telling.names, puzzle.roles, strict=True)
    *others, last = (f"{name} is {telling.pair.a(truthful=role)}" for name, role in roles)
    return f"{', '.join(others)}, and {last}."


def in_words(statement: Statement, names: Sequence[str], pair: Pair) -> str:
    """Return a statement in words; two statements that differ in meaning never read the same."""
    if isinstance(statement, Claim):
        return f"{names[statement.person]} is {pair.a(truthful=statement.truthful)}"
    first, *others = statement.parts
    if statement.sign == NOT:
        if isinstance(first, Claim):
            return f"{names[first.person]} is not {pair.a(truthful=first.truthful)}"
        return f"it is not true that {_part(first, names, pair)}"
    parts = [_part(first, names, pair), *(_part(other, names, pair) for other in others)]
    if statement.sign == IF:
        return f"if {parts[0]}, then {parts[1]}"
    if statement.sign == AND:
        return " and ".join(parts)
    if statement.sign == OR:
        # Whoever says `or` may mean that both hold, and a reader should know.
        both = "both" if len(parts) == _TWO else "several of these"
        return f"{' or '.join(parts)}, or {both}"
    return f"{parts[0]} if and only if {parts[1]}"


_TWO = 2


def _part(statement: Statement, names: Sequence[str], pair: Pair) -> str:
    """Return a part of a longer statement, in brackets unless it is a claim or its denial."""
    said = in_words(statement, names, pair)
    plain = isinstance(statement, Claim)
    return said if plain or _denies_a_claim(statement) else f"({said})"


def _denies_a_claim(statement: Statement) -> bool:
    return (
        not isinstance(statement, Claim)
        and statement.sign == NOT
        and isinstance(statement.parts[0], Claim)
    )


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
