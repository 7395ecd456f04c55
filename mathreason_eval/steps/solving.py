r"""Equations that are said to follow from each other, and have no solution in common.

`16 + x = 27`, so `x = 8`. Only neighbours in one variable are compared, and only where the words
between them say that the second is the first one transformed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mathreason_eval.grade.tree import Node, symbols
from mathreason_eval.steps.chains import Chain
from mathreason_eval.steps.identities import tree, wordless
from mathreason_eval.steps.polynomials import Polynomial, equation, have_common_zero

_MOST_BETWEEN = 200
"""Characters between two equations of which the second follows from the first."""
_LOOK_BACK = 40
_OR = re.compile(r"(?i)\bor\b")
"""Before an equation: it is one of several, of which the next need not be the same."""
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
    r"\w*|second|third|other|another|next equation|substitut\w*|denominator|numerator|from|original"
    r"|where|since|because|but|however|other\w*|first|since|use|using|similarly|given|recall)\b|[|≠±]"
    r"|\\(?:pm|neq|text|quad|mid|lvert)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Equation:
    """An equation in one variable."""

    variable: str
    polynomial: Polynomial
    start: int
    end: int
    solved: bool
    """Whether it only names a value: x = 8."""


def contradictions(text: str, chains: Iterable[Chain]) -> Iterator[tuple[Equation, Equation]]:
    """Yield neighbouring equations of which the second cannot follow from the first.

    Args:
        text: in which the chains stand.
        chains: in the order of the text.
    """
    before: Equation | None = None
    for chain in chains:
        after = _equation(text, chain)
        if before is not None and after is not None and _is_said_to_follow(text, before, after):
            zeros = before.polynomial, after.polynomial
            if len(zeros[0]) > 1 and not have_common_zero(*zeros):
                yield before, after
        before = after


def _equation(text: str, chain: Chain) -> Equation | None:
    if len(chain.signs) != 1 or chain.signs[0].text != "=":
        return None
    one, other = map(wordless, chain.sides)
    left, right = tree(text, one), tree(text, other)
    if left is None or right is None:
        return None
    names = {*symbols(left), *symbols(right)}
    start, end = one[0].start, other[-1].end
    polynomial = equation(left, right) if len(names) == 1 else None
    if polynomial is None or len(polynomial) <= 1 or _CALL.search(text, start, end):
        return None
    return Equation(
        variable=names.pop(),
        polynomial=polynomial,
        start=start,
        end=end,
        solved=_is_solved(left, right),
    )


def _is_solved(left: Node, right: Node) -> bool:
    return "sym" in {left.op, right.op} and not (symbols(left) and symbols(right))


def _is_said_to_follow(text: str, before: Equation, after: Equation) -> bool:
    """Return whether the words between two equations say that the second is the first one."""
    if before.variable != after.variable or before.solved:
        return False
    if _OR.search(text, max(0, before.start - _LOOK_BACK), before.start):
        return False
    between = text[before.end : after.start]
    if len(between) > _MOST_BETWEEN or _BEGINS_ANEW.search(between):
        return False
    if _LINES.fullmatch(between):
        linear = len(before.polynomial) == len(after.polynomial) == 2  # noqa: PLR2004
        return linear and _NEW_LINE.search(between) is not None
    return _FOLLOWS.search(between) is not None
