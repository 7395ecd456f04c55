"""Operators between and after expressions, units included: meaning and binding power."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

from mathreason_eval.maths.syntax.cursor import Grammar, limit, spelled
from mathreason_eval.maths.syntax.lexer import Token, UnreadableError
from mathreason_eval.maths.syntax.tree import (
    INFINITY,
    MINUS_ONE,
    ZERO,
    Node,
    as_column,
    call,
    minus,
    num,
    sym,
    transposed,
)
from mathreason_eval.maths.vocabulary import latex, words
from mathreason_eval.maths.vocabulary.units import (
    DEGREE,
    PARTS,
    PERCENT,
    is_unit,
    scale_of,
    unit_of,
)

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
"""Maximum consecutive divisions, powers and marks; each is one level of the tree."""


def combined(parser: Grammar, left: Node, text: str) -> Node:
    """Return `left` combined by the next operator with the expression after it."""
    if text in {"+", "-", "pm", "mp"}:
        return _sum(parser, left)
    if text == "*":
        return product(parser, left)
    parser.take()
    if text in _PLAIN:
        return _PLAIN[text](left, parser.expression(INFIX[text] + 1))
    return _CHAINED[text](parser, _checked_depth(left))


def _sum(parser: Grammar, left: Node) -> Node:
    """Return the sum that begins with `left`, with all its terms."""
    terms = [left]
    while parser.sees_op("+", "-", "pm", "mp"):
        sign = parser.take().text
        term = parser.expression(SUM + 1)
        terms.append(term if sign == "+" else Node("neg" if sign == "-" else sign, (term,)))
    return Node("add", tuple(map(unbraced, terms)))


def product(parser: Grammar, left: Node) -> Node:
    """Return the product that begins with `left`, with all its factors."""
    factors = [left]
    while True:
        if parser.skip("op", "*"):
            factors.append(parser.expression(_PRODUCT + 1))
        elif parser.binding(factors[-1]) == IMPLICIT:
            right = parser.expression(IMPLICIT + 1)
            mixed = _is_mixed(factors[-1], right)
            factors[-1:] = [Node("add", (factors[-1], right))] if mixed else [factors[-1], right]
        else:
            break
        limit(len(factors), _MOST_FACTORS)
    return factors[0] if len(factors) == 1 else Node("mul", tuple(map(unbraced, factors)))


def _is_mixed(left: Node, right: Node) -> bool:
    """Return whether two adjacent factors are a mixed number, such as 2 1/3."""
    if left.value is None or right.op != "div" or left.name:
        return False
    over, under = (part.value for part in right.args)
    whole = left.value.denominator == 1
    return whole and over is not None and under is not None and 0 < over < under


_LETTERS_OF_SETS = frozenset("RZNQ")


def relation(parser: Grammar, left: Node) -> Node:
    """Return the chain of relations that begins with `left`."""
    operands, signs = [left], []
    while parser.token.kind == "rel":
        signs.append(parser.take().text)
        operand = parser.expression(RELATION + 1)
        if signs[-1] in {"in", "notin"} and operand.name in _LETTERS_OF_SETS:
            operand = Node("const", (), latex.SETS[operand.name])
        operands.append(operand)
        limit(len(operands), _MOST_RELATIONS)
    if set(signs) == {"supset"}:
        operands, signs = operands[::-1], ["subset"] * len(signs)
    return Node("rel", tuple(operands), " ".join(signs))


def modulus(parser: Grammar, left: Node) -> Node:
    """Return `left` with the modulus that follows it as a qualifier."""
    opened = parser.take().kind == "open"
    parser.skip("op", "mod")
    text = []
    while parser.token.kind not in {"eof", "close"}:
        token = parser.take()
        opened = opened or token.kind == "open"
        if token.kind != "open":
            text.append(spelled(token))
    if opened:
        parser.skip("close")
    return Node("when", (left,), "mod " + " ".join(text))


def _ratio(left: Node, right: Node) -> Node:
    parts = (*(left.args if left.op == "ratio" else (left,)), right)
    limit(len(parts), _MOST_RELATIONS)
    return Node("ratio", parts)


def _quotient(parser: Grammar, left: Node) -> Node:
    """Return `left` divided by what follows: 1/2x is a half of x, but a/bc is a over bc."""
    both_typed = left.op == "num" and parser.token.kind == "num"
    return Node("div", (left, parser.expression(_POWER if both_typed else _PRODUCT + 1)))


def _primed(parser: Grammar, left: Node) -> Node:
    del parser
    if left.op != "sym":
        raise UnreadableError("a prime on no name")
    return sym(left.name + "'")


# --- powers and subscripts -----------------------------------------------------------------------


def _power(parser: Grammar, left: Node) -> Node:
    """Return `left` to the power that follows, or with the mark that follows as a superscript."""
    marked = _with_mark(parser, left)
    if marked is not None:
        return marked
    exponent = unbraced(script(parser))
    if left.op == "sym" and (chosen := _binomial(left.name, exponent)) is not None:
        return chosen
    if left.name in {"f", "g", "h"} and exponent == MINUS_ONE and parser.sees("open", "("):
        return call(f"{left.name}^-1", parser.prefix())
    if left.op == "sym" and parser.skip("op", "_"):
        left = subscript(parser, left)
        return _binomial(left.name, exponent) or Node("pow", (left, exponent))
    return Node("pow", (left, exponent))


def _binomial(name: str, below: Node) -> Node | None:
    """Return the binomial coefficient C_5^2 or C_n^2, or None for a power of a name."""
    found = re.fullmatch(r"C_(?:(\d+)|([nmkN]))", name)
    if found is None or below.value is None:
        return None
    above = num(int(found[1])) if found[1] else sym(found[2])
    fits = above.value is None or above.value >= below.value
    return call("binom", above, below) if fits else None


_NUMBER_SETS = frozenset(latex.SETS.values())
_ORDINALS = frozenset({"st", "nd", "rd", "th"})


def _with_mark(parser: Grammar, left: Node) -> Node | None:
    """Return `left` with the mark in its superscript, or None if that is an exponent."""
    start = parser.at
    braced = parser.skip("open", "{")
    mark = parser.take()
    alone = not braced or parser.skip("close", "}")
    raised_o = mark.text == "o" and (mark.kind == "word" or left.op in {"num", "div"})
    if alone and (mark.text in {"circ", "deg"} or raised_o):
        return degrees(parser, left)
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


_ABOVE, _BELOW = (ZERO, INFINITY), (minus(INFINITY), ZERO)
_HALF_LINES = {
    "RR+": Node("interval", _ABOVE, "()"), "RR>0": Node("interval", _ABOVE, "()"),
    "RR>=0": Node("interval", _ABOVE, "[)"), "RR-": Node("interval", _BELOW, "()"),
    "RR<0": Node("interval", _BELOW, "()"), "RR<=0": Node("interval", _BELOW, "(]"),
}  # fmt: skip
_SAME_SET = {
    **dict.fromkeys(("ZZ>0", "ZZ>=1", "NN*", "NN+"), "ZZ+"), "ZZ>=0": "NN0", "RR*": "RR*",
}  # fmt: skip
"""Notations of number sets with marks, by the standard one."""


def number_set(name: str) -> Node:
    """Return a set of numbers by its letter and its mark, as in R with a plus."""
    bare = name.replace("_", "")
    return _HALF_LINES.get(bare) or Node("const", (), _SAME_SET.get(bare, name))


def script(parser: Grammar) -> Node:
    """Return the exponent after a `^`: one atom with its own powers, braced or signed."""
    parser.nest()
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


# --- shared with the atoms -----------------------------------------------------------------------


def negated(node: Node) -> Node:
    """Return the negative of a node; of a number or quantity, as a number or quantity."""
    if node.value is not None:
        return num(-node.value, node.name and f"-{node.name}")
    if node.op in {"percent", "degree", "quantity"}:
        return node._replace(args=(negated(node.args[0]),))
    return Node("neg", (node,))


def unbraced(node: Node) -> Node:
    """Return the value in braces that stand for round brackets: {a + b}c."""
    return node.args[0] if node.op == "set" and len(node.args) == 1 else node


def _checked_depth(left: Node) -> Node:
    """Return `left`; raise if it is a chain of operators that makes the tree too deep."""
    node, depth = left, 0
    while node.args and node.op in {"div", "pow", "call", "percent", "degree", "mul"}:
        node = node.args[0]
        depth += 1
        limit(depth, _LONGEST_CHAIN)
    return left


# --- units ---------------------------------------------------------------------------------------

_MOST_WORDS = 5
_GRADIANS = frozenset({"grad", "grads", "gon", "gons", "gradian", "gradians"})
_SCALES = {"": "", "celsius": "C", "fahrenheit": "F", "centigrade": "C", "c": "C", "f": "F"}


def quantity(parser: Grammar, left: Node) -> Node:
    """Return `left` with the unit that follows it."""
    factor, name = scale_of(_unit_name(parser))
    name = PARTS.get(name.lower(), name)
    if factor > 1:
        left = _times(left, factor)
    if name.lower() in PERCENT:
        return Node("percent", (left,))
    if name.lower() in _GRADIANS:
        return Node("degree", (Node("mul", (left, num(Fraction(9, 10)))),))
    degree, _, scale = name.lower().partition(" ")
    if degree in DEGREE and scale in _SCALES:
        return Node("degree", (left,), _SCALES[scale])
    return _compounded(parser, Node("quantity", (left,), name)) if name else left


def _times(node: Node, factor: int) -> Node:
    """Return a value times a factor; of an amount of money, as an amount: `$5 million`."""
    if node.op == "quantity":
        return node._replace(args=(_times(node.args[0], factor),))
    return Node("mul", (node, num(factor)))


def _unit_name(parser: Grammar) -> str:
    """Return the words and signs of the unit that comes next."""
    parts: list[str] = []
    count = opened = 0
    while True:
        token = parser.token
        if token == Token("close", "}") and not opened:
            break
        if token.kind in {"word", "money"} or (token.kind == "sym" and is_unit(token.text)):
            count += 1
        elif not _continues(parser):
            break
        parser.take()
        opened += (token.text == "{") - (token.text == "}")
        if token.text not in {"{", "}"}:
            parts.append(spelled(token))
    limit(count, _MOST_WORDS)
    name = " ".join(parts).replace("- ", "-").replace(" -", "-")
    # In `80 positive integers` it is an adjective; in `80 positive` it says something else.
    *front, last = [part.lower() for part in parts] or [""]
    if last in words.NEVER_UNITS or not words.NEVER_UNITS.isdisjoint({*front} - words.ADJECTIVES):
        raise UnreadableError(f"{name!r} is not a unit")
    return name


def _continues(parser: Grammar) -> bool:
    """Return whether the next token is a sign inside a unit, such as the slash of km/h."""
    token, follows, before = parser.token, parser.ahead(1), parser.tokens[parser.at - 1]
    raised = before.text in {"^", "{"}
    if token.kind == "op" and token.text in {"/", "*", "-"} and not raised:
        return follows.kind == "word" or (follows.kind == "sym" and is_unit(follows.text))
    if token.kind == "op" and token.text == "^":
        return follows.kind == "num" or follows.text in {"{", "-"}
    if raised:
        return token.kind == "num" or token.text in {"{", "-"}
    if before.text == "-":
        return token.kind == "num"
    return parser.sees("close", "}") and before.kind == "num"


def _compounded(parser: Grammar, left: Node) -> Node:
    """Return 5 minutes 30 seconds as one quantity; `left` is its first part."""
    if parser.token.kind != "num":
        return left
    right = parser.expression(UNIT)
    one, other = unit_of(left.name), unit_of(right.name) if right.op == "quantity" else None
    if one is None or other is None or one.dimension != other.dimension:
        raise UnreadableError("a number after a unit")
    small = Node("mul", (right.args[0], num(other.size / one.size)))
    return left._replace(args=(Node("add", (left.args[0], small)),))


def degrees(parser: Grammar, left: Node) -> Node:
    """Return an angle in degrees, with its minutes and seconds, or a temperature."""
    angle = left
    for part, ticks in ((60, 1), (3600, 2)):
        if parser.sees("num") and all(parser.sees("op", "'", 1 + n) for n in range(ticks)):
            minutes = parser.take().value or Fraction(0)
            angle = Node("add", (angle, num(minutes / part)))
            parser.at += ticks
    scale = parser.token.kind == "sym" and parser.token.text in {"C", "F"}
    named = scale and not parser.sees("open", "(", 1)
    return Node("degree", (angle,), parser.take().text if named else "")


# --- the operators by name -----------------------------------------------------------------------

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
    "!": lambda parser, left: call(
        "double_factorial" if parser.skip("op", "!") else "factorial", left
    ),
    "'": _primed,
    "%": lambda _, left: Node("percent", (left,)),
    "deg": degrees,
}
