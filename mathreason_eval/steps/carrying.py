"""Equations that say again what the one before says: of the same name, or rewritten.

`Total = 20 + 23`, and then `Total = 44`; `2(x + 1) = y`, and simplified `2x + 1 = y`. Only
neighbours are compared, and only where the words between them do not begin something new.
"""

from __future__ import annotations

import re

from mathreason_eval.maths.evaluate.numeric import differ
from mathreason_eval.maths.syntax.tree import symbols
from mathreason_eval.steps.chains import Chain, Side
from mathreason_eval.steps.identities import tree
from mathreason_eval.steps.relations import EQUAL
from mathreason_eval.steps.solving import BEGINS_ANEW, MOST_BETWEEN, is_one_of_several
from mathreason_eval.steps.tokens import is_variable

_TWO = 2
"""Sides of an equation that does not go on."""
_REWRITES = re.compile(r"(?i)\b(?:expand|simplif|combin|distribut|multiply(?:ing)? out)")


def carried(text: str, before: Chain, after: Chain) -> Chain | None:
    """Return the equation that two neighbouring equations imply, or None if they imply none.

    Args:
        text: in which they stand.
        before: the first.
        after: the second; it may go on.
    """
    if len(before.sides) != _TWO or not all((*before.sides, *after.sides[:_TWO])):
        return None
    if not {before.signs[0].text, after.signs[0].text} <= EQUAL:
        return None
    between = text[before.sides[1][-1].end : after.sides[0][0].start]
    if len(between) > MOST_BETWEEN or BEGINS_ANEW.search(between):
        return None
    if is_one_of_several(text, before.sides[0][0].start):
        return None
    letters = any(token.kind == "word" and is_variable(token) for token in after.sides[1])
    if _is_same_name(text, before.sides[0], after.sides[0]) and (
        not letters or _is_of_one_thing(before.sides[0])
    ):
        return Chain(sides=(before.sides[1], after.sides[1]), signs=after.signs[:1])
    if len(after.sides) == _TWO and _REWRITES.search(between):
        return _rewritten(text, before, after)
    return None


def _is_same_name(text: str, one: Side, other: Side) -> bool:
    """Return whether two sides are the same name: words, a letter, or a function's value."""
    names = [text[side[0].start : side[-1].end].split() for side in (one, other)]
    return names[0] == names[1] and any(token.kind in {"word", "label", "cmd"} for token in one)


def _is_of_one_thing(name: Side) -> bool:
    """Return whether a name is of one thing, unlike a letter in several equations or cases."""
    return not is_variable(name[0]) or (len(name) > _TWO and name[1].text == "(")


def _rewritten(text: str, before: Chain, after: Chain) -> Chain | None:
    """Return the sides that must be equal in an equation written anew: one of them stayed."""
    for stayed in (0, 1):
        one, other = (tree(text, chain.sides[stayed]) for chain in (before, after))
        if one is None or other is None or symbols(one) != symbols(other):
            continue
        if differ(one, other).equal is None:
            sides = before.sides[1 - stayed], after.sides[1 - stayed]
            return Chain(sides=sides, signs=after.signs)
    return None
