"""Tuples, lists, sets and assignments; matrices and cases."""

from __future__ import annotations

from mathreason_eval.maths.compare.comparison import Comparison, different, ordered, unordered
from mathreason_eval.maths.compare.equations import is_flat
from mathreason_eval.maths.compare.expression import Finding
from mathreason_eval.maths.syntax.tree import Node, Rows, as_matrix, show

_COLLECTIONS = frozenset({"list", "set"})
_PAIR = 2


def is_group(node: Node) -> bool:
    """Return whether a node has several values: a list, a set, a tuple or an assignment."""
    return node.op in _COLLECTIONS or node.op in {"tuple", "assign"}


def same_group(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare two trees of which at least one is a group."""
    if not (is_group(gold) and is_group(answer)):
        return _same_single(gold, answer, how)
    kinds = {gold.op, answer.op}
    elements = [_only_tuple(node) for node in (gold, answer)]
    if how.convention.singleton_sets and kinds & _COLLECTIONS and any(elements):
        return how.same(elements[0] or gold, elements[1] or answer)
    if kinds == {"assign"}:
        return _same_assignment(gold, answer, how)
    if kinds <= {"tuple", "assign"}:
        return _same_tuple(gold, answer, how)
    if {gold.name, answer.name} == {"and", "or"} and all(_is_name(p) for p in gold.args):
        return different("structure", "one says and, the other or")
    if kinds <= _COLLECTIONS and not (how.convention.ordered_lists and kinds == {"list"}):
        return unordered(_distinct(gold), _distinct(answer), how.inside())
    if "set" in kinds:
        return different("structure", "a set has no order, a tuple has")
    return ordered(_values(gold), _values(answer), how.inside())


def _only_tuple(node: Node) -> Node | None:
    """Return the tuple that is all that a collection holds, as in `{(1, 2)}`, or None."""
    alone = node.op in _COLLECTIONS and len(node.args) == 1
    return node.args[0] if alone and node.args[0].op in {"tuple", "interval"} else None


def _is_name(node: Node) -> bool:
    return node.op == "sym"


def _same_tuple(gold: Node, answer: Node, how: Comparison) -> Finding:
    if gold.op == answer.op == "tuple" and gold.name != answer.name and len(gold.args) == _PAIR:
        return different("structure", "their brackets differ")
    if gold.op != answer.op:
        gold, answer = _in_order(gold), _in_order(answer)
    return ordered(_values(gold), _values(answer), how.inside())


def _in_order(node: Node) -> Node:
    """Return an assignment of x, y and z as a tuple would list it, `y = 4, x = 3` by x first."""
    if node.op != "assign" or {show(part.args[0]) for part in node.args} not in _COORDINATES:
        return node
    return node._replace(args=tuple(sorted(node.args, key=lambda part: show(part.args[0]))))


_COORDINATES = ({"x", "y"}, {"x", "y", "z"}, {"a", "b"}, {"a", "b", "c"}, {"m", "n"}, {"p", "q"})


def _same_single(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare a group with something that is none."""
    group = gold if is_group(gold) else answer
    column = answer if group is gold else gold
    if group.op == "tuple" and column.op == "call" and column.name == "binom":
        return ordered(gold.args, answer.args, how.inside())
    if len(group.args) == 1 and (how.convention.singleton_sets or group.op != "set"):
        return how.same(_lone(gold), _lone(answer))
    return different("structure", "one value against several")


def _lone(node: Node) -> Node:
    return node.args[0] if is_group(node) else node


def _same_assignment(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare values given by name: `x = 1, y = 2` and `y = 2, x = 1`."""
    golds = {show(part.args[0]): part.args[1] for part in gold.args}
    answers = {show(part.args[0]): part.args[1] for part in answer.args}
    if golds.keys() == answers.keys():
        matching = tuple(answers[name] for name in golds)
        return ordered(tuple(golds.values()), matching, how.inside())
    if how.convention.variable_names:
        return different("structure", "they name different things")
    return ordered(tuple(golds.values()), tuple(answers.values()), how.inside())


def _values(node: Node) -> tuple[Node, ...]:
    return tuple(p.args[1] for p in node.args) if node.op == "assign" else node.args


def _distinct(node: Node) -> tuple[Node, ...]:
    """Return the items; those of a set only once each, where they are the same tree."""
    return tuple(dict.fromkeys(node.args)) if node.op == "set" else node.args


def same_matrix(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare two trees of which at least one is a matrix; a tuple may be a column."""
    one, other = _matrix_beside(gold, answer), _matrix_beside(answer, gold)
    if one is None or other is None:
        return different("matrix", "a matrix against something else")
    if [len(row) for row in one] != [len(row) for row in other]:
        return different("matrix", "their shapes differ")
    cells = [tuple(cell for row in rows for cell in row) for rows in (one, other)]
    return ordered(cells[0], cells[1], how.inside())._replace(rule="matrix")


def _matrix_beside(node: Node, other: Node) -> Rows | None:
    """Return the entries of a matrix, a value being its only one and a tuple lying as needed."""
    rows = as_matrix(node)
    if rows is None:
        return ((node,),) if is_flat(node) else None
    beside = as_matrix(other) if node.op in _VECTORS else None
    if beside is not None and len(beside) == 1 < len(rows) and all(len(row) == 1 for row in rows):
        return (tuple(row[0] for row in rows),)
    return rows


_VECTORS = frozenset({"tuple", "list", "interval"})


def same_cases(gold: Node, answer: Node, how: Comparison) -> Finding:
    """Compare definitions by cases, or the rows of two."""
    if gold.op != answer.op:
        return Finding(equal=None, rule="undecided", note="cases against a closed form")
    if gold.op == "row":
        return ordered(gold.args, answer.args, how.inside())
    return unordered(gold.args, answer.args, how.inside())
