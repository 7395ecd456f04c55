r"""Equations with variables: forms that are not identical, and contradictory equations.

An expression may be transformed, `(x + 1)^2 = x^2 + x + 1`, an equation solved, `16 + x = 27`, so
`x = 8`, and a name given a value twice, `Total = 20 + 23` and then `Total = 44`. Only neighbours
are compared, and only if the words between them suggest that they are about the same thing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from mathreason_eval.maths.evaluate.numeric import differ
from mathreason_eval.maths.evaluate.polynomials import (
    RationalPolynomial,
    have_common_zero,
    zeros_polynomial,
)
from mathreason_eval.maths.syntax.lexer import UnreadableError
from mathreason_eval.maths.syntax.normal import normalise
from mathreason_eval.maths.syntax.parse import parse
from mathreason_eval.maths.syntax.tree import Node, symbols
from mathreason_eval.steps.chains import Chain, Side, SolutionToken, is_variable
from mathreason_eval.steps.relations import EQUAL

# --- two forms of one expression ---------------------------------------------------------------

_LONGEST = 300
"""Maximum characters of an expression that is parsed."""
_NO_EXPRESSION = frozenset({"word", "label", "odd", "remark", "money", "sep", "modulus"})
_OPERATIONS = frozenset({"num", "sym", "add", "mul", "neg", "div", "pow", "call", "const"})
_SUMS, _PRODUCTS = frozenset({"add"}), frozenset({"mul", "pow"})


def difference(
    text: str,
    one: Sequence[SolutionToken],
    other: Sequence[SolutionToken],
    *,
    factored: bool = False,
) -> str | None:
    """Return the values of the variables at which two sides differ; None if none are found.

    Only sides with the same variables are compared: others may be related by earlier facts.

    Args:
        text: the text that contains the sides.
        one: the left side.
        other: the right side.
        factored: whether only a sum and a product are compared.
    """
    if not _has_letters(one) or not _has_letters(other):
        return None
    left, right = _tree(text, one), _tree(text, other)
    if left is None or right is None or symbols(left) != symbols(right) or not symbols(left):
        return None
    if "sym" in {left.op, right.op}:
        return None
    if factored and not (left.op in _SUMS and right.op in _PRODUCTS):
        return None
    found = differ(right, left)
    return found.note if found.equal is False else None


def _has_letters(side: Sequence[SolutionToken]) -> bool:
    return any(token.kind in {"word", "cmd"} for token in side)


def _tree(text: str, side: Sequence[SolutionToken]) -> Node | None:
    """Return the tree of a side that is only an expression with variables, or None."""
    words = (token for token in side if token.kind in _NO_EXPRESSION)
    if not side or any(token.kind != "word" or len(token.text) > 1 for token in words):
        return None
    return _parsed(text[side[0].start : side[-1].end])


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Node | None:
    """Return the tree of an expression with variables, or None if it is doubtful.

    Doubtful: decimals may be rounded; the argument of a function may end in several places; the
    root of a square may mean the positive one.
    """
    if len(text) > _LONGEST:
        return None
    try:
        node = parse(normalise(text), grouped=False)
    except UnreadableError:
        return None
    return node if _is_plain(node) else None


def _is_plain(node: Node) -> bool:
    if node.op not in _OPERATIONS or (node.op == "const" and node.name != "pi"):
        return False
    if node.op == "call" and (node.name != "root" or symbols(node)):
        return False
    if node.op == "num" and node.name:
        return False
    return all(map(_is_plain, node.args))


# --- an equation that is solved or transformed ---------------------------------------------------

_MOST_BETWEEN = 200
"""Maximum characters between two equations if the second follows from the first."""
_LOOK_BACK = 40
_OR = re.compile(r"(?i)\bor\b")
_CALL = re.compile(r"[a-zA-Z]\(\s*-?\d")
"""A function at a number, such as f(2), which looks like a product."""
_LINES = re.compile(r"(?:[\s\x01\x02.,;:&$*-]|\\[\[\]()]|\\\\|\\(?:begin|end)\{[a-z]+\*?\})*")
_NEW_LINE = re.compile(r"\n|\\\]|\\\\")
_FOLLOWS = re.compile(
    r"(?i)\\(?:implies|Rightarrow|Longrightarrow|therefore)|=>|[⇒⟹→∴]"
    r"|\b(?:simplif|subtract|add|divid|multipl|expand|combin|rearrang|solv|isolat|distribut|cancel)"
    r"|\b(?:so|thus|therefore|hence|gives|giving|yields|becomes|means|get|obtain)\b"
)
_BEGINS_ANEW = re.compile(
    r"(?i)\b(?:or|and|if|for|when|case|instead|try|trying|let|choose|suppose|assum\w*|check\w*|test"
    r"\w*|second|third|other|another|next equation|substitut\w*|denominator|numerator"
    r"|from(?! (?:both|each) side)|original|where|since|because|but|however|other\w*|first|use"
    r"|using|similarly|given|recall)\b|[|≠±]"
    r"|\\(?:pm|neq|text|quad|mid|lvert)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Equation:
    """Two sides with an equals sign between them, and nothing else."""

    text: str
    """The text that contains it."""
    left: Sequence[SolutionToken]
    right: Sequence[SolutionToken]

    @property
    def start(self) -> int:
        """Return the position at which it begins."""
        return self.left[0].start

    @property
    def end(self) -> int:
        """Return the position at which it ends."""
        return self.right[-1].end

    @property
    def written(self) -> str:
        """Return the equation as written."""
        return self.text[self.start : self.end]


class _Solvable(NamedTuple):
    """An equation in one variable."""

    variable: str
    polynomial: RationalPolynomial
    solved: bool
    """Whether it only states a value: x = 8."""


def as_equation(text: str, chain: Chain) -> Equation | None:
    """Return a chain as an equation, or None if it is not one."""
    if len(chain.signs) != 1 or chain.signs[0].text != "=":
        return None
    left, right = map(_without_prose, chain.sides)
    return Equation(text=text, left=left, right=right) if left and right else None


def _without_prose(side: Sequence[SolutionToken]) -> Sequence[SolutionToken]:
    """Return a side without the words around its formula; () if they belong to it.

    `We have x + 1` is about x + 1, but `the age - 4` is not about -4.
    """
    first, last = 0, len(side)
    while first < last and _is_prose(side[first]):
        first += 1
    while last > first and _is_prose(side[last - 1]):
        last -= 1
    inner = side[first:last]
    return () if first and inner and inner[0].kind == "op" else inner


def _is_prose(token: SolutionToken) -> bool:
    return token.kind == "label" or (token.kind == "word" and not is_variable(token))


def contradicts(before: Equation, after: Equation, between: str) -> bool:
    """Return whether an equation is claimed to follow from the one before it, but cannot.

    Args:
        before: the first equation.
        after: the second equation.
        between: the text between them.
    """
    # The words are checked first, as that is fastest.
    if not _may_follow(before.text, before.start, between):
        return False
    lines = _LINES.fullmatch(between) is not None
    if not (_NEW_LINE if lines else _FOLLOWS).search(between):
        return False
    one = _solvable(before)
    other = _solvable(after) if one is not None and not one.solved else None
    if one is None or other is None or one.variable != other.variable:
        return False
    if lines and not len(one.polynomial) == len(other.polynomial) == 2:  # noqa: PLR2004
        return False
    return not have_common_zero(one.polynomial, other.polynomial)


def _may_follow(text: str, start: int, between: str) -> bool:
    """Return whether the words around an equation allow the next one to follow from it.

    They do not if they begin something new, or if it is one of several: x = 1 or x = 2.
    """
    if len(between) > _MOST_BETWEEN or _BEGINS_ANEW.search(between):
        return False
    return _OR.search(text, max(0, start - _LOOK_BACK), start) is None


def _solvable(equation: Equation) -> _Solvable | None:
    left, right = (_tree(equation.text, side) for side in (equation.left, equation.right))
    if left is None or right is None:
        return None
    names = {*symbols(left), *symbols(right)}
    polynomial = zeros_polynomial(left, right) if len(names) == 1 else None
    if polynomial is None or len(polynomial) <= 1 or _CALL.search(equation.written):
        return None
    solved = "sym" in {left.op, right.op} and not (symbols(left) and symbols(right))
    return _Solvable(names.pop(), polynomial, solved)


# --- the same name or the same equation again ----------------------------------------------------

_TWO = 2
"""Number of sides of a chain that is an equation."""
_REWRITES = re.compile(r"(?i)\b(?:expand|simplif|combin|distribut|multiply(?:ing)? out)")


def implied_equation(text: str, before: Chain, after: Chain) -> Chain | None:
    """Return the equation that two neighbouring equations imply, or None if they imply none.

    Args:
        text: the text that contains them.
        before: the first equation.
        after: the second; it may be the beginning of a longer chain.
    """
    if len(before.sides) != _TWO or not all((*before.sides, *after.sides[:_TWO])):
        return None
    if not {before.signs[0].text, after.signs[0].text} <= EQUAL:
        return None
    between = text[before.sides[1][-1].end : after.sides[0][0].start]
    if not _may_follow(text, before.sides[0][0].start, between):
        return None
    letters = any(token.kind == "word" and is_variable(token) for token in after.sides[1])
    if _is_same_name(text, before.sides[0], after.sides[0]) and (
        not letters or _is_of_one_thing(before.sides[0])
    ):
        return Chain(sides=(before.sides[1], after.sides[1]), signs=after.signs[:1])
    if len(after.sides) == _TWO and _REWRITES.search(between):
        return _sides_of_rewriting(text, before, after)
    return None


def _is_same_name(text: str, one: Side, other: Side) -> bool:
    """Return whether two sides are the same name: words, a letter, or a function's value."""
    names = [text[side[0].start : side[-1].end].split() for side in (one, other)]
    return names[0] == names[1] and any(token.kind in {"word", "label", "cmd"} for token in one)


def _is_of_one_thing(name: Side) -> bool:
    """Return whether a name has one meaning, unlike a letter in several equations or cases."""
    return not is_variable(name[0]) or (len(name) > _TWO and name[1].text == "(")


def _sides_of_rewriting(text: str, before: Chain, after: Chain) -> Chain | None:
    """Return the sides that must be equal if an equation is rewritten on one side only."""
    for kept in (0, 1):
        one, other = (_tree(text, chain.sides[kept]) for chain in (before, after))
        if one is None or other is None or symbols(one) != symbols(other):
            continue
        if differ(one, other).equal is None:
            return Chain(sides=(before.sides[1 - kept], after.sides[1 - kept]), signs=after.signs)
    return None
