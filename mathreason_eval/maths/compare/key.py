"""Keys by which votes are counted: equal keys mean equal answers.

Answers in several spellings of one value share a key wherever the value can be written in one way:
exactly if it is rational, by its digits at fixed points if it is not. Conventions that are not
transitive (50 % is 50 and also 0.5) are resolved one way here: keys cut answers into classes.
"""

from __future__ import annotations

import hashlib
from fractions import Fraction
from functools import lru_cache

from mathreason_eval.maths.compare import text as words
from mathreason_eval.maths.compare.convention import DEFAULT
from mathreason_eval.maths.compare.equations import is_flat
from mathreason_eval.maths.compare.reading import readings
from mathreason_eval.maths.compare.realsets import NotASetError, is_inequality, real_set
from mathreason_eval.maths.compare.scalar import in_radians
from mathreason_eval.maths.compare.shape import shape
from mathreason_eval.maths.compare.structure import contradiction_in
from mathreason_eval.maths.evaluate.exact import exact
from mathreason_eval.maths.evaluate.numeric import fingerprint
from mathreason_eval.maths.syntax.normal import normalise
from mathreason_eval.maths.syntax.number import plain_number
from mathreason_eval.maths.syntax.tree import (
    Node,
    as_matrix,
    contains,
    is_matrix,
    num,
    show,
    substitute,
    sym,
)
from mathreason_eval.maths.vocabulary.units import unit_of

LONGEST = 1000
"""Characters of an answer whose meaning is looked for; a longer one is its own key."""
_SHORT = 1000
_SETS = frozenset({"interval", "union", "inter", "minus", "such"})


def canonical_key(answer: str) -> str:
    """Return a key that is equal for answers that are equal, as far as that is decidable."""
    if len(answer) > LONGEST:
        return "text " + hashlib.sha256(answer.encode("utf-8", "surrogatepass")).hexdigest()
    return _short_key(answer)


@lru_cache(maxsize=1 << 14)
def _short_key(answer: str) -> str:
    """Return the key of an answer of at most `LONGEST` characters; grading and metrics ask both."""
    value = plain_number(answer)
    if value is not None:
        return _number(Fraction(value))
    text = normalise(answer)
    letter = words.choice(text)
    if letter is not None:
        return f"choice {letter}"
    moment = words.moment(text)
    if moment is not None and moment.kind != "clock":
        return f"{moment.kind} {moment.parts}"
    try:
        tree = next(readings(text), None)
        return _words(text) if tree is None else _key(tree)
    except RecursionError:
        return _words(text)


def _number(value: Fraction) -> str:
    """Return the key of a rational number; in hexadecimal, which has no limit of digits."""
    if value.denominator.bit_length() + value.numerator.bit_length() < _SHORT:
        return f"number {value}"
    return f"number {value.numerator:x}/{value.denominator:x}"


def _words(text: str) -> str:
    return "text " + ", ".join(words.enumerated(text) or (text,))


def _key(node: Node) -> str:
    """Return the key of a tree, from the keys of its parts."""
    node = shape(node)
    if node.op == "when":
        return (
            _key(node.args[0])
            if not node.name.startswith("if")
            else f"{_key(node.args[0])} {node.name}"
        )
    if node.op == "choices":
        # A chain whose sides differ is no vote for any of them.
        last = node.args[-1]
        return f"tree {show(node)}" if contradiction_in(node, last, DEFAULT) else _key(last)
    if node.op == "define":
        return _defined(node)
    if node.op in _SETS or is_inequality(node) or (node.op == "const" and node.name == "RR"):
        return _real_set(node)
    if node.op in {"list", "set"}:
        return _collection(node)
    if node.op == "tuple":
        return f"tuple {node.name[:1]}" + "; ".join(map(_key, node.args))
    if node.op == "assign":
        return "assign " + "; ".join(
            sorted(f"{show(p.args[0])} = {_key(p.args[1])}" for p in node.args)
        )
    if is_matrix(node):
        rows = as_matrix(node) or ()
        return "matrix " + " | ".join("; ".join(map(_key, row)) for row in rows)
    return _scalar(node) if is_flat(node) else f"tree {show(node)}"


def _defined(node: Node) -> str:
    """Return the key of a definition; the names of a function's arguments do not count."""
    name, value = node.args
    if name.op == "call":
        for index, argument in enumerate(name.args):
            value = substitute(value, argument, sym(f"argument_{index}"))
        return f"{name.name}() = {_key(value)}"
    return f"{show(name)} = {_key(value)}"


def _collection(node: Node) -> str:
    if len(node.args) == 1:
        return _key(node.args[0])
    if any(part.op == "rel" for part in node.args):
        return _real_set(node)
    parts = [_key(part) for part in node.args]
    return "items " + "; ".join(sorted(set(parts) if node.op == "set" else parts))


def _real_set(node: Node) -> str:
    try:
        found = real_set(node)
    except NotASetError:
        return f"tree {show(node)}"
    cells = "".join("1" if cell else "0" for cell in found.cells)
    return f"set {found.variable} {cells} " + "; ".join(map(_scalar, found.boundaries))


def _scalar(node: Node) -> str:
    """Return the key of a single value: exact if it is rational, else digits."""
    if node.op == "quantity":
        unit = unit_of(node.name)
        inner = node.args[0] if unit is None else Node("mul", (node.args[0], num(unit.size)))
        return _scalar(inner) + ("" if unit is None else f" {unit.dimension}")
    if node.op in {"percent", "degree"} or (node.op == "ratio" and len(node.args) == 2):  # noqa: PLR2004
        return _scalar(Node("div", node.args) if node.op == "ratio" else node.args[0])
    number = exact(node)
    if number is not None:
        return _number(number)
    node = in_radians(node)
    printed = fingerprint(node)
    if "?" in printed or contains(node, "call", "log"):
        return f"tree {show(node)}"
    return f"value {printed}"
