"""From a parsed tree to the form for comparison: ± expanded, names and values separated."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise, product

from mathreason_eval.maths.compare import equations
from mathreason_eval.maths.compare.elision import filled
from mathreason_eval.maths.compare.realsets import integers_of
from mathreason_eval.maths.evaluate.exact import exact
from mathreason_eval.maths.syntax.tree import Node, contains, num, rebuild, symbols
from mathreason_eval.maths.vocabulary.units import unit_of


@lru_cache(maxsize=4096)
def shape(node: Node) -> Node:
    """Return the tree with ± expanded, assignments gathered and chains of equations resolved.

    New kinds of nodes: `define` (name, value), `assign` (definitions of different names), and
    `choices` (the same value in several notations; its name is `=` or `~` if a chain claims so).
    """
    if (whole := filled(node)) is not node:
        return shape(whole)
    if node.op == "rel":
        return _relation(node)
    if node.op in {"list", "set"}:
        return _collection(node)
    if node.op == "tuple":
        return _signed_tuple(node)
    if node.op == "interval":
        return node
    if node.op == "such":
        return integers_of(node)
    if _names_point(node):
        return named_point(*node.args)
    if _has_sign(node):
        return Node("list", _both_signs(node), "pm")
    return node


_EQUAL = frozenset({"=", "~", "equiv"})
_PAIR = 2


def _relation(node: Node) -> Node:
    signs = node.name.split()
    if not set(signs) <= _EQUAL:
        finite = node.name == "in" and node.args[1].op in {"set", "list"}
        return _define(node.args[0], shape(node.args[1])) if finite else node
    if len(node.args) == _PAIR and node.args[0].op == node.args[1].op == "tuple":
        return _assigned(node)
    if _has_sign(node):
        return shape(Node("list", tuple(_both_signs(node)), "or"))
    if (named := _all_named(node)) is not None:
        return named
    if (unlike := _unlike_sides(node, signs)) is not None:
        return Node("rel", unlike, "=")
    if equations.defines(node):
        value = _result(node.args[1:], signs[1:])
        if value.op == "list" and value.name != "pm":
            return shape(Node("list", tuple(_define(node.args[0], v) for v in value.args), ","))
        return _define(node.args[0], value)
    if "~" in signs or len(signs) > 1:
        return _result(node.args, signs)
    known = [exact(part) for part in node.args]
    variable = any(v is None and contains(n, "sym") for v, n in zip(known, node.args, strict=True))
    contradictory = None not in known and len(set(known)) > 1
    # Without variables, the two sides of `3 + 4 = 7` are alternatives.
    return Node("rel" if variable or contradictory else "choices", node.args, "=")


_ROUNDED = Fraction(1, 100)
"""How far, of itself, a side may be from the next one where somebody writes = for a rounding."""


def _unlike_sides(node: Node, signs: list[str]) -> tuple[Node, Node] | None:
    """Return two neighbours of a chain such as `x = 6 = 7` that differ as numbers, or None."""
    if len(signs) == 1:
        return None
    # What is computed may be an operation that only its problem defines: 5 * 1 = 9(5) + 2(1) = 47.
    first = 0 if node.args[0].op in {"num", "sym"} else 1
    for sign, (one, other) in [*zip(signs, pairwise(node.args), strict=True)][first:]:
        if sign != "=" or (left := exact(one)) is None or (right := exact(other)) is None:
            continue
        if abs(left - right) > _ROUNDED * max(abs(left), abs(right)):
            return one, other
    return None


def _names_point(node: Node) -> bool:
    """Return whether a node is a point with its name, as in `A(1, 2)`."""
    point = node.op == "mul" and [part.op for part in node.args] == ["sym", "tuple"]
    return point and _LABEL.fullmatch(node.args[0].name) is not None


_LABEL = re.compile(r"[A-Z]'*(?:_\d)?")
POINT = "point"
"""The name of a definition that is a point with its label."""
OPAQUE = "opaque"
"""The kind of what is a point with its label, or an operator: `P(10, 3)`, `N(0, 1)`."""


def named_point(label: Node, place: Node) -> Node:
    """Return a point with its label; where it may be an operator of its coordinates, neither."""
    if (may_be := _OPERATORS.get(label.name)) is not None and len(place.args) == _PAIR:
        one, other = map(exact, place.args)
        if one is None or other is None or may_be(one, other):
            return Node(OPAQUE, (place,), label.name)
    return Node("define", (label, place), POINT)


def _as_point(node: Node) -> Node:
    if node.op != OPAQUE:
        return node
    return Node("define", (Node("sym", (), node.name), *node.args), POINT)


def _counts(one: Fraction, other: Fraction) -> bool:
    """Return whether both are numbers of things."""
    return one > 0 and other > 0 and one.denominator == other.denominator == 1


_OPERATORS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    **dict.fromkeys("PC", lambda one, other: other >= 0 and one >= other),
    **dict.fromkeys("RKST", _counts),
    "B": lambda one, other: one > 0 and other > 0,
    "N": lambda _, other: other > 0,
    "U": lambda one, other: one < other,
}
"""Letters of operators of two numbers, and for which: permutations, Ramsey's numbers, graphs,
Stirling's numbers, the beta function and binomial, normal and uniform distributions."""


def _all_named(node: Node) -> Node | None:
    """Return `x = y = 1` as a value that is also that of x and of y, or None."""
    names, value = node.args[:-1], node.args[-1]
    if len(names) < _PAIR or "~" in node.name or value.op == "sym":
        return None
    if any(name.op != "sym" or len(name.name) > 1 or not name.name.islower() for name in names):
        return None
    return Node("choices", (Node("assign", tuple(_define(name, value) for name in names)), value))


def _define(name: Node, value: Node) -> Node:
    return Node("define", (name, value))


def _result(values: tuple[Node, ...], signs: list[str]) -> Node:
    """Return the result of a chain: its last side, or both if they are `exact ~ rounded`.

    The sides before the last equality are intermediate; one may equal the gold by accident.
    """
    rounded = signs.index("~") if "~" in signs else len(signs)
    sides = values[rounded:]
    return sides[0] if len(sides) == 1 else Node("choices", sides, "~")


def _assigned(node: Node) -> Node:
    """Return `(x, y) = (1, 2)` as an assignment."""
    names, values = (part.args for part in node.args)
    if len(names) != len(values) or not all(equations.is_name(name) for name in names):
        return node
    return Node("assign", tuple(map(_define, names, values)))


def _collection(node: Node) -> Node:
    """Return a list with ± spelled out, its conditions dropped and its names gathered."""
    parts = _shaped(node)
    if (members := _integers_between(node)) is not None:
        return members
    if node.op == "set":
        named = parts and all(part.op == "define" for part in parts)
        return _definitions(node, parts) if named else node._replace(args=tuple(parts))
    joined = _compound_quantity(node)
    if joined is not None:
        return joined
    parts = _without_domains(parts)
    if len(parts) == 1:
        return parts[0]
    if all(part.op == "define" for part in parts):
        return _definitions(node, parts)
    if node.name == "," and _has_domain(parts):
        domain = parts[1] if len(parts) == _PAIR else node._replace(args=tuple(parts[1:]))
        return Node("when", (parts[0], domain), "if")
    if parts[0].op == "define" and not any(part.op in {"define", "rel"} for part in parts[1:]):
        name, first = parts[0].args
        return _define(name, node._replace(args=(first, *parts[1:])))
    if node.name in {",", "and", "or", ";"} and all(part.op == "list" for part in parts):
        parts = [Node("tuple", part.args, "()") if part.op == "list" else part for part in parts]
    return node._replace(args=tuple(parts))


def _shaped(node: Node) -> list[Node]:
    """Return the items of a list, each with ± spelled out."""
    parts: list[Node] = []
    for part in node.args:
        shaped = shape(part)
        parts.extend(shaped.args if shaped.op == "list" and shaped.name == "pm" else (shaped,))
    if any(part.name == POINT for part in parts):
        # Beside a point that can only be one, C(5, 2) is one.
        parts = [_as_point(part) for part in parts]
    return parts


def _integers_between(node: Node) -> Node | None:
    """Return `1 <= n <= 3, n in ZZ` as the set of its numbers, or None."""
    if node.name not in {",", "and"} or len(node.args) != _PAIR:
        return None
    bounds, member = sorted(node.args, key=lambda part: part.name == "in")
    if member.op != "rel" or member.name != "in" or bounds.op != "rel":
        return None
    if symbols(bounds) != symbols(member) or bounds.name in {"in", "=", "~"}:
        return None
    found = integers_of(Node("such", (member, bounds)))
    return found if found.op == "set" else None


def _has_domain(parts: list[Node]) -> bool:
    """Return whether a list is one value and where it holds, as in `y = x^2, x >= 0`."""
    first, bounds = parts[0], parts[1:]
    single = first.op in {"define", "rel"} and first.name in {"", "="}
    if not single and not (equations.is_flat(first) and first.op != "sym"):
        return False
    if any(b.op != "rel" or "=" in b.name.split() for b in bounds):
        return False
    about = {name for bound in bounds for name in symbols(bound)}
    inside = {*symbols(first)}
    return bool(about) and about <= inside - (
        {first.args[0].name} if first.op == "define" else set()
    )


def _definitions(node: Node, parts: list[Node]) -> Node:
    """Return several definitions as one definition of several values, or as an assignment."""
    names = [part.args[0] for part in parts]
    if len(set(names)) == 1:
        return _define(names[0], node._replace(args=tuple(part.args[1] for part in parts)))
    stems = {name.name.split("_")[0] for name in names if "_" in name.name}
    if len(stems) == 1 and all("_" in name.name for name in names):
        return _indexed(node, stems.pop(), parts)
    if len(set(names)) < len(names):
        return node._replace(args=tuple(parts))
    return Node("assign", tuple(parts))


def _indexed(node: Node, stem: str, parts: list[Node]) -> Node:
    """Return `x_1 = 2, x_2 = 3` as values of x in the order of their indices, which it names."""
    parts = sorted(parts, key=lambda part: part.args[0].name)
    indices = " ".join(part.args[0].name for part in parts)
    values = node._replace(args=tuple(part.args[1] for part in parts))
    return Node("define", (Node("sym", (), stem), values), indices)


_MOST_SIGNS = 6


def _signed_tuple(node: Node) -> Node:
    """Return the list of tuples that a tuple with ± in several parts stands for."""
    choices = [_both_signs(part) if _has_sign(part) else (part,) for part in node.args]
    if not 1 < math.prod(map(len, choices)) <= 2**_MOST_SIGNS:
        return node
    return Node("list", tuple(node._replace(args=parts) for parts in product(*choices)), "pm")


def _compound_quantity(node: Node) -> Node | None:
    """Return `3 hours and 30 minutes` as one quantity, or None."""
    if node.name != "and" or any(part.op != "quantity" for part in node.args):
        return None
    known = [unit for part in node.args if (unit := unit_of(part.name)) is not None]
    sizes, dimensions = {unit.size for unit in known}, {unit.dimension for unit in known}
    if not len(known) == len(sizes) == len(node.args) or len(dimensions) > 1:
        return None
    terms = (
        Node("mul", (part.args[0], num(unit.size / known[0].size)))
        for part, unit in zip(node.args, known, strict=True)
    )
    return node.args[0]._replace(args=(Node("add", tuple(terms)),))


def _without_domains(parts: list[Node]) -> list[Node]:
    """Return the parts without `k in ZZ` and the like, unless there is nothing else."""
    kept: list[Node] = []
    for part in parts:
        if part.op == "rel" and part.name == "in" and part.args[1].op == "const":
            while len(kept) > 1 and kept[-1].op == "sym" and kept[0].op != "sym":
                kept.pop()  # of `c, d in RR` both are parameters
        else:
            kept.append(part)
    return kept or parts


def _has_sign(node: Node) -> bool:
    return contains(node, "pm") or contains(node, "mp")


def _both_signs(node: Node) -> tuple[Node, ...]:
    """Return the tree with the upper signs and the tree with the lower signs."""
    return _signed(node, upper=True), _signed(node, upper=False)


def _signed(node: Node, *, upper: bool) -> Node:
    changed = rebuild(node, lambda part: _signed(part, upper=upper))
    if changed.op not in {"pm", "mp"}:
        return changed
    positive = upper == (changed.op == "pm")
    return changed.args[0] if positive else Node("neg", changed.args)
