"""Procedures that count and calculate: count, search, cumulate, count2."""

from __future__ import annotations

import re
from itertools import accumulate

from mathreason_eval.families.procbench.procedure import (
    ALPHABET,
    NUMBER,
    PHRASE_LIST,
    QUOTED_WORDS,
    SPACED,
    WORD_LIST,
    Inputs,
    Procedure,
    States,
    sentence,
)
from mathreason_eval.seeds import Source, below, between, one_of, text_of


def count(strings: list[str]) -> States:
    """Return the states of: count letters, read digits as a number, multiply; sum the products."""
    rows, total = [], 0
    for text in strings:
        digits = re.sub(r"\D", "", text)
        letters = len(text) - len(digits)
        product = letters * int(digits or 0)
        rows.append([text, str(letters), str(int(digits or 0)), str(product)])
        total += product
    return ["0", *rows, total]


_MOSTLY_LETTERS = ALPHABET * 3 + "0123456789"


def _draw_count(rng: Source, steps: int) -> Inputs:
    return ([text_of(rng, _MOSTLY_LETTERS, between(rng, 4, 9)) for _ in range(steps - 1)],)


COUNT = Procedure(
    number=3,
    name="count",
    rules="For each string in turn, find three numbers. N1 is how many letters it has. N2 is the "
    "number that its digits make up when they are written one after another as they stand; 0 if it "
    "has none. N3 is N1 times N2. At the end, add up N3 of all strings.",
    state="An intermediate state is the list [string, N1, N2, N3] of one string, each of the four "
    "written as a string; every string has one, the last string, too. The final state is the sum, "
    "a number.",
    draw=_draw_count,
    run=count,
    form="Strings:\n{}",
    fields=(QUOTED_WORDS,),
)


def search(strings: list[str], patterns: list[str]) -> States:
    """Count the non-overlapping occurrences of all patterns so far in each string."""
    counts = ([text.count(pattern) for text in strings] for pattern in patterns)
    return list(accumulate(counts, _added, initial=[0] * len(strings)))


def _added(one: list[int], other: list[int]) -> list[int]:
    return [a + b for a, b in zip(one, other, strict=True)]


_STRINGS = 10


def _draw_search(rng: Source, steps: int) -> Inputs:
    patterns = [text_of(rng, ALPHABET, 2) for _ in range(steps)]
    return [_haystack(rng, patterns) for _ in range(_STRINGS)], patterns


def _haystack(rng: Source, patterns: list[str]) -> str:
    """Return random letters with up to two of the patterns among them."""
    hidden = "".join([one_of(rng, patterns) for _ in range(below(rng, 3))])
    text = text_of(rng, ALPHABET, between(rng, 3, 10 - len(hidden) // 2))
    place = below(rng, len(text) + 1)
    return text[:place] + hidden + text[place:]


SEARCH = Procedure(
    number=4,
    name="search",
    rules="Every string has a count, 0 at first. Take the substrings in their order. For each, "
    "find how often it occurs in each string, and add that to the count of the string. Search from "
    "left to right; occurrences do not overlap, so that aa occurs once in aaa.",
    state="A state is the list of the counts of all strings, in their order, after a substring.",
    draw=_draw_search,
    run=search,
    form="Strings: {}\nSubstrings: {}\n",
    fields=(WORD_LIST, WORD_LIST),
)


def cumulate(number: int, operations: list[str]) -> States:
    """Add and multiply."""
    return list(accumulate(operations, _calculated, initial=number))


def _calculated(number: int, operation: str) -> int:
    kind, amount = operation.split()
    return number + int(amount) if kind == "Add" else number * int(amount)


def _operation(rng: Source) -> str:
    return f"Add {below(rng, 10)}" if below(rng, 2) else f"Multiply {between(rng, 1, 5)}"


CUMULATE = Procedure(
    number=21,
    name="cumulate",
    rules="Begin with the number N. Carry out the operations one after another, each on the result "
    "of the one before: add the amount that is named, or multiply by it.",
    state="A state is the result of an operation, a number, whether or not it has changed.",
    draw=lambda rng, steps: (between(rng, 1, 9), [_operation(rng) for _ in range(steps)]),
    run=cumulate,
    form="N = {}\nOperations: {}\n",
    fields=(NUMBER, PHRASE_LIST),
    crowded=4,
)


def count2(words: list[str]) -> States:
    """Count each letter of the words so far."""
    return list(accumulate(words, _counted, initial=[0] * len(ALPHABET)))


def _counted(counts: list[int], word: str) -> list[int]:
    return [n + word.lower().count(letter) for n, letter in zip(counts, ALPHABET, strict=True)]


def _draw_count2(rng: Source, steps: int) -> Inputs:
    words = sentence(rng, steps + 6)
    start = below(rng, len(words) - steps + 1)
    return (words[start : start + steps],)


COUNT2 = Procedure(
    number=14,
    name="count2",
    rules="Keep a count of each of the 26 letters from a to z, 0 at first. Go through the words of "
    "the sentence from left to right, and for each word add the letters that it has. A capital "
    "counts as its small letter; all other characters count for nothing.",
    state="A state is the list of the 26 counts, from a to z, after a word.",
    draw=_draw_count2,
    run=count2,
    form="Sentence:\n{}",
    fields=(SPACED,),
    crowded=3,
)

COUNTING = (COUNT, SEARCH, COUNT2, CUMULATE)
