r"""Unions of arithmetic progressions: classes of residues, families of solutions, odd integers.

`x \equiv 2 \pmod 7`, `x = 7k + 2, k \in \mathbb{Z}` and `x = 7k - 5` are one set of integers,
`\pm\frac{\pi}{3} + 2k\pi` and `\frac{\pi}{3} + 2k\pi, \frac{5\pi}{3} + 2k\pi` one of angles, and
`\{1, 3, 5, \ldots\}` is `\{2k + 1 : k \ge 0\}`. Where a text does not say what its parameter
ranges over, every range is a reading.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from mathreason_eval.maths.compare.comparison import Finding, different, equal
from mathreason_eval.maths.compare.elision import DOTS, filled
from mathreason_eval.maths.compare.scalar import in_radians
from mathreason_eval.maths.compare.shape import shape
from mathreason_eval.maths.evaluate.exact import exact
from mathreason_eval.maths.evaluate.polynomials import polynomial
from mathreason_eval.maths.syntax.tree import PI, Node, contains, num, sym, symbols
from mathreason_eval.maths.vocabulary.words import these

_WHOLE = these("k n m l j r t K N")
"""Letters of an arbitrary integer."""
_MOST_STARTS = 240
_PAIR = 2


class _Progressions(NamedTuple):
    """One reading of an answer as start + period * k, for several starts."""

    unit: str
    """`pi` for angles, else ""."""
    period: Fraction
    starts: frozenset[Fraction]
    """Modulo the period where k is any integer, else the first terms."""
    goes_back: bool
    """Whether k is any integer, rather than one from some number on."""


class _Read(NamedTuple):
    name: str
    """The variable whose values they are, or ""."""
    ranges: tuple[frozenset[int | None], ...]
    """For each family, where its parameter may begin: None where it has no beginning."""
    families: tuple[tuple[str, Fraction, Fraction], ...]
    """The unit, start and period of each."""
    is_stated: bool
    """Whether the text says that it is a set, rather than a formula."""
    is_elided: bool = False
    """Whether only dots say how it goes on."""


_ANY: frozenset[int | None] = frozenset([None])
_OPEN: frozenset[int | None] = frozenset([None, 0, 1])
_RANGES: dict[str, frozenset[int | None]] = {
    "ZZ": _ANY, "ZZ+": frozenset([1]), "NN": frozenset([0, 1]), "NN0": frozenset([0]),
    "NN_0": frozenset([0]),
}  # fmt: skip


def same_progressions(gold: Node, answer: Node) -> Finding | None:
    """Compare two unions of progressions; None unless both are, and one says that it is a set."""
    one, other = _read(gold), _read(answer)
    if one is None or other is None or not (one.is_stated or other.is_stated):
        return None
    if one.name and other.name and one.name != other.name:
        return None
    firsts, seconds = list(_readings(one)), list(_readings(other))
    if any(_equal(first, second) for first in firsts for second in seconds):
        return equal("progression", "the same numbers")
    if one.is_elided and other.is_elided:
        return None  # dots show a progression where they can, and prove none
    if firsts and seconds and all(unit == "" for unit, _, _ in one.families + other.families):
        return different("progression", "other numbers")
    return None


def _readings(read: _Read) -> Iterator[_Progressions]:
    """Yield the sets that an answer may mean."""
    units = {unit for unit, _, _ in read.families}
    common = frozenset.intersection(*read.ranges)
    if len(units) != 1 or not common:
        return
    for begin in common:
        if begin is not None:
            if len({period for _, _, period in read.families}) == 1:
                starts = frozenset(start + period * begin for _, start, period in read.families)
                yield _Progressions(units.copy().pop(), read.families[0][2], starts, False)  # noqa: FBT003
            continue
        period = _common_period([abs(period) for _, _, period in read.families])
        count = sum(abs(period / step) for _, _, step in read.families)
        if count > _MOST_STARTS:
            continue
        starts = frozenset(
            (start + abs(step) * turn) % period
            for _, start, step in read.families
            for turn in range(int(period / abs(step)))
        )
        yield _Progressions(units.copy().pop(), period, starts, True)  # noqa: FBT003


def _common_period(periods: list[Fraction]) -> Fraction:
    """Return the least common multiple of some positive fractions."""
    return Fraction(
        math.lcm(*(period.numerator for period in periods)),
        math.gcd(*(period.denominator for period in periods)),
    )


def _equal(one: _Progressions, other: _Progressions) -> bool:
    if one.unit != other.unit or one.goes_back != other.goes_back:
        return False
    if not one.goes_back:
        return one == other
    period = _common_period([one.period, other.period])
    if period / min(one.period, other.period) > _MOST_STARTS:
        return False
    repeated = [
        {
            start + read.period * turn
            for start in read.starts
            for turn in range(int(period / read.period))
        }
        for read in (one, other)
    ]
    return repeated[0] == repeated[1]


# --- reading -------------------------------------------------------------------------------------


_INTEGERS = Node("const", (), "ZZ")


def _read(node: Node) -> _Read | None:
    """Return an answer as families of numbers, or None."""
    if node.op == "when":
        return _of_modulus(node) if node.name.startswith("mod ") else _in_words(node)
    if node == _INTEGERS:
        return _Read("", (_ANY,), (("", Fraction(0), Fraction(1)),), is_stated=True)
    if node.op in {"set", "list"} and node.args[:1] == node.args[-1:] == (DOTS,):
        return _of_dots_at_both_ends(node)
    if node.op in {"set", "list"} and (whole := filled(node)) is not node:
        return _of_dots(whole)
    if node.op in {"list", "and"}:
        return _of_list(_with_modulus(node))
    if node.op == "such":
        return _of_builder(node)
    if node.op == "set" and len(node.args) == 1:
        inner = _read(node.args[0])
        return inner and inner._replace(ranges=tuple(_OPEN for _ in inner.families), is_stated=True)
    return _of_formula(node)


def _of_builder(node: Node) -> _Read | None:
    """Return `{2k + 1 : k >= 0}` or `{n : n = 2k + 1}` as a family."""
    member, condition = node.args
    if (begins := _range(condition)) is not None:
        inner = _read(member)
        return inner and inner._replace(
            ranges=tuple(begins for _ in inner.families), is_stated=True
        )
    while member.op == "rel" and member.name == "in" and member.args[1].name == "ZZ":
        member = member.args[0]
    inner = _read(condition)
    if inner is None or member.op != "sym" or inner.name != member.name:
        return None
    ranges = inner.ranges if inner.is_stated else tuple(_OPEN for _ in inner.families)
    return inner._replace(ranges=ranges, is_stated=True)


def _of_formula(node: Node) -> _Read | None:
    """Return `7k + 2` or `x = 7k + 2` as a family of all integers k."""
    node, name = shape(node), ""
    if node.op == "define" and node.args[0].op == "sym":
        name, node = node.args[0].name, shape(node.args[1])
    values = node.args if node.op == "list" else (node,)
    families = [_family(value) for value in values]
    known = tuple(family for family in families if family is not None)
    if not known or len(known) < len(families):
        return None
    is_angle = all(unit for unit, _, _ in known)
    return _Read(name, tuple(_ANY for _ in known), known, is_angle)


def _family(node: Node) -> tuple[str, Fraction, Fraction] | None:
    """Return the unit, start and period of `start + period * k`, or None."""
    names = symbols(node)
    if len(names) != 1 or names[0] not in _WHOLE:
        return None
    node = in_radians(node)
    coefficients = polynomial(node, sym(names[0]))
    if coefficients is None or len(coefficients) != _PAIR:
        return None
    unit = "pi" if contains(coefficients[1], "const", "pi") else ""
    values = [exact(Node("div", (part, PI if unit else num(1)))) for part in coefficients]
    if unit:
        values = [_of_pi(part) for part in coefficients]
    start, period = values
    return None if start is None or not period else (unit, start, period)


def _of_pi(node: Node) -> Fraction | None:
    """Return the rational multiple of pi that a constant is, or None."""
    multiple = polynomial(_with_symbol(node), sym("pi"))
    if multiple is None or len(multiple) > _PAIR or exact(multiple[0]):
        return None
    if exact(multiple[0]) is None:
        return None
    return exact(multiple[1]) if len(multiple) == _PAIR else Fraction(0)


def _with_symbol(node: Node) -> Node:
    """Return the tree with pi as a variable."""
    if node == PI:
        return sym("pi")
    return node._replace(args=tuple(map(_with_symbol, node.args))) if node.args else node


_LONGEST_MODULUS = 9


def _of_modulus(node: Node) -> _Read | None:
    """Return `x = 2 (mod 7)` as a family."""
    modulus = node.name.removeprefix("mod ")
    inner, name = node.args[0], ""
    if inner.op == "rel" and inner.name in {"=", "equiv"} and len(inner.args) == _PAIR:
        if inner.args[0].op != "sym":
            return None
        name, inner = inner.args[0].name, inner.args[1]
    inner = shape(inner)
    values = [exact(part) for part in (inner.args if inner.op == "list" else (inner,))]
    if not modulus.isdecimal() or int(modulus) == 0 or len(modulus) > _LONGEST_MODULUS:
        return None
    if not values or any(value is None or value.denominator != 1 for value in values):
        return None
    families = tuple(("", value or Fraction(0), Fraction(int(modulus))) for value in values)
    return _Read(name, tuple(_ANY for _ in families), families, is_stated=True)


_POSITIVE = these("positive natural")
_NOT_NEGATIVE = these("nonnegative non-negative")


def _in_words(node: Node) -> _Read | None:
    """Return a family whose parameter's range is given in words, as `where k is an integer`."""
    words = set(node.name.lower().replace(",", " ").split())
    inner = _read(node.args[0])
    if inner is None or not words & {"integer", "integers", "number", "whole"}:
        return None
    if words & {"real", "rational", "prime", "odd", "even", "not"}:
        return None
    begins: frozenset[int | None] = _ANY if words & {"integer", "integers"} else frozenset([0, 1])
    if words & _POSITIVE:
        begins = frozenset([1]) if "positive" in words else frozenset([0, 1])
    elif words & _NOT_NEGATIVE or {"non", "negative"} <= words:
        begins = frozenset([0])
    return inner._replace(ranges=tuple(begins for _ in inner.families), is_stated=True)


def _range(node: Node) -> frozenset[int | None] | None:
    """Return where a parameter begins by its domain, as in `k in ZZ` and `k >= 0`, or None."""
    if node.op != "rel" or len(node.args) != _PAIR or node.args[0].op != "sym":
        return None
    if node.name == "in":
        return _RANGES.get(node.args[1].name) if node.args[1].op == "const" else None
    least = exact(node.args[1])
    if node.name not in {">=", ">"} or least is None or least.denominator != 1:
        return None
    return frozenset([int(least) + (node.name == ">")])


def _of_list(node: Node) -> _Read | None:
    """Return several families, or one with the range of its parameter."""
    known = [_range(part) for part in node.args]
    ranges = [begins for begins in known if begins is not None]
    parts = [_read(part) for part, begins in zip(node.args, known, strict=True) if begins is None]
    found = [part for part in parts if part is not None]
    if not found or len(found) < len(parts) or len(ranges) > 1:
        return None
    names = {part.name for part in found} - {""}
    if len(names) > 1:
        return None
    families = tuple(family for part in found for family in part.families)
    stated = all(part.is_stated for part in found)
    begins = ranges[0] if ranges else _ANY
    each = tuple(begins for _ in families)
    return _Read(names.pop() if names else "", each, families, is_stated=stated or bool(ranges))


def _with_modulus(node: Node) -> Node:
    """Return `x = 1, 5 (mod 6)` with the modulus behind every class."""
    first, last = node.args[0], node.args[-1]
    if last.op != "when" or not last.name.startswith("mod ") or first.op != "rel":
        return node
    if any(part.op in {"rel", "when"} for part in node.args[1:-1]):
        return node
    values = (first.args[-1], *node.args[1:-1], last.args[0])
    return node._replace(args=tuple(last._replace(args=(value,)) for value in values))


def _of_dots_at_both_ends(node: Node) -> _Read | None:
    """Return `..., -2, 3, 8, ...` as a family."""
    values = [exact(part) for part in node.args[1:-1]]
    known = [value for value in values if value is not None]
    steps = {second - first for first, second in pairwise(known)}
    if len(known) < max(3, len(values)) or len(steps) != 1 or 0 in steps:
        return None
    family = ("", known[0], abs(steps.pop()))
    return _Read("", (_ANY,), (family,), is_stated=True)


def _of_dots(node: Node) -> _Read | None:
    """Return `1, 3, 5, ...` as a family whose parameter begins at 0."""
    words = node.name.split()
    if node.op != "progression" or words[0] not in {"set", "list"} or words[1] != "arithmetic^1":
        return None
    family = ("", Fraction(words[2]), Fraction(words[3]))
    return _Read("", (frozenset([0]),), (family,), is_stated=True, is_elided=True)
