"""What has no value: division by zero, a pole of the tangent, arithmetic on infinity.

A tree that has a part without a value equals nothing, whatever that part is multiplied by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from mathreason_eval.maths.evaluate.exact import exact
from mathreason_eval.maths.evaluate.numeric import machine_value, real_value
from mathreason_eval.maths.syntax.tree import INFINITY, Node, contains, show, symbols

Extended = Literal["+oo", "-oo", "finite", "undefined", "unknown"]
"""What a tree that holds infinity is: on the extended real line, or open."""

_ARITHMETIC = frozenset({"add", "mul", "neg", "div", "pow", "call", "percent", "degree"})
_NEARLY = 1e-12
_POLES = {"tan": "cos", "sec": "cos", "cot": "sin", "csc": "sin"}
"""Functions that have no value where another is zero."""
_LOGARITHMS = frozenset({"ln", "log", "lg", "lb"})


def without_value(node: Node) -> str:
    """Return the first part of a tree that is known to have no value, as text; "" if none is."""
    for part in node.args:
        if node.op in _ARITHMETIC and (found := without_value(part)):
            return found
    if node.op in _ARITHMETIC and (_is_undefined(node) or extended(node) == "undefined"):
        return show(node)
    return ""


def _is_undefined(node: Node) -> bool:
    if node.op == "div":
        return exact(node.args[1]) == 0
    if node.op == "pow":
        exponent = exact(node.args[1])
        return exponent is not None and exponent < 0 and exact(node.args[0]) == 0
    if node.op != "call" or not node.args or symbols(node.args[0]):
        return False
    if node.name in _LOGARITHMS:
        return exact(node.args[0]) == 0
    if node.name in _POLES:
        found = machine_value(Node("call", node.args[:1], _POLES[node.name]))
        return found is not None and abs(found) < _NEARLY
    return False


# --- the extended real line ----------------------------------------------------------------------


def extended(node: Node) -> Extended:
    """Return what a tree is on the extended real line; `finite` for one without infinity in it."""
    if node == INFINITY:
        return "+oo"
    if not contains(node, "const", "oo"):
        return "finite"
    if node.op not in _ARITHMETIC:
        # A sum or an integral to infinity may have a value or none.
        return "unknown"
    parts = [extended(part) for part in node.args]
    if "undefined" in parts:
        return "undefined"
    rule = _RULES.get(node.op)
    return "unknown" if rule is None or "unknown" in parts else rule(node.args, parts)


def _sum(_: Sequence[Node], parts: Sequence[Extended]) -> Extended:
    infinite = {part for part in parts if part != "finite"}
    return infinite.pop() if len(infinite) == 1 else "undefined"


def _sign(node: Node) -> int | None:
    """Return the sign of a finite tree, or None where it is open."""
    value = exact(node)
    if value is None:
        found = real_value(node) if not symbols(node) else None
        return None if found is None or abs(found) < _NEARLY else (found > 0) - (found < 0)
    return (value > 0) - (value < 0)


def _product(nodes: Sequence[Node], parts: Sequence[Extended]) -> Extended:
    sign = 1
    for node, part in zip(nodes, parts, strict=True):
        factor = _sign(node) if part == "finite" else 1 if part == "+oo" else -1
        if factor is None:
            return "unknown"
        sign *= factor
    return "undefined" if sign == 0 else "+oo" if sign > 0 else "-oo"


def _quotient(nodes: Sequence[Node], parts: Sequence[Extended]) -> Extended:
    if parts[1] != "finite":
        return "undefined" if parts[0] != "finite" else "unknown"
    return _product(nodes, parts)


def _power(nodes: Sequence[Node], parts: Sequence[Extended]) -> Extended:
    base, exponent = nodes
    if parts[1] == "finite":
        return "undefined" if exact(exponent) == 0 else "unknown"
    return "undefined" if exact(base) in {1, -1} else "unknown"


_NEGATIVE: dict[Extended, Extended] = {"+oo": "-oo", "-oo": "+oo"}
_RULES: dict[str, Callable[[Sequence[Node], Sequence[Extended]], Extended]] = {
    "add": _sum,
    "neg": lambda _, parts: _NEGATIVE.get(parts[0], parts[0]),
    "mul": _product,
    "div": _quotient,
    "pow": _power,
}
