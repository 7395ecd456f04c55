"""Equations up to a factor, definitions, and inequalities in several letters."""

from __future__ import annotations

from collections.abc import Callable

from mathreason_eval.maths.compare.expression import Finding, same_value
from mathreason_eval.maths.evaluate import numeric
from mathreason_eval.maths.evaluate.exact import exact
from mathreason_eval.maths.evaluate.polynomials import polynomial
from mathreason_eval.maths.evaluate.residue import proportional
from mathreason_eval.maths.syntax.tree import (
    ONE,
    ZERO,
    Node,
    contains,
    show,
    substitute,
    sym,
    symbols,
)
from mathreason_eval.maths.vocabulary.latex import FUNCTIONS
from mathreason_eval.maths.vocabulary.words import these

_FLIP = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def is_name(node: Node) -> bool:
    """Return whether a node only names a thing: x, f(x), a_n, AB, |AB|, NO/BO."""
    rule = _NAMES.get(node.op)
    return rule is not None and rule(node)


def _names_by_call(node: Node) -> bool:
    """Return whether a call names a value: f(x), max f, |AB|, sin A; but not sin 2x."""
    if node.name in FUNCTIONS.values() and node.name not in _NAMING:
        return all(map(is_name, node.args))
    return bool(symbols(node))


def _names_by_prefix(node: Node) -> bool:
    """Return whether a product is a name such as angle ABC."""
    first = node.args[0]
    return first.op == "sym" and first.name.startswith(_PREFIXES)


def _segment(node: Node) -> bool:
    """Return whether a node is named by capital letters, as a segment or an area is."""
    return node.op == "sym" and node.name[:1].isupper()


_NAMING = frozenset({"min", "max", "det", "abs"})
_PREFIXES = ("angle", "triangle", "S_", "Delta")
_NAMES: dict[str, Callable[[Node], bool]] = {
    "sym": lambda _: True,
    "const": lambda node: node.name in {"e", "i"},
    "call": _names_by_call,
    "div": lambda node: all(map(_segment, node.args)),
    "ratio": lambda node: all(part.op == "sym" for part in node.args),
    "union": lambda node: all(map(_segment, node.args)),
    "inter": lambda node: all(map(_segment, node.args)),
    "mul": _names_by_prefix,
}


def defines(node: Node) -> bool:
    """Return whether a relation is `name = value`, the value not containing the name."""
    if node.op != "rel" or any(sign not in {"=", "~", "equiv"} for sign in node.name.split()):
        return False
    name, value = node.args[0], node.args[-1]
    if name.op == value.op == "sym":
        return True
    return is_name(name) and not contains(value, name.op, name.name or "\0")


def same_equation(gold: Node, answer: Node) -> Finding:
    """Return whether two equations have the same solutions: they differ by a non-zero factor."""
    one, other = _difference(gold), _difference(answer)
    if symbols(one) != symbols(other):
        return Finding(equal=False, rule="equation", note="they are about different variables")
    factor = proportional(one, other)
    if factor:
        return Finding(equal=True, rule="equation", note="the same equation up to a factor")
    solved = _same_solution(one, other)
    if solved is not None:
        return solved
    if factor is None and same_value(one, other).equal:
        return Finding(equal=True, rule="equation", note="the same equation")
    if factor is False or _ratio_varies(one, other):
        return Finding(equal=False, rule="equation", note="their ratio is not constant")
    return Finding(equal=None, rule="undecided", note="equations that no rule compares")


def _difference(node: Node) -> Node:
    return Node("add", (node.args[0], Node("neg", (node.args[-1],))))


def _ratio_varies(one: Node, other: Node) -> bool:
    scaled = Node("div", (one, other))
    return numeric.differ(scaled, _shifted(scaled)).equal is False


def _shifted(node: Node) -> Node:
    for name in symbols(node):
        node = substitute(node, sym(name), Node("add", (sym(name), ONE)))
    return node


def _same_solution(one: Node, other: Node) -> Finding | None:
    """Return what solving both for one variable, linear in both, says; None if there is none."""
    for name in symbols(one):
        variable = sym(name)
        first, second = (_solved(node, variable) for node in (one, other))
        if first is not None and second is not None:
            found = same_value(first, second)
            if found.equal:
                return Finding(equal=True, rule="equation", note=f"both say {name} = {show(first)}")
    return None


def _solved(node: Node, variable: Node) -> Node | None:
    coefficients = polynomial(node, variable)
    if coefficients is None or len(coefficients) != 2:  # noqa: PLR2004 - linear
        return None
    return Node("div", (Node("neg", (coefficients[0],)), coefficients[1]))


def _asks_for_number(node: Node) -> bool:
    """Return whether `m + n = 12` answers a question for the number: bare names combined once."""
    bare = all(part.op == "sym" for part in node.args)
    return node.op in {"add", "mul", "div"} and bare and len(set(node.args)) == len(node.args)


def satisfies(equation: Node, value: Node) -> Finding:
    """Return whether an expression is what an equation says of one of its variables."""
    asked, answer = equation.args[0], equation.args[-1]
    if _asks_for_number(asked) and exact(answer) and exact(value) is not None:
        return same_value(answer, value)
    names = symbols(value)
    if names:
        whole = _difference(equation)
        for name in symbols(whole):
            if name in names:
                continue
            filled = substitute(whole, sym(name), value)
            if contains(filled, "sym", name):
                continue
            if same_value(ZERO, filled).equal:
                return Finding(equal=True, rule="equation", note=f"it is {name} of the equation")
    return Finding(equal=False, rule="equation", note="an equation against a value")


def same_inequality(gold: Node, answer: Node) -> Finding:
    """Return whether two inequalities in several letters say the same."""
    one, other = _upward(gold), _upward(answer)
    if one.name != other.name:
        return Finding(equal=False, rule="inequality", note="they relate in different ways")
    if len(one.args) == len(other.args) == 2:  # noqa: PLR2004 - one relation each
        first, second = _difference(one), _difference(other)
        found = same_value(first, second)
        return found if found.equal else found._replace(rule="inequality")
    for left, right in zip(one.args, other.args, strict=False):
        found = same_value(left, right)
        if not found.equal:
            return found._replace(rule="inequality")
    return Finding(equal=True, rule="inequality", note="the same chain of relations")


def _upward(node: Node) -> Node:
    """Return the chain turned so that it rises."""
    signs = node.name.split()
    if signs[0] in {">", ">="}:
        return Node("rel", node.args[::-1], " ".join(_FLIP.get(sign, sign) for sign in signs[::-1]))
    return node


_NOT_FLAT = these(
    "rel list set tuple interval union inter minus such matrix cases define assign choices when"
)


def is_flat(node: Node) -> bool:
    """Return whether a node is one value rather than a structure."""
    return node.op not in _NOT_FLAT


def as_interval(node: Node) -> Node | None:
    """Return the interval of `a < x` or `a < x <= b` in letters, x being a name; None if none."""
    if node.op != "rel" or not set(node.name.split()) <= {"<", "<=", ">", ">="}:
        return None
    node = _upward(node)
    signs = node.name.split()
    infinity = Node("const", (), "oo")
    if len(signs) == 1:
        left, right = node.args
        if left.op == "sym" and not contains(right, "sym", left.name):
            return Node(
                "interval",
                (Node("neg", (infinity,)), right),
                "(" + ("]" if "=" in signs[0] else ")"),
            )
        if right.op == "sym" and not contains(left, "sym", right.name):
            return Node("interval", (left, infinity), ("[" if "=" in signs[0] else "(") + ")")
        return None
    if len(signs) == 2 and is_name(node.args[1]):  # noqa: PLR2004 - a < x < b
        brackets = ("[" if "=" in signs[0] else "(") + ("]" if "=" in signs[1] else ")")
        return Node("interval", (node.args[0], node.args[2]), brackets)
    return None


def as_listed_order(gold: Node, answer: Node) -> tuple[tuple[Node, ...], tuple[Node, ...]] | None:
    """Return the members of a chain `b < a < d` beside a list of names, or None."""
    chain, listed = (gold, answer) if gold.op == "rel" else (answer, gold)
    if chain.op != "rel" or listed.op not in {"list", "tuple"} or len(chain.args) < 3:  # noqa: PLR2004
        return None
    if not all(part.op == "sym" for part in (*chain.args, *listed.args)):
        return None
    return gold.args, answer.args
