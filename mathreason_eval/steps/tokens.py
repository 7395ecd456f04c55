r"""The signs of a written solution: numbers, operators, words, formulas in prose and prose in them.

A solution mixes prose with LaTeX, and money with mathematics: `$5 + $3 = $8`, `$5 + 3 = 8$`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple


class Token(NamedTuple):
    """One sign with its place.

    Kinds: num, op, post (a mark behind a value), rel, cmd, word, label (words in a formula), money,
    open, close, edge (begin or end of a formula), row (a new line of it), line, arrow (divides
    statements), stop (end of a sentence), sep (a comma), remark (words in brackets), modulus, box,
    odd.
    """

    kind: str
    text: str
    start: int
    end: int
    formula: bool
    """Whether it stands in a formula, where letters are variables."""


_RELATIONS = r"""\\(?:approx|leq?|geq?|lt|gt|neq?|equiv|sim|simeq|cong|leqslant|geqslant|in|notin
    |doteq|propto|subset|subseteq|parallel|perp|not)(?![a-zA-Z])
    |(?<![\w)}\]])!=|[<>:]=|={1,2}|[<>≈≤≥≠≡∈]"""
# What is written most comes first.
_SIGNS = r"""
  (?P<gap>[&\t ~]+)
| (?P<name>(?<![^\W\d_])[a-zA-Z]\d+)
| (?P<word>[^\W\d_]+(?:['’-][^\W\d_]+)*)
| (?P<odd>\d+(?:st|nd|rd|th)(?![a-z])|\\[lcv]?dots[bcmio]?(?![a-zA-Z])|\.{2,}|…|(?<=\d):(?=\d))
| (?P<num>(?:\d{1,3}(?:(?:,|\{,\}|\\,)\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)
| (?P<edge>\\[()\[\]]|[\x01\x02])
| (?P<label>\\(?:text|textbf|textit|textrm|mathrm|mbox|operatorname)\s?\{[^{}]{0,400}\})
| (?P<row>\\\\(?:\[[^\]\n]{0,9}\])?)
| (?P<line>\n)
| (?P<space>\\[,;:!\ >]|\\(?:left|right|[bB]igg?[lr]?|displaystyle|limits|mathbf|boldsymbol
    |begin\{(?:align|aligned|gather|gathered|equation|split|eqnarray)\*?\}
    |end\{(?:align|aligned|gather|gathered|equation|split|eqnarray)\*?\})(?![a-zA-Z])
    |\\tag\{[^{}]{0,20}\}|[*_]{2,})
| (?P<modulus>\\pmod\s?(?:\{\s?\d{1,30}\s?\}|\d)
    |\(\s?(?:\\?b?mod|\\text\{\s?mod\s?\})[ ~\\,]{0,4}\d{1,30}\s?\))
| (?P<open>\\begin\{[a-zA-Z]+\*?\}|\\\{|[(\[{]|\\lfloor(?![a-z])|\\lceil(?![a-z]))
| (?P<close>\\end\{[a-zA-Z]+\*?\}|\\\}|[)\]}]|\\rfloor(?![a-z])|\\rceil(?![a-z]))
| (?P<arrow>\\(?:Rightarrow|implies|iff|Leftrightarrow|to|rightarrow|Longrightarrow|mapsto
    |therefore|because|quad|qquad|longrightarrow|hline|mid|colon)(?![a-zA-Z])
    |={1,3}>|-{1,3}>|[→⇒⟹⟺⇔∴∵⟶↔✓✗✔✘])
| (?P<rel>%s)
| (?P<box>\\boxed(?![a-z]))
| (?P<money>\\?[$£€¥₹])
| (?P<post>\^\s?\{?\s?\\circ(?![a-z])\s?\}?|\\%%|[%%!°²³])
| (?P<op>\\(?:times|cdot|div|ast|bmod)(?![a-zA-Z])|[-+*/^×·⋅÷−–√∗⁄])
| (?P<cmd>\\log_(?:\d|\{\d{1,3}\})|\\[a-zA-Z]+)
| (?P<stop>[.?;](?=[\s\x01\x02]|\Z|\\[()\[\]])|[:;?])
| (?P<sep>,)
| (?P<rest>.)
"""
_PATTERN = re.compile(_SIGNS % _RELATIONS, re.VERBOSE | re.DOTALL)
_RELATION = re.compile(_RELATIONS, re.VERBOSE)
_DISPLAY = re.compile(r"\$\$([^$]*)\$\$")
_FORMULA = re.compile(r"(?<![\\$])\$(?=[^\s$])([^$\n]*[^\s$\\]|[^\s$\\])\$(?!\d)")
"""A formula between dollars, by the rule that tells it from sums of money: no white space inside
its edges, no digit behind it."""
_OPENING = frozenset({r"\(", r"\[", "\x01"})


def tokens(text: str) -> Iterator[Token]:
    """Yield the signs of a text in order, without white space; linear in its length."""
    text = _DISPLAY.sub(lambda m: f"\x01 {m[1]} \x02", text)
    text = _FORMULA.sub(lambda m: f"\x01{m[1]}\x02", text)
    formula = begun = False
    for found in _PATTERN.finditer(text):
        kind, sign = found.lastgroup or "odd", found[0]
        if kind in {"gap", "space"}:
            continue
        if kind == "edge":
            formula = sign in _OPENING
        if kind == "line":
            begun = False
            if formula:
                continue
        elif not begun:
            begun = True
            # A line that begins with a dash is an item of a list, not a negative number.
            if kind == "op" and not formula and text[found.end() : found.end() + 1].isspace():
                continue
        yield Token("odd" if kind in {"rest", "name"} else kind, sign, *found.span(), formula)


def has_relation(text: str) -> bool:
    """Return whether a text relates anything to anything: whether `tokens` finds a `rel`."""
    return _RELATION.search(text) is not None


def is_variable(token: Token) -> bool:
    """Return whether letters stand for a number or a point: AB, x; in a formula most short ones."""
    text = token.text
    if len(text) == 1 or (text.isupper() and len(text) < _WORD):
        return True
    return token.formula and (len(text) < _WORD or _VOWEL.search(text) is None)


_WORD = 4
"""Letters that make a word in a formula."""
_VOWEL = re.compile("[aeiouAEIOU]")
