"""Equations up to a factor, definitions, and families of solutions with their parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import permutations

from mathreason_eval.maths.compare.comparison import Finding, different, equal, same_value
from mathreason_eval.maths.evaluate import numeric
from mathreason_eval.maths.evaluate.exact import exact
from mathreason_eval.maths.evaluate.polynomials import polynomial
from mathreason_eval.maths.evaluate.residue import proportional, residues
from mathreason_eval.maths.syntax.tree import (
    ONE,
    ZERO,
    Node,
    contains,
    num,
    rebuild,
    show,
    substitute,
    sym,
    symbols,
)
from mathreason_eval.maths.vocabulary.latex import FUNCTIONS
from mathreason_eval.maths.vocabulary.words import these


def is_name(node: Node) -> bool:
    """Return whether a node is only a name: x, f(x), a_n, AB, |AB|, NO/BO."""
    rule = _NAMES.get(node.op)
    return rule is not None and rule(node)


_NAMING = frozenset({"min", "max", "det", "abs"})


def _names_by_call(node: Node) -> bool:
    """Return whether a call is a name: f(x), max f, |AB|, sin A; but not sin 2x."""
    if node.name in FUNCTIONS.values() and node.name not in _NAMING:
        return all(map(is_name, node.args))
    return bool(symbols(node))


def _segment(node: Node) -> bool:
    """Return whether a node is named by capital letters, as a segment or an area is."""
    return node.op == "sym" and node.name[:1].isupper()


_PREFIXES = ("angle", "triangle", "S_", "Delta")
"""First factors of products that are names, such as angle ABC."""
_NAMES: dict[str, Callable[[Node], bool]] = {
    "sym": lambda _: True,
    "const": lambda node: node.name in {"e", "i"},
    "call": _names_by_call,
    "div": lambda node: all(map(_segment, node.args)),
    "ratio": lambda node: all(part.op == "sym" for part in node.args),
    "union": lambda node: all(map(_segment, node.args)),
    "inter": lambda node: all(map(_segment, node.args)),
    "mul": lambda node: node.args[0].op == "sym" and node.args[0].name.startswith(_PREFIXES),
}


def defines(node: Node) -> bool:
    """Return whether a relation is `name = value`, the value not containing the name."""
    if node.op != "rel" or any(sign not in {"=", "~", "equiv"} for sign in node.name.split()):
        return False
    name, value = node.args[0], node.args[-1]
    if name.op == value.op == "sym":
        return True
    if name.op == "call" and name.name in FUNCTIONS.values() and name.name not in _NAMING:
        # sin A = 3/5 gives a value; ln x = e^x is an equation for x.
        return is_name(name) and not set(symbols(name)) & set(symbols(value))
    return is_name(name) and not _is_in(value, name)


def _is_in(value: Node, name: Node) -> bool:
    """Return whether a value holds its own name; in `y(t) = y(0) e^t` it does not."""
    if value.op == name.op and value.name == (name.name or "\0"):
        return value.op != "call" or bool(symbols(value))
    return any(_is_in(part, name) for part in value.args)


def same_equation(gold: Node, answer: Node) -> Finding:
    """Return whether two equations have the same solutions: they differ by a non-zero factor."""
    one, other = difference(gold), difference(answer)
    if symbols(one) != symbols(other):
        return different("equation", "they are about different variables")
    factor = proportional(one, other)
    if factor:
        return equal("equation", "the same equation up to a factor")
    solved = _same_solution(one, other)
    if solved is not None:
        return solved
    if factor is None and same_value(one, other).equal:
        return equal("equation", "the same equation")
    if factor is False or _ratio_varies(one, other):
        return different("equation", "their ratio is not constant")
    return Finding(equal=None, rule="undecided", note="equations that no rule compares")


def difference(node: Node) -> Node:
    """Return the left side of a relation minus its right side."""
    return Node("add", (node.args[0], Node("neg", (node.args[-1],))))


def _ratio_varies(one: Node, other: Node) -> bool:
    """Return whether the ratio of two expressions changes if each variable grows by one."""
    ratio = shifted = Node("div", (one, other))
    for name in symbols(ratio):
        shifted = substitute(shifted, sym(name), Node("add", (sym(name), ONE)))
    return numeric.differ(ratio, shifted).equal is False


def _same_solution(one: Node, other: Node) -> Finding | None:
    """Compare the solutions for one variable, linear in both; None unless they are equal."""
    for name in symbols(one):
        variable = sym(name)
        first, second = (_solved(node, variable) for node in (one, other))
        if first is not None and second is not None:
            found = same_value(first, second)
            if found.equal:
                return equal("equation", f"both give {name} = {show(first)}")
    return None


def _solved(node: Node, variable: Node) -> Node | None:
    coefficients = polynomial(node, variable)
    if coefficients is None or len(coefficients) != 2:  # noqa: PLR2004 - linear
        return None
    return Node("div", (Node("neg", (coefficients[0],)), coefficients[1]))


def satisfies(equation: Node, value: Node) -> Finding:
    """Return whether an expression is the solution of an equation for one of its variables."""
    asked, answer = equation.args[0], equation.args[-1]
    bare = asked.op in {"add", "mul", "div"} and all(part.op == "sym" for part in asked.args)
    once = len(set(asked.args)) == len(asked.args)
    if bare and once and exact(answer) and exact(value) is not None:
        return same_value(answer, value)  # `m + n = 12` answers a question for the number
    names = symbols(value)
    if names:
        whole = difference(equation)
        for name in symbols(whole):
            if name in names:
                continue
            filled = substitute(whole, sym(name), value)
            if contains(filled, "sym", name):
                continue
            if same_value(ZERO, filled).equal:
                return equal("equation", f"it is {name} of the equation")
    return different("equation", "an equation against a value")


_NOT_FLAT = these(
    "rel list set tuple interval union inter minus such matrix cases define assign choices when"
)


def is_flat(node: Node) -> bool:
    """Return whether a node is one value rather than a structure."""
    return node.op not in _NOT_FLAT


# --- families of solutions -----------------------------------------------------------------------

_WHOLE = these("k n m l j K N")
"""Letters of an arbitrary integer in an expression with pi."""
_FREE = _WHOLE | these("t s r c p q lambda mu")
"""Letters of an arbitrary number within a tuple or a list."""
_ANY = _FREE | these("C a b A B c_1 c_2 C_1 C_2 k_1 k_2 n_1 n_2")
"""Letters of any parameter whose range a qualifier gives."""
_CONSTANTS = these("C c K C_1 C_2 c_1 c_2 C_0")
"""Letters of constants of integration."""
_ARBITRARY = _CONSTANTS | these("A B D A_1 A_2 B_1 B_2 k k_1 k_2 a b")
"""Letters that an answer may give to the constants of integration of a gold."""
_MOST_PARAMETERS = 3
_RANGES = these("any all every each real integer integers constant constants arbitrary")
"""Words of a qualifier that says what a parameter ranges over."""


def quantified(node: Node) -> frozenset[str]:
    """Return the letters of a tree whose range it gives, as in `k in ZZ` or `for any real k`."""
    found: set[str] = set()
    if node.op == "rel" and node.name == "in" and node.args[1].op == "const":
        found.update(symbols(node.args[0]))
    if node.op == "list" and any(part.op == "rel" and part.name == "in" for part in node.args[1:]):
        found.update(part.name for part in node.args[1:] if part.op == "sym")
    if node.op == "when" and _RANGES.intersection(node.name.split()):
        found.update(_ANY.intersection(node.name.split()))
    return frozenset(found.union(*map(quantified, node.args)) if node.args else found)


def renamings(
    gold: Node,
    answer: Node,
    of_gold: frozenset[str] = frozenset(),
    of_answer: frozenset[str] = frozenset(),
) -> Iterator[dict[str, str]]:
    """Yield the renamings of the answer's parameters that make its variables the gold's.

    Args:
        gold: the tree of the gold, without its name.
        answer: the tree of the answer, likewise.
        of_gold: the letters whose range the gold gives.
        of_answer: the letters whose range the answer gives.
    """
    ones, others = set(symbols(gold)), set(symbols(answer))
    free, taken = sorted(ones - others), sorted(others - ones)
    if len(free) != len(taken) or not 0 < len(free) <= _MOST_PARAMETERS:
        return
    renamed = {*free, *taken}
    if not (
        (renamed <= _CONSTANTS and ones & others)
        or (_are_arbitrary(gold, free) and set(taken) <= _ARBITRARY and ones & others)
        or (_are_indexed(taken) and set(free) <= _ARBITRARY and ones & others)
        or renamed <= _parameters(gold) & _parameters(answer)
        or (
            (of_gold or of_answer)
            and {*free} <= (of_gold or _ANY)
            and {*taken} <= (of_answer or _ANY)
        )
    ):
        return
    for order in permutations(free):
        yield dict(zip(taken, order, strict=True))


def _are_arbitrary(node: Node, names: list[str]) -> bool:
    """Return whether letters of a gold are constants of integration, and no measured quantities.

    An index shows it, as in `C_1`, and an exponential function does, as in `Ce^{2x}`.
    """
    indexed = all("_" in name for name in names)
    return set(names) <= _CONSTANTS and (indexed or _has_exponential(node))


def _are_indexed(names: list[str]) -> bool:
    """Return whether letters of an answer are constants of integration by their index: `C_1`."""
    return set(names) <= _CONSTANTS and all("_" in name for name in names)


def _has_exponential(node: Node) -> bool:
    """Return whether a variable is in an exponent of e."""
    if node.op == "pow" and node.args[0].name == "e" and symbols(node.args[1]):
        return True
    return any(map(_has_exponential, node.args))


def rename(node: Node, names: dict[str, str]) -> Node:
    """Return the tree with variables renamed all at once."""
    if node.op == "sym":
        return sym(names.get(node.name, node.name))
    return rebuild(node, lambda part: rename(part, names))


def _parameters(node: Node) -> frozenset[str]:
    """Return the letters that can only be parameters in a tree, whose names do not matter."""
    if contains(node, "when") or contains(node, "rel", "in"):
        return _ANY
    if contains(node, "const", "pi"):
        return _WHOLE
    if node.op == "assign":
        return _FREE - {part.args[0].name for part in node.args}
    return _FREE if node.op in {"tuple", "list", "set"} else frozenset()


def same_family(gold: Node, answer: Node) -> Finding | None:
    """Return a positive finding if both are start + period * integer of one progression."""
    one, other = _progression(gold), _progression(answer)
    if one is None or other is None:
        return None
    (start, period), (second, step) = one, other
    steps = Node("div", (period, step))
    offset = Node("div", (Node("add", (start, Node("neg", (second,)))), step))
    for whole, allowed in ((steps, {1, -1}), (offset, None)):
        number = _small_integer(whole)
        if number is None or (allowed is not None and number not in allowed):
            return None
    return equal("family", "the same progression with another start")


def _progression(node: Node) -> tuple[Node, Node] | None:
    """Return start and period of `start + period * k`, or None."""
    while node.op in {"when", "define"} or (node.op == "rel" and node.name == "="):
        node = node.args[0] if node.op == "when" else node.args[-1]
    names = symbols(node)
    if len(names) != 1 or names[0] not in _WHOLE or not contains(node, "const", "pi"):
        return None
    coefficients = polynomial(node, sym(names[0]))
    if coefficients is None or len(coefficients) != 2:  # noqa: PLR2004 - linear
        return None
    # Angles repeat by a multiple of pi; in pi + n the n is any other letter.
    return (coefficients[0], coefficients[1]) if contains(coefficients[1], "const", "pi") else None


def _small_integer(node: Node) -> int | None:
    """Return the small integer that a constant is, or None."""
    value = exact(node)
    if value is not None:
        return int(value) if value.denominator == 1 else None
    for number in range(-12, 13):
        found = residues(node, num(number))
        if found is not None and found[0]:
            return number
    return None
