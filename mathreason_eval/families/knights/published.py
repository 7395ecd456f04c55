"""The published puzzles of arXiv:2410.23123: reproduced bit for bit, and read from their rows.

The reproduced rows equal the published ones, which are under CC BY-NC-SA 4.0: they are for checks,
and for use if the hub cannot be reached. `family` makes our own puzzles. The order of the
random draws is that of the published sampler.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mathreason_eval.families.knights.family import (
    KNIGHTS,
    PUBLISHED_ROLE_WORDS,
    VARIANTS,
    RoleWords,
    spaced,
)
from mathreason_eval.families.knights.puzzles import (
    AND,
    IF,
    IFF,
    MOST_TRIES,
    NOT,
    OR,
    Claim,
    Compound,
    Puzzle,
    Statement,
    only_solution,
    with_statement,
)
from mathreason_eval.types import Problem

if TYPE_CHECKING:
    from numpy.random import Generator

SEED = 1234
TEST_ROWS = 100
"""Number of puzzles of each size in the test split; the others are the train split."""
_TRAIN_ROWS = 1_000
_FEW_TRAIN_ROWS = 200
"""Number of training puzzles of two people."""


def published_puzzles(people: int) -> dict[str, list[Puzzle | None]]:
    """Return all puzzles of a size by kind, in order of their index: test rows, then train rows.

    The kinds are `clean`, `perturbed_statement` and `perturbed_leaf`; None if no change was found.
    """
    import numpy as np

    rng = np.random.default_rng(SEED)
    more = _FEW_TRAIN_ROWS if people == 2 else _TRAIN_ROWS  # noqa: PLR2004  a fact of the data
    clean = _draw_puzzles(rng, people, TEST_ROWS + more)
    # One random stream: all puzzles of one kind are drawn before the next kind.
    statement = [_changed(rng, puzzle, people, leaf=False) for puzzle in clean]
    leaf = [_changed(rng, puzzle, people, leaf=True) for puzzle in clean]
    return {"clean": [*clean], "perturbed_statement": statement, "perturbed_leaf": leaf}


def _draw_puzzles(rng: Generator, people: int, count: int) -> list[Puzzle]:
    seen: dict[tuple[Statement, ...], Puzzle] = {}
    for _ in range(count):
        for _ in range(MOST_TRIES):
            statements = tuple(_statement(rng, person, people) for person in range(people))
            roles = None if statements in seen else only_solution(statements)
            if roles is not None:
                seen[statements] = Puzzle(statements, roles)
                break
    return [*seen.values()]


def _changed(rng: Generator, puzzle: Puzzle, people: int, *, leaf: bool) -> Puzzle | None:
    for _ in range(MOST_TRIES):
        person = int(rng.integers(0, people))
        if leaf:
            statement = _new_leaf(rng, puzzle.statements[person], person, people)
        else:
            statement = _statement(rng, person, people)
        changed = with_statement(puzzle, person, statement)
        if changed is not None:
            return changed
    return None


def _statement(rng: Generator, speaker: int, people: int, depth: int = 2) -> Statement:
    # The published sampler draws this even if it has no effect.
    sign = (None, NOT, AND, OR, IF, IFF)[rng.integers(0, 6)]
    if sign is None or depth == 1:
        while True:
            truthful = bool(rng.integers(0, 2) == 0)
            person = int(rng.integers(0, people))
            if truthful or person != speaker:
                return Claim(person, truthful)
    # `and` and `or` draw their number of parts, from 2 to 2.
    if sign in {AND, OR}:
        rng.integers(2, 3)
    parts: list[Statement] = []
    while len(parts) < (1 if sign == NOT else 2):
        part = _statement(rng, speaker, people, depth - 1)
        if part not in parts:
            parts.append(part)
    return Compound(sign, tuple(parts))


def _new_leaf(rng: Generator, statement: Statement, speaker: int, people: int) -> Statement:
    if isinstance(statement, Claim):
        return _statement(rng, speaker, people, depth=1)
    place = int(rng.integers(0, len(statement.parts)))
    part = _new_leaf(rng, statement.parts[place], speaker, people)
    parts = (*statement.parts[:place], part, *statement.parts[place + 1 :])
    return Compound(statement.sign, parts)


# --- in words ---------------------------------------------------------------------------------

PUBLISHED_NAMES = spaced(
    "Emma Liam Olivia Noah Ava Ethan Sophia Mason Isabella William Mia James Charlotte Benjamin "
    "Amelia Lucas Harper Henry Evelyn Alexander Abigail Michael Emily Daniel Elizabeth Jacob Sofia "
    "Logan Avery Jackson Ella Sebastian Scarlett Jack Grace Aiden Chloe Owen Victoria Samuel Riley "
    "Matthew Aria Joseph Lily Luke Aurora David Zoey Oliver Penelope"
)
PUBLISHED_UNCOMMON_NAMES = spaced(
    "Zephyr Elowen Caspian Isolde Osiris Vesper Thaddeus Ondine Lysander Xanthe Oberon Calliope "
    "Leander Eulalia Florian Forsythe Nephele Peregrine Ianthe Lazarus Elodie Cillian Ottoline "
    "Evander Saffron Caius Zora Cyprian Amaryllis Theron Perdita Ignatius Zephyrine Balthazar "
    "Melisande Zinnia Sylvester Cosima Leocadio Percival Oceane Evanthe Zenobia Eurydice Quillan "
    "Aeronwen Thorsten Xiomara Zephyrus Ysolde"
)
_FRAMES = (
    "{n} said that {c}.", "{n} told you that {c}.", '{n} said, "{c}."', '{n} stated, "{c}".',
    'According to {n}, "{c}".', """In {n}'s words: "{c}".""", '{n} remarked, "{c}".',
    '"{c}," {n} declared.', '{n} was heard saying, "{c}".', "{n} expressed that {c}.",
    '"{c}" - {n}.', 'As {n} put it, "{c}".', '{n} asserted: "{c}".', '"{c}," {n} mentioned.',
    '{n} commented, "{c}".', 'In a statement by {n}: "{c}".', '{n} noted, "{c}".',
    '"{c}," {n} claimed.',
)  # fmt: skip


def published_row(puzzle: Puzzle, index: int, variant: str = "clean") -> dict[str, object]:
    """Return a puzzle as the published row of that index, with the published columns.

    Args:
        puzzle: one of `published_puzzles`; for a variant of words alone, the clean one.
        index: its index among them.
        variant: `clean` or one of the six perturbations.
    """
    import numpy as np

    people = len(puzzle.statements)
    rng = np.random.default_rng(SEED + index)
    known = PUBLISHED_UNCOMMON_NAMES if variant == "uncommon_name" else PUBLISHED_NAMES
    names = [known[place] for place in rng.choice(len(known), size=people, replace=False)]
    roles = KNIGHTS
    if variant == "random_pair":
        roles = PUBLISHED_ROLE_WORDS[rng.integers(0, len(PUBLISHED_ROLE_WORDS))]
    elif variant == "flip_role":
        roles = KNIGHTS.flipped
    frames = [_FRAMES[rng.integers(0, len(_FRAMES))] for _ in range(people)]
    quotes = [
        frame.format(n=name, c=_claim(statement, names, roles))
        for frame, name, statement in zip(frames, names, puzzle.statements, strict=True)
    ]
    if variant == "reorder_statement":
        quotes = [quotes[place] for place in _another_order(people, SEED + 1 + index)]
    answers = [
        f"{n} is {roles.with_article(truthful=role)}"
        for n, role in zip(names, puzzle.roles, strict=True)
    ]
    return {
        "quiz": _quiz(names, roles, quotes),
        "names": names,
        "solution": [*puzzle.roles],
        "solution_text": f"{', '.join(answers[:-1])}, and {answers[-1]}.",
        "solution_text_format": "\n".join(f"({i}) {each}" for i, each in enumerate(answers, 1)),
        "statements": str(tuple(map(_nested, puzzle.statements))),
        "index": index,
    }


def _quiz(names: Sequence[str], roles: RoleWords, quotes: Sequence[str]) -> str:
    # In the published rows the plural of every role is the word with an s.
    knight, knave = roles.knight, roles.knave
    return (
        f"A very special island is inhabited only by {knight}s and {knave}s. "
        f"{knight.capitalize()}s always tell the truth, and {knave}s always lie. "
        f"You meet {len(names)} inhabitants: {', '.join(names[:-1])}, and {names[-1]}. "
        f"{' '.join(quotes)} So who is {roles.with_article(truthful=True)} "
        f"and who is {roles.with_article(truthful=False)}?"
    )


def _another_order(people: int, seed: int) -> list[int]:
    import numpy as np

    rng = np.random.default_rng(seed)
    order = [*range(people)]
    while order == [*range(people)]:
        rng.shuffle(order)
    return order


def _claim(statement: Statement, names: Sequence[str], roles: RoleWords) -> str:
    if isinstance(statement, Claim):
        return f"{names[statement.person]} is {roles.with_article(truthful=statement.truthful)}"
    parts = [_claim(part, names, roles) for part in statement.parts]
    if statement.sign == NOT:
        return parts[0].replace(" is ", " is not ", 1)
    if statement.sign == IF:
        return f"If {parts[0]} then {parts[1]}"
    joint = "if and only if" if statement.sign == IFF else statement.sign
    return f" {joint} ".join(parts)


def _nested(statement: Statement) -> tuple[object, ...]:
    """Return a statement as the nested tuples of the published rows."""
    if isinstance(statement, Claim):
        return ("telling-truth" if statement.truthful else "lying", statement.person)
    return (statement.sign, *map(_nested, statement.parts))


# --- published rows --------------------------------------------------------------------------


def problem_of_row(row: Mapping[str, Any], source: str) -> Problem:
    """Return the problem of a published row, as the hub has it or as a copy with longer names.

    A row that names no perturbation has the one that `source` names, or is an original. Test and
    train rows are numbered consecutively, so the index determines the split.

    Args:
        row: a mapping with `quiz`, `names`, `solution`, `solution_text` and `index`; `question`
            and `answer` are accepted for `quiz` and `solution_text`.
        source: the row's file, or data set and split.

    Raises:
        KeyError: if a column is missing; it names it.
    """
    variant = row.get("perturbation") or next((name for name in VARIANTS if name in source), None)
    if variant == "clean":
        variant = None
    index = int(row["index"])
    people = len(row["names"])
    split = "test" if index < TEST_ROWS else "train"
    origin = f"kk-{split}-{people}ppl-{index}"
    return Problem(
        id=origin if variant is None else f"{origin}~{variant}",
        question=row["quiz"] if "quiz" in row else row["question"],
        gold=(row["solution_text"] if "solution_text" in row else row["answer"],),
        meta={"people": people},
        given={"names": [*row["names"]], "solution": [*row["solution"]]},
        origin=None if variant is None else origin,
        variant=variant,
    )
