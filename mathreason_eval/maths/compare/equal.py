"""Is this answer the gold? The tiers, cheapest first; each is a pure function of its own.

1. the same text, as it stands or in one typography
2. plain numbers, letters of choices, dates and times
3. trees: values, structures, sets, equations, families (`structure`)
4. words
What none of them decides is `undecided`; `compare_slow` then asks sympy, in a worker process.
"""

from __future__ import annotations

import re

from mathreason_eval.maths.compare import text as words
from mathreason_eval.maths.compare.convention import DEFAULT, Convention
from mathreason_eval.maths.compare.expression import UNKNOWN, Finding
from mathreason_eval.maths.compare.key import canonical_key
from mathreason_eval.maths.compare.reading import readings, ungrouped, with_point
from mathreason_eval.maths.compare.structure import same_answer
from mathreason_eval.maths.syntax.normal import normalise
from mathreason_eval.maths.syntax.number import plain_number
from mathreason_eval.types import Match

__all__ = ["DEFAULT", "Convention", "canonical_key", "compare", "compare_slow"]

LONGEST = 50_000
"""Characters of an answer that is looked at beyond comparing it as text."""


def compare(gold: str, answer: str, convention: Convention = DEFAULT) -> Match:
    """Return whether the answer is the gold: pure, bounded work, no exception on any input."""
    if gold == answer:
        return _match(Finding(equal=bool(gold.strip()), rule="identical", note="the same text"))
    one, other = plain_number(gold), plain_number(answer)
    if one is not None and other is not None and one == other and convention.integer_form:
        return _match(Finding(equal=True, rule="number", note=f"{answer} = {gold} exactly"))
    if max(len(gold), len(answer)) > LONGEST:
        return _match(_long(gold, answer))
    try:
        return _match(_compared(normalise(gold), normalise(answer), convention))
    except RecursionError:
        return _match(UNKNOWN._replace(note="nested too deep"))


def compare_slow(gold: str, answer: str, convention: Convention = DEFAULT) -> Match:
    """Return the verdict of sympy, for a worker process only: slow, and bounded from outside."""
    from mathreason_eval.maths.compare.symbolic import symbolic_match

    return symbolic_match(gold, answer, convention)


def _match(found: Finding) -> Match:
    return Match(equal=found.equal, rule=found.rule, note=found.note)


def _long(gold: str, answer: str) -> Finding:
    """Compare a text longer than any answer: by its characters alone."""
    squeezed = ["".join(text.split()) for text in (gold, answer)]
    if squeezed[0] == squeezed[1]:
        return Finding(equal=True, rule="identical", note="the same text but for white space")
    if (
        min(map(len, squeezed)) * 2 < max(map(len, squeezed))
        and squeezed[0].isdecimal()
        and (squeezed[1].isdecimal())
    ):
        return Finding(equal=False, rule="number", note="numbers of very different length")
    return UNKNOWN._replace(note="too long to be read")


def _compared(gold: str, answer: str, convention: Convention) -> Finding:
    if not gold or not answer:
        return Finding(equal=False, rule="empty", note="one of the two is empty")
    if gold == answer:
        return Finding(equal=True, rule="identical", note="the same after normalisation")
    for tier in (_choices, _moments):
        found = tier(gold, answer)
        if found is not None:
            return found
    return _trees(gold, answer, convention)


def _choices(gold: str, answer: str) -> Finding | None:
    """Compare letters of choices, one of which may carry the text of the choice."""
    one, other = words.choice(gold), words.choice(answer)
    if one is None and other is None:
        return _options(gold, answer)
    one = one or words.labelled_choice(gold)
    other = other or words.labelled_choice(answer)
    if one is None or other is None:
        return None
    return Finding(equal=one == other, rule="choice", note=f"choice {other} against {one}")


def _options(gold: str, answer: str) -> Finding | None:
    """Compare the letters of two options, whatever their texts; None unless both have one."""
    several = words.choices(gold)
    others = words.choices(answer) if several is not None else None
    if several and others and several.joined != others.joined:
        same = several.letters == others.letters
        return Finding(equal=same, rule="choice", note=f"choices {answer} against {gold}")
    one = words.option(gold)
    other = words.option(answer) if one is not None else None
    if one is None or other is None:
        return None
    note = f"choice {other.letter} against {one.letter}"
    return Finding(equal=one.letter == other.letter, rule="choice", note=note)


def _moments(gold: str, answer: str) -> Finding | None:
    one, other = words.moment(gold), words.moment(answer)
    if one is None and other is None:
        return None
    one = one or words.full_hour(gold)
    other = other or words.full_hour(answer)
    if one is None or other is None:
        return None
    same = words.same_moment(one, other)
    if same is None:
        return None
    return Finding(equal=same, rule="moment", note=f"{answer} against {gold}")


def _trees(gold: str, answer: str, convention: Convention) -> Finding:
    """Compare every reading of the one with every reading of the other, likeliest first."""
    ones, others = list(readings(gold)), list(readings(answer))
    pairs = [(one, other) for one in ones for other in others]
    # 100,200 is a list beside 100, 200; but two such texts are two numbers.
    if ", " in answer and (listed := ungrouped(gold)) is not None:
        pairs += [(listed, other) for other in others]
    if ", " in gold and (listed := ungrouped(answer)) is not None:
        pairs += [(one, listed) for one in ones]
    if (decimal := with_point(answer, gold)) is not None:
        pairs += [(one, decimal) for one in ones]
    found: Finding | None = None
    for one, other in pairs:
        verdict = same_answer(one, other, convention)
        if verdict.equal:
            return verdict
        found = found or verdict
    return found or _worded(gold, answer, read=bool(ones or others))


def _squeezed(text: str) -> str:
    """Return the words of an answer without what stands between them: book store, bookstore."""
    return "".join(text.split())


_SPACE = re.compile(r"(?<!\d)\s+|\s+(?!\d)")
"""White space that does not stand between digits."""


def _worded(gold: str, answer: str, *, read: bool) -> Finding:
    """Compare answers of which at least one is not mathematics."""
    gold, answer = words.verdict_beside(gold, answer), words.verdict_beside(answer, gold)
    one, other = words.words_of(gold), words.words_of(answer)
    wordy = words.is_wordy(gold), words.is_wordy(answer)
    if all(wordy):
        listed = words.enumerated(gold) == words.enumerated(answer)
        same = listed or _squeezed(one) == _squeezed(other)
    else:
        # Between digits a comma, a point or a space is no punctuation.
        same = _SPACE.sub("", gold).lower() == _SPACE.sub("", answer).lower()
    if same and one:
        return Finding(equal=True, rule="text", note="the same words")
    if all(wordy) or (read and any(wordy)):
        return Finding(equal=False, rule="text", note=f"{other!r} against {one!r}")
    return UNKNOWN._replace(note="one of the two is not mathematics that can be read")
