"""The values of an arithmetic expression, one for each reading, and whether two may be equal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from mathreason_eval.maths.evaluate.exact import exact
from mathreason_eval.maths.evaluate.numeric import real_value
from mathreason_eval.maths.syntax.lexer import UnreadableError
from mathreason_eval.maths.syntax.normal import normalise
from mathreason_eval.maths.syntax.parse import parse
from mathreason_eval.maths.syntax.tree import Node, num, rebuild, substitute

_TRIGONOMETRY = ("sin", "cos", "tan", "cot", "sec", "csc")
_EXACT = (".5", ".25", ".75")
"""Endings of decimals that are exact halves and quarters rather than rounded."""
_LONGEST = 400
"""Maximum characters of an expression that is evaluated."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """A number with its possible distance from the intended one."""

    number: Fraction
    exact: bool
    """False for a floating-point number, such as a root."""
    slack: Fraction
    """Maximum distance if every decimal in it is a rounded one."""
    typed: str
    """Its decimals if it is a single number with a decimal point; else the empty string."""
    single: bool
    """Whether it is a single number rather than a calculation."""
    quotient: bool
    """Whether it is an integer divided by an integer."""

    def times(self, factor: Fraction) -> Value:
        """Return the value in a unit that is smaller by a factor."""
        if factor == 1:
            return self
        return replace(self, number=self.number * factor, slack=self.slack * factor, typed="")


@lru_cache(maxsize=4096)
def values(text: str, *, rounded: bool = True) -> tuple[Value, ...]:
    r"""Return the values of an expression, one per reading; () if it is not a real constant.

    `20%` is a fifth or twenty; `2\frac{1}{2}` is two and a half or one.

    Args:
        text: an expression without words.
        rounded: whether its decimals may be rounded; those of sums of money are not.
    """
    if len(text) > _LONGEST:
        return ()
    try:
        node = parse(normalise(text), grouped=False)
    except UnreadableError:
        return ()
    return tuple(filter(None, (_value(reading, rounded=rounded) for reading in _readings(node))))


def _readings(node: Node) -> Iterator[Node]:
    parts = frozenset((part.op, part.name) for part in _nodes(node))
    if _is_ambiguous(parts):
        return
    yield node
    kinds = {kind for kind, _ in parts}
    if not kinds.isdisjoint({"percent", "degree"}):
        yield _unmarked(node)
    for change, kind in ((_unmixed, "div"), (_decadic, "call")):
        if kind in kinds and (changed := change(node)) != node:
            yield changed


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for part in node.args:
        yield from _nodes(part)


def _is_ambiguous(parts: frozenset[tuple[str, str]]) -> bool:
    """Return whether angles have no unit, or the imaginary unit or e may be variables."""
    if not parts.isdisjoint({("const", "i"), ("const", "e")}):
        return True
    angles = ("const", "pi") in parts or any(kind == "degree" for kind, _ in parts)
    return not angles and any(("call", name) in parts for name in _TRIGONOMETRY)


def _unmarked(node: Node) -> Node:
    """Return the tree without marks of per cent and degrees."""
    node = rebuild(node, _unmarked)
    return node.args[0] if node.op in {"percent", "degree"} else node


def _unmixed(node: Node) -> Node:
    """Return the tree with every mixed number read as a product."""
    node = rebuild(node, _unmixed)
    if node.op == "add" and len(node.args) == 2 and node.args[1].op == "div" and node.args[0].value:  # noqa: PLR2004
        return Node("mul", node.args)
    return node


def _decadic(node: Node) -> Node:
    """Return the tree with base 10 for every logarithm without a base."""
    node = rebuild(node, _decadic)
    bare = node.op == "call" and node.name == "log" and len(node.args) == 1
    return node._replace(name="lg") if bare else node


def _value(node: Node, *, rounded: bool) -> Value | None:
    number = _number(node)
    if number is None:
        return None
    slack = Fraction(0)
    if rounded:
        for decimal in {part for part in _nodes(node) if _may_be_rounded(part)}:
            # Half a unit of its last place larger.
            assert decimal.value is not None, "a number has a value"
            larger = num(decimal.value + _half_unit(decimal.name), decimal.name)
            moved = _number(substitute(node, decimal, larger))
            slack += abs(moved - number) if moved is not None else 0
    inner = node.args[0] if node.op in {"neg", "percent"} else node
    return Value(
        number=number,
        exact=exact(node) is not None,
        slack=slack,
        typed=inner.name if inner.op == "num" else "",
        single=inner.op == "num",
        quotient=node.op == "div" and all(a.op == "num" and not a.name for a in node.args),
    )


def _may_be_rounded(node: Node) -> bool:
    return node.op == "num" and bool(node.name) and not node.name.endswith(_EXACT)


def _number(node: Node) -> Fraction | None:
    found = exact(node)
    if found is not None:
        return found
    machine = real_value(node)
    return None if machine is None else Fraction(machine)


def _half_unit(typed: str) -> Fraction:
    """Return half a unit in the last place of a decimal as written."""
    return Fraction(1, 2 * 10 ** len(typed.partition(".")[2]))


_NOISE = Fraction(1, 10**9)
"""Relative error of floating-point numbers."""
_MACHINE_DIGITS = 14
"""Significant digits that make a decimal a floating-point number, written out."""
_NEARLY = Fraction(1, 50)
"""Maximum relative difference of values that are called approximately equal."""


def holds(one: Value, other: Value, *, nearly: bool) -> bool:
    """Return whether two values are equal up to rounding, truncation or flooring.

    Args:
        one: the value on the left.
        other: the value on the right; if it is one number, the claimed result.
        nearly: whether the sign between them is one of approximate equality.
    """
    gap = abs(one.number - other.number)
    size: Fraction = max(abs(one.number), abs(other.number))
    calculated = not (one.exact and other.exact) or _is_machine(one) or _is_machine(other)
    if not gap or (calculated and gap <= _NOISE * (size + 1)):
        return True
    if nearly:
        return gap <= _NEARLY * size or gap <= 2 * _half_unit(other.typed)
    return gap <= one.slack + other.slack or _rounds(one, other) or _rounds(other, one)


def _is_machine(value: Value) -> bool:
    """Return whether a number has the digits of a floating-point result: 99.00000000000001."""
    return sum(map(str.isdigit, value.typed or "")) >= _MACHINE_DIGITS


def _rounds(value: Value, shown: Value) -> bool:
    """Return whether a decimal, or the whole part of a quotient, is a rounded value."""
    if not shown.single:
        return False
    gap = abs(value.number - shown.number)
    if shown.typed:
        # Not a value that the decimal could have shown exactly.
        unit = 2 * _half_unit(shown.typed)
        return gap < unit and (value.number / unit).denominator != 1
    return value.quotient and value.number > 0 and 0 <= value.number - shown.number < 1
