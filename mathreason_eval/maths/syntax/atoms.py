"""Atoms of the grammar: brackets, signs and bars, names and functions with their arguments."""

from __future__ import annotations

from collections.abc import Callable

from mathreason_eval.maths.syntax.cursor import Grammar
from mathreason_eval.maths.syntax.lexer import UnreadableError
from mathreason_eval.maths.syntax.operators import (
    ARGUMENT,
    LOOSEST,
    SIGN,
    negated,
    script,
    subscript,
)
from mathreason_eval.maths.syntax.tree import (
    EMPTY,
    MINUS_ONE,
    E,
    Node,
    call,
    determinant,
    sym,
)

_CLOSING = {"(": {")", "]"}, "[": {")", "]"}, "{": {"}"}, "\\{": {"\\}", "}"}, "<": {">"},
            "floor": {"floor"}, "ceil": {"ceil"}, "abs": {"abs"}, "norm": {"norm"}}  # fmt: skip
_PAIR = 2


def group(parser: Grammar, opened: str) -> Node:
    """Return the contents of brackets whose opening one has been consumed."""
    state = parser.bars, parser.bare, parser.builder
    parser.bars, parser.bare, parser.builder = 0, 0, opened == "\\{"
    is_empty = False
    if parser.token.kind == "close" and parser.token.text in _CLOSING[opened] & {"}", "\\}"}:
        inner, is_empty = EMPTY, True
        if opened == "{":
            # `{}^5C_2`: empty braces only carry a script.
            parser.at += 1
            parser.bars, parser.bare, parser.builder = state
            return parser.prefix()
    else:
        inner = parser.items()
        if parser.builder and parser.token.kind == "op" and parser.token.text in {"|", ":"}:
            parser.at += 1
            parser.builder = False
            condition = parser.items()
            if condition.op == "list" and condition.name in {",", "and"}:
                condition = condition._replace(op="and")  # between commas all of them hold
            inner = Node("such", (inner, condition))
    parser.bars, parser.bare, parser.builder = state
    if opened == "\\{" and inner.op == "list" and inner.name == "rows" and parser.sees("eof"):
        return inner  # `\left\{ \begin{array} … \end{array} \right.`
    closed = parser.take()
    if closed.kind == "qual":
        raise UnreadableError("a qualifier in brackets")
    if closed.kind != "close" or closed.text not in _CLOSING[opened]:
        raise UnreadableError(f"{opened!r} is not closed")
    return EMPTY if is_empty else _bracketed(opened, closed.text, inner)


def signed(parser: Grammar, text: str) -> Node:
    """Return the expression after a sign, an absolute value, or a binomial coefficient."""
    if text in {"-", "+"}:
        inner = parser.expression(SIGN)
        return negated(inner) if text == "-" else inner
    if text in {"pm", "mp"}:
        return Node(text, (parser.expression(SIGN),))
    if text == "|":
        bare, parser.bare = parser.bare, 0
        parser.bars += 1
        inner = parser.expression(LOOSEST)
        parser.bars, parser.bare = parser.bars - 1, bare
        parser.expect("op", "|")
        return call("abs", inner)
    if text in {"_", "^"}:
        return _binomial(parser)
    raise UnreadableError(f"{text!r} begins no expression")


def _binomial(parser: Grammar) -> Node:
    """Return a binomial coefficient written `_5C_2` or `^5C_2`."""
    above = parser.prefix()
    parser.expect("sym", "C")
    if not parser.skip("op", "_"):
        parser.skip("op", "^")
    return call("binom", above, parser.prefix())


def reversed_interval(parser: Grammar, text: str) -> Node:
    """Return an interval that `]` opens, as in French notation: `]a, b[`, or half-open `]a, b]`.

    Raises:
        UnreadableError: if the text is not `]`, or no two ends follow it.
    """
    if text != "]":
        raise UnreadableError(f"{text!r} closes nothing")
    inner = parser.items()
    right = ")" if parser.skip("open", "[") else "]"
    if right == "]":
        parser.expect("close", "]")
    if inner.op != "list" or len(inner.args) != _PAIR:
        raise UnreadableError("an interval of other than two ends")
    return Node("interval", inner.args, "(" + right)


_MATCHING = {"(": ")", "[": "]", "{": "}", "<": ">"}


def _bracketed(opened: str, closed: str, inner: Node) -> Node:
    """Return the meaning of a pair of brackets around one node or a list."""
    if opened in {"floor", "ceil", "abs", "norm"}:
        return call(opened, inner)
    if opened == "\\{":
        if inner.op == "such":
            return inner
        return Node("set", inner.args if inner.op == "list" else (inner,))
    if inner.op != "list" or inner.name in {"or", "and"}:
        if closed != _MATCHING[opened]:
            raise UnreadableError(f"{opened!r} closed by {closed!r}")
        return inner
    if opened == "{":
        return inner if inner.name == ";" else Node("list", inner.args, "{}")
    if opened == "[" and inner.name == ";" and all(part.op == "list" for part in inner.args):
        rows = (Node("tuple", part.args, "[]") for part in inner.args)
        return Node("tuple", tuple(rows), "[]")
    brackets = opened.replace("<", "(") + closed.replace(">", ")")
    nested = any(part.op in {"interval", "tuple"} for part in inner.args)
    if len(inner.args) == _PAIR and brackets != "()" and not nested:
        return Node("interval", inner.args, brackets)
    return Node("tuple", inner.args, brackets)


# --- names and functions -------------------------------------------------------------------------

_ALWAYS = frozenset("fghEFGH")
"""Names that are functions if a bracket follows."""
_INVERSE = {"sin": "arcsin", "cos": "arccos", "tan": "arctan", "cot": "arccot", "sec": "arcsec",
            "csc": "arccsc", "sinh": "arcsinh", "cosh": "arccosh", "tanh": "arctanh"}  # fmt: skip


def name(parser: Grammar, text: str) -> Node:
    """Return a variable with its subscript, or a function call."""
    node = sym(text)
    while parser.sees_op("'", "_"):
        primed = parser.take().text == "'"
        node = sym(node.name + "'") if primed else subscript(parser, node)
    start = parser.at
    braced = parser.sees("open", "(", 1) and parser.skip("open", "{")
    expectation = text == "E" and parser.sees("open", "[")
    if not expectation and not (parser.sees("open", "(") and _is_call(parser, text)):
        parser.at = start
        return node
    parser.take()
    inner = parser.items()
    parser.expect("close", "]" if expectation else ")")
    if braced:
        parser.expect("close", "}")
    return _called(node.name, inner.args if inner.op == "list" else (inner,))


def _called(function_name: str, arguments: tuple[Node, ...]) -> Node:
    """Return a call; C(n, k) and P(n, k) are numbers of combinations and permutations."""
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
    # y(0), V(1): nobody writes a factor so. In a(b + c) it may be one, and in 5(3) it is.
    return parser.ahead(1).kind in {"sym", "num"} and parser.sees("close", ")", 2)


def function(parser: Grammar, function_name: str) -> Node:
    """Return a named function applied to what follows it."""
    power: Node | None = None
    base: tuple[Node, ...] = ()
    while parser.sees_op("^", "_"):
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
    rule = _WRITTEN_OUT.get(function_name)
    node = call(function_name, *arguments) if rule is None else rule(arguments)
    return node if power is None else Node("pow", (node, power))


def _exactly(count: int, arguments: tuple[Node, ...]) -> tuple[Node, ...]:
    """Return the arguments of a function that takes so many.

    Raises:
        UnreadableError: if there are more or fewer.
    """
    if len(arguments) != count:
        raise UnreadableError(f"{len(arguments)} arguments where {count} are expected")
    return arguments


def _matrix(arguments: tuple[Node, ...]) -> Node:
    """Return `mat(1, 2; 3, 4)`, `Matrix([[1, 2], [3, 4]])` or `vec(1, 2)` as a matrix."""
    if len(arguments) == 1 and arguments[0].op in {"tuple", "interval"}:
        return arguments[0]
    rows = (part.args if part.op == "list" else (part,) for part in arguments)
    return Node("matrix", tuple(Node("row", tuple(row)) for row in rows))


def _arrow(arguments: tuple[Node, ...]) -> Node:
    return sym(f"vec{{{_exactly(1, arguments)[0].name}}}")


_WRITTEN_OUT: dict[str, Callable[[tuple[Node, ...]], Node]] = {
    "exp": lambda parts: Node("pow", (E, *_exactly(1, parts))),
    "quotient": lambda parts: parts[0] if len(parts) == 1 else Node("div", _exactly(_PAIR, parts)),
    "power": lambda parts: Node("pow", _exactly(_PAIR, parts)),
    "nth_root": lambda parts: call("root", *_exactly(_PAIR, parts)[::-1]),
    "matrix": _matrix,
    "arrow": _arrow,
}
"""Functions that are another notation of something else."""


def _arguments(parser: Grammar) -> tuple[Node, ...]:
    """Return the arguments of a function, in brackets or bare."""
    if parser.token.kind == "open" and parser.token.text in {"(", "[", "{", "\\{"}:
        inner = group(parser, parser.take().text)
        return inner.args if inner.op in {"tuple", "list", "set", "interval"} else (inner,)
    parser.bare += 1
    inner = parser.expression(ARGUMENT)
    parser.bare -= 1
    return (inner,)
