"""Sets of real numbers: intervals, unions, inequalities and set-builders, all in one normal form.

A set is divided at its boundaries into points and gaps; whether each belongs to it is evaluated on
the tree. Two sets are equal if, after merging, they have the same boundaries and the same cells. So
`|x| <= 3`, `-3 <= x <= 3`, `[-3, 3]` and `{x : x^2 <= 9}` are equal.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from mathreason_eval.maths.compare.comparison import Finding, different, equal, same_value
from mathreason_eval.maths.evaluate import numeric
from mathreason_eval.maths.evaluate.polynomials import NoZerosError, zeros
from mathreason_eval.maths.syntax.tree import Node, contains, minus, num, show, substitute, symbols

_NEAR = 1e-9
_ORDER = {"<": (False, True), "<=": (True, True), ">": (False, False), ">=": (True, False)}
_MOST_BOUNDARIES = 64
REALS = Node("const", (), "RR")
_UNNAMED = Node("sym", (), "?")


class NotASetError(ValueError):
    """The tree is not a set of real numbers whose boundaries can be found."""


class RealSet(NamedTuple):
    """A set of real numbers in normal form."""

    variable: str
    """The variable of an inequality, or "" for an interval."""
    boundaries: tuple[Node, ...]
    """The points at which membership changes, in increasing order."""
    cells: tuple[bool, ...]
    """Membership of: the gap before the first boundary, that boundary, the next gap, …"""


def real_set(node: Node) -> RealSet:
    """Return the normal form of a set of real numbers.

    Raises:
        NotASetError: if the tree is not one, or its boundaries cannot be found.
    """
    variable = _variable(node)
    found: list[tuple[float, Node]] = []
    for boundary in _boundaries(node, variable):
        at = numeric.real_value(boundary)
        if at is not None and all(abs(at - other) > _NEAR * max(1, abs(at)) for other, _ in found):
            found.append((at, boundary))
    if len(found) > _MOST_BOUNDARIES:
        raise NotASetError("too many boundaries")
    found.sort(key=lambda pair: pair[0])
    piece = {",": is_inequality, "and": is_interval}.get(node.name)
    if node.op == "list" and piece is not None and all(map(piece, node.args)):
        # `x > 2, x < 5` means both, but `x < 2, x > 5` can only mean either.
        both = _normal_form(node._replace(op="and"), variable, found)
        if any(both.cells):
            return both
        node = node._replace(name="or")
    return _normal_form(node, variable, found)


def _normal_form(node: Node, variable: Node, found: list[tuple[float, Node]]) -> RealSet:
    """Return the normal form of a set that changes at most at the given boundaries."""
    points = [at for at, _ in found]
    cells = [holds(node, variable, at) for at in samples(points)]
    kept = [k for k in range(len(points)) if len(set(cells[2 * k : 2 * k + 3])) > 1]
    merged = [cells[0]]
    for k in kept:
        merged += [cells[2 * k + 1], cells[2 * k + 2]]
    name = variable.name if variable.op == "sym" else show(variable)
    return RealSet(name.strip("?"), tuple(found[k][1] for k in kept), tuple(merged))


def same_set(gold: RealSet, answer: RealSet) -> Finding:
    """Return whether two sets of real numbers in normal form are equal."""
    if gold.cells != answer.cells:
        return different("set", "they consist of different pieces")
    for one, other in zip(gold.boundaries, answer.boundaries, strict=True):
        found = same_value(one, other)
        if not found.equal:
            return found._replace(rule="set")
    ends = ", ".join(f"{numeric.real_value(end):.6g}" for end in gold.boundaries) or "none"
    return equal("set", f"the same real numbers, with ends {ends}")


def is_inequality(node: Node) -> bool:
    """Return whether a node is a chain of order relations (or ≠) alone."""
    return node.op == "rel" and all(sign in _ORDER or sign == "!=" for sign in node.name.split())


def samples(points: list[float]) -> Iterator[float]:
    """Yield a number in each gap and each boundary, from left to right."""
    if not points:
        yield 0.318
        return
    yield points[0] - 1 - abs(points[0]) * 0.1
    for index, at in enumerate(points):
        yield at
        following = points[index + 1] if index + 1 < len(points) else at + 2 + abs(at) * 0.2
        yield (at + following) / 2


def _variable(node: Node) -> Node:
    """Return the unknown of an inequality: a variable, or the value of an unknown function."""
    calls = set(_unknown_calls(node))
    names = symbols(node)
    if len(calls) == 1:
        return calls.pop()
    if len(names) > 1 or calls:
        raise NotASetError("more than one variable")
    return Node("sym", (), names[0]) if names else _UNNAMED


def _unknown_calls(node: Node) -> Iterator[Node]:
    if node.op == "call" and len(node.name) == 1:
        yield node
    else:
        for part in node.args:
            yield from _unknown_calls(part)


_SPARSE = frozenset({"ZZ", "ZZ+", "NN", "NN0", "QQ", "PP"})
"""Proper subsets of the real numbers."""


def _boundaries(node: Node, variable: Node) -> list[Node]:
    """Return a superset of the points where membership changes."""
    if node.op in {"union", "inter", "minus", "list", "and", "or"}:
        return [b for part in node.args for b in _boundaries(part, variable)]
    if node.op == "set":
        return _finite(node.args)
    if is_interval(node):
        _check_ends(node)
        return _finite(node.args)
    member = node.args[0] if node.op == "such" else node
    if (
        member is not node
        and member.op == "rel"
        and member.name == "in"
        and member.args[1].name in _SPARSE
    ):
        raise NotASetError("a set of some of the real numbers")
    if node.op in {"such", "when"}:
        return _boundaries(node.args[node.op == "such"], variable)
    if node == REALS:
        return []
    if node.op == "rel":
        return _relation_boundaries(node, variable)
    raise NotASetError(node.op)


def is_interval(node: Node) -> bool:
    """Return whether a node is an interval, or a pair in brackets that can be one."""
    return node.op == "interval" or (node.op, node.name, len(node.args)) == ("tuple", "()", 2)


def _check_ends(node: Node) -> None:
    """Raise for an interval that ends before it begins, or contains an infinite end."""
    low, high = map(_end, node.args)
    if not (low < high or (low == high and node.name == "[]")):
        raise NotASetError("an interval that ends before it begins")
    if (node.name[0] == "[" and low == -math.inf) or (node.name[1] == "]" and high == math.inf):
        raise NotASetError("an infinite end that belongs to the interval")


def _finite(nodes: tuple[Node, ...]) -> list[Node]:
    """Return the nodes that are finite real numbers; all others must be infinite."""
    finite = [node for node in nodes if not contains(node, "const", "oo")]
    if any(numeric.real_value(node) is None for node in finite):
        raise NotASetError("an end that is not a number")
    return finite


def _relation_boundaries(node: Node, variable: Node) -> list[Node]:
    signs = node.name.split()
    if (signs == ["in"] and node.args[0] == variable) or signs == ["notin"]:
        return _boundaries(node.args[1], variable)
    if not all(sign in _ORDER or sign in {"=", "!="} for sign in signs):
        raise NotASetError(node.name)
    found: list[Node] = []
    for left, right in zip(node.args, node.args[1:], strict=False):
        if not (contains(left, "const", "oo") or contains(right, "const", "oo")):
            try:
                found += zeros(_gap(left, right), variable)
            except NoZerosError as error:
                raise NotASetError(str(error)) from error
    return found


def _gap(left: Node, right: Node) -> Node:
    """Return a function that is zero where two sides are equal; a quotient remains one."""
    if right.value == 0:
        return left
    return right if left.value == 0 else Node("add", (left, minus(right)))


# --- membership ----------------------------------------------------------------------------------


def holds(node: Node, variable: Node, at: float) -> bool:
    """Return whether a real number belongs to the set that a tree describes."""
    if node.op in {"union", "or"} or (node.op == "list" and node.name in {",", "or", ";"}):
        return any(holds(part, variable, at) for part in node.args)
    if node.op in {"inter", "and", "list"}:
        return all(holds(part, variable, at) for part in node.args)
    if node.op == "minus":
        return holds(node.args[0], variable, at) and not holds(node.args[1], variable, at)
    if node.op == "set":
        return any(_near(at, numeric.real_value(part)) for part in node.args)
    if node.op in {"such", "when"}:
        return holds(node.args[node.op == "such"], variable, at)
    if node.op == "const":
        return True
    if node.op == "rel":
        return _relation_holds(node, variable, at)
    brackets = node.name if node.op == "interval" else "()"
    low, high = map(_end, node.args)
    if _near(at, low):
        return brackets[0] == "[" and (not _near(at, high) or brackets[1] == "]")
    return brackets[1] == "]" if _near(at, high) else low < at < high


def _end(node: Node) -> float:
    if node.op == "neg":
        return -_end(node.args[0])
    if contains(node, "const", "oo"):
        return math.inf
    return numeric.real_value(node) or 0.0


def _near(at: float, other: float | None) -> bool:
    return other is not None and abs(at - other) <= _NEAR * max(1, abs(at))


def _relation_holds(node: Node, variable: Node, at: float) -> bool:
    signs = node.name.split()
    if signs[0] in {"in", "notin"}:
        return holds(node.args[1], variable, at) == (signs[0] == "in")
    values = [_value(part, variable, at) for part in node.args]
    return all(
        _ordered(left, sign, right)
        for left, sign, right in zip(values, signs, values[1:], strict=False)
    )


def _value(node: Node, variable: Node, at: float) -> float | None:
    if contains(node, "const", "oo"):
        return _end(node)
    return numeric.real_value(substitute(node, variable, num(Fraction(at))))


def _ordered(left: float | None, sign: str, right: float | None) -> bool:
    if left is None or right is None:
        return False
    if abs(left - right) <= _NEAR * max(1, abs(left) if math.isfinite(left) else 1):
        return sign in {"<=", ">=", "="}
    if sign in {"=", "!="}:
        return sign == "!="
    return (left < right) == _ORDER[sign][1]


# --- integers ------------------------------------------------------------------------------------

_LEAST = {"ZZ": -math.inf, "ZZ+": 1.0}
"""The smallest element of sets of integers; that of the naturals is disputed."""
_MOST_INTEGERS = 200


def integers_of(node: Node) -> Node:
    """Return a set-builder over integers as a set; other nodes, and large sets, unchanged."""
    member = node.args[0]
    if member.op != "rel" or member.name != "in" or member.args[1].name not in _LEAST:
        return node
    variable, least = member.args[0], _LEAST[member.args[1].name]
    condition = node.args[1]
    try:
        found = real_set(Node("such", (variable, condition)))
    except NotASetError:
        return node
    ends = [numeric.real_value(end) for end in found.boundaries]
    known = [end for end in ends if end is not None]
    if not known or found.cells[-1] or (found.cells[0] and math.isinf(least)):
        return node
    first = math.ceil(max(least, min(known) - 1) if not found.cells[0] else least)
    last = math.floor(max(known) + 1)
    if last - first > _MOST_INTEGERS:
        return node
    inside = (n for n in range(first, last + 1) if holds(condition, variable, n))
    return Node("set", tuple(map(num, inside)))
