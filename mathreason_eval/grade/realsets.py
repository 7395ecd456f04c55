"""Sets of real numbers: intervals, unions, inequalities and set-builders, all in one normal form.

A set is cut at its boundaries into points and gaps; which of them belong to it is asked of the
tree itself. Two sets are equal if what is left after merging is: the same boundaries, the same
cells. So `|x| <= 3`, `-3 <= x <= 3`, `[-3, 3]` and `{x : x^2 <= 9}` meet, whatever their form.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from mathreason_eval.grade import numeric
from mathreason_eval.grade.expression import Finding, same_value
from mathreason_eval.grade.tree import MINUS_ONE, ZERO, Node, contains, show, substitute, symbols

_NEAR = 1e-9
_ORDER = {"<": (False, True), "<=": (True, True), ">": (False, False), ">=": (True, False)}
_MOST_BOUNDARIES = 64
_UNNAMED = Node("sym", (), "?")


class NotASetError(ValueError):
    """The tree is no set of real numbers that can be cut at known boundaries."""


class RealSet(NamedTuple):
    """A set of real numbers in normal form."""

    variable: str
    """The variable of an inequality, or "" for an interval."""
    boundaries: tuple[Node, ...]
    """Where membership changes, in increasing order."""
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
    if node.op == "list" and node.name == "," and all(map(is_inequality, node.args)):
        # `x > 2, x < 5` means both, but `x < 2, x > 5` can only mean either.
        both = real_set_of(node._replace(op="and"), variable, found)
        if any(both.cells):
            return both
    return real_set_of(node, variable, found)


def real_set_of(node: Node, variable: Node, found: list[tuple[float, Node]]) -> RealSet:
    """Return the normal form of a set that changes at most at the given boundaries."""
    points = [at for at, _ in found]
    cells = [_holds(node, variable, at) for at in _samples(points)]
    kept = [k for k in range(len(points)) if len(set(cells[2 * k : 2 * k + 3])) > 1]
    merged = [cells[0]]
    for k in kept:
        merged += [cells[2 * k + 1], cells[2 * k + 2]]
    name = variable.name if variable.op == "sym" else show(variable)
    return RealSet(name.strip("?"), tuple(found[k][1] for k in kept), tuple(merged))


def same_set(gold: RealSet, answer: RealSet) -> Finding:
    """Return whether two sets of real numbers in normal form are equal."""
    if gold.cells != answer.cells:
        return Finding(equal=False, rule="set", note="they consist of different pieces")
    for one, other in zip(gold.boundaries, answer.boundaries, strict=True):
        found = same_value(one, other)
        if not found.equal:
            return found._replace(rule="set")
    ends = ", ".join(map(show, gold.boundaries))
    return Finding(
        equal=True, rule="set", note=f"the same real numbers, with ends {ends or 'none'}"
    )


def is_inequality(node: Node) -> bool:
    """Return whether a node is a chain of order relations (or ≠) alone."""
    return node.op == "rel" and all(sign in _ORDER or sign == "!=" for sign in node.name.split())


def _samples(points: list[float]) -> Iterator[float]:
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
    """Return what an inequality is about: one variable, or one unknown function's value."""
    calls: set[Node] = set()
    _unknown_calls(node, calls)
    names = symbols(node)
    if len(calls) == 1:
        return calls.pop()
    if len(names) > 1 or calls:
        raise NotASetError("more than one variable")
    return Node("sym", (), names[0]) if names else _UNNAMED


def _unknown_calls(node: Node, found: set[Node]) -> None:
    if node.op == "call" and len(node.name) == 1:
        found.add(node)
        return
    for part in node.args:
        _unknown_calls(part, found)


def _boundaries(node: Node, variable: Node) -> list[Node]:
    """Return a superset of the points where membership changes."""
    if node.op in {"union", "inter", "minus", "list", "and", "or"}:
        return [b for part in node.args for b in _boundaries(part, variable)]
    if node.op == "set":
        if any(contains(part, "rel") for part in node.args):
            raise NotASetError("a set of statements")
        return list(node.args)
    if node.op == "interval" or (node.op == "tuple" and len(node.args) == 2 and node.name == "()"):  # noqa: PLR2004
        return _constant(node.args)
    if node.op == "such":
        return _boundaries(node.args[1], variable)
    if node.op == "when":
        return _boundaries(node.args[0], variable)
    if node.op == "const" and node.name in {"RR", "RR_+", "RR+", "oo"} and node.name == "RR":
        return []
    if node.op == "rel":
        return _relation_boundaries(node, variable)
    raise NotASetError(node.op)


def _constant(nodes: tuple[Node, ...]) -> list[Node]:
    for node in nodes:
        if numeric.real_value(node) is None and not contains(node, "const", "oo"):
            raise NotASetError("an end that is not a number")
    return [node for node in nodes if not contains(node, "const", "oo")]


def _relation_boundaries(node: Node, variable: Node) -> list[Node]:
    signs = node.name.split()
    if signs == ["in"] and node.args[0] == variable or signs == ["notin"]:
        return _boundaries(node.args[1], variable)
    if not all(sign in _ORDER or sign in {"=", "!="} for sign in signs):
        raise NotASetError(node.name)
    found: list[Node] = []
    for left, right in zip(node.args, node.args[1:], strict=False):
        if not (contains(left, "const", "oo") or contains(right, "const", "oo")):
            found += zeros(Node("add", (left, Node("neg", (right,)))), variable)
    return found


def zeros(node: Node, variable: Node) -> list[Node]:
    """Return the real numbers where a function of one variable may vanish or be undefined.

    Raises:
        NotASetError: if they cannot be found by factors, absolute values and quadratics.
    """
    if not contains(node, variable.op, variable.name):
        return []
    if node.op in {"mul", "div"}:
        return [z for part in node.args for z in zeros(part, variable)]
    if node.op == "neg":
        return zeros(node.args[0], variable)
    if node.op == "pow" and node.args[1].value is not None:
        return zeros(node.args[0], variable)
    if node.op == "call" and node.name in {"abs", "root"} and node != variable:
        return zeros(node.args[0], variable)
    modulus = _find(
        node, lambda part: part.op == "call" and part.name == "abs" and part != variable
    )
    if modulus is not None:
        inner = modulus.args[0]
        sides = (inner, Node("neg", (inner,)))
        return [
            z
            for side in (*sides, inner)
            for z in zeros(
                substitute(node, modulus, side) if side is not inner or True else side, variable
            )
        ]
    return _polynomial_zeros(node, variable)


def _find(node: Node, wanted: Callable[[Node], bool]) -> Node | None:
    if wanted(node):
        return node
    return next((found for part in node.args if (found := _find(part, wanted)) is not None), None)


def _polynomial_zeros(node: Node, variable: Node) -> list[Node]:
    coefficients = polynomial(node, variable)
    if coefficients is None:
        raise NotASetError("no polynomial")
    while len(coefficients) > 1 and _vanishes(coefficients[-1]):
        coefficients.pop()
    if len(coefficients) == 1:
        return []
    if len(coefficients) == 2:  # noqa: PLR2004 - linear
        return [Node("div", (Node("neg", (coefficients[0],)), coefficients[1]))]
    if len(coefficients) == 3:  # noqa: PLR2004 - quadratic
        c, b, a = coefficients
        four = Node("num", value=ZERO.value + 4) if ZERO.value is not None else ZERO
        discriminant = Node("add", (Node("mul", (b, b)), Node("neg", (Node("mul", (four, a, c)),))))
        root = Node(
            "call", (discriminant, Node("num", value=four.value and four.value / 2)), "root"
        )
        under = Node("add", (a, a))
        return [
            Node("div", (Node("add", (Node("neg", (b,)), signed)), under))
            for signed in (root, Node("neg", (root,)))
        ]
    raise NotASetError("a polynomial of high degree")


def _vanishes(node: Node) -> bool:
    at = numeric.machine_value(node)
    return at is not None and abs(at) < _NEAR


_MOST_DEGREE = 4


def polynomial(node: Node, variable: Node) -> list[Node] | None:
    """Return the coefficients of a polynomial in one variable, lowest first, or None."""
    if not contains(node, variable.op, variable.name):
        return [node]
    if node == variable:
        return [ZERO, Node("neg", (MINUS_ONE,))]
    parts = [polynomial(part, variable) for part in node.args]
    if any(part is None for part in parts):
        return None
    known = [part for part in parts if part is not None]
    if node.op == "add":
        size = max(map(len, known))
        return [Node("add", tuple(p[k] for p in known if k < len(p))) for k in range(size)]
    if node.op == "neg":
        return [Node("neg", (c,)) for c in known[0]]
    if node.op == "div" and len(known[1]) == 1:
        return [Node("div", (c, known[1][0])) for c in known[0]]
    if node.op == "mul":
        return _multiplied(known)
    power = node.args[1].value if node.op == "pow" else None
    if power is not None and power in {1, 2, 3}:
        return _multiplied([known[0]] * int(power))
    return None


def _multiplied(factors: list[list[Node]]) -> list[Node] | None:
    result = factors[0]
    for factor in factors[1:]:
        size = len(result) + len(factor) - 1
        if size > _MOST_DEGREE + 1:
            return None
        terms: list[list[Node]] = [[] for _ in range(size)]
        for i, one in enumerate(result):
            for j, two in enumerate(factor):
                terms[i + j].append(Node("mul", (one, two)))
        result = [Node("add", tuple(group)) for group in terms]
    return result


# ---------------------------------------------------------------------- membership


def _holds(node: Node, variable: Node, at: float) -> bool:
    """Return whether a real number belongs to the set that a tree describes."""
    if node.op in {"union", "or"} or (node.op == "list" and node.name in {",", "or", ";"}):
        return any(_holds(part, variable, at) for part in node.args)
    if node.op in {"inter", "and", "list"}:
        return all(_holds(part, variable, at) for part in node.args)
    if node.op == "minus":
        return _holds(node.args[0], variable, at) and not _holds(node.args[1], variable, at)
    if node.op == "set":
        return any(_near(at, numeric.real_value(part)) for part in node.args)
    if node.op == "such":
        return _holds(node.args[1], variable, at)
    if node.op == "when":
        return _holds(node.args[0], variable, at)
    if node.op == "const":
        return True
    if node.op == "rel":
        return _relation_holds(node, variable, at)
    brackets = node.name if node.op == "interval" else "()"
    return _between(_end(node.args[0]), _end(node.args[1]), at, brackets)


def _end(node: Node) -> float:
    if contains(node, "const", "oo"):
        return -math.inf if node.op == "neg" else math.inf
    return numeric.real_value(node) or 0.0


def _between(low: float, high: float, at: float, brackets: str) -> bool:
    if _near(at, low) or _near(at, high):
        low_ok = not _near(at, low) or brackets[0] == "["
        high_ok = not _near(at, high) or brackets[1] == "]"
        return low_ok and high_ok
    return low < at < high


def _near(at: float, other: float | None) -> bool:
    return other is not None and abs(at - other) <= _NEAR * max(1, abs(at))


def _relation_holds(node: Node, variable: Node, at: float) -> bool:
    signs = node.name.split()
    if signs[0] in {"in", "notin"}:
        return _holds(node.args[1], variable, at) == (signs[0] == "in")
    values = [_value(part, variable, at) for part in node.args]
    return all(
        _ordered(left, sign, right)
        for left, sign, right in zip(values, signs, values[1:], strict=False)
    )


def _value(node: Node, variable: Node, at: float) -> float | None:
    if contains(node, "const", "oo"):
        return _end(node)
    from fractions import Fraction

    return numeric.real_value(substitute(node, variable, Node("num", value=Fraction(at))))


def _ordered(left: float | None, sign: str, right: float | None) -> bool:
    if left is None or right is None:
        return False
    if abs(left - right) <= _NEAR * max(1, abs(left) if math.isfinite(left) else 1):
        return sign in {"<=", ">=", "="}
    if sign in {"=", "!="}:
        return sign == "!="
    return (left < right) == _ORDER[sign][1]
