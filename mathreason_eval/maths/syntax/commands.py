"""Atoms that begin with a LaTeX command: fractions, roots, sums, integrals, tables, …."""

from __future__ import annotations

import re
from fractions import Fraction

from mathreason_eval.maths.syntax.cursor import Grammar, spelled
from mathreason_eval.maths.syntax.lexer import Token, UnreadableError
from mathreason_eval.maths.syntax.operators import (
    BODY,
    SUM,
    number_set,
    script,
)
from mathreason_eval.maths.syntax.tree import (
    EMPTY,
    ONE,
    TWO,
    Node,
    call,
    determinant,
    joined,
    num,
    show,
    sym,
)
from mathreason_eval.maths.vocabulary import latex, words


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
    """Return the atom that begins with a LaTeX command."""
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
    """Return the atom of a command that is a symbol or decorates a name."""
    if name in {"emptyset", "varnothing"}:
        return EMPTY
    if name in {"mathbb", "Bbb"}:
        letter = parser.raw()
        if letter not in latex.SETS:
            raise UnreadableError("no set of numbers")
        name = latex.SETS[letter]
        subscripted = parser.skip("op", "_")
        return number_set(f"{name}_{parser.raw()}") if subscripted else Node("const", (), name)
    if name in {"overline", "bar", "vec", "hat", "tilde", "widehat", "overrightarrow", "dot",
                "ddot", "widetilde", "overleftrightarrow", "mathring"}:  # fmt: skip
        return _decorated(parser, "bar" if name == "overline" else name)
    if name in {"angle", "triangle", "measuredangle", "odot", "square"}:
        letters = parser.raw()
        if name in {"angle", "measuredangle"} and len(letters) == 3 and letters[0] > letters[2]:  # noqa: PLR2004
            letters = letters[::-1]  # from either side it is one angle
        return sym(f"{name} {letters}")
    if name in {"ldots", "dots", "cdots", "dotsc"}:
        return Node("dots")
    if name in {"partial", "nabla"}:
        return sym(name)
    raise UnreadableError(f"the command {name}")


_ARROWS = frozenset({"vec", "overrightarrow"})


def _decorated(parser: Grammar, name: str) -> Node:
    inner = argument(parser)
    if name == "bar" and inner.op == "sym" and len(inner.name) > 1 and inner.name.isupper():
        return inner  # a segment, with or without its line
    if inner.op == "sym" and name in _ARROWS and _is_reversed(inner.name):
        return Node("neg", (sym(f"{name}{{{inner.name[::-1]}}}"),))
    if inner.op in {"sym", "const"}:
        return sym(f"{name}{{{inner.name}}}")
    if inner.op == "mul" and all(part.op == "sym" for part in inner.args):
        return sym(f"{name}{{{''.join(part.name for part in inner.args)}}}")
    return call("conj" if name == "bar" else name, inner)


def _is_reversed(name: str) -> bool:
    """Return whether the two ends of a vector are not in the order of the alphabet."""
    return len(name) == 2 and name.isupper() and name[0] > name[1]  # noqa: PLR2004 - its two ends


_D = sym("d")
_HIGHEST = 4


def _fraction(parser: Grammar) -> Node:
    r"""Return a quotient, or a derivative: `\frac{d}{dx} f`, `\frac{d^2 y}{dx^2}`."""
    over, under = argument(parser), argument(parser)
    if _is_partial(over) and _is_partial(under):
        parts = (re.sub(r"[()*]", "", show(node)) for node in (over, under))
        return sym("/".join(parts).replace("partial", "∂"))
    times, variable = _derived_by(under)
    if over.op == "d":
        over = Node("mul", (_D, sym(over.name)))
    first, rest = (over.args[0], over.args[1:]) if over.op == "mul" else (over, ())
    if not times or first != (_D if times == 1 else Node("pow", (_D, num(times)))):
        return Node("div", (over, under))
    body = joined("mul", rest) if rest else parser.expression(BODY)
    if not rest and body.op == "tuple" and len(body.args) == 1:
        body = body.args[0]  # square brackets that only group
    if body.op == "sym" and body.name != variable:
        # What depends on the variable, not a constant, whose derivative would be 0.
        order = f"^{times}" if times > 1 else ""
        return sym(f"d{order}{body.name}/d{variable}{order}")
    for _ in range(times):
        body = Node("diff", (body, sym(variable)))
    return body


def _is_partial(node: Node) -> bool:
    r"""Return whether a side of a fraction begins with `\partial`, which is no factor."""
    first = node.args[0] if node.op == "mul" else node
    first = first.args[0] if first.op == "pow" else first
    return first == sym("partial")


def _derived_by(under: Node) -> tuple[int, str]:
    """Return the order and the variable of a derivative over `dx`, `d x`, `dx^2`; order 0: none."""
    if under.op == "mul" and len(under.args) == 2 and under.args[0] == _D:  # noqa: PLR2004
        under = under.args[1]
    elif under.op != "d" and not (under.op == "pow" and under.args[0].op == "d"):
        return 0, ""
    base, power = under.args if under.op == "pow" else (under, ONE)
    if power.value is None or power.value not in range(1, _HIGHEST + 1):
        return 0, ""
    return (int(power.value), base.name) if base.op in {"d", "sym"} else (0, "")


def _root(parser: Grammar) -> Node:
    degree = TWO
    if parser.skip("open", "["):
        degree = parser.expression(0)
        parser.expect("close", "]")
    return call("root", parser.prefix(), degree)


def _limits(parser: Grammar) -> tuple[Node, Node]:
    """Return the lower and the upper limit that follow; EMPTY for a missing one."""
    lower = upper = EMPTY
    while parser.sees_op("^", "_"):
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
    body = joined("add", (*terms[:last], _without(terms[last])))
    ends = () if lower is EMPTY else (lower, upper)
    node = Node("integral", (body, sym(variable), *ends))
    return joined("add", (node, *terms[last + 1 :]))


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
            told = _condition_in_words(parser) if env == "cases" and rows[-1] else None
            rows[-1].append(told or _cell(parser))
    filled = tuple(Node("row", tuple(row)) for row in rows if row)
    if lines or not filled:
        if len(filled) == 1:
            return filled[0].args[0]
        return Node("list", tuple(part for row in filled for part in row.args), ",")
    if env in {"cases", "array"} and all(
        len(row.args) == 1 and row.args[0].op == "rel" for row in filled
    ):
        return Node("list", tuple(row.args[0] for row in filled), "rows")
    if env == "cases":
        return Node("cases", filled)
    if env == "vmatrix":
        return determinant(tuple(row.args for row in filled))
    return Node("matrix", filled)


_OTHERWISE = frozenset({"otherwise", "else", "elsewhere"})


def _cell(parser: Grammar) -> Node:
    """Return one cell of a table: an expression, a condition after `if`, or `otherwise`."""
    if parser.token.text.lower() in _OTHERWISE:
        parser.take()
        return Node("text", (), "otherwise")
    return parser.items() if parser.skip("qual") else parser.expression(0)


_CELL_ENDS = frozenset({"amp", "row", "end", "eof"})
_OF_CONDITIONS = words.these("if is are for when where be")
"""Words of a condition that do not tell it from another."""


def _condition_in_words(parser: Grammar) -> Node | None:
    r"""Return a condition that is not mathematics, `n \text{ is even}`, as its words, or None."""
    cell: list[Token] = []
    while parser.ahead(len(cell)).kind not in _CELL_ENDS:
        cell.append(parser.ahead(len(cell)))
    named = [token for token in cell if token.kind == "word"]
    if not named or all(token.text.lower() in _OTHERWISE | _OF_CONDITIONS for token in named):
        return None
    if any(token.kind in {"rel", "begin"} for token in cell):
        return None
    parser.at += len(cell)
    told = [spelled(token).lower() for token in cell if token.kind != "sep"]
    return Node("text", (), " ".join(word for word in told if word not in _OF_CONDITIONS))


def _drop_alignment(parser: Grammar) -> None:
    """Remove the marks that align equations, up to the end of their environment."""
    end = next((n for n, t in enumerate(parser.tokens) if n >= parser.at and t.kind == "end"), 0)
    kept = [t for t in parser.tokens[parser.at : end] if t.kind != "amp"]
    parser.tokens[parser.at : end] = kept
