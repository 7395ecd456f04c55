r"""Fractions that are derivatives: `\frac{d}{dx} f`, `\frac{dy}{dx}`, `\frac{d^2 y}{dx^2}`."""

from __future__ import annotations

from collections.abc import Callable

from mathreason_eval.maths.syntax.tree import ONE, Node, num, sym

_D = sym("d")
_PAIR = 2
_HIGHEST = 4


def derivative(over: Node, under: Node, following: Callable[[], Node]) -> Node | None:
    """Return the derivative that a fraction is, or None if it is a quotient.

    Args:
        over: The numerator.
        under: The denominator.
        following: Reads what comes behind the fraction, for an operator without a numerator.
    """
    times, variable = _variable(under)
    first, rest = (over.args[0], over.args[1:]) if over.op == "mul" else (over, ())
    if not times or first != (_D if times == 1 else Node("pow", (_D, num(times)))):
        return None
    body = _product(rest) if rest else _ungrouped(following())
    for _ in range(times):
        body = Node("diff", (body, sym(variable)))
    return body


def _variable(under: Node) -> tuple[int, str]:
    """Return how often is derived and by what: `dx`, `d x`, `dx^2`; 0 if it is no derivative."""
    if under.op == "mul" and len(under.args) == _PAIR and under.args[0] == _D:
        under = under.args[1]
    elif under.op != "d" and not (under.op == "pow" and under.args[0].op == "d"):
        return 0, ""
    base, power = under.args if under.op == "pow" else (under, ONE)
    if power.value is None or power.value not in range(1, _HIGHEST + 1):
        return 0, ""
    return (int(power.value), base.name) if base.op in {"d", "sym"} else (0, "")


def _product(parts: tuple[Node, ...]) -> Node:
    return parts[0] if len(parts) == 1 else Node("mul", parts)


def _ungrouped(node: Node) -> Node:
    """Return the value in square brackets that only group."""
    return node.args[0] if node.op == "tuple" and len(node.args) == 1 else node
