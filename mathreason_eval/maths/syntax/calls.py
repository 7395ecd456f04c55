"""Names, and functions applied to arguments, in brackets or without."""

from __future__ import annotations

from mathreason_eval.maths.syntax import atoms
from mathreason_eval.maths.syntax.cursor import Grammar
from mathreason_eval.maths.syntax.matrices import determinant
from mathreason_eval.maths.syntax.operators import ARGUMENT, negated, script, subscript
from mathreason_eval.maths.syntax.tree import MINUS_ONE, E, Node, call, sym

_PAIR = 2
_ALWAYS = frozenset("fghFGH")
"""Names that are functions wherever a bracket follows."""
_OFTEN = frozenset("PQRSTpq")
"""Names that are functions if the bracket holds one number or letter: P(2), but P(1 + r)."""
_INVERSE = {"sin": "arcsin", "cos": "arccos", "tan": "arctan", "cot": "arccot", "sec": "arcsec",
            "csc": "arccsc", "sinh": "arcsinh", "cosh": "arccosh", "tanh": "arctanh"}  # fmt: skip


def name(parser: Grammar, text: str) -> Node:
    """Return a variable with its subscript, or a call of the function it names."""
    node = sym(text)
    while parser.token.kind == "op" and parser.token.text in {"'", "_"}:
        primed = parser.take().text == "'"
        node = sym(node.name + "'") if primed else subscript(parser, node)
    start = parser.at
    braced = parser.sees("open", "(", 1) and parser.skip("open", "{")
    if not parser.sees("open", "(") or not _is_call(parser, text):
        parser.at = start
        return node
    parser.take()
    inner = parser.items()
    parser.expect("close", ")")
    if braced:
        parser.expect("close", "}")
    return _called(node.name, inner.args if inner.op == "list" else (inner,))


def _called(function_name: str, arguments: tuple[Node, ...]) -> Node:
    """Return a call; C(n, k) and P(n, k) count combinations and permutations."""
    if function_name == "C" and len(arguments) == _PAIR:
        return call("binom", *arguments)
    if function_name == "P" and len(arguments) == _PAIR and arguments[1].op == "num":
        above, taken = arguments
        rest = Node("add", (above, negated(taken)))
        return Node("div", (call("factorial", above), call("factorial", rest)))
    return call(function_name, *arguments)


def _is_call(parser: Grammar, text: str) -> bool:
    """Return whether a name before a bracket is a function rather than a factor."""
    if text in _ALWAYS or (text in {"C", "P"} and parser.sees("sep", ",", 2)):
        return True
    if parser.ahead(1).kind not in {"sym", "num"} or not parser.sees("close", ")", 2):
        return False
    first = all(token.text == "{" for token in parser.tokens[: parser.at - 1])
    return text in _OFTEN or (first and parser.sees("rel", "=", 3))


def function(parser: Grammar, function_name: str) -> Node:
    """Return a named function applied to what follows it."""
    power: Node | None = None
    base: tuple[Node, ...] = ()
    while parser.token.kind == "op" and parser.token.text in {"^", "_"}:
        if parser.take().text == "^":
            power = script(parser)
        elif function_name == "log":
            base = (script(parser),)
        else:
            function_name += "_" + parser.raw()
    arguments = (*_arguments(parser), *base)
    if power in {MINUS_ONE, Node("neg", (negated(MINUS_ONE),))} and function_name in _INVERSE:
        function_name, power = _INVERSE[function_name], None
    if function_name == "det" and arguments[0].op == "matrix":
        return determinant(tuple(row.args for row in arguments[0].args))
    exponential = function_name == "exp"
    node = Node("pow", (E, *arguments)) if exponential else call(function_name, *arguments)
    return node if power is None else Node("pow", (node, power))


def _arguments(parser: Grammar) -> tuple[Node, ...]:
    """Return the arguments of a function, in brackets or bare."""
    if parser.token.kind == "open" and parser.token.text in {"(", "[", "{", "\\{"}:
        inner = atoms.group(parser, parser.take().text)
        return inner.args if inner.op in {"tuple", "list", "set", "interval"} else (inner,)
    parser.bare += 1
    inner = parser.expression(ARGUMENT)
    parser.bare -= 1
    return (inner,)
