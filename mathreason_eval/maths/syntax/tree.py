"""Expression trees, the meaning of answers, and the arithmetic of matrices of trees.

A tree consists of records of one type, whose `op` is one of:

    num            a number; `value`, and in `name` its decimals as typed (`0.50`), else ""
    sym  const     a variable; `pi`, `e`, `i`, `oo`, or a set such as `RR`
    add mul div neg pow
    call           `name` applied to `args`: sin, root, log, abs, binom, …; or an unknown function
    pm mp          plus or minus its argument; minus or plus
    percent degree a mark that a convention interprets
    quantity       a value with the unit `name`
    ratio          a : b : …
    tuple list set   an ordered group in brackets; bare items; items in braces
    interval       two ends; `name` is its brackets, such as `[)`
    union inter minus   operations on sets
    rel            a chain `a < b <= c`; `name` is its signs, separated by spaces
    such           {variable : condition}
    matrix row det
    sum prod       body, variable, from, to
    integral limit diff     operators that only the slow tier can carry out
    cases          rows of value and condition
    when           an expression; `name` is the qualifier written after it
    text           words; `name` is the words, normalised
    dots           what an ellipsis leaves out
    progression    a collection that goes on without end, by its name
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple


class Node(NamedTuple):
    """One node of a tree: an operation with its arguments, a number or a name."""

    op: str
    args: tuple[Node, ...] = ()
    name: str = ""
    value: Fraction | None = None


ONE = Node("num", value=Fraction(1))
TWO = Node("num", value=Fraction(2))
ZERO = Node("num", value=Fraction(0))
MINUS_ONE = Node("num", value=Fraction(-1))
PI = Node("const", name="pi")
E = Node("const", name="e")
I = Node("const", name="i")  # noqa: E741 - the name of the field
INFINITY = Node("const", name="oo")
EMPTY = Node("set")


def num(value: Fraction | int, typed: str = "") -> Node:
    """Return a number, with its decimals as typed if it was typed with a point."""
    return Node("num", (), typed, Fraction(value))


def sym(name: str) -> Node:
    """Return a variable."""
    return Node("sym", (), name)


def call(name: str, *args: Node) -> Node:
    """Return a function applied to its arguments."""
    return Node("call", args, name)


def minus(node: Node) -> Node:
    """Return the negative of an expression."""
    return Node("neg", (node,))


def joined(op: str, parts: tuple[Node, ...]) -> Node:
    """Return the sum or product of some parts, or the only part."""
    return parts[0] if len(parts) == 1 else Node(op, parts)


def rebuild(node: Node, change: Callable[[Node], Node]) -> Node:
    """Return the node with `change` applied to each of its arguments."""
    if not node.args:
        return node
    return node._replace(args=tuple(map(change, node.args)))


def substitute(node: Node, old: Node, new: Node) -> Node:
    """Return the tree with every occurrence of `old` replaced by `new`."""
    if node == old:
        return new
    return rebuild(node, lambda part: substitute(part, old, new))


@lru_cache(maxsize=4096)
def symbols(node: Node) -> tuple[str, ...]:
    """Return the names of the variables of a tree, sorted."""
    found: set[str] = set()
    _collect(node, found)
    return tuple(sorted(found))


def _collect(node: Node, found: set[str]) -> None:
    if node.op == "sym":
        found.add(node.name)
    for part in node.args:
        _collect(part, found)


def contains(node: Node, op: str, name: str = "") -> bool:
    """Return whether the tree contains a node of this kind, and of this name if one is given."""
    if node.op == op and (not name or node.name == name):
        return True
    for part in node.args:  # noqa: SIM110 - `any` takes twice as long, and this is asked often
        if contains(part, op, name):
            return True
    return False


_MOST_BITS = 10_000
_INFIX = {"add": " + ", "mul": "*", "div": "/", "pow": "^", "ratio": ":", "union": " u "}
_BRACKETS = {"list": "  ", "set": "{}"}


def show(node: Node) -> str:
    """Return the tree as plain text, for the notes of verdicts."""
    if node.op == "num":
        return node.name or _digits(node.value)
    if node.op in {"sym", "const", "text"}:
        return node.name
    parts = [show(part) for part in node.args]
    if node.op == "rel":
        signs = iter(node.name.split())
        return parts[0] + "".join(f" {next(signs, '?')} {part}" for part in parts[1:])
    if node.op in _INFIX:
        return "(" + _INFIX[node.op].join(parts) + ")" if len(parts) > 1 else parts[0]
    if node.op == "neg":
        return f"-{parts[0]}"
    if node.op in {"tuple", "list", "set", "interval"}:
        brackets = _BRACKETS.get(node.op, node.name) or "()"
        return f"{brackets[0]}{', '.join(parts)}{brackets[1]}".strip()
    return f"{node.name or node.op}({', '.join(parts)})"


def _digits(value: Fraction | None) -> str:
    """Return a number as text; Python does not convert the longest integers."""
    if value is None or max(abs(value.numerator), value.denominator).bit_length() > _MOST_BITS:
        return "a very long number"
    return str(value)


# --- matrices ------------------------------------------------------------------------------------

Rows = tuple[tuple[Node, ...], ...]
_LARGEST_DETERMINANT = 5
_LARGEST_POWER = 6
_MOST_TERMS = 512
"""Maximum number of products of entries in a product of two matrices."""


def is_matrix(node: Node) -> bool:
    """Return whether a tree is a matrix, or a sum or multiple of matrices."""
    if node.op == "matrix":
        return True
    if node.op == "pow":
        return is_matrix(node.args[0])
    return node.op in {"add", "mul", "neg", "div"} and any(map(is_matrix, node.args))


def as_matrix(node: Node) -> Rows | None:
    """Return the entries of a matrix, or of a tuple as a column; None for other things."""
    if node.op == "matrix":
        return tuple(row.args for row in node.args)
    if node.op == "list" and node.name in {"and", "or"}:
        return None
    if node.op in {"tuple", "list"} or (node.op == "interval" and node.name == "[]"):
        nested = node.args and all(part.op in {"tuple", "interval"} for part in node.args)
        if nested and node.name == "[]":
            return tuple(part.args for part in node.args)  # [[1, 2], [3, 4]]
        return tuple((part,) for part in node.args)
    rule = _OF_MATRICES.get(node.op)
    return rule(node) if rule is not None else None


def _scaled(rows: Rows | None, factor: Node) -> Rows | None:
    return rows and tuple(tuple(Node("mul", (factor, cell)) for cell in row) for row in rows)


def _matrix_quotient(node: Node) -> Rows | None:
    rows, divisor = as_matrix(node.args[0]), node.args[1]
    return rows and tuple(tuple(Node("div", (cell, divisor)) for cell in row) for row in rows)


def _matrix_product(node: Node) -> Rows | None:
    """Return a product of matrices and numbers; None where the shapes do not fit."""
    inside = [as_matrix(part) for part in node.args if is_matrix(part)]
    factors = [part for part in node.args if not is_matrix(part)]
    if not inside:
        return None
    rows = inside[0]
    for right in inside[1:]:
        rows = _multiplied(rows, right)
    for factor in factors:
        rows = _scaled(rows, factor)
    return rows


def _power(node: Node) -> Rows | None:
    """Return a small power of a matrix, or its inverse; None for others."""
    rows, exponent = as_matrix(node.args[0]), node.args[1].value
    if not rows or any(len(row) != len(rows) for row in rows):
        return None
    if exponent == -1:
        return _inverse(rows)
    if exponent is None or exponent not in range(1, _LARGEST_POWER + 1):
        return None
    result: Rows | None = rows
    for _ in range(int(exponent) - 1):
        result = _multiplied(result, rows)
    return result


def _inverse(rows: Rows) -> Rows | None:
    """Return the inverse of a matrix of two or three rows, by its minors; None for others."""
    if len(rows) not in {2, 3}:
        return None
    whole = determinant(rows)
    return tuple(
        tuple(Node("div", (_cofactor(rows, column, row), whole)) for column in range(len(rows)))
        for row in range(len(rows))
    )


def _cofactor(rows: Rows, row: int, column: int) -> Node:
    """Return the signed determinant of the matrix without a row and a column."""
    left = [line for index, line in enumerate(rows) if index != row]
    minor = determinant(tuple(line[:column] + line[column + 1 :] for line in left))
    return Node("neg", (minor,)) if (row + column) % 2 else minor


def _multiplied(left: Rows | None, right: Rows | None) -> Rows | None:
    """Return the product of two matrices, or None if their shapes do not fit or are too large."""
    if not left or not right or any(len(row) != len(right) for row in left):
        return None
    if len({len(row) for row in right}) > 1 or len(left) * len(right) * len(right[0]) > _MOST_TERMS:
        return None
    columns = list(zip(*right, strict=True))
    return tuple(tuple(_dot_product(row, column) for column in columns) for row in left)


def _dot_product(row: tuple[Node, ...], column: tuple[Node, ...]) -> Node:
    return joined("add", tuple(Node("mul", pair) for pair in zip(row, column, strict=True)))


def _sum(node: Node) -> Rows | None:
    known = [rows for part in node.args if (rows := as_matrix(part)) is not None]
    if len(known) != len(node.args) or len({tuple(map(len, rows)) for rows in known}) != 1:
        return None
    return tuple(
        tuple(Node("add", cells) for cells in zip(*lines, strict=True))
        for lines in zip(*known, strict=True)
    )


_OF_MATRICES: dict[str, Callable[[Node], Rows | None]] = {
    "neg": lambda node: _scaled(as_matrix(node.args[0]), MINUS_ONE),
    "mul": _matrix_product,
    "pow": _power,
    "div": _matrix_quotient,
    "add": _sum,
}


def as_column(node: Node) -> Node:
    """Return the transpose of a tuple: a column."""
    return Node("matrix", tuple(Node("row", (part,)) for part in node.args))


def transposed(node: Node) -> Node:
    """Return the transpose of a matrix whose rows are equally long.

    Raises:
        ValueError: if its rows are not equally long.
    """
    columns = zip(*(row.args for row in node.args), strict=True)
    return node._replace(args=tuple(Node("row", column) for column in columns))


def determinant(rows: Rows) -> Node:
    """Return the determinant as an expression, by the first row.

    Raises:
        ValueError: if the matrix is not square, or is too large.
    """
    if any(len(row) != len(rows) for row in rows) or not 0 < len(rows) <= _LARGEST_DETERMINANT:
        raise ValueError("no determinant of reasonable size")
    if len(rows) == 1:
        return rows[0][0]
    terms = []
    for column, cell in enumerate(rows[0]):
        minor = tuple(row[:column] + row[column + 1 :] for row in rows[1:])
        term = Node("mul", (cell, determinant(minor)))
        terms.append(Node("neg", (term,)) if column % 2 else term)
    return Node("add", tuple(terms))
