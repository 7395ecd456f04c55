"""Which option of a multiple-choice question is right: by its letter, its text or its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from mathreason_eval.errors import DataError

LETTERS = "ABCDEFGHIJ"
"""Of the options, in their order."""


def _by_letter(gold: str, options: Sequence[str]) -> str | None:
    letter = gold.upper()
    return letter if len(letter) == 1 and letter in LETTERS[: len(options)] else None


def _by_text(gold: str, options: Sequence[str]) -> str | None:
    return LETTERS[options.index(gold)] if options.count(gold) == 1 else None


def _by_place(first: int) -> Callable[[str, Sequence[str]], str | None]:
    def read(gold: str, options: Sequence[str]) -> str | None:
        digits = gold.isascii() and gold.isdecimal() and len(gold) <= len(str(len(LETTERS)))
        place = int(gold) - first if digits else -1
        return LETTERS[place] if 0 <= place < len(options) else None

    return read


READINGS: Mapping[str, Callable[[str, Sequence[str]], str | None]] = MappingProxyType(
    {
        "letter": _by_letter,
        "text": _by_text,
        "index-from-0": _by_place(0),
        "index-from-1": _by_place(1),
    }
)
"""By name, what a gold may be; each returns the letter of the right option, or None."""


def with_options(
    question: str, golds: Sequence[str], options: Sequence[object], where: str
) -> tuple[str, tuple[str, ...]]:
    """Return a question with its options below it, and its golds as letters.

    Args:
        question: of a row.
        golds: each a letter, or the text of an option.
        options: of the row.
        where: the row's place, for errors.

    Raises:
        DataError: there are too many options, or a gold is none of them, or may be two.
    """
    texts = [str(one).strip() for one in options]
    if len(texts) > len(LETTERS):
        raise DataError(f"{where} has {len(texts)} options.", f"{len(LETTERS)} have a letter.")
    listed = "".join(f"\n{mark}. {text}" for mark, text in zip(LETTERS, texts, strict=False))
    return f"{question}\n{listed}", tuple(_letter_of(gold, texts, where) for gold in golds)


def _letter_of(gold: str, options: Sequence[str], where: str) -> str:
    found = {letter for read in (_by_letter, _by_text) if (letter := read(gold.strip(), options))}
    if len(found) != 1:
        why = (
            f"may be the option {' or '.join(sorted(found))}" if found else "is none of its options"
        )
        raise DataError(
            f"{where}: the gold {gold!r} {why}.",
            'Write the letter; of a place in the list it is `gold: "column | letter0"`.',
        )
    return found.pop()


def right_letters(
    golds: Sequence[str], options: Sequence[Sequence[str]], gold_is: str | None
) -> tuple[str, list[str]]:
    """Return how the golds of all rows are read, a name of `READINGS`, and the letter of each.

    Args:
        golds: of each row.
        options: of each row.
        gold_is: the name, if it is known.

    Raises:
        DataError: if no reading fits every row; or if several do and say something else.
    """
    fitting = {
        name: letters
        for name in ([gold_is] if gold_is else READINGS)
        if None not in (letters := [*map(READINGS[name], golds, options)])
    }
    if not fitting:
        raise _unread(golds, options, gold_is)
    (name, letters), *others = fitting.items()
    for other, differing in others:
        if differing != letters:
            row = next(n for n, pair in enumerate(zip(letters, differing, strict=True))
                       if pair[0] != pair[1])  # fmt: skip
            raise DataError(
                f"The golds may be read as {name} and as {other}: the right option of row "
                f"{row + 1} would be {letters[row]} or {differing[row]}.",
                f"Say which: --gold-is {name}, or --gold-is {other}.",
            )
    return name, [letter for letter in letters if letter is not None]


def _unread(
    golds: Sequence[str], options: Sequence[Sequence[str]], gold_is: str | None
) -> DataError:
    names = [gold_is] if gold_is else list(READINGS)
    row = next(
        (
            n
            for n, (gold, of) in enumerate(zip(golds, options, strict=True))
            if all(READINGS[name](gold, of) is None for name in names)
        ),
        0,
    )
    return DataError(
        f"The golds are not all read as one of {', '.join(names)}: that of row {row + 1} is "
        f"{golds[row]!r}, of {len(options[row])} options.",
        "Correct the rows; or say which column is the gold, --columns gold=COLUMN.",
    )
