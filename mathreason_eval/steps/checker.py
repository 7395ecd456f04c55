r"""The first false step of a solution, found without a model by working out what it writes down.

Precision comes first. Only what a text claims as a fact and what can be worked out is looked at:
arithmetic (`3 * 4 = 12`), and in a chain of equal signs the transformation of an expression
(`f(x) = (x + 1)^2 = x^2 + 2x + 1`). An equation to be solved is no claim. Whatever has a reading in
which it holds, holds: units may be converted, decimals rounded, `20%` is a fifth or twenty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mathreason_eval.steps.arithmetic import expressions
from mathreason_eval.steps.chains import Chain, chains
from mathreason_eval.steps.identities import difference
from mathreason_eval.steps.relations import EQUAL, UNEQUAL, refutation, runs_on
from mathreason_eval.steps.solving import Equation, contradictions

_LOOK_BACK, _LOOK_AHEAD = 90, 120
"""Characters around a statement in which words say what it is."""
_FACTORS = re.compile(r"(?i)\bfactor(?:s|ed|ing|ize|izes|ized)?\b")
_SOLVES = re.compile(r"(?i)\bequations?\b|\bsides?\b|\bset(?:ting)?\b|\bsolv")
_REFUTED = re.compile(
    r"(?i)contradict|impossible|\bfalse\b|(?:is|are|was)(?: clearly)? (?:not|incorrect|wrong)\b"
    r"|isn't|does(?: not|n't)|no (?:real |integer )?solution|inconsistent|absurd|[✗✘❌]"
)

_INVERSE = re.compile(r"\^\s?\{?\s?-")
"""A negative power, which is an inverse where numbers are taken modulo another."""
_UNUSUAL = re.compile(r"(?i)\bbinary\b|\bbase[- ]\d")
"""Where numbers may be written in another base."""


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
        if statement is None and index:
            statement = _broken_transition(steps[index - 1], step)
        if statement is not None:
            return FalseStep(index=index, statement=statement)
    return None


def _broken_transition(before: str, step: str) -> FalseStatement | None:
    """Return the first equation of a step if it does not follow from the last of the one before."""
    both, start = f"{before}\n\n{step}", len(before) + 2
    read = sorted(chains(both), key=lambda chain: chain.signs[0].start)
    for one, other in contradictions(both, read):
        if one.end < start <= other.start and not _is_refuted(both, other.start, other.end):
            found = _contradiction(both, one, other)
            return replace(found, start=found.start - start, end=found.end - start)
    return None


def first_false_statement(text: str) -> FalseStatement | None:
    """Return the first equation of a text that does not hold, or None if none is found.

    Linear in the text.
    """
    read = sorted(chains(text), key=lambda chain: chain.signs[0].start)
    found = [statement for chain in read for statement in _false_links(text, chain)]
    found += _contradictions(text, read)
    return min(found, key=lambda statement: statement.start, default=None)


def _contradictions(text: str, read: Sequence[Chain]) -> Iterator[FalseStatement]:
    """Yield the equations that do not follow from the one before."""
    for before, after in contradictions(text, read):
        if not _is_refuted(text, after.start, after.end):
            yield _contradiction(text, before, after)


def _contradiction(text: str, before: Equation, after: Equation) -> FalseStatement:
    return FalseStatement(
        text=text[after.start : after.end],
        start=after.start,
        end=after.end,
        reason=f"it has no solution in common with {text[before.start : before.end]}",
    )


def _false_links(text: str, chain: Chain) -> Iterator[FalseStatement]:
    """Yield the pairs of neighbours in a chain that are not related as is said."""
    modulus = _modulus(chain)
    sides = [expressions(side, after=place > 0) for place, side in enumerate(chain.sides)]
    for place, sign in enumerate(chain.signs):
        one, other = chain.sides[place], chain.sides[place + 1]
        if not one or not other:
            continue
        span, reason = (one[0].start, other[-1].end), None
        left, right = sides[place][-1:], sides[place + 1][:1]
        if place and left and sides[place - 1] and runs_on(sides[place - 1][-1], left[0]):
            continue
        if left and right and left[0].last == len(one) and right[0].first == 0:
            reason = refutation(left[0], right[0], sign.text, modulus)
            if reason:
                span = one[left[0].first].start, other[right[0].last - 1].end
        if not reason and not modulus and _is_transformed(text, chain, place):
            reason = difference(text, one, other, factored=not place)
        if reason and (sign.text in UNEQUAL or not _is_refuted(text, *span)):
            yield FalseStatement(text=text[slice(*span)], start=span[0], end=span[1], reason=reason)


def _modulus(chain: Chain) -> int:
    """Return what a chain is taken modulo; 0 if it is not, or not by one number."""
    moduli = {token.text for side in chain.sides for token in side if token.kind == "modulus"}
    return int(re.sub(r"\D", "", moduli.pop())) if len(moduli) == 1 else 0


def _is_transformed(text: str, chain: Chain, place: int) -> bool:
    """Return whether an equal sign stands between two forms of one expression.

    The first of a chain does not, unless the words before it say that something is factored: it
    may state an equation that is to be solved. The others do, unless already the first one states
    such an equation.
    """
    if chain.signs[place].text not in EQUAL:
        return False
    if place:
        return difference(text, chain.sides[0], chain.sides[1]) is None
    start = chain.sides[0][0].start if chain.sides[0] else chain.signs[0].start
    before = text[max(0, start - _LOOK_BACK) : start]
    return bool(_FACTORS.search(before)) and not _SOLVES.search(before)


def _is_refuted(text: str, start: int, end: int) -> bool:
    """Return whether the words around a statement say that it does not hold, or not as usual."""
    after = min(len(text), end + _LOOK_AHEAD)
    if _REFUTED.search(text, end, after):
        return True
    around = text[max(0, start - _LOOK_AHEAD) : after]
    if _INVERSE.search(text, start, end) and "mod" in around:
        return True
    return "log" not in around and _UNUSUAL.search(around) is not None
