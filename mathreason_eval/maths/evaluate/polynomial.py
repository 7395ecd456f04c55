"""Polynomials in one variable whose coefficients are trees: their coefficients and real zeros."""

from __future__ import annotations

from collections.abc import Callable

from mathreason_eval.maths.evaluate.numeric import machine_value
from mathreason_eval.maths.syntax.tree import (
    ONE,
    TWO,
    ZERO,
    Node,
    call,
    contains,
    minus,
    num,
    substitute,
)

_NEAR = 1e-9
_MOST_COEFFICIENTS = 5
_MOST_FACTORS = 12
_MOST_ABSOLUTES = 4
"""Absolute values within one function; each doubles the cases."""
_LINEAR, _QUADRATIC = 2, 3


class NoZerosError(ValueError):
    """The zeros of a function are out of reach."""


def zeros(node: Node, variable: Node, absolutes: int = _MOST_ABSOLUTES) -> list[Node]:
    """Return the real numbers where a function of one variable may vanish or be undefined.

    Raises:
        NoZerosError: if they cannot be found by factors, absolute values and quadratics.
    """
    if not contains(node, variable.op, variable.name):
        return []
    inside = _INSIDE.get(node.op)
    if inside is not None and inside(node):
        return [zero for part in node.args for zero in zeros(part, variable, absolutes)]
    modulus = _find(node, lambda part: _is_absolute(part) and part != variable)
    if modulus is None:
        return _polynomial_zeros(node, variable)
    if not absolutes:
        raise NoZerosError("too many absolute values")
    inner = modulus.args[0]
    cases = (inner, *(substitute(node, modulus, side) for side in (inner, minus(inner))))
    return [zero for case in cases for zero in zeros(case, variable, absolutes - 1)]


def _is_absolute(node: Node) -> bool:
    return node.op == "call" and node.name == "abs"


_INSIDE: dict[str, Callable[[Node], bool]] = {
    "mul": lambda _: True,
    "div": lambda _: True,
    "neg": lambda _: True,
    "pow": lambda node: node.args[1].value is not None,
    "call": lambda node: node.name in {"abs", "root"},
}
"""Functions that vanish, or are undefined, only where one of their parts vanishes."""


def _find(node: Node, wanted: Callable[[Node], bool]) -> Node | None:
    if wanted(node):
        return node
    return next((found for part in node.args if (found := _find(part, wanted)) is not None), None)


def _polynomial_zeros(node: Node, variable: Node) -> list[Node]:
    """Return the zeros of a polynomial of degree two at most, real or not."""
    coefficients = polynomial(node, variable)
    if coefficients is None:
        raise NoZerosError("no polynomial")
    while len(coefficients) > 1 and _vanishes(coefficients[-1]):
        coefficients.pop()
    if len(coefficients) == 1:
        return []
    if len(coefficients) == _LINEAR:
        return [Node("div", (minus(coefficients[0]), coefficients[1]))]
    if len(coefficients) > _QUADRATIC:
        raise NoZerosError("a polynomial of high degree")
    c, b, a = coefficients
    four_ac = Node("mul", (num(4), a, c))
    root = call("root", Node("add", (Node("mul", (b, b)), minus(four_ac))), TWO)
    return [
        Node("div", (Node("add", (minus(b), signed)), Node("mul", (TWO, a))))
        for signed in (root, minus(root))
    ]


def _vanishes(node: Node) -> bool:
    at = machine_value(node)
    return at is not None and abs(at) < _NEAR


def polynomial(node: Node, variable: Node) -> list[Node] | None:
    """Return the coefficients of a polynomial in one variable, lowest first, or None."""
    if not contains(node, variable.op, variable.name):
        return [node]
    if node == variable:
        return [ZERO, ONE]
    parts = [polynomial(part, variable) for part in node.args]
    known = [part for part in parts if part is not None]
    if len(known) != len(parts):
        return None
    if node.op == "add":
        size = max(map(len, known))
        return [Node("add", tuple(p[k] for p in known if k < len(p))) for k in range(size)]
    if node.op == "neg":
        return [minus(coefficient) for coefficient in known[0]]
    if node.op == "div" and len(known[1]) == 1:
        return [Node("div", (coefficient, known[1][0])) for coefficient in known[0]]
    power = node.args[1].value if node.op == "pow" else None
    factors = [known[0]] * int(power) if power in {1, 2, 3} else known
    return _multiplied(factors) if node.op == "mul" or power in {1, 2, 3} else None


def _multiplied(factors: list[list[Node]]) -> list[Node] | None:
    """Return the product of polynomials, or None if it is larger than answers need."""
    if len(factors) > _MOST_FACTORS:
        return None
    result = factors[0]
    for factor in factors[1:]:
        size = len(result) + len(factor) - 1
        if size > _MOST_COEFFICIENTS:
            return None
        terms: list[list[Node]] = [[] for _ in range(size)]
        for i, one in enumerate(result):
            for j, other in enumerate(factor):
                terms[i + j].append(Node("mul", (one, other)))
        result = [Node("add", tuple(group)) for group in terms]
    return result
