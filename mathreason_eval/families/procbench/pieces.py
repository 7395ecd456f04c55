"""Procedures that join or cut pieces: gather, copy, rhythm, encode, decode, split, compare."""

from __future__ import annotations

from itertools import accumulate, groupby, pairwise, takewhile

from mathreason_eval.families.procbench.procedure import (
    ALPHABET,
    ALPHANUMERIC,
    NUMBER,
    NUMBER_LIST,
    NUMBERS,
    PAIRS,
    SPACED,
    TEXT,
    TRIPLE_LIST,
    WORD_LIST,
    WORDS,
    Inputs,
    Procedure,
    States,
)
from mathreason_eval.seeds import Source, below, between, some_of, text_of


def _appended(pieces: list[str]) -> States:
    """Return an empty result, and the result after each piece is appended."""
    return list(accumulate(pieces, initial=""))


Pick = tuple[int, ...]
"""(string, first character, number of characters)."""


def gather(strings: list[str], picks: list[Pick]) -> States:
    """Append pieces of strings."""
    return _appended([strings[which][start : start + count] for which, start, count in picks])


def _draw_gather(rng: Source, steps: int) -> Inputs:
    strings = [text_of(rng, ALPHANUMERIC, between(rng, 5, 10)) for _ in range(between(rng, 2, 20))]
    picks = []
    for _ in range(steps):
        which = below(rng, len(strings))
        start = below(rng, len(strings[which]))
        picks.append((which, start, between(rng, 1, len(strings[which]) - start)))
    return strings, picks


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
    form="Strings: {}\nSets of Numbers: {}\n",
    fields=(WORD_LIST, TRIPLE_LIST),
)


def copy(strings: list[str], indices: list[int]) -> States:
    """Append whole strings."""
    return _appended([strings[index] for index in indices])


def _draw_copy(rng: Source, steps: int) -> Inputs:
    strings = [text_of(rng, ALPHANUMERIC, between(rng, 5, 20)) for _ in range(between(rng, 3, 25))]
    return strings, [below(rng, len(strings)) for _ in range(steps)]


COPY = Procedure(
    number=5,
    name="copy",
    rules="Some strings are given, counted from 0, and a list of indices. For each index in turn, "
    "append the string with that index to the result, which is empty at first.",
    state="A state is the result after an index, a string.",
    draw=_draw_copy,
    run=copy,
    form="Strings: {}\nIndices: {}\n",
    fields=(WORD_LIST, NUMBER_LIST),
)


def rhythm(beats: list[str], notes: list[str], count: int) -> States:
    """Append a number and a letter per step; each sequence is read cyclically."""
    pairs = [beats[i % len(beats)] + notes[i % len(notes)] for i in range(count)]
    return _appended(pairs)


def _draw_rhythm(rng: Source, steps: int) -> Inputs:
    beats = [str(below(rng, 10)) for _ in range(between(rng, 4, 6))]
    notes = list(text_of(rng, ALPHABET[: between(rng, 2, 5)], 8))
    return beats, notes, steps


RHYTHM = Procedure(
    number=12,
    name="rhythm",
    rules="In each of N steps, append two things to the result, which is empty at first: the next "
    "number of sequence 1, and after it the next letter of sequence 2. Both sequences are read "
    "from their beginning, and each begins again on its own when it has come to its end.",
    state="A state is the result after a step, a string.",
    draw=_draw_rhythm,
    run=rhythm,
    form="Sequence 1: {}\nSequence 2: {}\nN: {}",
    fields=(WORDS, WORDS, NUMBER),
    crowded=3,
)


Runs = list[tuple[str, int]]
"""(digit, length): runs of 0 and 1 in turn."""

_LONGEST_RUN = 9


def _draw_runs(rng: Source, steps: int) -> Runs:
    first = below(rng, 2)
    return [(str((first + i) % 2), between(rng, 1, _LONGEST_RUN)) for i in range(steps)]


def encode(text: str) -> States:
    """List the runs of a string of 0 and 1."""
    codes = [f"{digit}_{len(list(run))}" for digit, run in groupby(text)]
    return ["", *(codes[:count] for count in range(1, len(codes) + 1))]


ENCODE = Procedure(
    number=7,
    name="encode",
    rules="Read the string of digits from the left and divide it into runs, as long as possible, "
    "of one digit each. For each run in turn, append to a list its digit and its length, joined by "
    "an underscore: 111 gives 1_3. The list is empty at first.",
    state="A state is the list after a run, a list of strings.",
    draw=lambda rng, steps: ("".join(digit * n for digit, n in _draw_runs(rng, steps)),),
    run=encode,
    form="String:\n{}",
    fields=(TEXT,),
    crowded=5,
)


def decode(pieces: list[str]) -> States:
    """Spell out the runs of a string."""
    return _appended([digit * int(count) for digit, count in (p.split("x") for p in pieces)])


DECODE = Procedure(
    number=15,
    name="decode",
    rules="Each piece AxB stands for the digit A written B times: 1x3 stands for 111. Spell out "
    "the pieces from left to right, and append each to the result, which is empty at first.",
    state="A state is the result after a piece, a string.",
    draw=lambda rng, steps: ([f"{digit}x{n}" for digit, n in _draw_runs(rng, steps)],),
    run=decode,
    form="Sentence: {}\n",
    fields=(SPACED,),
    crowded=5,
)


def split1(text: str, positions: list[int]) -> States:
    """Cut at positions of the original string."""
    cuts = accumulate(([position] for position in positions), initial=[0, len(text)])
    return [[text[start:end] for start, end in pairwise(sorted(cut))] for cut in cuts]


def _length(rng: Source, steps: int) -> int:
    return between(rng, steps + 1, max(30, steps + 5))


def _draw_split1(rng: Source, steps: int) -> Inputs:
    length = _length(rng, steps)
    return text_of(rng, ALPHABET, length), some_of(rng, range(1, length), steps)


SPLIT1 = Procedure(
    number=8,
    name="split1",
    rules="Cut the string into pieces. Position p is the gap behind the first p characters of the "
    "original string, however it has been cut already. Make the cuts in the order in which the "
    "positions stand.",
    state="A state is the list of all pieces after a cut, from left to right.",
    draw=_draw_split1,
    run=split1,
    form="String:\n{}\nPositions:\n{}",
    fields=(TEXT, NUMBERS),
)


Cut = tuple[int, ...]
"""(piece, character before which it is cut)."""


def split2(text: str, cuts: list[Cut]) -> States:
    """Cut pieces further; pieces are counted as they are at that moment."""
    return list(accumulate(cuts, _cut, initial=[text]))


def _cut(pieces: list[str], cut: Cut) -> list[str]:
    which, place = cut
    piece = pieces[which]
    return [*pieces[:which], piece[:place], piece[place:], *pieces[which + 1 :]]


def _draw_split2(rng: Source, steps: int) -> Inputs:
    length = _length(rng, steps)
    lengths, cuts = [length], []
    for _ in range(steps):
        divisible = [which for which, size in enumerate(lengths) if size > 1]
        which = divisible[below(rng, len(divisible))]
        place = between(rng, 1, lengths[which] - 1)
        cuts.append((which, place))
        lengths[which : which + 1] = [place, lengths[which] - place]
    return text_of(rng, ALPHABET, length), cuts


SPLIT2 = Procedure(
    number=9,
    name="split2",
    rules="Cut a list of pieces further and further; at first the string is the only piece. Pieces "
    "are counted from 0, and so are the characters of a piece. A pair (i, j) says: cut piece i, as "
    "pieces are counted at that moment, before its character j. Make the cuts in their order.",
    state="A state is the list of all pieces after a cut, from left to right.",
    draw=_draw_split2,
    run=split2,
    form="String:\n{}\nIndices:\n{}",
    fields=(TEXT, PAIRS),
)


def compare(target: str, candidates: list[str]) -> States:
    """List the prefix that each candidate shares with the target, up to the first equal to it."""
    common = [_common_prefix(target, one) for one in candidates[: candidates.index(target) + 1]]
    return [[""], *common[:-1], common]


def _common_prefix(one: str, other: str) -> str:
    same = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return one[: sum(1 for _ in same)]


def _draw_compare(rng: Source, steps: int) -> Inputs:
    target = text_of(rng, ALPHABET, steps + 1)
    others = [_variant(rng, target) for _ in range(steps - 1)]
    more = [_variant(rng, target) for _ in range(below(rng, 10))]
    return target, [*others, target, *more]


def _variant(rng: Source, target: str) -> str:
    """Return a different text of the same length that has at least the same first letter."""
    while True:
        kept = between(rng, 1, len(target) - 1)
        text = target[:kept] + text_of(rng, ALPHABET, len(target) - kept)
        if text != target:
            return text


COMPARE = Procedure(
    number=13,
    name="compare",
    rules="Compare the candidates with the target in their order. For each, find the longest "
    "beginning that it has in common with the target. Stop after the first candidate that is the "
    "target itself.",
    state="An intermediate state is the common beginning, a string, of one candidate; each "
    "candidate before the last one that you compare has one. The final state is the list of the "
    "common beginnings of all the candidates that you compared, the last one included.",
    draw=_draw_compare,
    run=compare,
    form="Target: {}\nCandidate: {}",
    fields=(TEXT, WORDS),
    crowded=2,
)

PIECES = (GATHER, COPY, ENCODE, SPLIT1, SPLIT2, RHYTHM, COMPARE, DECODE)
