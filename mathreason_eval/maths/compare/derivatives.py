r"""Derivatives of unknown functions, in the notations of Leibniz, Lagrange and Newton.

`\frac{dy}{dx}` is a symbol, as nothing is known of y. It is `y'` or `y'(x)`, and `\frac{dx}{dt}` is
`\dot{x}`, where the other answer is written so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mathreason_eval.maths.syntax.tree import Node, contains, substitute, sym, symbols

_QUOTIENT = re.compile(r"d(?:\^(?P<order>\d))?(?P<of>.+)/d(?P<by>[^/^]+)(?:\^\d)?")
_USUAL = frozenset({"x", "t"})
"""What a prime may derive by where the answer does not say it."""


def in_one_notation(gold: Node, answer: Node) -> tuple[Node, Node]:
    """Return two answers with their derivatives in the notation of the one without quotients."""
    quotients = list(_quotients(gold)), list(_quotients(answer))
    if bool(quotients[0]) == bool(quotients[1]):
        return gold, answer
    if quotients[0]:
        return _as_in(answer, gold, quotients[0]), answer
    return gold, _as_in(gold, answer, quotients[1])


def _quotients(node: Node) -> Iterator[re.Match[str]]:
    for name in symbols(node):
        if "/d" in name and (found := _QUOTIENT.fullmatch(name)):
            yield found


def _as_in(model: Node, node: Node, quotients: list[re.Match[str]]) -> Node:
    """Return an answer whose quotients are written as the derivatives of another one."""
    for found in quotients:
        written = _written(model, found)
        node = node if written is None else substitute(node, sym(found[0]), written)
    return node


def _written(model: Node, quotient: re.Match[str]) -> Node | None:
    """Return the derivative that a quotient is in the other answer's notation, or None."""
    order, of, by = int(quotient["order"] or 1), quotient["of"], quotient["by"]
    known = symbols(model)
    if by not in _USUAL and by not in known:
        return None
    if by == "t" and "x" in known and of != "x":
        return None  # y' of an equation in x is no derivative by t
    primed = of + "'" * order
    if primed in known:
        return sym(primed)
    if contains(model, "call", primed):
        return Node("call", (sym(by),), primed)
    dotted = {1: "dot", 2: "ddot"}.get(order, "")
    return sym(f"{dotted}{{{of}}}") if by == "t" and f"{dotted}{{{of}}}" in known else None
