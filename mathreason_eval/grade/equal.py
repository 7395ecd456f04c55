"""Is this answer the gold? The tiers, cheapest first; each is a pure function of its own."""

from __future__ import annotations

import re

from mathreason_eval.grade.convention import DEFAULT, Convention
from mathreason_eval.grade.normal import normalise
from mathreason_eval.grade.number import read_number
from mathreason_eval.types import Match

__all__ = ["DEFAULT", "Convention", "canonical_key", "compare", "compare_slow"]

_CHOICE = re.compile(r"(?:\\(?:text|textbf|mathrm|mathbf)\s*\{)?\s*\(?([A-Ja-j])[).:]?\s*\}?")


def compare(gold: str, answer: str, convention: Convention = DEFAULT) -> Match:
    """Return whether the answer is the gold: pure, bounded work, no exception on any input."""
    del convention
    left, right = normalise(gold), normalise(answer)
    if left == right:
        return Match(equal=bool(left), rule="identical", note="the same after normalisation")
    if (a := read_number(left)) is not None and (b := read_number(right)) is not None:
        sign = "=" if a == b else "≠"
        return Match(equal=a == b, rule="number", note=f"{right} {sign} {left} exactly")
    if (c := _CHOICE.fullmatch(left)) and (d := _CHOICE.fullmatch(right)):
        return Match(equal=c[1] == d[1], rule="choice", note=f"choice {d[1]} against {c[1]}")
    return Match(equal=None, rule="undecided", note="no rule applies")


def compare_slow(gold: str, answer: str, convention: Convention = DEFAULT) -> Match:
    """Return the verdict of sympy, for a worker process only: slow, and bounded from outside."""
    from mathreason_eval.grade.symbolic import symbolic_match

    return symbolic_match(gold, answer, convention)


def canonical_key(answer: str) -> str:
    """Return a key that is equal for answers that are equal, as far as that is decidable."""
    text = normalise(answer)
    value = read_number(text)
    return text if value is None else f"number:{value}"
