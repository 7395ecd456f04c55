"""The integers that a set-builder holds: `{x in ZZ : 0 < x < 4}` is {1, 2, 3}."""

from __future__ import annotations

import math

from mathreason_eval.maths.compare.realsets import NotASetError, holds, real_set
from mathreason_eval.maths.evaluate.numeric import real_value
from mathreason_eval.maths.syntax.tree import Node, num

_LEAST = {"ZZ": -math.inf, "ZZ+": 1.0}
"""Where sets of integers begin; that of the naturals is disputed."""
_MOST = 200


def integers_of(node: Node) -> Node:
    """Return a set-builder over integers as the set it is; itself if it is none, or too large."""
    member = node.args[0]
    if member.op != "rel" or member.name != "in" or member.args[1].name not in _LEAST:
        return node
    variable, least = member.args[0], _LEAST[member.args[1].name]
    condition = node.args[1]
    try:
        found = real_set(Node("such", (variable, condition)))
    except NotASetError:
        return node
    ends = [real_value(end) for end in found.boundaries]
    known = [end for end in ends if end is not None]
    if not known or found.cells[-1] or (found.cells[0] and math.isinf(least)):
        return node
    first = math.ceil(max(least, min(known) - 1) if not found.cells[0] else least)
    last = math.floor(max(known) + 1)
    if last - first > _MOST:
        return node
    inside = (n for n in range(first, last + 1) if holds(condition, variable, n))
    return Node("set", tuple(map(num, inside)))
