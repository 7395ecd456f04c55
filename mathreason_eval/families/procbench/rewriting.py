"""Procedures that apply replacement rules: substitute, compose, decompose."""

from __future__ import annotations

from itertools import pairwise

from mathreason_eval.families.procbench.procedure import (
    ALPHABET,
    ALPHANUMERIC,
    TEXT,
    WORDS,
    Field,
    Inputs,
    Procedure,
    States,
    grouped,
    words,
)
from mathreason_eval.seeds import Source, below, between, one_of, some_of, text_of

Table = list[tuple[str, str]]
"""(character, replacement)."""
_TABLE = Field(
    write=lambda table: "".join(f"({one}, {other})\n" for one, other in table),
    read=lambda text: grouped(words(text), 2),
)


def substitute(table: Table, text: str) -> States:
    """Replace the characters one by one from the left; each is a step, even if nothing changes."""
    partner = dict(table)
    replaced = "".join([partner.get(char, char) for char in text])
    return [replaced[:done] + text[done:] for done in range(len(text) + 1)]


def _draw_substitute(rng: Source, steps: int) -> Inputs:
    text = text_of(rng, ALPHANUMERIC, steps)
    # A dictionary, unlike a set, keeps its order on every machine.
    table = [(char, one_of(rng, ALPHANUMERIC.replace(char, ""))) for char in dict.fromkeys(text)]
    return some_of(rng, table, len(table)), text


SUBSTITUTE = Procedure(
    number=6,
    name="substitute",
    rules="A pair (x, y) says that x becomes y. Go through the string from left to right, one "
    "position at a time, and replace the character there as its pair says. Each position is "
    "treated once: what has been put in is not replaced again.",
    state="A state is the whole string after a position, whether or not it has changed.",
    draw=_draw_substitute,
    run=substitute,
    form="Pairs:\n{}String:\n{}",
    fields=(_TABLE, TEXT),
    crowded=2,
)


Pair = tuple[str, str]
Joins = dict[Pair, str]
"""(letter, next letter) -> the letter that replaces both."""
_JOINS = Field(
    write=lambda joins: "".join(f"{a}, {b} -> {new}\n" for (a, b), new in joins.items()),
    read=lambda text: {(a, b): new for a, b, new in map(words, text.splitlines())},
)


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
            joins, seen = drawn
            rules = [*joins.items(), *_idle_joins(rng, seen, len(joins) // 7 + 1).items()]
            return dict(some_of(rng, rules, len(rules))), letters


def _draw_joins(rng: Source, letters: list[str], steps: int) -> tuple[Joins, set[Pair]] | None:
    """Return rules that apply exactly `steps` times, and the pairs seen; None if the draws fail.

    Whether a pair has a rule is decided when the search from the right first reaches it, so that
    no search has passed over a pair that gets a rule later.
    """
    # With few rules there are gaps between the places where they apply; many steps need many rules.
    eager = 0.2 + rng.random() / 2
    joins: Joins = {}
    passed: set[Pair] = set()
    seen = set(pairwise(letters))
    for _ in range(steps):
        place = _place_to_join(rng, eager, joins, passed, letters)
        if place is None:
            return None
        new = joins.setdefault((letters[place], letters[place + 1]), one_of(rng, ALPHABET))
        letters = [*letters[:place], new, *letters[place + 2 :]]
        seen.update(pairwise(letters[max(0, place - 1) : place + 2]))
    return None if _rightmost(joins, letters) is not None else (joins, seen)


def _place_to_join(
    rng: Source, eager: float, joins: Joins, passed: set[Pair], letters: list[str]
) -> int | None:
    """Return where to join next, by an existing or a new rule; add the skipped pairs to `passed`.

    A pair that is seen for the first time gets a rule with probability `eager`.
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
    # None got a rule; the one chosen now has been skipped by this search only.
    chosen = below(rng, len(fresh))
    passed.difference_update((letters[at], letters[at + 1]) for at in fresh[chosen:])
    return fresh[chosen]


def _idle_joins(rng: Source, seen: set[Pair], count: int) -> Joins:
    """Return rules for pairs that never occur."""
    idle: Joins = {}
    while len(idle) < count:
        pair = one_of(rng, ALPHABET), one_of(rng, ALPHABET)
        if pair not in seen:
            idle[pair] = one_of(rng, ALPHABET)
    return idle


COMPOSE = Procedure(
    number=10,
    name="compose",
    rules="A rule A, B -> C says that the letter A with the letter B right behind it becomes the "
    "one letter C. Look at all neighbouring letters that a rule fits. Apply the rule to those that "
    "stand furthest to the right, and look again. Go on until no rule fits anywhere.",
    state="A state is the list of letters after a rule has been applied once.",
    draw=_draw_compose,
    run=compose,
    form="Rules:\n{}Initial state:\n{}",
    fields=(_JOINS, WORDS),
)


Splits = dict[str, str]
"""letter -> the two letters that replace it."""
_SPLITS = Field(
    write=lambda splits: "\n".join(f"{letter} -> {pair}" for letter, pair in splits.items()),
    read=lambda text: dict(line.split(" -> ") for line in text.splitlines()),
)


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


DECOMPOSE = Procedure(
    number=11,
    name="decompose",
    rules="A rule A -> BC says that the letter A becomes the two letters BC. Find the first letter "
    "from the left that has a rule, replace it, and begin again from the left. Go on until no "
    "letter has a rule.",
    state="A state is the whole string after a replacement.",
    draw=_draw_decompose,
    run=decompose,
    form="characters: {}\nrules:\n{}",
    fields=(TEXT, _SPLITS),
)

REWRITING = (SUBSTITUTE, COMPOSE, DECOMPOSE)
