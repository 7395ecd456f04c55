"""Families of solutions: the names of their parameters do not count, nor where they start."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from mathreason_eval.maths.compare.expression import Finding
from mathreason_eval.maths.evaluate.exact import exact
from mathreason_eval.maths.evaluate.polynomials import polynomial
from mathreason_eval.maths.evaluate.residue import residues
from mathreason_eval.maths.syntax.tree import Node, contains, num, rebuild, sym, symbols
from mathreason_eval.maths.vocabulary.words import these

_WHOLE = these("k n m l j K N")
"""Letters that stand for any integer beside a pi."""
_FREE = _WHOLE | these("t s r c p q lambda mu")
"""Letters that stand for any number within a tuple or a list."""
_ANY = _FREE | these("C a b A B c_1 c_2 C_1 C_2 k_1 k_2 n_1 n_2")
"""Letters that may stand for anything where a qualifier says what they range over."""
_CONSTANTS = these("C c K C_1 C_2 c_1 c_2 C_0")
"""Letters of constants of integration."""
_MOST_PARAMETERS = 3


def renamings(gold: Node, answer: Node) -> Iterator[dict[str, str]]:
    """Yield the renamings of the answer's parameters that make its variables the gold's."""
    ones, others = set(symbols(gold)), set(symbols(answer))
    free, taken = sorted(ones - others), sorted(others - ones)
    if len(free) != len(taken) or not 0 < len(free) <= _MOST_PARAMETERS:
        return
    renamed = {*free, *taken}
    if not (
        (renamed <= _CONSTANTS and ones & others)
        or renamed <= _parameters(gold) & _parameters(answer)
    ):
        return
    for order in permutations(free):
        yield dict(zip(taken, order, strict=True))


def rename(node: Node, names: dict[str, str]) -> Node:
    """Return the tree with variables renamed all at once."""
    if node.op == "sym":
        return sym(names.get(node.name, node.name))
    return rebuild(node, lambda part: rename(part, names))


def _parameters(node: Node) -> frozenset[str]:
    """Return the letters that can only be parameters in a tree, their own names meaning nothing."""
    if contains(node, "when") or contains(node, "rel", "in"):
        return _ANY
    if contains(node, "const", "pi"):
        return _WHOLE
    return _FREE if node.op in {"tuple", "list", "set"} else frozenset()


def same_family(gold: Node, answer: Node) -> Finding | None:
    """Return a positive finding if both are start + period * integer of one progression."""
    one, other = _progression(gold), _progression(answer)
    if one is None or other is None:
        return None
    (start, period), (second, step) = one, other
    steps = Node("div", (period, step))
    offset = Node("div", (Node("add", (start, Node("neg", (second,)))), step))
    for whole, allowed in ((steps, {1, -1}), (offset, None)):
        number = _small_integer(whole)
        if number is None or (allowed is not None and number not in allowed):
            return None
    return Finding(equal=True, rule="family", note="the same progression, started elsewhere")


def _progression(node: Node) -> tuple[Node, Node] | None:
    """Return start and period of `start + period * k`, or None."""
    while node.op in {"when", "define"} or (node.op == "rel" and node.name == "="):
        node = node.args[0] if node.op == "when" else node.args[-1]
    names = symbols(node)
    if len(names) != 1 or names[0] not in _WHOLE or not contains(node, "const", "pi"):
        return None
    coefficients = polynomial(node, sym(names[0]))
    if coefficients is None or len(coefficients) != 2:  # noqa: PLR2004 - linear
        return None
    # Angles repeat by a multiple of pi; in pi + n the n is any other letter.
    return (coefficients[0], coefficients[1]) if contains(coefficients[1], "const", "pi") else None


def _small_integer(node: Node) -> int | None:
    """Return the small integer that a constant is, or None."""
    value = exact(node)
    if value is not None:
        return int(value) if value.denominator == 1 else None
    for number in range(-12, 13):
        found = residues(node, num(number))
        if found is not None and found[0]:
            return number
    return None
