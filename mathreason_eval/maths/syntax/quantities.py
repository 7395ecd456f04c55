"""Values with a unit behind them: centimetres, per cent, degrees with minutes and seconds."""

from __future__ import annotations

from fractions import Fraction

from mathreason_eval.maths.syntax.cursor import Grammar, limit, spelled
from mathreason_eval.maths.syntax.lexer import Token, UnreadableError
from mathreason_eval.maths.syntax.tree import Node, num
from mathreason_eval.maths.vocabulary import words
from mathreason_eval.maths.vocabulary.units import DEGREE, PERCENT, is_unit, scale_of, unit_of

_MOST_WORDS = 5
_UNIT = 28
_SCALES = {"": "", "celsius": "C", "fahrenheit": "F", "centigrade": "C", "c": "C", "f": "F"}


def unit(parser: Grammar, left: Node) -> Node:
    """Return `left` with the unit that follows it."""
    name = _unit_name(parser)
    factor, name = scale_of(name)
    if factor > 1:
        left = Node("mul", (left, num(factor)))
    if name.lower() in PERCENT:
        return Node("percent", (left,))
    degree, _, scale = name.lower().partition(" ")
    if degree in DEGREE and scale in _SCALES:
        return Node("degree", (left,), _SCALES[scale])
    return _compounded(parser, Node("quantity", (left,), name)) if name else left


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
    name = " ".join(parts).replace("- ", "-")
    if any(part.lower() in words.NEVER_UNITS for part in parts):
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
    right = parser.expression(_UNIT)
    one, other = unit_of(left.name), unit_of(right.name) if right.op == "quantity" else None
    if one is None or other is None or one.dimension != other.dimension:
        raise UnreadableError("a number behind a unit")
    small = Node("mul", (right.args[0], num(other.size / one.size)))
    return left._replace(args=(Node("add", (left.args[0], small)),))


def degrees(parser: Grammar, left: Node) -> Node:
    """Return an angle (or a temperature) in degrees, with its minutes and seconds."""
    angle = left
    for part, ticks in ((60, 1), (3600, 2)):
        if parser.sees("num") and all(parser.sees("op", "'", 1 + n) for n in range(ticks)):
            minutes = parser.take().value or Fraction(0)
            angle = Node("add", (angle, num(minutes / part)))
            parser.at += ticks
    scale = parser.token.kind == "sym" and parser.token.text in {"C", "F"}
    named = scale and not parser.sees("open", "(", 1)
    return Node("degree", (angle,), parser.take().text if named else "")
