r"""The first false step of a solution, found without a model by checking calculations.

Precision comes first. Only what a text claims and what can be calculated is checked: arithmetic
(`3 * 4 = 12`), and in a chain of equals signs the transformation of an expression
(`f(x) = (x + 1)^2 = x^2 + 2x + 1`). An equation to be solved is not a claim. A statement counts as
true if any reading of it is: units may be converted, decimals rounded, `20%` is a fifth or twenty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mathreason_eval.steps.arithmetic import Expression, expressions
from mathreason_eval.steps.chains import Chain, chains
from mathreason_eval.steps.equations import (
    Equation,
    as_equation,
    contradicts,
    difference,
    implied_equation,
)
from mathreason_eval.steps.relations import EQUAL, UNEQUAL, refutation, runs_on

_MOST_RELATIONS = 1000
"""Maximum number of relation signs that are read; a solution has fewer."""
_LOOK_BACK, _LOOK_AHEAD = 90, 120
"""Characters around a statement that are searched for words about it."""
_FACTORS = re.compile(r"(?i)\bfactor(?:s|ed|ing|ize|izes|ized)?\b")
_SOLVES = re.compile(r"(?i)\bequations?\b|\bsides?\b|\bset(?:ting)?\b|\bsolv")
_REFUTED = re.compile(
    r"(?i)contradict|impossible|\bfalse\b|(?:is|are|was)(?: clearly)? (?:not|incorrect|wrong)\b"
    r"|isn't|does(?: not|n't)|no (?:real |integer )?solution|inconsistent|absurd|[✗✘❌]"
)
_INVERSE = re.compile(r"\^\s?\{?\s?-")
"""A negative power, which is an inverse in modular arithmetic."""
_UNUSUAL = re.compile(r"(?i)\bbinary\b|\bbase[- ]\d")
"""Words after which numbers may be in another base."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FalseStatement:
    """An equation that is false."""

    text: str
    """The equation as written."""
    start: int
    end: int
    """Its place in the text, in characters, end exclusive."""
    reason: str
    """One sentence that a reader can check."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FalseStep:
    """The first step of a solution with a false statement."""

    index: int
    """From 0."""
    statement: FalseStatement


def first_false_step(steps: Sequence[str]) -> FalseStep | None:
    """Return the first step with a false equation, or None if none is found."""
    before = _Parsed("")
    for index, step in enumerate(steps):
        parsed = _Parsed(step)
        statement = _first_false(parsed) or _broken_transition(before, parsed)
        if statement is not None:
            return FalseStep(index=index, statement=statement)
        before = parsed
    return None


def first_false_statement(text: str) -> FalseStatement | None:
    """Return the first false equation of a text, or None if none is found.

    Takes time linear in the text.
    """
    return _first_false(_Parsed(text))


class _Parsed:
    """A text with its chains of relations, in their order."""

    def __init__(self, text: str) -> None:
        self.text = text
        found, relations = [], 0
        for chain in chains(text):
            relations += len(chain.signs)
            if relations > _MOST_RELATIONS:
                break
            found.append(chain)
        self.chains = sorted(found, key=lambda chain: chain.signs[0].start)


def _first_false(parsed: _Parsed) -> FalseStatement | None:
    found = [false for chain in parsed.chains for false in _false_links(parsed.text, chain)]
    found += _contradictions(parsed)
    found += _changes(parsed)
    found += _divisions(parsed.text)
    return min(found, key=lambda statement: statement.start, default=None)


def _contradictions(parsed: _Parsed) -> Iterator[FalseStatement]:
    """Yield the equations that contradict the equation before them."""
    text = parsed.text
    for one, other in pairwise(as_equation(text, chain) for chain in parsed.chains):
        if one and other and contradicts(one, other, text[one.end : other.start]):
            yield from _contradiction(one, other)


def _changes(parsed: _Parsed) -> Iterator[FalseStatement]:
    """Yield the equations that give a name another value than the equation before."""
    for before, after in pairwise(parsed.chains):
        chain = implied_equation(parsed.text, before, after)
        if chain is None or (reason := _changed(parsed.text, chain)) is None:
            continue
        start, end = after.sides[0][0].start, after.sides[1][-1].end
        reason = f"it disagrees with the equation before it; {reason}"
        yield from _claimed(parsed.text, start, end, reason)


def _changed(text: str, chain: Chain) -> str | None:
    """Return why two equations for the same name differ; None if they may agree."""
    sides = left, right = [expressions(side) for side in chain.sides]
    # A single number may be one of several values.
    if left and right and not left[0].first and not left[0].atomic and right[0].atomic:
        found = _miscalculated(chain, sides, 0, 0)
        return None if found is None else found[2]
    return difference(text, *chain.sides)


def _broken_transition(before: _Parsed, step: _Parsed) -> FalseStatement | None:
    """Return the first equation of a step if it contradicts the last of the step before."""
    if not before.chains or not step.chains:
        return None
    one = as_equation(before.text, before.chains[-1])
    other = as_equation(step.text, step.chains[0])
    if one is None or other is None:
        return None
    between = f"{before.text[one.end :]}\n\n{step.text[: other.start]}"
    return next(_contradiction(one, other), None) if contradicts(one, other, between) else None


def _contradiction(one: Equation, other: Equation) -> Iterator[FalseStatement]:
    reason = f"it has no solution in common with {one.written}"
    return _claimed(other.text, other.start, other.end, reason)


def _false_links(text: str, chain: Chain) -> Iterator[FalseStatement]:
    """Yield the pairs of neighbours in a chain whose relation is false."""
    modulus = _modulus(chain)
    sides = [expressions(side, is_right=place > 0) for place, side in enumerate(chain.sides)]
    for place, (one, other) in enumerate(pairwise(chain.sides)):
        if not one or not other:
            continue
        found = _miscalculated(chain, sides, place, modulus)
        if found is None and not modulus and _is_transformed(text, chain, place):
            reason = difference(text, one, other, factored=not place)
            found = (one[0].start, other[-1].end, reason) if reason is not None else None
        before = sides[place - 1] if place else []
        # A side may continue from the result before it: 2 * 26 = 52 + 24 = 76.
        if found is None or (before and sides[place] and runs_on(before[-1], sides[place][-1])):
            continue
        yield from _claimed(text, *found, denies=chain.signs[place].text in UNEQUAL)


def _miscalculated(
    chain: Chain, sides: Sequence[Sequence[Expression]], place: int, modulus: int
) -> tuple[int, int, str] | None:
    """Return (start, end, reason) of false arithmetic around a sign; None if it may be true."""
    one, other = chain.sides[place], chain.sides[place + 1]
    if not sides[place] or not sides[place + 1]:
        return None
    left, right = sides[place][-1], sides[place + 1][0]
    if left.last != len(one) or right.first:
        return None
    reason = refutation(left, right, chain.signs[place].text, modulus)
    return None if reason is None else (one[left.first].start, other[right.last - 1].end, reason)


def _modulus(chain: Chain) -> int:
    """Return the modulus of a chain; 0 if it has none, or several."""
    moduli = {token.text for side in chain.sides for token in side if token.kind == "modulus"}
    return int(re.sub(r"\D", "", moduli.pop())) if len(moduli) == 1 else 0


def _is_transformed(text: str, chain: Chain, place: int) -> bool:
    """Return whether an equals sign is between two forms of one expression.

    The first of a chain is not, unless the words before it say that something is factored: it may
    state an equation to be solved. The others are, unless the first one states such an equation.
    """
    if chain.signs[place].text not in EQUAL:
        return False
    if place:
        return difference(text, chain.sides[0], chain.sides[1]) is None
    start = chain.sides[0][0].start if chain.sides[0] else chain.signs[0].start
    before = text[max(0, start - _LOOK_BACK) : start]
    return bool(_FACTORS.search(before)) and not _SOLVES.search(before)


def _claimed(
    text: str, start: int, end: int, reason: str, *, denies: bool = False
) -> Iterator[FalseStatement]:
    """Yield a false statement, unless the words around it say that it is false.

    With `denies`, for a statement that denies an equality, these words are ignored.
    """
    if denies or not _is_refuted(text, start, end):
        yield FalseStatement(text=text[start:end], start=start, end=end, reason=reason)


def _is_refuted(text: str, start: int, end: int) -> bool:
    """Return whether the words around a statement say that it is false, or unusual."""
    after = min(len(text), end + _LOOK_AHEAD)
    if _REFUTED.search(text, end, after):
        return True
    around = text[max(0, start - _LOOK_AHEAD) : after]
    if _INVERSE.search(text, start, end) and "mod" in around:
        return True
    return "log" not in around and _UNUSUAL.search(around) is not None


# --- divisions with a remainder: `17 ÷ 5 = 3 remainder 2` ----------------------------------------

_WHOLE = r"(\d[\d,]{0,40})"
_DIVISION = re.compile(
    rf"(?<![\d.,^_{{)]){_WHOLE}\s*(?:÷|/|\\div)\s*{_WHOLE}\s*=\s*{_WHOLE}\s*(?:\\\)|\$)?,?\s*"
    r"(?:\\text\{\s*)?(?:with\s|and\s)?\s*(?:a\s)?\s*remainder(?:\sof|\sis)?\s*\}?\s*(?:\\\(|\$)?\s*"
    rf"{_WHOLE}(?![\d.]*\d|/)"
)
_OPERATOR = re.compile(r"[-+*/^×÷·]\s?$")
"""The end of a text to which a following number belongs."""


def _divisions(text: str) -> Iterator[FalseStatement]:
    """Yield the divisions with a wrong remainder."""
    for found in _DIVISION.finditer(text) if "remainder" in text else ():
        if _OPERATOR.search(text, max(0, found.start() - 2), found.start()):
            continue
        number, divisor, quotient, rest = (int(each.replace(",", "")) for each in found.groups())
        end = found.end(4) - (len(found[4]) - len(found[4].rstrip(",")))
        product = quotient * divisor + rest
        if product != number:
            reason = f"{quotient} times {divisor} and {rest} is {product}"
            yield from _claimed(text, found.start(), end, reason)
