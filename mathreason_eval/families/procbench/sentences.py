"""Procedures on the words of a sentence: count letters, fill gaps, delete words."""

from __future__ import annotations

import re
from itertools import accumulate

from mathreason_eval.families.procbench.procedure import ALPHABET, Inputs, Procedure, States, parts
from mathreason_eval.families.procbench.vocabulary import sentence
from mathreason_eval.seeds import Source, below, some_of

# --- count letters ---------------------------------------------------------------------------


def count2(words: list[str]) -> States:
    """Count each letter of the words so far."""
    return list(accumulate(words, _counted, initial=[0] * len(ALPHABET)))


def _counted(counts: list[int], word: str) -> list[int]:
    counts = list(counts)
    for sign in word.lower():
        place = ALPHABET.find(sign)
        if place >= 0:
            counts[place] += 1
    return counts


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
    write=lambda words: f"Sentence:\n{' '.join(words)}",
    read=lambda block: (parts(block, "Sentence:")[0].split(),),
    crowded=3,
)

# --- fill words ------------------------------------------------------------------------------


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


def _write_fill_word(text: str, fillers: list[str]) -> str:
    pairs = ", ".join(f"({number}, {word})" for number, word in enumerate(fillers, 1))
    return f"Sentence:\n{text}\nList:\n[{pairs}]"


def _read_fill_word(block: str) -> Inputs:
    text, pairs = parts(block, "Sentence:", "List:")
    return text, re.findall(r"\(\d+, (\w+)\)", pairs)


FILL_WORD = Procedure(
    number=18,
    name="fill-word",
    rules="The sentence has numbered gaps, [1], [2] and so on, and the list has a word for each "
    "number. Fill gap [1] with its word, then gap [2] with its word, and so on.",
    state="A state is the whole sentence after a gap has been filled, a string in which the gaps "
    "that are left still stand.",
    draw=_draw_fill_word,
    run=fill_word,
    write=_write_fill_word,
    read=_read_fill_word,
)

# --- delete words ----------------------------------------------------------------------------


def delete_word(words: list[str], deleted: list[str]) -> States:
    """Delete the first occurrence of each word in turn."""
    return [" ".join(left) for left in accumulate(deleted, _without, initial=words)]


def _without(words: list[str], word: str) -> list[str]:
    left = list(words)
    if word in left:
        left.remove(word)
    return left


def _draw_delete_word(rng: Source, steps: int) -> Inputs:
    words = sentence(rng, steps)
    return words, some_of(rng, list(dict.fromkeys(words)), steps)


def _write_delete_word(words: list[str], deleted: list[str]) -> str:
    return f"Sentence:\n{' '.join(words)}\nWords: [{', '.join(deleted)}]\n"


def _read_delete_word(block: str) -> Inputs:
    text, deleted = parts(block, "Sentence:", "Words:")
    return text.split(), deleted.strip("[]").split(", ")


DELETE_WORD = Procedure(
    number=20,
    name="delete-word",
    rules="Take the listed words in their order. For each, delete from the sentence the first word "
    "from the left that is the same; capitals make a difference. The words that are left stay in "
    "their order, with one space between them.",
    state="A state is the sentence after a word has been deleted, a string.",
    draw=_draw_delete_word,
    run=delete_word,
    write=_write_delete_word,
    read=_read_delete_word,
)

SENTENCES = (COUNT2, FILL_WORD, DELETE_WORD)
