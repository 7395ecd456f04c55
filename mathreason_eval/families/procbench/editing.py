"""Procedures that change one string: sort, substitute, push and pop, rotate, delete."""

from __future__ import annotations

import re
from itertools import accumulate

from mathreason_eval.families.procbench.procedure import (
    ALPHABET,
    SIGNS,
    Inputs,
    Procedure,
    States,
    numbers,
    parts,
    tuples,
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

# --- sort ------------------------------------------------------------------------------------


def sort(text: str) -> States:
    """Bring the letters into order by swaps; only a swap that changes the string is a state."""
    states, front = [text], 0
    for letter in ALPHABET:
        found = text.find(letter, front)
        while found >= 0:
            if found > front:
                between_them = text[front + 1 : found]
                text = text[:front] + letter + between_them + text[front] + text[found + 1 :]
                states.append(text)
            front += 1
            found = text.find(letter, found + 1)
    return states


def _draw_sort(rng: Source, steps: int) -> Inputs:
    # Of random letters about so many are in their place when their turn comes.
    usual = steps + 1 + round(0.7 * steps**0.5)
    while True:
        text = text_of(rng, ALPHABET, between(rng, usual - 1, usual + 2))
        if len(sort(text)) == steps + 1:
            return (text,)


SORT = Procedure(
    number=1,
    name="sort",
    rules="Bring the letters of the string into alphabetical order by swaps. A marker stands at "
    "the first position. The letters a to z have their turns one after another. In its turn, look "
    "for the letter from where the marker stands at the beginning of the turn to the end of the "
    "string, from left to right. Wherever you find it, swap it with the character at the marker, "
    "then move the marker one position to the right, and go on looking behind the place where you "
    "found it. A swap of a character with itself changes nothing and is not told.",
    state="A state is the string after a swap that changed it.",
    draw=_draw_sort,
    run=sort,
    write=lambda text: f"String: {text}",
    read=lambda block: tuple(parts(block, "String:")),
)

# --- substitute ------------------------------------------------------------------------------

Table = list[tuple[str, str]]
"""What each character is replaced by."""


def substitute(table: Table, text: str) -> States:
    """Replace the characters one by one from the left; each is a step, also if nothing changes."""
    partner = dict(table)
    replaced = "".join([partner.get(sign, sign) for sign in text])
    return [replaced[:done] + text[done:] for done in range(len(text) + 1)]


def _draw_substitute(rng: Source, steps: int) -> Inputs:
    text = text_of(rng, SIGNS, steps)
    # A dictionary, unlike a set, keeps its order on every machine.
    signs = list(dict.fromkeys(text))
    table = [(sign, one_of(rng, SIGNS.replace(sign, ""))) for sign in signs]
    return some_of(rng, table, len(table)), text


def _write_substitute(table: Table, text: str) -> str:
    pairs = "".join(f"({sign}, {other})\n" for sign, other in table)
    return f"Pairs:\n{pairs}String:\n{text}"


def _read_substitute(block: str) -> Inputs:
    pairs, text = parts(block, "Pairs:", "String:")
    signs = words(pairs)
    return list(zip(signs[::2], signs[1::2], strict=True)), text


SUBSTITUTE = Procedure(
    number=6,
    name="substitute",
    rules="A pair (x, y) says that x becomes y. Go through the string from left to right, one "
    "position at a time, and replace the character there as its pair says. Each position is "
    "treated once: what has been put in is not replaced again.",
    state="A state is the whole string after a position, whether or not it has changed.",
    draw=_draw_substitute,
    run=substitute,
    write=_write_substitute,
    read=_read_substitute,
    crowded=2,
)

# --- push and pop ----------------------------------------------------------------------------


def push_pop(text: str, actions: list[str]) -> States:
    """Add and take away characters at both ends."""
    return list(accumulate(actions, _acted, initial=text))


def _acted(text: str, action: str) -> str:
    match action.removesuffix(")").split("("):
        case ["pop_left"]:
            return text[1:]
        case ["pop_right"]:
            return text[:-1]
        case ["push_left", sign]:
            return sign + text
        case ["push_right", sign]:
            return text + sign
    raise ValueError(f"{action!r} is no action")


_ACTIONS = ("pop_left", "pop_right", "push_left({})", "push_right({})")


def _draw_push_pop(rng: Source, steps: int) -> Inputs:
    text = text_of(rng, ALPHABET, between(rng, 3, 12))
    return text, [one_of(rng, _ACTIONS).format(one_of(rng, ALPHABET)) for _ in range(steps)]


def _read_push_pop(block: str) -> Inputs:
    text, actions = parts(block, "Initial string:", "Actions:")
    return text, actions.split(", ")


PUSH_POP = Procedure(
    number=16,
    name="push-pop",
    rules="Carry out the actions on the string in their order. pop_left takes away the first "
    "character, pop_right the last one; an empty string stays as it is. push_left(c) puts the "
    "character c before the first one, push_right(c) behind the last one.",
    state="A state is the string after an action, whether or not it has changed.",
    draw=_draw_push_pop,
    run=push_pop,
    write=lambda text, actions: f"Initial string: {text}\nActions: {', '.join(actions)}",
    read=_read_push_pop,
)

# --- rotate ----------------------------------------------------------------------------------

Stretch = tuple[int, ...]
"""(first position, position behind the last)."""


def rotate(text: str, stretches: list[Stretch]) -> States:
    """Turn stretches of the string to the right by one."""
    return list(accumulate(stretches, _rotated, initial=text))


def _rotated(text: str, stretch: Stretch) -> str:
    start, end = stretch
    return text[:start] + text[end - 1] + text[start : end - 1] + text[end:]


def _draw_rotate(rng: Source, steps: int) -> Inputs:
    length = between(rng, 5, 14)
    stretches = []
    for _ in range(steps):
        start = below(rng, length - 1)
        stretches.append((start, between(rng, start + 2, length)))
    return text_of(rng, ALPHABET, length), stretches


def _write_rotate(text: str, stretches: list[Stretch]) -> str:
    return f"String:\n{text}\nIndices:\n{', '.join(map(str, stretches))}"


def _read_rotate(block: str) -> Inputs:
    text, stretches = parts(block, "String:", "Indices:")
    return text, tuples(numbers(stretches), 2)


ROTATE = Procedure(
    number=17,
    name="rotate",
    rules="Positions in the string are counted from 0. A pair (m, n) names the stretch of "
    "characters from position m up to, but without, position n. Turn that stretch to the right by "
    "one: its last character comes to position m, and its other characters move one position to "
    "the right. The rest of the string stays. Work through the pairs in their order, each on the "
    "string as it has become.",
    state="A state is the whole string after a pair, whether or not it has changed.",
    draw=_draw_rotate,
    run=rotate,
    write=_write_rotate,
    read=_read_rotate,
)

# --- delete a character ----------------------------------------------------------------------


def delete_char(text: str, letters: list[str]) -> States:
    """Delete the first occurrence of each letter in turn."""
    return list(accumulate(letters, lambda left, sign: left.replace(sign, "", 1), initial=text))


def _draw_delete_char(rng: Source, steps: int) -> Inputs:
    text = text_of(rng, ALPHABET, between(rng, steps + 1, max(30, steps + 5)))
    return text, some_of(rng, text, steps)


def _write_delete_char(text: str, letters: list[str]) -> str:
    lines = [f"{number}. {letter}" for number, letter in enumerate(letters, 1)]
    # The space stands in the published prompts, too.
    return "\n".join([f"String: {text}", "Steps: ", *lines])


def _read_delete_char(block: str) -> Inputs:
    text, letters = parts(block, "String:", "Steps:")
    return text, re.findall(r"\d+\. (\w)", letters)


DELETE_CHAR = Procedure(
    number=19,
    name="delete-char",
    rules="In each numbered step, delete one character from the string: the first one, from the "
    "left, that is the letter of that step.",
    state="A state is the string after a step.",
    draw=_draw_delete_char,
    run=delete_char,
    write=_write_delete_char,
    read=_read_delete_char,
)

EDITING = (SORT, SUBSTITUTE, PUSH_POP, ROTATE, DELETE_CHAR)
