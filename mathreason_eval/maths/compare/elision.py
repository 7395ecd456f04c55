r"""What an ellipsis leaves out, where the terms around it show a progression.

`1, 3, 5, \ldots, 99` is the fifty numbers, `1, 4, 9, \ldots, 100` the ten squares,
`1 + 2 + \cdots + n` is `n(n+1)/2`, `1 \cdot 2 \cdots n` is `n!`, `1 + 1/2 + 1/4 + \cdots` is 2, and
`2, 4, 6, \ldots` is the progression itself. Where the terms show none, the dots stay, and nothing
is decided by them.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from mathreason_eval.maths.evaluate.exact import exact
from mathreason_eval.maths.evaluate.residue import residues
from mathreason_eval.maths.syntax.tree import Node, call, minus, num, symbols

DOTS = Node("dots")
_MOST_TERMS = 256
_LARGEST = 10**12
_FEWEST = {"add": 2, "mul": 2, "list": 3, "set": 3, "tuple": 3}
"""Terms before the dots of a progression: two show its step, a third that it keeps it."""


class _Progression(NamedTuple):
    """An arithmetic progression or its squares or cubes, or a geometric one."""

    first: Fraction
    step: Fraction
    is_geometric: bool
    power: int = 1

    def term(self, index: int) -> Fraction:
        if self.is_geometric:
            return self.first * self.step**index
        return (self.first + self.step * index) ** self.power


def filled(node: Node) -> Node:
    """Return a sum or collection with what its dots leave out, or as it is where that is open."""
    if node.op not in _FEWEST:
        return node
    parts = tuple(_factors(node)) if node.op == "mul" else node.args
    if parts.count(DOTS) != 1:
        return node
    place = parts.index(DOTS)
    head, tail = parts[:place], parts[place + 1 :]
    found = _progression(head, _FEWEST[node.op] if not tail else 2)
    if found is None:
        return _geometric(head) or node if node.op == "add" and not tail else node
    if not tail and node.op == "add" and found.is_geometric and abs(found.step) < 1:
        return num(found.first / (1 - found.step))
    if not tail and node.op == "mul":
        return node
    if not tail:
        kind = "geometric" if found.is_geometric else f"arithmetic^{found.power}"
        return Node("progression", (), f"{node.op} {kind} {found.first} {found.step}")
    last = exact(tail[-1])
    if last is None:
        return _closed(node, found, tail) or node
    terms = _up_to(found, last)
    if terms is None or [exact(part) for part in tail] != terms[-len(tail) :]:
        return node
    return node._replace(args=tuple(map(num, terms)))


def _geometric(head: tuple[Node, ...]) -> Node | None:
    """Return the sum of a geometric series in letters, `1 + x + x^2 + ...`, where it converges."""
    if len(head) < _FEWEST["list"] or not any(map(symbols, head)):
        return None
    ratio = Node("div", (head[1], head[0]))
    for one, following in pairwise(head):
        agree = residues(following, Node("mul", (one, ratio)))
        if agree is None or not agree[0]:
            return None
    return Node("div", (head[0], Node("add", (num(1), minus(ratio)))))


def _progression(head: tuple[Node, ...], fewest: int) -> _Progression | None:
    values = [exact(part) for part in head]
    known = [value for value in values if value is not None]
    if len(known) < max(2, fewest) or len(known) < len(values):
        return None
    steps = {second - first for first, second in pairwise(known)}
    if len(steps) == 1 and 0 not in steps:
        return _Progression(known[0], steps.pop(), is_geometric=False)
    if 0 in known or len(known) <= 2:  # noqa: PLR2004 - two terms show a step, no ratio
        return None
    ratios = {second / first for first, second in pairwise(known)}
    if len(ratios) == 1:
        return _Progression(known[0], ratios.pop(), is_geometric=True)
    return next(filter(None, (_of_powers(known, power) for power in (2, 3))), None)


def _of_powers(known: list[Fraction], power: int) -> _Progression | None:
    """Return the progression whose squares or cubes are given, or None."""
    if any(value.denominator != 1 or not 0 < value < _LARGEST for value in known):
        return None
    roots = [Fraction(round(int(value) ** (1 / power))) for value in known]
    steps = {second - first for first, second in pairwise(roots)}
    if [root**power for root in roots] != known or len(steps) != 1:
        return None
    return _Progression(roots[0], steps.pop(), is_geometric=False, power=power)


def _factors(node: Node) -> list[Node]:
    """Return the factors of a product, those of products in it included."""
    if node.op != "mul":
        return [node]
    return [found for part in node.args for found in _factors(part)]


def _up_to(found: _Progression, last: Fraction) -> list[Fraction] | None:
    """Return the terms up to one that is given, or None if it is none of the first few hundred."""
    terms: list[Fraction] = []
    while len(terms) < _MOST_TERMS:
        terms.append(found.term(len(terms)))
        if terms[-1] == last:
            return terms
    return None


def _closed(node: Node, found: _Progression, tail: tuple[Node, ...]) -> Node | None:
    """Return the sum of an arithmetic progression up to a term in letters, or None.

    A product is known where it is a factorial.
    """
    if found.power > 1:
        return None
    if node.op == "mul":
        is_factorial = found.first == found.step == 1 and len(tail) == 1 and not found.is_geometric
        return call("factorial", tail[0]) if is_factorial else None
    if node.op != "add" or found.is_geometric:
        return None
    last, step, first = tail[-1], num(found.step), num(found.first)
    for distance, part in enumerate(reversed(tail)):
        expected = Node("add", (last, minus(num(found.step * distance))))
        if (agree := residues(part, expected)) is None or not agree[0]:
            return None
    count = Node("add", (Node("div", (Node("add", (last, minus(first))), step)), num(1)))
    return Node("div", (Node("mul", (count, Node("add", (first, last)))), num(2)))
