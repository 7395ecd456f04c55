"""Comparison of single values: units, per cent, degrees, rounded decimals."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import isfinite, pi

from mathreason_eval.maths.compare.comparison import (
    UNKNOWN,
    Finding,
    best,
    decimal_log,
    different,
    equal,
    same_value,
)
from mathreason_eval.maths.compare.convention import Convention
from mathreason_eval.maths.evaluate.exact import exact
from mathreason_eval.maths.evaluate.numeric import real_value
from mathreason_eval.maths.syntax.number import rounds_to, significant
from mathreason_eval.maths.syntax.operators import negated
from mathreason_eval.maths.syntax.tree import PI, Node, contains, num, rebuild, show
from mathreason_eval.maths.vocabulary.units import CONTAINERS, Measured, Unit, measured, unit_of
from mathreason_eval.maths.vocabulary.words import DECREASES

_HUNDRED, _HALF_TURN = num(100), num(180)


def same_scalar(gold: Node, answer: Node, convention: Convention, *, rounding: bool) -> Finding:
    """Return whether two single values are equal under the convention."""
    if (angles := _as_angles(gold, answer)) is not None:
        return same_value(*angles)
    if convention.units != "ignored" and (
        _has_other_mark(gold, answer) or _has_other_mark(answer, gold)
    ):
        return different("units", "a unit is no per cent or degree sign")
    one, other, obstacle = _without_units(gold, answer, convention)
    if obstacle is not None:
        return obstacle
    found = _same_unitless(one, other, convention, rounding=rounding)
    if not found.equal and answer.op == "quantity" and gold.op != "quantity":
        # A question that asks for dozens has a gold without the word: 7 is right as 7 dozen.
        return best(found, _same_unitless(gold, _bare(answer), convention, rounding=rounding))
    return found


def _same_unitless(gold: Node, answer: Node, convention: Convention, *, rounding: bool) -> Finding:
    """Return whether two values are equal whose units are converted and gone."""
    if (in_one_scale := _temperatures(gold, answer)) is not None:
        gold, answer = in_one_scale
    if {gold.op, answer.op} == {"percent", "degree"}:
        return different("units", "an angle is not a percentage")
    for mark, rule in (("percent", _same_percent), ("degree", _same_degree)):
        if mark in {gold.op, answer.op}:
            return rule(gold, answer, convention, rounding)
    return _same_number(in_radians(gold), in_radians(answer), convention, rounding)


_ANGLE = (("ang", 1),)


def _as_angles(gold: Node, answer: Node) -> tuple[Node, Node] | None:
    """Return an angle in degrees and one in radians, both without their unit, or None."""
    degree, other = (gold, answer) if gold.op == "degree" else (answer, gold)
    if degree.op != "degree" or degree.name or other.op != "quantity":
        return None
    unit = unit_of(other.name)
    if unit is None or unit.dimension != _ANGLE:
        return None
    gold, answer = (
        in_radians(node if node.op == "degree" else node.args[0]) for node in (gold, answer)
    )
    return gold, answer


def _has_other_mark(one: Node, other: Node) -> bool:
    """Return whether one value has a per cent or degree sign where the other has a unit."""
    if one.op not in {"percent", "degree"} or other.op != "quantity":
        return False
    unit = unit_of(other.name)
    return unit is not None and bool(unit.dimension) and other.args[0].op != one.op


def _same_number(gold: Node, answer: Node, convention: Convention, rounding: bool) -> Finding:  # noqa: FBT001
    found = same_value(gold, answer)
    unlike = gold.op == answer.op == "num" and bool(gold.name) != bool(answer.name)
    if found.equal and unlike and not convention.integer_form:
        return different("form", "an integer is wanted as an integer")
    if found.equal or not rounding:
        return found
    return _rounded(gold, answer, convention) or found


def _rounded(gold: Node, answer: Node, convention: Convention) -> Finding | None:
    """Return a positive finding if one side is a decimal that the other rounds to, or None."""
    # Rounding rarely leaves a 0 at the end, but programs print floats such as 50.0.
    may_be_rounded = not gold.name.endswith("0") and _shows(gold, convention.rounded_gold)
    exact_answer = not _is_decimal(answer)
    if may_be_rounded and (exact_answer or _places(answer) > _places(gold)):
        decimal, other = gold, answer
    elif _shows(answer, convention.rounded_answer) and not _is_decimal(gold):
        decimal, other = answer, gold
    else:
        return None
    value, shown = _approximate(other), decimal.value
    if value is None or shown is None or not rounds_to(value, decimal.name, shown):
        return None
    return equal("rounded", f"{show(other)} rounds to {decimal.name}")


def _shows(node: Node, digits: int) -> bool:
    """Return whether a node is a decimal typed with at least `digits` significant digits."""
    return bool(digits) and _is_decimal(node) and significant(node.name) >= digits


def _is_decimal(node: Node) -> bool:
    return node.op == "num" and bool(node.name)


def _places(decimal: Node) -> int:
    return len(decimal.name.partition(".")[2])


# --- what `≈` claims -----------------------------------------------------------------------------


def is_approximation(one: Node, other: Node) -> bool:
    """Return whether `one ≈ other` is true: they agree in all digits that are written.

    A written number is exact in the digits it shows; a value calculated from decimals is as precise
    as they are. If a value cannot be calculated, the result is True.
    """
    return _is_approximation(one, other) or (
        (contains(one, "call", "log") or contains(other, "call", "log"))
        and _is_approximation(decimal_log(one), decimal_log(other))
    )


def is_decimal_form(one: Node, other: Node) -> bool:
    """Return whether either is a decimal of three digits or more to which the other rounds.

    Then `√2 = 1.414` is accepted, but not between two typed numbers.
    """
    return _is_decimal_form(one, other) or _is_decimal_form(other, one)


_FORM_DIGITS = 3
"""Minimum number of significant digits."""


def _is_decimal_form(value: Node, decimal: Node) -> bool:
    bare = _unsigned(decimal)
    if not _shows(bare, _FORM_DIGITS) or _unsigned(value).op == "num":
        return False
    shown, known = _approximate(decimal), _approximate(value)
    return shown is not None and known is not None and rounds_to(known, bare.name, shown)


def _unsigned(node: Node) -> Node:
    return node.args[0] if node.op == "neg" else node


def _is_approximation(one: Node, other: Node) -> bool:
    left, right = _stripped(one), _stripped(other)
    first, second = _approximate(left), _approximate(right)
    if first is None or second is None:
        return True
    return any(
        _claims(left, first, second * factor)
        or _claims(right, second, first / factor)
        or abs(first - second * factor) <= _rounding_error(left, right) * abs(first)
        for factor in _factors(one, other)
    )


def _stripped(node: Node) -> Node:
    while node.op in {"quantity", "percent", "degree"}:
        node = node.args[0]
    return node


def _approximate(node: Node) -> Fraction | None:
    value = exact(node)
    if value is not None:
        return value
    machine = real_value(node)
    return Fraction(machine) if machine is not None and isfinite(machine) else None


def _claims(node: Node, shown: Fraction, value: Fraction) -> bool:
    """Return whether a node is a written number, decimal or whole, to which the value rounds."""
    node = _unsigned(node)
    typed = node.op == "num" and (node.name or shown.denominator == 1)
    return bool(typed) and rounds_to(value, node.name, shown)


def _factors(one: Node, other: Node) -> tuple[Fraction, ...]:
    """Return the factors that may convert the second value to the unit of the first."""
    for mark, factor in (("percent", Fraction(1, 100)), ("degree", Fraction(pi) / 180)):
        if (one.op == mark) != (other.op == mark):
            return Fraction(1), factor if other.op == mark else 1 / factor
    first, second = unit_of(_unit(one)), unit_of(_unit(other))
    if first is None or second is None or first.dimension != second.dimension:
        return (Fraction(1),)
    return (second.size / first.size,)


_MOST_ROUNDING_ERROR = Fraction(1, 100)


def _rounding_error(*nodes: Node) -> Fraction:
    """Return the maximum relative difference due to rounded decimals in the values."""
    inside = [part for node in nodes if node.op != "num" for part in _decimals(node)]
    half_units = ((Fraction(1, 2 * 10 ** _places(part)), part.value) for part in inside)
    slack = sum((half / abs(value) for half, value in half_units if value), Fraction(0))
    return min(slack, _MOST_ROUNDING_ERROR)


def _decimals(node: Node) -> Iterator[Node]:
    if _is_decimal(node):
        yield node
    for part in node.args:
        yield from _decimals(part)


# --- units ---------------------------------------------------------------------------------------


def _without_units(
    gold: Node, answer: Node, convention: Convention
) -> tuple[Node, Node, Finding | None]:
    """Return both values in one unit, and what there is to say if that is impossible."""
    gold, answer = _with_direction(gold, answer), _with_direction(answer, gold)
    one, two = _unit(gold), _unit(answer)
    gold, answer = _measured(gold, two), _measured(answer, one)
    one, two = _unit(gold), _unit(answer)
    left, right = _bare(gold), _bare(answer)
    if convention.units == "ignored" or not (one or two):
        return left, right, None
    if convention.units == "required" and bool(one) != bool(two):
        missing = different("units", f"the unit of {one or two!r} is missing on one side")
        return left, right, missing
    if one == two:
        return left, right, None
    first, second = measured(one), measured(two)
    first, second = _pound_of(first, second), _pound_of(second, first)
    if one and two and (obstacle := _unlike(first, second, one, two)) is not None:
        return left, right, obstacle
    alone = not (one and two) or first.unit is None or second.unit is None
    sizes = [_size(found.unit, alone=alone) for found in (first, second)]
    if sizes[0] == sizes[1]:
        return left, right, None
    return _scaled(left, sizes[0]), _scaled(right, sizes[1]), None


def _with_direction(node: Node, other: Node) -> Node:
    """Return `20% decrease` as -20% if the other side is a negative number without a word."""
    if node.op != "quantity" or other.op == "quantity" or other.op not in {"num", "percent"}:
        return node
    amount, signed = (exact(_stripped(part)) for part in (node, other))
    negative = amount is not None and signed is not None and signed < 0 < amount
    return negated(_bare(node)) if negative and measured(node.name).words & DECREASES else node


def _size(unit: Unit | None, *, alone: bool) -> Fraction:
    """Return what a value is multiplied by; a number without a unit meets only pure numbers."""
    return Fraction(1) if unit is None or (alone and unit.dimension) else unit.size


def _pound_of(one: Measured, other: Measured) -> Measured:
    """Return a pound as the weight or the money that the other unit measures."""
    if one.unit is not None or one.words != {"pound"} or other.unit is None:
        return one
    units = (unit_of("lb"), unit_of("gbp"))
    fitting = (unit for unit in units if unit and unit.dimension == other.unit.dimension)
    return Measured(next(fitting, None), frozenset())


def _unlike(first: Measured, second: Measured, one: str, two: str) -> Finding | None:
    """Return why two units or counted things are not comparable, or are not known to be."""
    if first.unit is not None and second.unit is not None:
        if first.unit.dimension != second.unit.dimension:
            return different("units", f"{two} does not measure what {one} measures")
        if first.unit.issuer and second.unit.issuer and first.unit.issuer != second.unit.issuer:
            return different("units", f"{two} is other money than {one}")
    elif (known := first.unit or second.unit) is not None and known.dimension:
        return UNKNOWN._replace(note=f"whether {two!r} is {one!r} is not known")
    nested = first.words <= second.words or second.words <= first.words
    if not nested or not CONTAINERS.isdisjoint(first.words ^ second.words):
        return UNKNOWN._replace(note=f"whether {two!r} is {one!r} is not known")
    return None


def _measured(node: Node, unit: str) -> Node:
    """Return `3m` as a value with a unit, if the other side has a unit of that dimension."""
    if not unit or node.op not in {"mul", "div"} or (wanted := unit_of(unit)) is None:
        return node
    (value, _), *rest = _powers(node, 1)
    names = [_unit_part(part, power) for part, power in rest]
    one = unit_of(" ".join(names)) if value.value is not None and all(names) else None
    if one is None or one.dimension != wanted.dimension:
        return node
    return Node("quantity", (value,), " ".join(names))


_TOO_LARGE = 10
"""Powers of a unit have one digit."""


def _powers(node: Node, power: int) -> list[tuple[Node, int]]:
    """Return the factors of a product or quotient, each with its power."""
    if node.op == "mul":
        return [found for part in node.args for found in _powers(part, power)]
    if node.op == "div":
        return [*_powers(node.args[0], power), *_powers(node.args[1], -power)]
    exponent = exact(node.args[1]) if node.op == "pow" else None
    if exponent is None or exponent.denominator != 1 or abs(exponent) >= _TOO_LARGE:
        return [(node, power)]
    return _powers(node.args[0], power * int(exponent))


def _unit_part(node: Node, power: int) -> str:
    """Return a letter with its power as a part of a unit, such as `s^-2`, or ""."""
    if node.op != "sym" or not 0 < abs(power) < _TOO_LARGE:
        return ""
    return node.name if power == 1 else f"{node.name}^{power}"


def _scaled(node: Node, size: Fraction) -> Node:
    if node.value is not None:
        return num(node.value * size)
    return Node("mul", (node, num(size)))


def _unit(node: Node) -> str:
    return node.name if node.op == "quantity" else _unit(node.args[0]) if node.op == "neg" else ""


def _bare(node: Node) -> Node:
    """Return the value without its unit or units, also of a negative."""
    while node.op == "quantity":
        node = node.args[0]
    if node.op == "neg" and _unit(node):
        return Node("neg", (_bare(node.args[0]),))
    return node


# --- per cent and degrees ------------------------------------------------------------------------


def _same_percent(gold: Node, answer: Node, convention: Convention, rounding: bool) -> Finding:  # noqa: FBT001
    if gold.op == answer.op:
        return _same_number(gold.args[0], answer.args[0], convention, rounding)
    inner_gold = gold.args[0] if gold.op == "percent" else gold
    inner_answer = answer.args[0] if answer.op == "percent" else answer
    found = different("percent", "the convention on per cent forbids it")
    if convention.percent in {"either", "sign"}:
        found = _same_number(inner_gold, inner_answer, convention, rounding)
    if found.equal or convention.percent == "sign":
        return found
    if gold.op == "percent":
        inner_answer = _times_hundred(inner_answer)
    else:
        inner_gold = _times_hundred(inner_gold)
    as_value = _same_number(inner_gold, inner_answer, convention, rounding)
    note = f"{as_value.note}, as a fraction of 1"
    return as_value._replace(note=note) if as_value.equal else best(found, as_value)


def _times_hundred(node: Node) -> Node:
    if node.value is None:
        return Node("mul", (_HUNDRED, node))
    places, value = _places(node), node.value * 100
    return num(value, f"{float(value):.{places - 2}f}" if places > 2 else "")  # noqa: PLR2004


def _temperatures(gold: Node, answer: Node) -> tuple[Node, Node] | None:
    """Return two temperatures in degrees Celsius if one is in Celsius and one in Fahrenheit."""
    if gold.op != answer.op or {gold.name, answer.name} != {"C", "F"}:
        return None
    gold, answer = (node if node.name == "C" else _in_celsius(node) for node in (gold, answer))
    return gold, answer


def _in_celsius(node: Node) -> Node:
    above = Node("add", (node.args[0], num(-32)))
    return Node("degree", (Node("div", (Node("mul", (above, num(5))), num(9))),), "C")


_ANGLES = ("arcsin", "arccos", "arctan", "arccot")


def _same_degree(gold: Node, answer: Node, convention: Convention, rounding: bool) -> Finding:  # noqa: FBT001
    if gold.name and answer.name and gold.name != answer.name:
        return different("units", "degrees of different scales")
    if gold.op == answer.op:
        return _same_number(gold.args[0], answer.args[0], convention, rounding)
    bare, marked = (answer, gold) if gold.op == "degree" else (gold, answer)
    radians = contains(bare, "const", "pi") or any(contains(bare, "call", f) for f in _ANGLES)
    if radians or convention.degrees == "strict":
        return same_value(in_radians(gold), in_radians(answer))
    inner = marked.args[0]
    pair = (inner, bare) if gold.op == "degree" else (bare, inner)
    return _same_number(*pair, convention, rounding)


_OF_ANGLES = frozenset({"sin", "cos", "tan", "cot", "sec", "csc"})


def with_degrees(node: Node) -> Node:
    """Return the tree with a degree sign added in `sin 30` and the like."""
    changed = rebuild(node, with_degrees)
    if node.op == "call" and node.name in _OF_ANGLES and exact(node.args[0]) is not None:
        return changed._replace(args=(Node("degree", changed.args[:1]), *changed.args[1:]))
    return changed


def in_radians(node: Node) -> Node:
    """Return the tree with every angle in degrees turned into radians."""
    if not contains(node, "degree"):
        return node
    if node.op == "degree":
        return Node("div", (Node("mul", (node.args[0], PI)), _HALF_TURN))
    return rebuild(node, in_radians)
