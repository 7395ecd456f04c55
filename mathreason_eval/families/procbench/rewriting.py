"""Procedures by rules: two letters become one, one letter becomes two."""

from __future__ import annotations

from itertools import pairwise

from mathreason_eval.families.procbench.procedure import (
    ALPHABET,
    Inputs,
    Procedure,
    States,
    parts,
    words,
)
from mathreason_eval.seeds import (
    Source,
    below,
    between,
    one_of,
    some_of,
    text_of,
)

# --- compose ---------------------------------------------------------------------------------

Pair = tuple[str, str]
Joins = dict[Pair, str]
"""What two neighbours become."""


def compose(joins: Joins, letters: list[str]) -> States:
    """Join the pair furthest to the right that has a rule, until there is none."""
    states = [letters]
    while (place := _rightmost(joins, letters)) is not None:
        pair = letters[place], letters[place + 1]
        letters = [*letters[:place], joins[pair], *letters[place + 2 :]]
        states.append(letters)
    return states


def _rightmost(joins: Joins, letters: list[str]) -> int | None:
    for place in range(len(letters) - 2, -1, -1):
        if (letters[place], letters[place + 1]) in joins:
            return place
    return None


def _draw_compose(rng: Source, steps: int) -> Inputs:
    while True:
        letters = list(text_of(rng, ALPHABET, between(rng, steps + 3, max(30, steps + 6))))
        drawn = _draw_joins(rng, letters, steps)
        if drawn is not None:
            joins, met = drawn
            rules = [*joins.items(), *_idle_joins(rng, met, len(joins) // 7 + 1).items()]
            return dict(some_of(rng, rules, len(rules))), letters


def _draw_joins(rng: Source, letters: list[str], steps: int) -> tuple[Joins, set[Pair]] | None:
    """Return rules that join exactly so often, and the pairs met; None if the draws lead to none.

    Whether a pair has a rule is decided when the search from the right first comes to it. So a
    rule that is made on the way has never been passed over before.
    """
    # Few rules leave gaps between the places where they apply; many steps need many rules.
    eager = 0.2 + rng.random() / 2
    joins: Joins = {}
    passed: set[Pair] = set()
    met = set(pairwise(letters))
    for _ in range(steps):
        place = _place_to_join(rng, eager, joins, passed, letters)
        if place is None:
            return None
        new = joins.setdefault((letters[place], letters[place + 1]), one_of(rng, ALPHABET))
        letters = [*letters[:place], new, *letters[place + 2 :]]
        met.update(pairwise(letters[max(0, place - 1) : place + 2]))
    return None if _rightmost(joins, letters) is not None else (joins, met)


def _place_to_join(
    rng: Source, eager: float, joins: Joins, passed: set[Pair], letters: list[str]
) -> int | None:
    """Return where to join next, by a rule that is there or a new one; add what is passed over.

    A pair that is met for the first time gets a rule with the chance `eager`.
    """
    fresh: list[int] = []
    for place in range(len(letters) - 2, -1, -1):
        pair = letters[place], letters[place + 1]
        if pair in joins or (pair not in passed and rng.random() < eager):
            return place
        if pair not in passed:
            passed.add(pair)
            fresh.append(place)
    if not fresh:
        return None
    # None was taken: the one that is taken now has been passed over by this search only.
    chosen = below(rng, len(fresh))
    passed.difference_update((letters[at], letters[at + 1]) for at in fresh[chosen:])
    return fresh[chosen]


def _idle_joins(rng: Source, met: set[Pair], count: int) -> Joins:
    """Return rules for pairs that never come about."""
    idle: Joins = {}
    while len(idle) < count:
        pair = one_of(rng, ALPHABET), one_of(rng, ALPHABET)
        if pair not in met:
            idle[pair] = one_of(rng, ALPHABET)
    return idle


def _write_compose(joins: Joins, letters: list[str]) -> str:
    rules = "".join(f"{one}, {other} -> {new}\n" for (one, other), new in joins.items())
    return f"Rules:\n{rules}Initial state:\n{', '.join(letters)}"


def _read_compose(block: str) -> Inputs:
    rules, letters = parts(block, "Rules:", "Initial state:")
    joins = {(one, other): new for one, other, new in map(words, rules.splitlines())}
    return joins, words(letters)


COMPOSE = Procedure(
    number=10,
    name="compose",
    rules="A rule A, B -> C says that the letter A with the letter B right behind it becomes the "
    "one letter C. Look at all neighbouring letters that a rule fits. Apply the rule to those that "
    "stand furthest to the right, and look again. Go on until no rule fits anywhere.",
    state="A state is the list of letters after a rule has been applied once.",
    draw=_draw_compose,
    run=compose,
    write=_write_compose,
    read=_read_compose,
)

# --- decompose -------------------------------------------------------------------------------

Splits = dict[str, str]
"""What one letter becomes."""


def decompose(letters: str, splits: Splits) -> States:
    """Replace the letter furthest to the left that has a rule, until there is none."""
    states = [letters]
    while (place := _leftmost(splits, letters)) is not None:
        letters = letters[:place] + splits[letters[place]] + letters[place + 1 :]
        states.append(letters)
    return states


def _leftmost(splits: Splits, letters: str) -> int | None:
    return next((place for place, letter in enumerate(letters) if letter in splits), None)


_MOST_RULES = 23


def _draw_decompose(rng: Source, steps: int) -> Inputs:
    kinds = between(rng, 1, min(_MOST_RULES, steps))
    mixed = "".join(some_of(rng, ALPHABET, len(ALPHABET)))
    ruled, others = mixed[:kinds], mixed[kinds:]
    # Every rule is used, and no rule makes a letter that another one replaces.
    used = ruled + text_of(rng, ruled, steps - kinds)
    kept = text_of(rng, others, between(rng, 5, 15))
    letters = "".join(some_of(rng, used + kept, steps + len(kept)))
    return letters, {letter: text_of(rng, others, 2) for letter in ruled}


def _write_decompose(letters: str, splits: Splits) -> str:
    rules = "\n".join(f"{letter} -> {pair}" for letter, pair in splits.items())
    return f"characters: {letters}\nrules:\n{rules}"


def _read_decompose(block: str) -> Inputs:
    letters, rules = parts(block, "characters:", "rules:")
    return letters, dict(line.split(" -> ") for line in rules.splitlines())


DECOMPOSE = Procedure(
    number=11,
    name="decompose",
    rules="A rule A -> BC says that the letter A becomes the two letters BC. Find the first letter "
    "from the left that has a rule, replace it, and begin again from the left. Go on until no "
    "letter has a rule.",
    state="A state is the whole string after a replacement.",
    draw=_draw_decompose,
    run=decompose,
    write=_write_decompose,
    read=_read_decompose,
)

REWRITING = (COMPOSE, DECOMPOSE)
