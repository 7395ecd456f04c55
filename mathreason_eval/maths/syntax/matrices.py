"""Matrices and vectors: their entries, and the little arithmetic that answers do with them."""

from __future__ import annotations

from mathreason_eval.maths.syntax.tree import MINUS_ONE, Node

Rows = tuple[tuple[Node, ...], ...]
_LARGEST_DETERMINANT = 5
_LARGEST_POWER = 6
_MOST_TERMS = 512
"""Products of entries that the product of two matrices may take."""


def is_matrix(node: Node) -> bool:
    """Return whether a tree is a matrix, or a sum or multiple of matrices."""
    if node.op == "matrix":
        return True
    if node.op == "pow":
        return is_matrix(node.args[0])
    return node.op in {"add", "mul", "neg", "div"} and any(map(is_matrix, node.args))


def as_matrix(node: Node) -> Rows | None:
    """Return the entries of a matrix, or of a tuple read as a column; None for other things."""
    if node.op == "matrix":
        return tuple(row.args for row in node.args)
    if node.op == "list" and node.name in {"and", "or"}:
        return None
    if node.op in {"tuple", "list"} or (node.op == "interval" and node.name == "[]"):
        return _from_tuple(node)
    if node.op == "neg":
        return _scaled(as_matrix(node.args[0]), MINUS_ONE)
    if node.op == "mul":
        return _product(node)
    if node.op == "pow":
        return _power(node)
    if node.op == "div":
        rows = as_matrix(node.args[0])
        return rows and tuple(tuple(Node("div", (c, node.args[1])) for c in row) for row in rows)
    if node.op == "add":
        return _sum([as_matrix(part) for part in node.args])
    return None


def _from_tuple(node: Node) -> Rows:
    """Return the rows of `[[1, 2], [3, 4]]`, or a column for a plain tuple."""
    groups = {"tuple", "interval"}
    if node.name == "[]" and node.args and all(part.op in groups for part in node.args):
        return tuple(part.args for part in node.args)
    return tuple((part,) for part in node.args)


def _scaled(rows: Rows | None, factor: Node) -> Rows | None:
    return rows and tuple(tuple(Node("mul", (factor, cell)) for cell in row) for row in rows)


def _product(node: Node) -> Rows | None:
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
    """Return the signed determinant of what is left without a row and a column."""
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
    return tuple(tuple(_inner(row, column) for column in columns) for row in left)


def _inner(row: tuple[Node, ...], column: tuple[Node, ...]) -> Node:
    """Return the sum of the products of a row's entries with a column's."""
    terms = tuple(Node("mul", pair) for pair in zip(row, column, strict=True))
    return terms[0] if len(terms) == 1 else Node("add", terms)


def _sum(parts: list[Rows | None]) -> Rows | None:
    known = [part for part in parts if part is not None]
    if len(known) != len(parts) or len({tuple(map(len, rows)) for rows in known}) != 1:
        return None
    return tuple(
        tuple(Node("add", cells) for cells in zip(*lines, strict=True))
        for lines in zip(*known, strict=True)
    )


def as_column(node: Node) -> Node:
    """Return a tuple as the column that it is under a sign of transposition."""
    return Node("matrix", tuple(Node("row", (part,)) for part in node.args))


def transposed(node: Node) -> Node:
    """Return the transpose of a matrix whose rows are equally long.

    Raises:
        ValueError: if they are not.
    """
    columns = zip(*(row.args for row in node.args), strict=True)
    return node._replace(args=tuple(Node("row", column) for column in columns))


def determinant(rows: Rows) -> Node:
    """Return the determinant as an expression, by the first row.

    Raises:
        ValueError: if the matrix is not square, or larger than any that answers hold.
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
