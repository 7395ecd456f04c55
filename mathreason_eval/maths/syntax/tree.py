"""Expression trees: what an answer means, before anybody asks whether it equals another.

A tree is made of one record. `op` says what a node is; the vocabulary:

    num            a number; `value`, and in `name` its decimals as typed (`0.50`), else ""
    sym  const     a variable; `pi`, `e`, `i`, `oo`, or a set such as `RR`
    add mul div neg pow
    call           `name` applied to `args`: sin, root, log, abs, binom, …; or an unknown function
    pm mp          plus or minus its argument; minus or plus
    percent degree a mark that a convention interprets
    quantity       a value with the unit `name`
    ratio          a : b : …
    tuple list set   an ordered group in brackets; bare items; items in braces
    interval       two ends; `name` is its brackets, such as `[)`
    union inter minus   operations on sets
    rel            a chain `a < b <= c`; `name` is its signs, separated by spaces
    such           {variable : condition}
    matrix row det
    sum prod       body, variable, from, to
    integral limit diff     operators that only the slow tier can carry out
    cases          rows of value and condition
    when           an expression; `name` is the qualifier written after it
    text           words; `name` is the words, normalised
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple


class Node(NamedTuple):
    """One node of a tree: an operation with its arguments, a number or a name."""

    op: str
    args: tuple[Node, ...] = ()
    name: str = ""
    value: Fraction | None = None


ONE = Node("num", value=Fraction(1))
TWO = Node("num", value=Fraction(2))
ZERO = Node("num", value=Fraction(0))
MINUS_ONE = Node("num", value=Fraction(-1))
PI = Node("const", name="pi")
E = Node("const", name="e")
I = Node("const", name="i")  # noqa: E741 - the name of the field
INFINITY = Node("const", name="oo")
EMPTY = Node("set")


def num(value: Fraction | int, typed: str = "") -> Node:
    """Return a number, with its decimals as typed if it was typed with a point."""
    return Node("num", (), typed, Fraction(value))


def sym(name: str) -> Node:
    """Return a variable."""
    return Node("sym", (), name)


def call(name: str, *args: Node) -> Node:
    """Return a function applied to its arguments."""
    return Node("call", args, name)


def minus(node: Node) -> Node:
    """Return the negative of an expression."""
    return Node("neg", (node,))


def rebuild(node: Node, change: Callable[[Node], Node]) -> Node:
    """Return the node with `change` applied to each of its arguments."""
    if not node.args:
        return node
    return node._replace(args=tuple(map(change, node.args)))


def substitute(node: Node, old: Node, new: Node) -> Node:
    """Return the tree with every occurrence of `old` replaced by `new`."""
    if node == old:
        return new
    return rebuild(node, lambda part: substitute(part, old, new))


@lru_cache(maxsize=4096)
def symbols(node: Node) -> tuple[str, ...]:
    """Return the names of the variables of a tree, sorted."""
    found: set[str] = set()
    _collect(node, found)
    return tuple(sorted(found))


def _collect(node: Node, found: set[str]) -> None:
    if node.op == "sym":
        found.add(node.name)
    for part in node.args:
        _collect(part, found)


def contains(node: Node, op: str, name: str = "") -> bool:
    """Return whether the tree holds a node of this kind, and of this name if one is given."""
    if node.op == op and (not name or node.name == name):
        return True
    return any(contains(part, op, name) for part in node.args)


def show(node: Node) -> str:
    """Return the tree as plain text, for the notes of verdicts."""
    if node.op == "num":
        return node.name or _digits(node.value)
    if node.op in {"sym", "const", "text"}:
        return node.name
    parts = [show(part) for part in node.args]
    if node.op == "rel":
        signs = iter(node.name.split())
        return parts[0] + "".join(f" {next(signs, '?')} {part}" for part in parts[1:])
    if node.op in _INFIX:
        return "(" + _INFIX[node.op].join(parts) + ")" if len(parts) > 1 else parts[0]
    if node.op == "neg":
        return f"-{parts[0]}"
    if node.op in {"tuple", "list", "set", "interval"}:
        brackets = _BRACKETS.get(node.op, node.name) or "()"
        return f"{brackets[0]}{', '.join(parts)}{brackets[1]}".strip()
    return f"{node.name or node.op}({', '.join(parts)})"


def _digits(value: Fraction | None) -> str:
    """Return a number as text; Python refuses to write out the longest integers."""
    if value is None or max(abs(value.numerator), value.denominator).bit_length() > _MOST_BITS:
        return "a very long number"
    return str(value)


_MOST_BITS = 10_000
_INFIX = {"add": " + ", "mul": "*", "div": "/", "pow": "^", "ratio": ":", "union": " u "}
_BRACKETS = {"list": "  ", "set": "{}"}
