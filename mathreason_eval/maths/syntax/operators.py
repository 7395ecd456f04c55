"""What operators between and behind expressions mean, and how tightly they bind."""

from __future__ import annotations

import re
from collections.abc import Callable

from mathreason_eval.maths.syntax import quantities
from mathreason_eval.maths.syntax.cursor import Grammar, limit, spelled
from mathreason_eval.maths.syntax.lexer import Token, UnreadableError
from mathreason_eval.maths.syntax.matrices import as_column, transposed
from mathreason_eval.maths.syntax.tree import INFINITY, MINUS_ONE, ZERO, Node, call, minus, num, sym
from mathreason_eval.maths.vocabulary import latex

# Implicit multiplication binds tighter than a typed one, so that a/bc is a/(bc); a per cent or
# degree sign takes the whole product before it, as in 33 1/3 %.
LOOSEST, _CHOOSE, RELATION, _SETS, _RATIO, UNIT, SUM, _MOD = 0, 5, 10, 20, 25, 28, 30, 35
BODY, _PRODUCT, SIGN, ARGUMENT, _MARK, IMPLICIT, _POWER = 39, 40, 42, 43, 44, 45, 60
INFIX = {"cup": _SETS, "cap": _SETS, "setminus": _SETS, ":": _RATIO, "+": SUM, "-": SUM, "pm": SUM,
         "mp": SUM, "mod": _MOD, "*": _PRODUCT, "/": _PRODUCT, "%": _MARK, "deg": _MARK,
         "^": _POWER, "_": _POWER, "!": _POWER, "'": _POWER, "choose": _CHOOSE,
         "over": _CHOOSE}  # fmt: skip
_MOST_FACTORS, _MOST_RELATIONS = 2000, 64
_LONGEST_CHAIN = 60
"""Divisions, powers and marks that may follow each other; each is one level of the tree."""
_NUMBER_SETS = frozenset(latex.SETS.values())
_ORDINALS = frozenset({"st", "nd", "rd", "th"})


def combined(parser: Grammar, left: Node, text: str) -> Node:
    """Return `left` combined by the operator that comes next with what follows it."""
    if text in {"+", "-", "pm", "mp"}:
        return _sum(parser, left)
    if text == "*":
        return product(parser, left)
    parser.take()
    if text in _PLAIN:
        return _PLAIN[text](left, parser.expression(INFIX[text] + 1))
    return _CHAINED[text](parser, _unchained(left))


def _sum(parser: Grammar, left: Node) -> Node:
    """Return the sum that begins with `left`, however many terms follow."""
    terms = [left]
    while parser.token.kind == "op" and parser.token.text in {"+", "-", "pm", "mp"}:
        sign = parser.take().text
        term = parser.expression(SUM + 1)
        terms.append(term if sign == "+" else Node("neg" if sign == "-" else sign, (term,)))
    return Node("add", tuple(map(unbraced, terms)))


def product(parser: Grammar, left: Node) -> Node:
    """Return the product that begins with `left`, however many factors follow."""
    factors = [left]
    while True:
        if parser.skip("op", "*"):
            factors.append(parser.expression(_PRODUCT + 1))
        elif parser.binding(factors[-1]) == IMPLICIT:
            right = parser.expression(IMPLICIT + 1)
            if _is_mixed(factors[-1], right):
                factors[-1] = Node("add", (factors[-1], right))
            else:
                factors.append(right)
        else:
            break
        limit(len(factors), _MOST_FACTORS)
    return factors[0] if len(factors) == 1 else Node("mul", tuple(map(unbraced, factors)))


def _is_mixed(left: Node, right: Node) -> bool:
    """Return whether two factors side by side are a mixed number, such as 2 1/3."""
    if left.value is None or right.op != "div" or left.name:
        return False
    over, under = (part.value for part in right.args)
    if left.value.denominator != 1 or over is None or under is None:
        return False
    return 0 < over < under


def relation(parser: Grammar, left: Node) -> Node:
    """Return the chain of relations that begins with `left`."""
    operands, signs = [left], []
    while parser.token.kind == "rel":
        signs.append(parser.take().text)
        operand = parser.expression(RELATION + 1)
        operands.append(_number_set_in(operand) if signs[-1] in {"in", "notin"} else operand)
        limit(len(operands), _MOST_RELATIONS)
    return Node("rel", tuple(operands), " ".join(signs))


def _number_set_in(node: Node) -> Node:
    """Return the set of numbers that a letter behind a sign of membership stands for."""
    return Node("const", (), latex.SETS[node.name]) if node.name in _LETTERS_OF_SETS else node


_LETTERS_OF_SETS = frozenset("RZNQ")


def modulus(parser: Grammar, left: Node) -> Node:
    """Return `left` with the modulus that follows it as a qualifier."""
    parser.take()
    parser.skip("op", "mod")
    text = []
    while parser.token.kind not in {"eof", "close"}:
        token = parser.take()
        if token.kind != "open":
            text.append(spelled(token))
    parser.skip("close")
    return Node("when", (left,), "mod " + " ".join(text))


def _ratio(left: Node, right: Node) -> Node:
    parts = (*(left.args if left.op == "ratio" else (left,)), right)
    limit(len(parts), _MOST_RELATIONS)
    return Node("ratio", parts)


def _quotient(parser: Grammar, left: Node) -> Node:
    """Return `left` over what follows: 1/2x is a half of x, but a/bc is a over bc."""
    both_typed = left.op == "num" and parser.token.kind == "num"
    return Node("div", (left, parser.expression(_POWER if both_typed else _PRODUCT + 1)))


def _factorial(parser: Grammar, left: Node) -> Node:
    return call("double_factorial" if parser.skip("op", "!") else "factorial", left)


def _primed(parser: Grammar, left: Node) -> Node:
    del parser
    if left.op != "sym":
        raise UnreadableError("a prime on no name")
    return sym(left.name + "'")


# ---------------------------------------------------------------------- powers and subscripts


def _power(parser: Grammar, left: Node) -> Node:
    """Return `left` to the power that follows, or under the mark that stands there."""
    marked = _marked(parser, left)
    if marked is not None:
        return marked
    exponent = unbraced(script(parser))
    if left.op == "sym" and (chosen := _chosen(left.name, exponent)) is not None:
        return chosen
    if left.name in {"f", "g", "h"} and exponent == MINUS_ONE and parser.sees("open", "("):
        return call(f"{left.name}^-1", parser.prefix())
    if left.op == "sym" and parser.skip("op", "_"):
        left = subscript(parser, left)
        return _chosen(left.name, exponent) or Node("pow", (left, exponent))
    return Node("pow", (left, exponent))


def _chosen(name: str, below: Node) -> Node | None:
    """Return the binomial coefficient that C_5^2 or C_n^2 is, or None for a power of a name."""
    found = re.fullmatch(r"C_(?:(\d+)|([nmkN]))", name)
    if found is None or below.value is None:
        return None
    above = num(int(found[1])) if found[1] else sym(found[2])
    return (
        call("binom", above, below) if above.value is None or above.value >= below.value else None
    )


def _marked(parser: Grammar, left: Node) -> Node | None:
    """Return `left` under a mark where an exponent would stand, or None if it is an exponent."""
    start = parser.at
    braced = parser.skip("open", "{")
    mark = parser.take()
    alone = not braced or parser.skip("close", "}")
    if alone and (mark.text in {"circ", "deg"} or (mark.text == "o" and _may_be_angle(mark, left))):
        return quantities.degrees(parser, left)
    if alone and mark.kind == "word" and mark.text in _ORDINALS:
        return left
    if alone and mark.text == "'" and left.op == "sym":
        return sym(left.name + "'")
    if alone and left.op == "const" and left.name in _NUMBER_SETS and mark.text in {"+", "-", "*"}:
        return number_set(left.name + mark.text)
    ends = braced or parser.token.kind in {"close", "eof"}
    if alone and ends and mark.text in {"+", "-"}:
        return left if mark.text == "+" else call("below", left)
    if alone and left.op == "matrix" and mark.text in {"T", "t"}:
        return transposed(left)
    if alone and left.op in {"tuple", "interval"} and mark.text in {"T", "t", "top"}:
        return as_column(left)
    parser.at = start
    return None


def number_set(name: str) -> Node:
    """Return a set of numbers by its letter and its mark, as in R with a plus."""
    bare = name.replace("_", "")
    return _HALF_LINES.get(bare) or Node("const", (), _SAME_SET.get(bare, name))


_ABOVE, _BELOW = (ZERO, INFINITY), (minus(INFINITY), ZERO)
_HALF_LINES = {
    "RR+": Node("interval", _ABOVE, "()"), "RR>0": Node("interval", _ABOVE, "()"),
    "RR>=0": Node("interval", _ABOVE, "[)"), "RR-": Node("interval", _BELOW, "()"),
    "RR<0": Node("interval", _BELOW, "()"), "RR<=0": Node("interval", _BELOW, "(]"),
}  # fmt: skip
_SAME_SET = {
    "ZZ>0": "ZZ+",
    "ZZ>=1": "ZZ+",
    "NN*": "ZZ+",
    "NN+": "ZZ+",
    "ZZ>=0": "NN0",
    "RR*": "RR*",
}
"""Two notations of one set."""


def _may_be_angle(mark: Token, left: Node) -> bool:
    """Return whether an `o` over an expression stands for the sign of a degree."""
    return mark.kind == "word" or left.op in {"num", "div"}


def script(parser: Grammar) -> Node:
    """Return what stands behind a `^`: one atom with its own powers, braced or signed."""
    parser.deeper()
    if parser.skip("op", "-"):
        found = Node("neg", (script(parser),))
    else:
        parser.skip("op", "+")
        # TeX takes one token: in x^n_i the subscript belongs to the x.
        found = sym(parser.take().text) if parser.sees("sym") else parser.prefix()
        if parser.skip("op", "^"):
            found = _power(parser, found)
    parser.depth -= 1
    return found


def subscript(parser: Grammar, left: Node) -> Node:
    """Return a name with the subscript that follows."""
    text = parser.raw()
    if left.op not in {"sym", "const"}:
        raise UnreadableError("a subscript on no name")
    return left._replace(name=f"{left.name}_{text}")


# ---------------------------------------------------------------------- shared with the atoms


def negated(node: Node) -> Node:
    """Return the node under a minus sign, which goes inside a number and under a unit."""
    if node.value is not None:
        return num(-node.value, node.name and f"-{node.name}")
    if node.op in {"percent", "degree", "quantity"}:
        return node._replace(args=(negated(node.args[0]),))
    return Node("neg", (node,))


def unbraced(node: Node) -> Node:
    """Return the value in braces that were typed for round brackets: {a + b}c."""
    return node.args[0] if node.op == "set" and len(node.args) == 1 else node


def _unchained(left: Node) -> Node:
    """Return `left`, unless it ends a chain of operators that makes the tree too deep."""
    node, depth = left, 0
    while node.args and node.op in {"div", "pow", "call", "percent", "degree", "mul"}:
        node = node.args[0]
        depth += 1
        limit(depth, _LONGEST_CHAIN)
    return left


_PLAIN: dict[str, Callable[[Node, Node], Node]] = {
    "cup": lambda left, right: Node("union", (left, right)),
    "cap": lambda left, right: Node("inter", (left, right)),
    "setminus": lambda left, right: Node("minus", (left, right)),
    ":": _ratio,
    "mod": lambda left, right: call("mod", left, right),
    "choose": lambda left, right: call("binom", left, right),
    "over": lambda left, right: Node("div", (left, right)),
}
_CHAINED: dict[str, Callable[[Grammar, Node], Node]] = {
    "/": _quotient,
    "^": _power,
    "_": subscript,
    "!": _factorial,
    "'": _primed,
    "%": lambda _, left: Node("percent", (left,)),
    "deg": quantities.degrees,
}
