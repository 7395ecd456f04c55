"""Intervals, unions, inequalities and set-builders, with numbers or letters at their ends."""

from __future__ import annotations

from mathreason_eval.maths.compare import equations
from mathreason_eval.maths.compare.comparison import (
    DIFFERENT_KIND,
    Comparison,
    different,
    ordered,
    unordered,
)
from mathreason_eval.maths.compare.expression import Finding
from mathreason_eval.maths.compare.realsets import (
    NotASetError,
    RealSet,
    is_inequality,
    is_interval,
    real_set,
    same_set,
)
from mathreason_eval.maths.syntax.tree import Node, substitute, sym, symbols

_OPERATIONS = frozenset({"union", "inter", "minus", "interval", "such"})
_COLLECTIONS = frozenset({"list", "set"})


def is_set(node: Node) -> bool:
    """Return whether a node is a set of real numbers by its form."""
    if node.op in _COLLECTIONS:
        return any(map(is_set, node.args))
    if node.op == "rel":
        return is_inequality(node) or node.name in {"in", "notin"}
    return node.op in _OPERATIONS or (node.op == "const" and node.name.startswith("RR"))


def same_real_set(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare two trees of which at least one is a set of real numbers."""
    one, other = _normal_form(gold), _normal_form(answer)
    if one is None or other is None:
        return _same_symbolic_set(gold, answer, how)
    names = {one.variable, other.variable} - {""}
    if len(names) > 1 and how.convention.variable_names:
        return different("set", "they are about different variables")
    return same_set(one, other)


def _normal_form(node: Node) -> RealSet | None:
    if node.op == "tuple" and not is_interval(node):
        return None
    try:
        return real_set(node)
    except NotASetError:
        return None


def _same_symbolic_set(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare sets whose ends are not numbers, part by part."""
    if gold.op == answer.op == "rel":
        if gold.name == answer.name == "in":
            return how.inside().same(gold.args[1], answer.args[1])
        return equations.same_inequality(gold, answer)
    chain = equations.as_listed_order(gold, answer)
    if chain is not None:
        return ordered(chain[0], chain[1], how.inside())
    gold, answer = _plain(gold), _plain(answer)
    if "const" in {gold.op, answer.op}:
        return _same_numbers(gold, answer)
    if is_interval(gold) and is_interval(answer):
        if gold.name != answer.name:
            return different("set", "their ends are of different kinds")
        return ordered(gold.args, answer.args, how.inside())
    if gold.op != answer.op:
        return DIFFERENT_KIND
    if gold.op == "such":
        return ordered(gold.args, _renamed(answer, gold).args, how.inside())
    if gold.op == "minus":
        return ordered(gold.args, answer.args, how.inside())
    return unordered(_flattened(gold), _flattened(answer), how.inside())


def _same_numbers(gold: Node, answer: Node) -> Finding:
    """Compare two sets of which one is a set of numbers by its letter, such as the integers."""
    same = gold.op == answer.op and gold.name == answer.name
    return Finding(equal=same, rule="set", note=f"{answer.name} against {gold.name}")


def _plain(node: Node) -> Node:
    """Return the set that a membership, a builder or an inequality in letters speaks of."""
    if node.op == "rel" and node.name == "in":
        return node.args[1]
    if node.op == "such":
        interval = equations.as_interval(node.args[1])
        # In {x : x^2 < y} the interval would be one of y.
        about = set(symbols(node.args[0])) if interval is not None else set()
        return interval if interval is not None and not about & {*symbols(interval)} else node
    return equations.as_interval(node) or node


def _renamed(builder: Node, like: Node) -> Node:
    """Return a set-builder in the variable of another one."""
    used, wanted = symbols(builder.args[0]), symbols(like.args[0])
    if len(used) == len(wanted) == 1:
        return substitute(builder, sym(used[0]), sym(wanted[0]))
    return builder


def _flattened(node: Node) -> tuple[Node, ...]:
    parts: list[Node] = []
    for part in node.args:
        parts.extend(_flattened(part) if part.op == node.op else (part,))
    return tuple(parts)
