"""Our own puzzles: an original and six variants, two of its statements and four of its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from mathreason_eval.families.knights.puzzles import (
    AND,
    IF,
    MOST_TRIES,
    NOT,
    OR,
    Claim,
    Compound,
    NoPuzzleError,
    Puzzle,
    Shape,
    Statement,
    draw_puzzle,
    perturb_leaf,
    perturb_statement,
)
from mathreason_eval.seeds import Source, item_rng, one_of, some_of

# --- words -----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleWords:
    """Two words, one for each role."""

    knight: str
    """The word for those who tell the truth."""
    knave: str
    """The word for those who lie."""

    def with_article(self, *, truthful: bool) -> str:
        """Return one word with its article: `a knight`, `an impostor`."""
        word = self.knight if truthful else self.knave
        return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"

    @property
    def flipped(self) -> RoleWords:
        """Return the two words with their meanings exchanged."""
        return RoleWords(knight=self.knave, knave=self.knight)


def spaced(words: str) -> tuple[str, ...]:
    """Return the words of a text, split at white space."""
    return tuple(words.split())


def _pairs(words: str) -> tuple[RoleWords, ...]:
    pairs = (pair.split("/") for pair in spaced(words))
    return tuple(RoleWords(knight=knight, knave=knave) for knight, knave in pairs)


KNIGHTS = RoleWords(knight="knight", knave="knave")

PUBLISHED_ROLE_WORDS = _pairs(
    "pioneer/laggard saint/sinner hero/villain angel/devil altruist/egoist sage/fool"
)
"""The words of the variant `random_pair` in the published rows, in their order."""

OWN_ROLE_WORDS = _pairs(
    "guardian/trickster scribe/forger monk/bandit captain/pirate oracle/impostor scholar/swindler "
    "ranger/poacher elder/rogue envoy/schemer healer/quack herald/gossip mentor/cheat"
)
"""The words of our own variant `random_pair`. The plural of each is formed with an s."""

OPPOSITES = {
    word: other
    for pair in (KNIGHTS, *PUBLISHED_ROLE_WORDS, *OWN_ROLE_WORDS)
    for word, other in ((pair.knight, pair.knave), (pair.knave, pair.knight))
}
"""For each word for a role, the word for the other one."""

NAMES = spaced(
    "Ana Bashir Carla Dmitri Esra Farid Gwen Hugo Ines Jonas Keiko Lars Mbali Nadia Omar Paula "
    "Quentin Rosa Stefan Tariq Ursula Viktor Wanda Ximena Yusuf Zainab Anton Bettina Chidi Dolores "
    "Emre Fatima Greta Haruto Irina Jorge Katya Leila Marek Nkechi Otto Priya Rafael Sanna Tomas "
    "Uma Valeria Wei Yara Zoltan"
)
UNCOMMON_NAMES = spaced(
    "Abrax Brindle Corvane Dulcimer Eskarn Fennimore Galdric Hespera Ishwyn Jorundel Kestrix "
    "Lumivar Morwenna Nyxalis Ombrin Pellucia Quorwin Rhosabel Skadrin Thistlewick Ulverin "
    "Vantaine Wrenfold Xylandra Yarrowmere Zephandel Aldrimor Bellaquin Cindrath Drusivane Elowyth "
    "Farrowin Grimaude Hollisande Ivandrel Juniveer Kallorn Lysmira Mardivold Nettlesby Orsivane "
    "Pruwenna Quillarde Roswindle Silvarine Tamberlyn Undomir Vesprine Wystander Yvorette"
)

# --- wording ---------------------------------------------------------------------------------

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
class Wording:
    """The wording of a puzzle: everything that can change without changing the statements."""

    names: tuple[str, ...]
    """The name of each person."""
    place: str
    """The first sentence, with slots for the roles."""
    rule: str
    frames: tuple[str, ...]
    """How the statement of each person is quoted."""
    question: str
    order: tuple[int, ...]
    """Indices of persons, in the order in which they speak."""
    words: RoleWords = KNIGHTS


def draw_wording(rng: Source, people: int) -> Wording:
    """Return a random wording for a puzzle of `people` persons, who speak in order."""
    return Wording(
        names=tuple(some_of(rng, NAMES, people)),
        place=one_of(rng, _PLACES).replace("{place}", one_of(rng, _PLACE_NAMES)),
        rule=one_of(rng, _RULES),
        frames=tuple(one_of(rng, _FRAMES) for _ in range(people)),
        question=one_of(rng, _QUESTIONS),
        order=tuple(range(people)),
    )


def question(puzzle: Puzzle, wording: Wording) -> str:
    """Return the puzzle as a question."""
    roles, names = wording.words, wording.names
    words = {
        "Knight": roles.knight.capitalize(),
        "knave": roles.knave,
        "a_knight": roles.with_article(truthful=True),
        "a_knave": roles.with_article(truthful=False),
    }
    quotes = []
    for person in wording.order:
        claim = in_words(puzzle.statements[person], names, roles)
        frame = wording.frames[person]
        quotes.append(frame.format(n=names[person], C=claim[0].upper() + claim[1:]))
    return " ".join(
        (
            wording.place.format(**words),
            wording.rule.format(**words),
            f"You meet {', '.join(names[:-1])} and {names[-1]}.",
            *quotes,
            wording.question.format(**words),
        )
    )


def solution(puzzle: Puzzle, wording: Wording) -> str:
    """Return the gold: `Ana is a knave, and Omar is a knight.`, people in order."""
    roles = zip(wording.names, puzzle.roles, strict=True)
    *others, last = (
        f"{name} is {wording.words.with_article(truthful=role)}" for name, role in roles
    )
    return f"{', '.join(others)}, and {last}."


def in_words(statement: Statement, names: Sequence[str], roles: RoleWords) -> str:
    """Return a statement in words; two statements that differ in meaning never read the same."""
    if isinstance(statement, Claim):
        return f"{names[statement.person]} is {roles.with_article(truthful=statement.truthful)}"
    first, *others = statement.parts
    if statement.sign == NOT:
        if isinstance(first, Claim):
            return f"{names[first.person]} is not {roles.with_article(truthful=first.truthful)}"
        return f"it is not true that {_part(first, names, roles)}"
    parts = [_part(first, names, roles), *(_part(other, names, roles) for other in others)]
    if statement.sign == IF:
        return f"if {parts[0]}, then {parts[1]}"
    if statement.sign == AND:
        return " and ".join(parts)
    if statement.sign == OR:
        # `or` is inclusive here, and the text says so.
        both = "several of these" if parts[2:] else "both"
        return f"{' or '.join(parts)}, or {both}"
    return f"{parts[0]} if and only if {parts[1]}"


def _part(statement: Statement, names: Sequence[str], roles: RoleWords) -> str:
    """Return a part of a compound, in brackets unless it is a claim or a negated claim."""
    text = in_words(statement, names, roles)
    if isinstance(statement, Compound) and statement.sign == NOT:
        (statement,) = statement.parts
    return text if isinstance(statement, Claim) else f"({text})"


# --- variants --------------------------------------------------------------------------------

LOGICAL = ("perturbed_statement", "perturbed_leaf")
"""Variants with other statements and another solution."""
VERBAL = ("random_pair", "flip_role", "uncommon_name", "reorder_statement")
"""Variants with the same statements and solution in other words."""
VARIANTS = (*LOGICAL, *VERBAL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One puzzle of a family with its wording."""

    variant: str | None
    """None for the original."""
    puzzle: Puzzle
    wording: Wording

    @property
    def question(self) -> str:
        """Return the puzzle as a question."""
        return question(self.puzzle, self.wording)

    @property
    def gold(self) -> str:
        """Return everyone's role."""
        return solution(self.puzzle, self.wording)


_BLOCK = 32
"""Number of originals that are drawn together, so that each differs from all before it."""


@lru_cache(maxsize=64)
def family(task: str, seed: int, shape: Shape, rank: int) -> tuple[Member, ...]:
    """Return original number `rank` of a shape, and its variants in order.

    It depends on the arguments alone. No two originals of a seed have the same statements.

    Raises:
        NoPuzzleError: if there are not that many puzzles of the shape.
    """
    block, place = divmod(rank, _BLOCK)
    original, *changed = _originals(task, seed, shape, block)[place]
    rng = item_rng(_stream(task, shape, "words"), seed, rank)
    told = draw_wording(rng, shape.people)
    words = one_of(rng, OWN_ROLE_WORDS)
    names = tuple(some_of(rng, UNCOMMON_NAMES, shape.people))
    members = [
        (None, original, told),
        *((variant, puzzle, told) for variant, puzzle in zip(LOGICAL, changed, strict=True)),
        ("random_pair", original, replace(told, words=words)),
        ("flip_role", original, replace(told, words=told.words.flipped)),
        ("uncommon_name", original, replace(told, names=names)),
        ("reorder_statement", original, replace(told, order=_another_order(rng, told.order))),
    ]
    return tuple(
        Member(variant=variant, puzzle=puzzle, wording=wording)
        for variant, puzzle, wording in members
    )


@lru_cache(maxsize=1 << 10)
def _originals(task: str, seed: int, shape: Shape, block: int) -> tuple[tuple[Puzzle, ...], ...]:
    """Return a block of different originals, each with its logical variants."""
    seen: set[tuple[Statement, ...]] = set()
    for earlier in range(block):
        seen.update(drawn[0].statements for drawn in _originals(task, seed, shape, earlier))
    rng = item_rng(_stream(task, shape, "puzzles"), seed, block)
    return tuple(_new_original(rng, shape, seen) for _ in range(_BLOCK))


def _new_original(
    rng: Source, shape: Shape, seen: set[tuple[Statement, ...]]
) -> tuple[Puzzle, ...]:
    for _ in range(MOST_TRIES):
        original = draw_puzzle(rng, shape)
        if original.statements in seen:
            continue
        leaf = perturb_leaf(rng, original)
        statement = perturb_statement(rng, original, shape)
        # Families are complete, so that every variant is compared on the same originals.
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
    """Return the name of a random stream of its own for a shape and purpose."""
    return f"{task}/{shape.people}/{shape.depth}/{shape.width}/{purpose}"
