"""What stands beside a value: a condition, the range of a letter, a reason, or a remark.

None of it is dropped: a range says which letters are parameters, a condition is compared, and
what is not understood leaves the verdict open. A condition that cannot hold makes an answer wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from mathreason_eval.maths.compare.comparison import (
    UNKNOWN,
    Comparison,
    Finding,
    different,
    same_value,
)
from mathreason_eval.maths.evaluate.exact import exact
from mathreason_eval.maths.evaluate.numeric import real_value
from mathreason_eval.maths.syntax.tree import Node, show, substitute, symbols
from mathreason_eval.maths.vocabulary import words

_PAIR = 2
_REASONS = words.these("because since as")
_INTRODUCING = words.QUALIFIERS | words.these("that is are be being ( ) , : and or the a an it to")
_OF_RANGES = words.these(
    "any all every each some real reals integer integers number numbers constant constants "
    "arbitrary parameter parameters whole in ZZ RR QQ NN CC integration value values"
)
"""Words of a qualifier that says what a letter ranges over, and restricts nothing."""
_DOMAINS = {"integer": "ZZ", "integers": "ZZ", "whole": "ZZ", "real": "RR", "reals": "RR",
            "ZZ": "ZZ", "RR": "RR", "QQ": "QQ", "NN": "NN", "CC": "CC"}  # fmt: skip


def condition_of(node: Node) -> Node | None:
    """Return the condition of a qualified value as a tree; None if it has none that can be read."""
    if node.op != "when" or len(node.args) != _PAIR or _is_reason(node):
        return None
    return None if _is_range(node.args[1]) else node.args[1]


def _is_reason(node: Node) -> bool:
    return node.name.partition(" ")[0] in _REASONS


def _is_range(condition: Node) -> bool:
    """Return whether a condition only says in which set of numbers a letter is."""
    if condition.op == "list":
        return all(_is_range(part) or part.op == "sym" for part in condition.args)
    return condition.op == "rel" and condition.name == "in" and condition.args[1].op == "const"


def restricts(node: Node) -> bool:
    """Return whether something beside a value may change what is claimed."""
    if node.op != "when" or node.name.startswith("mod") or _is_reason(node):
        return False
    if len(node.args) == _PAIR:
        return condition_of(node) is not None
    return any(len(word) > 1 or not word.isalpha() for word in {*_told(node)} - _OF_RANGES)


def _told(node: Node) -> list[str]:
    """Return the words of a qualifier without those that introduce it."""
    return [word for word in node.name.split() if word.lower() not in _INTRODUCING]


def range_of(node: Node) -> frozenset[str]:
    """Return the sets of numbers that a qualifier names in words: `where k is an integer`."""
    if node.op != "when" or restricts(node):
        return frozenset()
    return frozenset(_DOMAINS[word] for word in _told(node) if word in _DOMAINS)


def same_annotations(gold: Node, answer: Node, how: Comparison) -> Finding | None:
    """Return what the annotations of two answers decide; None if they leave it to the values."""
    for node in (gold, answer):
        if (never := never_holds(node)) is not None:
            return different("condition", f"it never holds that {show(never)}")
    one, other = condition_of(gold), condition_of(answer)
    if one is not None and other is not None:
        found = how.inside().same(one, other)
        return None if found.equal else found
    if restricts(gold) and restricts(answer):
        if _told(gold) == _told(answer):
            return None
        note = f"under {answer.name!r} against {gold.name!r}"
        firm = all(node.name.partition(" ")[0] in words.CONDITIONS for node in (gold, answer))
        return different("structure", note) if firm else UNKNOWN._replace(note=note)
    if restricts(gold) or restricts(answer):
        return UNKNOWN._replace(note="only one of them holds under a condition")
    return None


def fixes_letters(node: Node) -> bool:
    """Return whether a condition may give letters of a value their values: `5n where n = 2`."""
    return node.op == "when" and "=" in node.name.split() and bool(symbols(node.args[0]))


# --- conditions that cannot hold -----------------------------------------------------------------


def never_holds(node: Node) -> Node | None:
    """Return the part of an answer's condition that is false, whatever its letters are, or None.

    In `x = 5 where x < 3` the letter is known.
    """
    condition = condition_of(node)
    if condition is None:
        return None
    value = node.args[0]
    parts = condition.args if condition.op == "list" and condition.name != "or" else (condition,)
    for part in parts:
        filled = part
        if value.op == "rel" and value.name == "=" and value.args[0].op == "sym":
            filled = substitute(part, *value.args)
        if filled.op == "rel" and _is_false(filled):
            return part
    return None


def _is_false(relation: Node) -> bool:
    """Return whether a chain of relations between constants is false."""
    if symbols(relation):
        return False
    pairs = zip(relation.name.split(), pairwise(relation.args), strict=False)
    return any(sign in _DENIED and _DENIED[sign](*pair) for sign, pair in pairs)


def _order(one: Node, other: Node) -> int | None:
    """Return the sign of a difference of two constants; None if it is not known."""
    if same_value(one, other).equal is not False:
        return 0 if same_value(one, other).equal else None
    values = [exact(node) for node in (one, other)]
    if None in values:
        floats = [real_value(node) for node in (one, other)]
        if None in floats:
            return None
        return 1 if floats[0] > floats[1] else -1  # type: ignore[operator]
    return 1 if values[0] > values[1] else -1  # type: ignore[operator]


_DENIED: dict[str, Callable[[Node, Node], bool]] = {
    "=": lambda one, other: same_value(one, other).equal is False,
    "!=": lambda one, other: same_value(one, other).equal is True,
    "<": lambda one, other: _order(one, other) in {0, 1},
    "<=": lambda one, other: _order(one, other) == 1,
    ">": lambda one, other: _order(one, other) in {0, -1},
    ">=": lambda one, other: _order(one, other) == -1,
}
"""Which relations are denied by two constants."""
