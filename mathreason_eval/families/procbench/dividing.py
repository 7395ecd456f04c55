"""Procedures on pieces of a string: two ways to split, and common beginnings."""

from __future__ import annotations

from itertools import accumulate, pairwise

from mathreason_eval.families.procbench.procedure import (
    ALPHABET,
    Inputs,
    Procedure,
    States,
    numbers,
    parts,
    tuples,
    words,
)
from mathreason_eval.seeds import Source, below, between, some_of, text_of

# --- split by positions of the original ------------------------------------------------------


def split1(text: str, positions: list[int]) -> States:
    """Cut at positions of the original string."""
    cuts = accumulate(([position] for position in positions), initial=[0, len(text)])
    return [[text[start:end] for start, end in pairwise(sorted(cut))] for cut in cuts]


def _length(rng: Source, steps: int) -> int:
    return between(rng, steps + 1, max(30, steps + 5))


def _draw_split1(rng: Source, steps: int) -> Inputs:
    length = _length(rng, steps)
    return text_of(rng, ALPHABET, length), some_of(rng, range(1, length), steps)


def _write_split1(text: str, positions: list[int]) -> str:
    return f"String:\n{text}\nPositions:\n{', '.join(map(str, positions))}"


def _read_split1(block: str) -> Inputs:
    text, positions = parts(block, "String:", "Positions:")
    return text, numbers(positions)


SPLIT1 = Procedure(
    number=8,
    name="split1",
    rules="Cut the string into pieces. Position p is the gap behind the first p characters of the "
    "original string, however it has been cut already. Make the cuts in the order in which the "
    "positions stand.",
    state="A state is the list of all pieces after a cut, from left to right.",
    draw=_draw_split1,
    run=split1,
    write=_write_split1,
    read=_read_split1,
)

# --- split by piece and place ----------------------------------------------------------------

Cut = tuple[int, ...]
"""(piece, character before which it is cut)."""


def split2(text: str, cuts: list[Cut]) -> States:
    """Cut pieces of what has been cut already."""
    return list(accumulate(cuts, _cut, initial=[text]))


def _cut(pieces: list[str], cut: Cut) -> list[str]:
    which, place = cut
    piece = pieces[which]
    return [*pieces[:which], piece[:place], piece[place:], *pieces[which + 1 :]]


def _draw_split2(rng: Source, steps: int) -> Inputs:
    length = _length(rng, steps)
    lengths, cuts = [length], []
    for _ in range(steps):
        # Of the pieces that can still be cut.
        long = [which for which, size in enumerate(lengths) if size > 1]
        which = long[below(rng, len(long))]
        place = between(rng, 1, lengths[which] - 1)
        cuts.append((which, place))
        lengths[which : which + 1] = [place, lengths[which] - place]
    return text_of(rng, ALPHABET, length), cuts


def _write_split2(text: str, cuts: list[Cut]) -> str:
    return f"String:\n{text}\nIndices:\n{', '.join(map(str, cuts))}"


def _read_split2(block: str) -> Inputs:
    text, cuts = parts(block, "String:", "Indices:")
    return text, tuples(numbers(cuts), 2)


SPLIT2 = Procedure(
    number=9,
    name="split2",
    rules="Cut a list of pieces further and further; at first the string is the only piece. Pieces "
    "are counted from 0, and so are the characters of a piece. A pair (i, j) says: cut piece i, as "
    "pieces are counted at that moment, before its character j. Make the cuts in their order.",
    state="A state is the list of all pieces after a cut, from left to right.",
    draw=_draw_split2,
    run=split2,
    write=_write_split2,
    read=_read_split2,
)

# --- compare ---------------------------------------------------------------------------------


def compare(target: str, candidates: list[str]) -> States:
    """Tell what candidates have in common with the target, up to the first that is the target."""
    common = [_common(target, one) for one in candidates[: candidates.index(target) + 1]]
    return [[""], *common[:-1], common]


def _common(one: str, other: str) -> str:
    """Return the longest beginning of both."""
    for place, (sign, facing) in enumerate(zip(one, other, strict=False)):
        if sign != facing:
            return one[:place]
    return min(one, other, key=len)


def _draw_compare(rng: Source, steps: int) -> Inputs:
    target = text_of(rng, ALPHABET, steps + 1)
    others = [_variant(rng, target) for _ in range(steps - 1)]
    more = [_variant(rng, target) for _ in range(below(rng, 10))]
    return target, [*others, target, *more]


def _variant(rng: Source, target: str) -> str:
    """Return a text of the same length that is another one from some place behind the first on."""
    while True:
        kept = between(rng, 1, len(target) - 1)
        text = target[:kept] + text_of(rng, ALPHABET, len(target) - kept)
        if text != target:
            return text


def _write_compare(target: str, candidates: list[str]) -> str:
    return f"Target: {target}\nCandidate: {', '.join(candidates)}"


def _read_compare(block: str) -> Inputs:
    target, candidates = parts(block, "Target:", "Candidate:")
    return target, words(candidates)


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
    write=_write_compare,
    read=_read_compare,
    crowded=2,
)

DIVIDING = (SPLIT1, SPLIT2, COMPARE)
