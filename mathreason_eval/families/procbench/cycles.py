"""Procedures on a ring: a mark that moves, a place that is found."""

from __future__ import annotations

import re
from itertools import accumulate

from mathreason_eval.families.procbench.procedure import (
    SIGNS,
    Inputs,
    Procedure,
    States,
    parts,
    words,
)
from mathreason_eval.seeds import Source, below, between, one_of, some_of

# --- move ------------------------------------------------------------------------------------

Move = tuple[str, int]
"""(`left` or `right`, cells)."""


def move_cyclic(row: str, moves: list[Move]) -> States:
    """Move the x round and round."""
    width = len(row)
    steps = (distance if way == "right" else -distance for way, distance in moves)
    return [_row(place % width, width) for place in accumulate(steps, initial=row.index("x"))]


def _row(place: int, width: int) -> str:
    return "-" * place + "x" + "-" * (width - place - 1)


_WIDTHS = range(5, 51, 5)


def _draw_move_cyclic(rng: Source, steps: int) -> Inputs:
    width = one_of(rng, _WIDTHS)
    ways = ("left", "right")
    moves = [(ways[below(rng, 2)], between(rng, 1, width)) for _ in range(steps)]
    return _row(below(rng, width), width), moves


def _write_move_cyclic(row: str, moves: list[Move]) -> str:
    lines = ",\n".join(f" ({way}, {distance})" for way, distance in moves)
    return f"Initial array:\n{row}\nOperations: [\n{lines}\n]\n"


def _read_move_cyclic(block: str) -> Inputs:
    row, moves = parts(block, "Initial array:", "Operations:")
    found = re.findall(r"\((left|right), (\d+)\)", moves)
    return row, [(way, int(distance)) for way, distance in found]


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
    write=_write_move_cyclic,
    read=_read_move_cyclic,
    crowded=8,
)

# --- find ------------------------------------------------------------------------------------


def find_cyclic(text: str, letter: str, count: int) -> States:
    """Step to the right as often as the count says, round and round."""
    start, ring = text.index(letter), len(text)
    visited = [[text[(start + done) % ring], str(count - done)] for done in range(count)]
    return [*visited, text[(start + count) % ring]]


def _draw_find_cyclic(rng: Source, steps: int) -> Inputs:
    text = "".join(some_of(rng, SIGNS, between(rng, 2, min(len(SIGNS), steps + 4))))
    return text, one_of(rng, text), steps


def _write_find_cyclic(text: str, letter: str, count: int) -> str:
    return f"String: {text}\nCommand: {[letter, str(count)]}\n"


def _read_find_cyclic(block: str) -> Inputs:
    text, command = parts(block, "String:", "Command:")
    letter, count = words(command)
    return text, letter, int(count)


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
    write=_write_find_cyclic,
    read=_read_find_cyclic,
    crowded=4,
)

CYCLES = (MOVE_CYCLIC, FIND_CYCLIC)
