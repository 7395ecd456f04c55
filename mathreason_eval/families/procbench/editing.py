"""Procedures that change one string, sentence or ring: sort, push, rotate, delete, fill, move."""

from __future__ import annotations

import re
from itertools import accumulate

from mathreason_eval.families.procbench.procedure import (
    ALPHABET,
    ALPHANUMERIC,
    PAIRS,
    PHRASE_LIST,
    PHRASES,
    QUOTED_WORDS,
    SPACED,
    TEXT,
    Field,
    Inputs,
    Procedure,
    States,
    listed,
    sentence,
)
from mathreason_eval.seeds import Source, below, between, one_of, some_of, text_of


def sort(text: str) -> States:
    """Sort the letters by swaps; only a swap that changes the string is a state."""
    states, front = [text], 0
    for letter in ALPHABET:
        found = text.find(letter, front)
        while found >= 0:
            if found > front:
                middle = text[front + 1 : found]
                text = text[:front] + letter + middle + text[front] + text[found + 1 :]
                states.append(text)
            front += 1
            found = text.find(letter, found + 1)
    return states


def _draw_sort(rng: Source, steps: int) -> Inputs:
    # Some letters are already in place at their turn: about 0.7 * sqrt(steps).
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
    form="String: {}",
    fields=(TEXT,),
)


def push_pop(text: str, actions: list[str]) -> States:
    """Add and remove characters at both ends."""
    return list(accumulate(actions, _after_action, initial=text))


def _after_action(text: str, action: str) -> str:
    match action.removesuffix(")").split("("):
        case ["pop_left"]:
            return text[1:]
        case ["pop_right"]:
            return text[:-1]
        case ["push_left", letter]:
            return letter + text
        case ["push_right", letter]:
            return text + letter
    raise ValueError(f"{action!r} is not an action")


_ACTIONS = ("pop_left", "pop_right", "push_left({})", "push_right({})")


def _draw_push_pop(rng: Source, steps: int) -> Inputs:
    text = text_of(rng, ALPHABET, between(rng, 3, 12))
    return text, [one_of(rng, _ACTIONS).format(one_of(rng, ALPHABET)) for _ in range(steps)]


PUSH_POP = Procedure(
    number=16,
    name="push-pop",
    rules="Carry out the actions on the string in their order. pop_left takes away the first "
    "character, pop_right the last one; an empty string stays as it is. push_left(c) puts the "
    "character c before the first one, push_right(c) behind the last one.",
    state="A state is the string after an action, whether or not it has changed.",
    draw=_draw_push_pop,
    run=push_pop,
    form="Initial string: {}\nActions: {}",
    fields=(TEXT, PHRASES),
)


Slice = tuple[int, ...]
"""(first position, position after the last)."""


def rotate(text: str, slices: list[Slice]) -> States:
    """Rotate substrings to the right by one."""
    return list(accumulate(slices, _rotated, initial=text))


def _rotated(text: str, bounds: Slice) -> str:
    start, end = bounds
    return text[:start] + text[end - 1] + text[start : end - 1] + text[end:]


def _draw_rotate(rng: Source, steps: int) -> Inputs:
    length = between(rng, 5, 14)
    slices = []
    for _ in range(steps):
        start = below(rng, length - 1)
        slices.append((start, between(rng, start + 2, length)))
    return text_of(rng, ALPHABET, length), slices


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
    form="String:\n{}\nIndices:\n{}",
    fields=(TEXT, PAIRS),
)


def delete_char(text: str, letters: list[str]) -> States:
    """Delete the first occurrence of each letter in turn."""
    return list(accumulate(letters, lambda left, letter: left.replace(letter, "", 1), initial=text))


def _draw_delete_char(rng: Source, steps: int) -> Inputs:
    text = text_of(rng, ALPHABET, between(rng, steps + 1, max(30, steps + 5)))
    return text, some_of(rng, text, steps)


_NUMBERED_LINES = Field(
    write=lambda items: "\n".join(f"{number}. {item}" for number, item in enumerate(items, 1)),
    read=lambda text: re.findall(r"\d+\. (\w)", text),
)


DELETE_CHAR = Procedure(
    number=19,
    name="delete-char",
    rules="In each numbered step, delete one character from the string: the first one, from the "
    "left, that is the letter of that step.",
    state="A state is the string after a step.",
    draw=_draw_delete_char,
    run=delete_char,
    # The space after the colon is in the published prompts as well.
    form="String: {}\nSteps: \n{}",
    fields=(TEXT, _NUMBERED_LINES),
)


_GAP_WORDS = Field(
    write=lambda words: listed(f"({number}, {word})" for number, word in enumerate(words, 1)),
    read=lambda text: re.findall(r"\(\d+, (\w+)\)", text),
)


def fill_word(text: str, fillers: list[str]) -> States:
    """Fill the gaps [1], [2], … in the order of their numbers."""
    states = [text]
    for number, word in enumerate(fillers, 1):
        states.append(states[-1].replace(f"[{number}]", word, 1))
    return states


def _draw_fill_word(rng: Source, steps: int) -> Inputs:
    words = sentence(rng, steps)
    gaps = some_of(rng, range(len(words)), steps)
    fillers = [words[gap] for gap in gaps]
    for number, gap in enumerate(gaps, 1):
        words[gap] = f"[{number}]"
    return " ".join(words), fillers


FILL_WORD = Procedure(
    number=18,
    name="fill-word",
    rules="The sentence has numbered gaps, [1], [2] and so on, and the list has a word for each "
    "number. Fill gap [1] with its word, then gap [2] with its word, and so on.",
    state="A state is the whole sentence after a gap has been filled, a string in which the gaps "
    "that are left still stand.",
    draw=_draw_fill_word,
    run=fill_word,
    form="Sentence:\n{}\nList:\n{}",
    fields=(TEXT, _GAP_WORDS),
)


def delete_word(words: list[str], deleted: list[str]) -> States:
    """Delete the first occurrence of each word in turn."""
    return [" ".join(left) for left in accumulate(deleted, _without, initial=words)]


def _without(words: list[str], word: str) -> list[str]:
    place = words.index(word) if word in words else len(words)
    return words[:place] + words[place + 1 :]


def _draw_delete_word(rng: Source, steps: int) -> Inputs:
    words = sentence(rng, steps)
    return words, some_of(rng, list(dict.fromkeys(words)), steps)


DELETE_WORD = Procedure(
    number=20,
    name="delete-word",
    rules="Take the listed words in their order. For each, delete from the sentence the first word "
    "from the left that is the same; capitals make a difference. The words that are left stay in "
    "their order, with one space between them.",
    state="A state is the sentence after a word has been deleted, a string.",
    draw=_draw_delete_word,
    run=delete_word,
    form="Sentence:\n{}\nWords: {}\n",
    fields=(SPACED, PHRASE_LIST),
)


Move = tuple[str, int]
"""(`left` or `right`, cells)."""


_MOVES = Field(
    write=lambda moves: "[\n" + ",\n".join(f" ({way}, {cells})" for way, cells in moves) + "\n]",
    read=lambda text: [
        (way, int(cells)) for way, cells in re.findall(r"\((left|right), (\d+)\)", text)
    ],
)


def move_cyclic(row: str, moves: list[Move]) -> States:
    """Move the x along the ring."""
    width = len(row)
    steps = (distance if direction == "right" else -distance for direction, distance in moves)
    return [_row(place % width, width) for place in accumulate(steps, initial=row.index("x"))]


def _row(place: int, width: int) -> str:
    return "-" * place + "x" + "-" * (width - place - 1)


_WIDTHS = range(5, 51, 5)


def _draw_move_cyclic(rng: Source, steps: int) -> Inputs:
    width = one_of(rng, _WIDTHS)
    directions = ("left", "right")
    moves = [(directions[below(rng, 2)], between(rng, 1, width)) for _ in range(steps)]
    return _row(below(rng, width), width), moves


MOVE_CYCLIC = Procedure(
    number=22,
    name="move-cyclic",
    rules="A row of cells is closed to a ring: to the left of the first cell comes the last, and "
    "to the right of the last comes the first. One cell holds x, the others hold -. Carry out the "
    "operations in their order: move the x by that many cells to the left or to the right.",
    state="A state is the row after an operation, a string of x and -, whether or not it has "
    "changed.",
    draw=_draw_move_cyclic,
    run=move_cyclic,
    form="Initial array:\n{}\nOperations: {}\n",
    fields=(TEXT, _MOVES),
    crowded=8,
)


def find_cyclic(text: str, command: list[str]) -> States:
    """Step to the right, cyclically, as often as the command [character, count] says."""
    start, count, size = text.index(command[0]), int(command[1]), len(text)
    visited = [[text[(start + done) % size], str(count - done)] for done in range(count)]
    return [*visited, text[(start + count) % size]]


def _draw_find_cyclic(rng: Source, steps: int) -> Inputs:
    text = "".join(some_of(rng, ALPHANUMERIC, between(rng, 2, min(len(ALPHANUMERIC), steps + 4))))
    return text, [one_of(rng, text), str(steps)]


FIND_CYCLIC = Procedure(
    number=23,
    name="find-cyclic",
    rules="The string is closed to a ring: behind its last character comes its first. The command "
    "[c, n] says: begin at the character c and go n steps to the right. With every step, go to the "
    "next character and count n down by one, until n is 0.",
    state="An intermediate state is the pair [character, what is left of n], both written as "
    "strings, after a step that leaves more than 0; the given pair is not one. The final state is "
    "the last character alone, a string.",
    draw=_draw_find_cyclic,
    run=find_cyclic,
    form="String: {}\nCommand: {}\n",
    fields=(TEXT, QUOTED_WORDS),
    crowded=4,
)

EDITING = (SORT, PUSH_POP, ROTATE, FILL_WORD, DELETE_CHAR, DELETE_WORD, MOVE_CYCLIC, FIND_CYCLIC)
