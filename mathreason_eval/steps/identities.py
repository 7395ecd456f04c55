"""Expressions with variables that are said to be the same, and are not."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from mathreason_eval.maths.evaluate.numeric import differ
from mathreason_eval.maths.syntax.lexer import UnreadableError
from mathreason_eval.maths.syntax.normal import normalise
from mathreason_eval.maths.syntax.parse import parse
from mathreason_eval.maths.syntax.tree import Node, symbols
from mathreason_eval.steps.tokens import Token, is_variable

_LONGEST = 300
"""Characters of an expression that is still looked at."""
_STRANGE = frozenset({"word", "label", "odd", "remark", "money", "sep", "modulus"})
_OPERATIONS = frozenset({"num", "sym", "add", "mul", "neg", "div", "pow", "call", "const"})
_SUMS, _PRODUCTS = frozenset({"add"}), frozenset({"mul", "pow"})


def difference(
    text: str, one: Sequence[Token], other: Sequence[Token], *, factored: bool = False
) -> str | None:
    """Return at which values of their variables two sides differ; None if nothing shows it.

    Only sides in the same variables are compared: between others stands what is known of them.

    Args:
        text: in which the sides stand.
        one: the left side.
        other: the right side.
        factored: whether only a sum and a product are compared.
    """
    if not _has_letters(one) or not _has_letters(other):
        return None
    left, right = tree(text, one), tree(text, other)
    if left is None or right is None or symbols(left) != symbols(right) or not symbols(left):
        return None
    if "sym" in {left.op, right.op}:
        return None
    if factored and not (left.op in _SUMS and right.op in _PRODUCTS):
        return None
    found = differ(right, left)
    return found.note if found.equal is False else None


def tree(text: str, side: Sequence[Token]) -> Node | None:
    """Return the tree of a side that is nothing but an expression of variables, or None."""
    if not side or any(_is_strange(token) for token in side):
        return None
    return _parsed(text[side[0].start : side[-1].end])


def wordless(side: Sequence[Token]) -> Sequence[Token]:
    """Return a side without the words before and behind its formula; nothing if they belong to it.

    `We have x + 1` is about x + 1, but `the age - 4` is not about -4.
    """
    first, last = 0, len(side)
    while first < last and _is_prose(side[first]):
        first += 1
    while last > first and _is_prose(side[last - 1]):
        last -= 1
    inner = side[first:last]
    return () if first and inner and inner[0].kind == "op" else inner


def _has_letters(side: Sequence[Token]) -> bool:
    return any(token.kind in {"word", "cmd"} for token in side)


def _is_prose(token: Token) -> bool:
    return token.kind in {"word", "label"} and not (token.kind == "word" and is_variable(token))


def _is_strange(token: Token) -> bool:
    return token.kind in _STRANGE and not (token.kind == "word" and len(token.text) == 1)


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Node | None:
    """Return the tree of an expression of variables, or None if it holds something doubtful.

    Decimals may be rounded; where the argument of a function ends is a matter of taste; the root
    of a square may be meant for the positive one.
    """
    if len(text) > _LONGEST:
        return None
    try:
        node = parse(normalise(text), grouped=False)
    except UnreadableError:
        return None
    return node if _is_plain(node) else None


def _is_plain(node: Node) -> bool:
    if node.op not in _OPERATIONS or (node.op == "const" and node.name != "pi"):
        return False
    if node.op == "call" and (node.name != "root" or symbols(node)):
        return False
    if node.op == "num" and node.name:
        return False
    return all(map(_is_plain, node.args))
