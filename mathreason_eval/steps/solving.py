r"""Equations that are said to follow from each other, and have no solution in common.

`16 + x = 27`, so `x = 8`. Only neighbours in one variable are compared, and only where the words
between them say that the second is the first one transformed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mathreason_eval.maths.syntax.tree import symbols
from mathreason_eval.steps.chains import Chain
from mathreason_eval.steps.identities import tree, wordless
from mathreason_eval.steps.polynomials import Polynomial, equation, have_common_zero
from mathreason_eval.steps.tokens import Token

MOST_BETWEEN = 200
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
BEGINS_ANEW = re.compile(
    r"(?i)\b(?:or|and|if|for|when|case|instead|try|trying|let|choose|suppose|assum\w*|check\w*|test"
    r"\w*|second|third|other|another|next equation|substitut\w*|denominator|numerator"
    r"|from(?! (?:both|each) side)|original|where|since|because|but|however|other\w*|first|use"
    r"|using|similarly|given|recall)\b|[|≠±]"
    r"|\\(?:pm|neq|text|quad|mid|lvert)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Equation:
    """Two sides with an equal sign between them, and nothing else."""

    text: str
    """In which it stands."""
    left: Sequence[Token]
    right: Sequence[Token]

    @property
    def start(self) -> int:
        """Where it begins."""
        return self.left[0].start

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.right[-1].end

    @property
    def written(self) -> str:
        """As it was written."""
        return self.text[self.start : self.end]


class _Solvable(NamedTuple):
    """What is known of an equation in one variable."""

    variable: str
    polynomial: Polynomial
    solved: bool
    """Whether it only names a value: x = 8."""


def equation_of(text: str, chain: Chain) -> Equation | None:
    """Return the equation that a chain of a text is, or None if it is none."""
    if len(chain.signs) != 1 or chain.signs[0].text != "=":
        return None
    left, right = map(wordless, chain.sides)
    return Equation(text=text, left=left, right=right) if left and right else None


def contradicts(before: Equation, after: Equation, between: str) -> bool:
    """Return whether an equation is said to follow from its neighbour before it, and cannot.

    Args:
        before: the first.
        after: the second.
        between: what stands between them.
    """
    # What words say is looked at first: it costs least.
    if len(between) > MOST_BETWEEN or BEGINS_ANEW.search(between):
        return False
    if is_one_of_several(before.text, before.start):
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


def is_one_of_several(text: str, start: int) -> bool:
    """Return whether the words before an equation say that it is one of several: x = 1 or x = 2."""
    return _OR.search(text, max(0, start - _LOOK_BACK), start) is not None


def _solvable(said: Equation) -> _Solvable | None:
    left, right = tree(said.text, said.left), tree(said.text, said.right)
    if left is None or right is None:
        return None
    names = {*symbols(left), *symbols(right)}
    polynomial = equation(left, right) if len(names) == 1 else None
    if polynomial is None or len(polynomial) <= 1 or _CALL.search(said.written):
        return None
    solved = "sym" in {left.op, right.op} and not (symbols(left) and symbols(right))
    return _Solvable(names.pop(), polynomial, solved)
