"""Procedures that append to a result: gather, copy, rhythm, encode, decode."""

from __future__ import annotations

from itertools import accumulate, groupby

from mathreason_eval.families.procbench.procedure import (
    ALPHABET,
    SIGNS,
    Inputs,
    Procedure,
    States,
    listed,
    numbers,
    parts,
    tuples,
    words,
)
from mathreason_eval.seeds import Source, below, between, text_of


def _grown(pieces: list[str]) -> States:
    """Return an empty result and what it is after each piece."""
    return list(accumulate(pieces, initial=""))


# --- gather ----------------------------------------------------------------------------------

Pick = tuple[int, ...]
"""(string, first character, number of characters)."""


def gather(strings: list[str], picks: list[Pick]) -> States:
    """Append pieces of strings."""
    return _grown([strings[which][start : start + count] for which, start, count in picks])


def _draw_gather(rng: Source, steps: int) -> Inputs:
    strings = [text_of(rng, SIGNS, between(rng, 5, 10)) for _ in range(between(rng, 2, 20))]
    picks = []
    for _ in range(steps):
        which = below(rng, len(strings))
        start = below(rng, len(strings[which]))
        picks.append((which, start, between(rng, 1, len(strings[which]) - start)))
    return strings, picks


def _write_gather(strings: list[str], picks: list[Pick]) -> str:
    return f"Strings: {listed(strings)}\nSets of Numbers: {listed(picks)}\n"


def _read_gather(block: str) -> Inputs:
    strings, picks = parts(block, "Strings:", "Sets of Numbers:")
    return words(strings), tuples(numbers(picks), 3)


GATHER = Procedure(
    number=2,
    name="gather",
    rules="Some strings and some triples of numbers are given. Strings and characters are counted "
    "from 0. A triple (N, i, n) says: from string N take n characters, the first of them at "
    "position i, and append them to the result. The result is empty at first. Work through the "
    "triples in the order in which they stand.",
    state="A state is the result after a triple, a string.",
    draw=_draw_gather,
    run=gather,
    write=_write_gather,
    read=_read_gather,
)

# --- copy ------------------------------------------------------------------------------------


def copy(strings: list[str], indices: list[int]) -> States:
    """Append whole strings."""
    return _grown([strings[index] for index in indices])


def _draw_copy(rng: Source, steps: int) -> Inputs:
    strings = [text_of(rng, SIGNS, between(rng, 5, 20)) for _ in range(between(rng, 3, 25))]
    return strings, [below(rng, len(strings)) for _ in range(steps)]


def _write_copy(strings: list[str], indices: list[int]) -> str:
    return f"Strings: {listed(strings)}\nIndices: {listed(indices)}\n"


def _read_copy(block: str) -> Inputs:
    strings, indices = parts(block, "Strings:", "Indices:")
    return words(strings), numbers(indices)


COPY = Procedure(
    number=5,
    name="copy",
    rules="Some strings are given, counted from 0, and a list of indices. For each index in turn, "
    "append the string with that index to the result, which is empty at first.",
    state="A state is the result after an index, a string.",
    draw=_draw_copy,
    run=copy,
    write=_write_copy,
    read=_read_copy,
)

# --- rhythm ----------------------------------------------------------------------------------


def rhythm(beats: list[str], notes: list[str], count: int) -> States:
    """Append a number and a letter at a time, each sequence going round."""
    pairs = [beats[i % len(beats)] + notes[i % len(notes)] for i in range(count)]
    return _grown(pairs)


def _draw_rhythm(rng: Source, steps: int) -> Inputs:
    beats = [str(below(rng, 10)) for _ in range(between(rng, 4, 6))]
    notes = list(text_of(rng, ALPHABET[: between(rng, 2, 5)], 8))
    return beats, notes, steps


def _write_rhythm(beats: list[str], notes: list[str], count: int) -> str:
    return f"Sequence 1: {', '.join(beats)}\nSequence 2: {', '.join(notes)}\nN: {count}"


def _read_rhythm(block: str) -> Inputs:
    beats, notes, count = parts(block, "Sequence 1:", "Sequence 2:", "N:")
    return words(beats), words(notes), int(count)


RHYTHM = Procedure(
    number=12,
    name="rhythm",
    rules="In each of N steps, append two things to the result, which is empty at first: the next "
    "number of sequence 1, and after it the next letter of sequence 2. Both sequences are read "
    "from their beginning, and each begins again on its own when it has come to its end.",
    state="A state is the result after a step, a string.",
    draw=_draw_rhythm,
    run=rhythm,
    write=_write_rhythm,
    read=_read_rhythm,
    crowded=3,
)

# --- encode and decode -----------------------------------------------------------------------

Runs = list[tuple[str, int]]
"""Digits 0 and 1 in turn, each with how often it stands."""

_LONGEST_RUN = 9


def _draw_runs(rng: Source, steps: int) -> Runs:
    first = below(rng, 2)
    return [(str((first + i) % 2), between(rng, 1, _LONGEST_RUN)) for i in range(steps)]


def encode(text: str) -> States:
    """List the runs of a string of 0 and 1."""
    codes = [f"{digit}_{len(list(run))}" for digit, run in groupby(text)]
    return ["", *(codes[:count] for count in range(1, len(codes) + 1))]


def _draw_encode(rng: Source, steps: int) -> Inputs:
    return ("".join(digit * count for digit, count in _draw_runs(rng, steps)),)


ENCODE = Procedure(
    number=7,
    name="encode",
    rules="Read the string of digits from the left and divide it into runs, as long as possible, "
    "of one digit each. For each run in turn, append to a list its digit and its length, joined by "
    "an underscore: 111 gives 1_3. The list is empty at first.",
    state="A state is the list after a run, a list of strings.",
    draw=_draw_encode,
    run=encode,
    write=lambda text: f"String:\n{text}",
    read=lambda block: tuple(parts(block, "String:")),
    crowded=5,
)


def decode(pieces: list[str]) -> States:
    """Spell out the runs of a string."""
    return _grown([digit * int(count) for digit, count in (p.split("x") for p in pieces)])


def _draw_decode(rng: Source, steps: int) -> Inputs:
    return ([f"{digit}x{count}" for digit, count in _draw_runs(rng, steps)],)


DECODE = Procedure(
    number=15,
    name="decode",
    rules="Each piece AxB stands for the digit A written B times: 1x3 stands for 111. Spell out "
    "the pieces from left to right, and append each to the result, which is empty at first.",
    state="A state is the result after a piece, a string.",
    draw=_draw_decode,
    run=decode,
    write=lambda pieces: f"Sentence: {' '.join(pieces)}\n",
    read=lambda block: (parts(block, "Sentence:")[0].split(),),
    crowded=5,
)

BUILDING = (GATHER, COPY, ENCODE, RHYTHM, DECODE)
