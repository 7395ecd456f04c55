"""The atoms of the grammar that begin with a bracket, a function or a command of LaTeX."""

from __future__ import annotations

from fractions import Fraction

from mathreason_eval.maths.syntax.cursor import Grammar
from mathreason_eval.maths.syntax.derivatives import derivative
from mathreason_eval.maths.syntax.lexer import Token, UnreadableError
from mathreason_eval.maths.syntax.matrices import determinant
from mathreason_eval.maths.syntax.operators import (
    BODY,
    LOOSEST,
    SIGN,
    SUM,
    negated,
    number_set,
    script,
)
from mathreason_eval.maths.syntax.tree import EMPTY, TWO, Node, call, num, sym
from mathreason_eval.maths.vocabulary import latex

_CLOSING = {"(": {")", "]"}, "[": {")", "]"}, "{": {"}"}, "\\{": {"\\}", "}"}, "<": {">"},
            "floor": {"floor"}, "ceil": {"ceil"}, "abs": {"abs"}, "norm": {"norm"}}  # fmt: skip
_MATCHING = {"(": ")", "[": "]", "{": "}", "<": ">"}
_PAIR = 2


def group(parser: Grammar, opened: str) -> Node:
    """Return what stands in brackets, the opening one having been taken."""
    state = parser.bars, parser.bare, parser.builder
    parser.bars, parser.bare, parser.builder = 0, 0, opened == "\\{"
    if parser.token.kind == "close" and parser.token.text in _CLOSING[opened] & {"}", "\\}"}:
        inner = EMPTY
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
            inner = Node("such", (inner, _together(parser.items())))
    parser.bars, parser.bare, parser.builder = state
    if opened == "\\{" and inner.op == "list" and inner.name == "rows" and parser.sees("eof"):
        return inner  # `\left\{ \begin{array} … \end{array} \right.`
    closed = parser.take()
    if closed.kind == "qual":
        raise UnreadableError("a qualifier in brackets")
    if closed.kind != "close" or closed.text not in _CLOSING[opened]:
        raise UnreadableError(f"{opened!r} is not closed")
    return _bracketed(opened, closed.text, inner)


def signed(parser: Grammar, text: str) -> Node:
    """Return the expression behind a sign, an absolute value, or a binomial coefficient."""
    if text in {"-", "+"}:
        inner = parser.expression(SIGN)
        return negated(inner) if text == "-" else inner
    if text in {"pm", "mp"}:
        return Node(text, (parser.expression(SIGN),))
    if text == "|":
        return _absolute(parser)
    if text in {"_", "^"}:
        return _chosen(parser)
    raise UnreadableError(f"{text!r} begins no expression")


def _absolute(parser: Grammar) -> Node:
    bare = parser.bare
    parser.bars, parser.bare = parser.bars + 1, 0
    inner = parser.expression(LOOSEST)
    parser.bars, parser.bare = parser.bars - 1, bare
    parser.expect("op", "|")
    return call("abs", inner)


def _chosen(parser: Grammar) -> Node:
    """Return a binomial coefficient written `_5C_2` or `^5C_2`."""
    above = parser.prefix()
    parser.expect("sym", "C")
    if not parser.skip("op", "_"):
        parser.skip("op", "^")
    return call("binom", above, parser.prefix())


def reversed_interval(parser: Grammar, text: str) -> Node:
    """Return `]a, b[`, the open interval of French books."""
    if text != "]":
        raise UnreadableError(f"{text!r} closes nothing")
    inner = parser.items()
    right = ")" if parser.skip("open", "[") else "]"
    if right == "]":
        parser.expect("close", "]")
    if inner.op != "list" or len(inner.args) != _PAIR:
        raise UnreadableError("an interval of other than two ends")
    return Node("interval", inner.args, "(" + right)


def _together(condition: Node) -> Node:
    """Return conditions of a set-builder as one; between commas all of them hold."""
    if condition.op == "list" and condition.name in {",", "and"}:
        return condition._replace(op="and")
    return condition


def _bracketed(opened: str, closed: str, inner: Node) -> Node:
    """Return the meaning of a pair of brackets around one node or a list."""
    if opened in {"floor", "ceil", "abs", "norm"}:
        return call(opened, inner)
    if opened == "\\{":
        if inner is EMPTY or inner.op == "such":
            return inner
        return Node("set", inner.args if inner.op == "list" else (inner,))
    if inner.op != "list" or inner.name in {"or", "and"}:
        if closed not in _MATCHING[opened]:
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


def argument(parser: Grammar) -> Node:
    """Return the argument of a command: a group in braces, or one token, one digit of a number."""
    token = parser.token
    if token.kind == "num" and not token.text and token.value is not None:
        digits = str(token.value)
        if len(digits) > 1 and digits.isdecimal():
            parser.tokens[parser.at] = Token("num", "", Fraction(digits[1:]))
            return num(int(digits[0]))
    return parser.prefix()


def command(parser: Grammar, name: str) -> Node:
    """Return the atom that a command of LaTeX begins."""
    if name in {"frac", "cfrac", "dfrac", "tfrac", "nicefrac", "sfrac"}:
        return _fraction(parser)
    if name in {"binom", "dbinom", "tbinom"}:
        return call("binom", argument(parser), argument(parser))
    if name == "sqrt":
        return _root(parser)
    if name == "cbrt":
        return call("root", parser.prefix(), num(3))
    if name in {"sum", "prod"}:
        lower, upper = _limits(parser)
        if lower.op != "rel" or lower.args[0].op not in {"sym", "const"}:
            raise UnreadableError("a sum over no variable")
        return Node(name, (parser.expression(BODY), lower.args[0], lower.args[1], upper))
    if name in {"int", "oint"}:
        return _integral(parser)
    if name == "lim":
        lower, _ = _limits(parser)
        if lower.op != "rel" or lower.name != "to":
            raise UnreadableError("a limit to nothing")
        return Node("limit", (parser.expression(BODY), *lower.args))
    return _symbol(parser, name)


def _symbol(parser: Grammar, name: str) -> Node:
    """Return the atom of a command that names a thing or decorates a name."""
    if name in {"emptyset", "varnothing"}:
        return EMPTY
    if name in {"mathbb", "Bbb"}:
        letter = parser.raw()
        if letter not in latex.SETS:
            raise UnreadableError("no set of numbers")
        node = Node("const", (), latex.SETS[letter])
        if parser.skip("op", "_"):
            return number_set(f"{node.name}_{parser.raw()}")
        return node
    if name in {"overline", "bar", "vec", "hat", "tilde", "widehat", "overrightarrow", "dot",
                "ddot", "widetilde", "overleftrightarrow", "mathring"}:  # fmt: skip
        return _decorated(parser, "bar" if name == "overline" else name)
    if name in {"angle", "triangle", "measuredangle", "odot", "square"}:
        return sym(f"{name} {parser.raw()}")
    if name in {"ldots", "dots", "cdots", "dotsc"}:
        return sym("...")
    if name in {"partial", "nabla"}:
        return sym(name)
    raise UnreadableError(f"the command {name}")


def _decorated(parser: Grammar, name: str) -> Node:
    inner = argument(parser)
    if name == "bar" and inner.op == "sym" and len(inner.name) > 1 and inner.name.isupper():
        return inner  # a segment, with or without its line
    if inner.op in {"sym", "const"}:
        return sym(f"{name}{{{inner.name}}}")
    if inner.op == "mul" and all(part.op == "sym" for part in inner.args):
        return sym(f"{name}{{{''.join(part.name for part in inner.args)}}}")
    return call("conj" if name == "bar" else name, inner)


def _fraction(parser: Grammar) -> Node:
    over = argument(parser)
    under = argument(parser)
    found = derivative(over, under, lambda: parser.expression(BODY))
    return Node("div", (over, under)) if found is None else found


def _root(parser: Grammar) -> Node:
    degree = TWO
    if parser.skip("open", "["):
        degree = parser.expression(0)
        parser.expect("close", "]")
    return call("root", parser.prefix(), degree)


def _limits(parser: Grammar) -> tuple[Node, Node]:
    """Return the lower and the upper limit that follow; EMPTY stands for a missing one."""
    lower = upper = EMPTY
    while parser.token.kind == "op" and parser.token.text in {"^", "_"}:
        if parser.take().text == "_":
            lower = sym(parser.take().text) if parser.token.kind == "sym" else parser.prefix()
        else:
            upper = script(parser)
    return lower, upper


def _integral(parser: Grammar) -> Node:
    lower, upper = _limits(parser)
    whole = parser.expression(SUM - 1)
    terms = whole.args if whole.op == "add" else (whole,)
    last = next((n for n, term in enumerate(terms) if _variable(term)), None)
    if last is None:
        raise UnreadableError("an integral over no variable")
    variable = _variable(terms[last])
    inner = [*terms[:last], _without(terms[last])]
    body = inner[0] if len(inner) == 1 else Node("add", tuple(inner))
    ends = () if lower is EMPTY else (lower, upper)
    node = Node("integral", (body, sym(variable), *ends))
    return node if last == len(terms) - 1 else Node("add", (node, *terms[last + 1 :]))


def _variable(node: Node) -> str:
    if node.op == "d":
        return node.name
    return next((found for part in node.args if (found := _variable(part))), "")


def _without(node: Node) -> Node:
    """Return the integrand with its dx replaced by 1."""
    if node.op == "d":
        return num(1)
    if node.op == "set" and len(node.args) == 1:
        return _without(node.args[0])
    return node._replace(args=tuple(map(_without, node.args)))


def table(parser: Grammar, env: str) -> Node:
    """Return a matrix, a determinant, the cases of a definition, or lines of equations."""
    rows: list[list[Node]] = [[]]
    lines = env not in {"matrix", "pmatrix", "bmatrix", "vmatrix", "Vmatrix", "Bmatrix", "array",
                        "smallmatrix", "cases"}  # fmt: skip
    if lines:
        _drop_alignment(parser)
    while not parser.skip("end"):
        if parser.skip("row"):
            rows.append([])
        elif not parser.skip("amp") and not parser.skip("sep"):
            rows[-1].append(_cell(parser))
    parser.skip("close", "}")
    filled = tuple(Node("row", tuple(row)) for row in rows if row)
    if lines or not filled:
        if len(filled) == 1:
            return filled[0].args[0]
        return Node("list", tuple(part for row in filled for part in row.args), ",")
    if env in {"cases", "array"} and all(_is_statement(row) for row in filled):
        return Node("list", tuple(row.args[0] for row in filled), "rows")
    if env == "cases":
        return Node("cases", filled)
    if env == "vmatrix":
        return determinant(tuple(row.args for row in filled))
    return Node("matrix", filled)


def _is_statement(row: Node) -> bool:
    return len(row.args) == 1 and row.args[0].op == "rel"


def _cell(parser: Grammar) -> Node:
    if parser.skip("qual"):
        return parser.items()
    return parser.expression(0)


def _drop_alignment(parser: Grammar) -> None:
    """Forget the marks that align equations, up to the end of their environment."""
    end = next((n for n, t in enumerate(parser.tokens) if n >= parser.at and t.kind == "end"), 0)
    kept = [t for t in parser.tokens[parser.at : end] if t.kind != "amp"]
    parser.tokens[parser.at : end] = kept
