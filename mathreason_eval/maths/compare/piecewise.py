r"""Functions given by cases, compared with each other and with closed forms such as `|x - 1|`.

The line is divided where a condition or a sign changes. In each piece both are expressions without
absolute values, which must be identical; at each end both must have one value, or none.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from mathreason_eval.maths.compare.comparison import (
    UNKNOWN,
    Finding,
    best,
    different,
    equal,
    same_value,
)
from mathreason_eval.maths.compare.realsets import (
    REALS,
    NotASetError,
    holds,
    is_inequality,
    real_set,
    samples,
)
from mathreason_eval.maths.evaluate import numeric
from mathreason_eval.maths.evaluate.polynomials import NoZerosError, zeros
from mathreason_eval.maths.syntax.tree import (
    Node,
    contains,
    minus,
    num,
    rebuild,
    substitute,
    sym,
    symbols,
)

_NEAR = 1e-9
_MOST_PIECES = 12
OTHERWISE = Node("text", (), "otherwise")
_SIGNED = frozenset({"abs", "min", "max"})


def same_function(gold: Node, answer: Node) -> Finding:
    """Compare two functions of one variable of which at least one is given by cases."""
    names = sorted({*symbols(gold), *symbols(answer)})
    if len(names) != 1:
        return UNKNOWN._replace(note="cases against a closed form")
    variable = sym(names[0])
    try:
        ends = sorted({*_ends(gold, variable), *_ends(answer, variable)}, key=_place)
    except (NotASetError, NoZerosError):
        return UNKNOWN._replace(note="cases whose conditions are not understood")
    places: list[tuple[float, Node]] = []
    for end in ends:
        if not places or _place(end) - places[-1][0] > _NEAR:
            places.append((_place(end), end))
    if len(places) > _MOST_PIECES:
        return UNKNOWN._replace(note="too many cases")
    found = equal("cases", "the same function in every piece")
    for index, at in enumerate(samples([place for place, _ in places])):
        boundary = places[index // 2][1] if index % 2 else None
        piece = _same_piece(gold, answer, variable, at, boundary)
        if piece.equal is False:
            return piece
        found = piece if piece.equal is None else found
    return found


def _place(end: Node) -> float:
    at = numeric.real_value(end)
    if at is None:
        raise NotASetError("an end that is not a number")
    return at


def _ends(node: Node, variable: Node) -> Iterator[Node]:
    """Yield where a condition or the sign of something in absolute value may change."""
    if node.op == "cases":
        for row in node.args:
            value, condition = row.args
            if condition != OTHERWISE:
                if not _is_condition(condition):
                    raise NotASetError(condition.op)
                yield from real_set(condition).boundaries
            yield from _ends(value, variable)
        return
    if node.op == "call" and node.name in _SIGNED:
        if node.name != "abs" and len(node.args) != 2:  # noqa: PLR2004 - whose difference has a sign
            raise NotASetError("a minimum of more than two")
        inside = node.args[0] if node.name == "abs" else _difference(node)
        if contains(inside, "sym", variable.name):
            yield from zeros(inside, variable)
    for part in node.args:
        yield from _ends(part, variable)


def _is_condition(node: Node) -> bool:
    if node.op in {"list", "and", "or"}:
        return all(map(_is_condition, node.args))
    return is_inequality(node) or (node.op == "rel" and node.name in {"=", "in"}) or node == REALS


def _difference(node: Node) -> Node:
    return Node("add", (node.args[0], minus(node.args[1])))


def _same_piece(gold: Node, answer: Node, variable: Node, at: float, end: Node | None) -> Finding:
    """Compare two functions in the gap around a point, or at an end."""
    values = [_value_at(node, variable, at) for node in (gold, answer)]
    if values[0] is None or values[1] is None:
        if values[0] is values[1]:
            return equal("cases", "neither is defined")
        return different("cases", f"only one is defined at {variable.name} = {at:.6g}")
    one, other = (_without_signs(value, variable, at) for value in values if value is not None)
    if end is not None:
        one, other = substitute(one, variable, end), substitute(other, variable, end)
    found = same_value(one, other)
    if found.equal:
        return found
    number = num(Fraction(at))
    shown = [numeric.real_value(substitute(part, variable, number)) for part in (one, other)]
    if shown[0] is None or shown[1] is None:
        return best(found, UNKNOWN)
    if abs(shown[0] - shown[1]) > _NEAR * max(1.0, abs(shown[0])):
        note = f"at {variable.name} = {at:.6g}: {shown[1]:.6g} against {shown[0]:.6g}"
        return different("cases", note)
    return UNKNOWN


def _value_at(node: Node, variable: Node, at: float) -> Node | None:
    """Return the expression that gives a function's value at a point, or None."""
    if node.op != "cases":
        return node
    for row in node.args:
        value, condition = row.args
        if condition == OTHERWISE or holds(condition, variable, at):
            return value
    return None


def _without_signs(node: Node, variable: Node, at: float) -> Node:
    """Return an expression with its absolute values and minima written out, as near a point."""
    changed = rebuild(node, lambda part: _without_signs(part, variable, at))
    if changed.op != "call" or changed.name not in _SIGNED:
        return changed
    inside = changed.args[0] if changed.name == "abs" else _difference(changed)
    sign = numeric.real_value(substitute(inside, variable, num(Fraction(at))))
    if sign is None:
        return changed
    if changed.name == "abs":
        return inside if sign >= 0 else minus(inside)
    return changed.args[0] if (sign > 0) == (changed.name == "max") else changed.args[1]
