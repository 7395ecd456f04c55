r"""The first false step of a solution, found without a model by working out what it writes down.

Precision comes first. Only what a text claims as a fact and what can be worked out is looked at:
arithmetic (`3 * 4 = 12`), and in a chain of equal signs the transformation of an expression
(`f(x) = (x + 1)^2 = x^2 + 2x + 1`). An equation to be solved is no claim. Whatever has a reading in
which it holds, holds: units may be converted, decimals rounded, `20%` is a fifth or twenty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mathreason_eval.steps.arithmetic import Expression, expressions
from mathreason_eval.steps.chains import Chain, chains
from mathreason_eval.steps.comparing import holds
from mathreason_eval.steps.identities import difference
from mathreason_eval.steps.units import factors, is_comparable
from mathreason_eval.steps.values import Value, values

_EQUAL = frozenset({"=", "=="})
_NEARLY = frozenset({r"\approx", "≈", r"\simeq", r"\doteq", r"\cong", r"\sim"})
_LOOK_BACK, _LOOK_AHEAD = 90, 120
"""Characters around a statement in which words say what it is."""
_LONGEST_SHOWN = 12
"""Characters of an exact value that is shown as it is."""
_FACTORS = re.compile(r"(?i)\bfactor(?:s|ed|ing|ize|izes|ized)?\b")
_SOLVES = re.compile(r"(?i)\bequations?\b|\bsides?\b|\bset(?:ting)?\b|\bsolv")
_REFUTED = re.compile(
    r"(?i)contradict|impossible|\bfalse\b|(?:is|are|was)(?: clearly)? (?:not|incorrect|wrong)\b"
    r"|isn't|does(?: not|n't)|no (?:real |integer )?solution|inconsistent|absurd|[✗✘❌]"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class FalseStatement:
    """An equation that does not hold."""

    text: str
    """As it was written."""
    start: int
    end: int
    """Its place in the text, in characters, end exclusive."""
    reason: str
    """One sentence that a reader can check."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FalseStep:
    """The first step of a solution that says something false."""

    index: int
    """From 0."""
    statement: FalseStatement


def first_false_step(steps: Sequence[str]) -> FalseStep | None:
    """Return the first step with an equation that does not hold, or None if none is found."""
    for index, step in enumerate(steps):
        statement = first_false_statement(step)
        if statement is not None:
            return FalseStep(index=index, statement=statement)
    return None


def first_false_statement(text: str) -> FalseStatement | None:
    """Return the first equation of a text that does not hold, or None if none is found.

    Linear in the text.
    """
    found = (statement for chain in chains(text) for statement in _false_links(text, chain))
    return min(found, key=lambda statement: statement.start, default=None)


def _false_links(text: str, chain: Chain) -> Iterator[FalseStatement]:
    """Yield the pairs of neighbours in a chain that are not equal."""
    sides = [expressions(side) for side in chain.sides]
    for place, sign in enumerate(chain.signs):
        if sign.text not in _EQUAL | _NEARLY:
            continue
        one, other = chain.sides[place], chain.sides[place + 1]
        left = sides[place][-1] if sides[place] else None
        right = sides[place + 1][0] if sides[place + 1] else None
        found, span = None, (0, 0)
        if left and right and left.last == len(one) and right.first == 0:
            span = one[left.first].start, other[right.last - 1].end
            found = _false_arithmetic(left, right, nearly=sign.text in _NEARLY)
        if found is None and sign.text in _EQUAL and _is_transformed(text, chain, place):
            found = difference(text, one, other, factored=not place)
            span = (one[0].start, other[-1].end) if found else span
        if found is not None and not _is_refuted(text, span[1]):
            yield FalseStatement(text=text[slice(*span)], start=span[0], end=span[1], reason=found)


def _false_arithmetic(left: Expression, right: Expression, *, nearly: bool) -> str | None:
    """Return why two arithmetic expressions are not equal, or None if they may be."""
    if not (left.readable and right.readable and is_comparable(left, right)):
        return None
    ones = values(left.text, rounded=not left.money)
    others = values(right.text, rounded=not right.money)
    if not ones or not others:
        return None
    converted = [one.times(factor) for one in ones for factor in factors(left, right)]
    if any(holds(one, other, nearly=nearly) for one in converted for other in others):
        return None
    return f"{left.text} is {_shown(ones[0])}, and {right.text} is {_shown(others[0])}"


def _is_transformed(text: str, chain: Chain, place: int) -> bool:
    """Return whether an equal sign stands between two forms of one expression.

    The first of a chain does not, unless the words before it say that something is factored: it
    may state an equation that is to be solved. The others do, unless already the first one states
    such an equation.
    """
    if place:
        return difference(text, chain.sides[0], chain.sides[1]) is None
    start = chain.sides[0][0].start if chain.sides[0] else chain.signs[0].start
    before = text[max(0, start - _LOOK_BACK) : start]
    return bool(_FACTORS.search(before)) and not _SOLVES.search(before)


def _is_refuted(text: str, end: int) -> bool:
    """Return whether the words behind a statement say that it does not hold."""
    return _REFUTED.search(text, end, min(len(text), end + _LOOK_AHEAD)) is not None


def _shown(value: Value) -> str:
    """Return a number as a reader wants it: exactly if that is short."""
    if value.exact and len(exact := str(value.number)) <= _LONGEST_SHOWN:
        return exact
    try:
        return f"{float(value.number):.10g}"
    except OverflowError:
        return "a very large number"
