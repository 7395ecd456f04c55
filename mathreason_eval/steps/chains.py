r"""The chains of relations in a solution, `3 * 4 = 12` and `a < b = c`, as tokens.

A solution mixes prose with LaTeX, and money with mathematics: `$5 + $3 = $8`, `$5 + 3 = 8$`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from mathreason_eval.maths.vocabulary.latex import (
    ENVIRONMENTS,
    RELATIONS,
    TEXT_NAMES,
    any_of,
    relation_signs,
)
from mathreason_eval.maths.vocabulary.units import WHOLE_MONEY


class SolutionToken(NamedTuple):
    """A token with its position.

    Kinds: num, op, post (a mark after a value), rel, cmd, word, label (words in a formula), money,
    open, close, edge (begin or end of a formula), row (a new line of it), line, arrow (separates
    statements), stop (end of a sentence), sep (a comma), remark (words in brackets), modulus, box,
    odd.
    """

    kind: str
    text: str
    start: int
    end: int
    formula: bool
    """Whether it is in a formula, in which letters are variables."""


_IMPLICATIONS = ("=>", "iff", "mapsto", "to")


def _commands(signs: frozenset[str]) -> str:
    """Return a pattern of the signs that are commands, without their backslashes."""
    return any_of(sign[1:] for sign in signs if sign.startswith("\\"))


_RELATION_SIGNS = relation_signs(*{*RELATIONS.values()}.difference(_IMPLICATIONS)) - {"~"}
_ONE_CHARACTER = "".join(sorted(sign for sign in _RELATION_SIGNS if len(sign) == 1))
_RELATIONS = rf"""\\(?:{_commands(_RELATION_SIGNS)}|not)(?![a-zA-Z])
    |(?<![\w)}}\]])!=|[<>:]=|={{1,2}}|[{_ONE_CHARACTER}]"""
# The most frequent tokens come first; the gap before one is read with it.
_PATTERN = re.compile(
    rf"""[&\t ~]*+(?:
  (?P<name>(?<![^\W\d_])[a-zA-Z]\d+)
| (?P<word>[^\W\d_]+(?:['’-][^\W\d_]+)*)
| (?P<odd>\d+(?:st|nd|rd|th)(?![a-z])|\\[lcv]?dots[bcmio]?(?![a-zA-Z])|\.{{2,}}|…|(?<=\d):(?=\d))
| (?P<num>(?:\d{{1,3}}(?:(?:,|\{{,\}}|\\,)\d{{3}})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)
| (?P<edge>\\[()\[\]]|[\x01\x02])
| (?P<label>\\(?:{TEXT_NAMES})\s?\{{[^{{}}]{{0,400}}\}})
| (?P<row>\\\\(?:\[[^\]\n]{{0,9}}\])?)
| (?P<line>\n)
| (?P<space>\\[,;:!\ >]|\\(?:left|right|[bB]igg?[lr]?|displaystyle|limits|mathbf|boldsymbol
    |(?:begin|end)\{{(?:{any_of(ENVIRONMENTS)})\*?\}})(?![a-zA-Z])
    |\\tag\{{[^{{}}]{{0,20}}\}}|[*_]{{2,}})
| (?P<modulus>\\pmod\s?(?:\{{\s?\d{{1,30}}\s?\}}|\d)
    |\(\s?(?:\\?b?mod|\\text\{{\s?mod\s?\}})[ ~\\,]{{0,4}}\d{{1,30}}\s?\))
| (?P<open>\\begin\{{[a-zA-Z]+\*?\}}|\\\{{|[(\[{{]|\\lfloor(?![a-z])|\\lceil(?![a-z]))
| (?P<close>\\end\{{[a-zA-Z]+\*?\}}|\\\}}|[)\]}}]|\\rfloor(?![a-z])|\\rceil(?![a-z]))
| (?P<arrow>\\(?:{_commands(relation_signs(*_IMPLICATIONS))}|therefore|because|quad|qquad|hline|mid
    |colon)(?![a-zA-Z])|={{1,3}}>|-{{1,3}}>|[→⇒⟹⟺⇔∴∵⟶↔✓✗✔✘])
| (?P<rel>{_RELATIONS})
| (?P<box>\\boxed(?![a-z]))
| (?P<money>\\?[{WHOLE_MONEY}])
| (?P<post>\^\s?\{{?\s?\\circ(?![a-z])\s?\}}?|\\%|[%!°²³])
| (?P<op>\\(?:times|cdot|div|ast|bmod)(?![a-zA-Z])|[-+*/^×·⋅÷−–√∗⁄])
| (?P<cmd>\\log_(?:\d|\{{\d{{1,3}}\}})|\\[a-zA-Z]+)
| (?P<stop>[.?;](?=[\s\x01\x02]|\Z|\\[()\[\]])|[:;?])
| (?P<sep>,)
| (?P<rest>.)
| \Z)
""",
    re.VERBOSE | re.DOTALL,
)
_RELATION = re.compile(_RELATIONS, re.VERBOSE)
_DISPLAY = re.compile(r"\$\$([^$]*)\$\$")
_FORMULA = re.compile(r"(?<![\\$])\$(?=[^\s$])([^$\n]*[^\s$\\]|[^\s$\\])\$(?!\d)")
"""A formula between dollars, distinguished from sums of money: no white space inside its edges, no
digit after it."""
_OPENING = frozenset({r"\(", r"\[", "\x01"})
_SHORTEST_WORD = 4
"""Minimum number of letters of a word in a formula."""
_VOWEL = re.compile("[aeiouAEIOU]")


def tokens(text: str) -> Iterator[SolutionToken]:
    """Yield the tokens of a text in order, without white space; linear in its length."""
    text = _DISPLAY.sub(lambda m: f"\x01 {m[1]} \x02", text)
    text = _FORMULA.sub(lambda m: f"\x01{m[1]}\x02", text)
    formula = begun = False
    for found in _PATTERN.finditer(text):
        kind = found.lastgroup
        if kind is None or kind == "space":  # None: the end
            continue
        sign = found[kind]
        if kind == "edge":
            formula = sign in _OPENING
        if kind == "line":
            begun = False
            if formula:
                continue
        elif not begun:
            begun = True
            # A line that begins with a dash is a list item, not a negative number.
            if kind == "op" and not formula and text[found.end() : found.end() + 1].isspace():
                continue
        start, end = found.span(kind)
        yield _token(("odd" if kind in _UNKNOWN else kind, sign, start, end, formula))


_UNKNOWN = frozenset({"rest", "name"})
_token = SolutionToken._make


def is_variable(token: SolutionToken) -> bool:
    """Return whether a token of letters is a variable: x, AB; in a formula most short ones are."""
    text = token.text
    if len(text) == 1 or (text.isupper() and len(text) < _SHORTEST_WORD):
        return True
    return token.formula and (len(text) < _SHORTEST_WORD or _VOWEL.search(text) is None)


_DEEPEST = 40
"""Maximum depth of nested brackets that are read."""
_LONGEST_SIDE = 400
"""Maximum number of tokens of a side; a longer one is not arithmetic."""

_PLAIN = frozenset({"word", "num", "op", "post", "cmd", "label", "money", "odd", "modulus"})
"""Kinds of tokens that neither end a chain nor begin a side."""

Side = tuple[SolutionToken, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """Sides with the relation signs between them, in the order of the text."""

    sides: tuple[Side, ...]
    signs: tuple[SolutionToken, ...]


def chains(text: str) -> Iterator[Chain]:
    """Yield every chain of a text; one in brackets or a formula comes before the chain around it.

    Takes time linear in the text.
    """
    if _RELATION.search(text) is None:
        return
    parser = _Parser()
    for token in tokens(text):
        level = parser.levels[-1]
        if token.kind in _PLAIN and not level.broken:
            side = level.sides[-1]
            if level.opener is None and len(side) < _LONGEST_SIDE:
                side.append(token)  # as `add` does: nearly all tokens of a text come here
            else:
                level.add(token)
        else:
            yield from parser.read(token)
    yield from parser.finish()


@dataclass(slots=True)
class _Level:
    """What has been read inside a pair of brackets, or outside of all."""

    opener: SolutionToken | None = None
    sides: list[list[SolutionToken]] = field(default_factory=lambda: [[]])
    signs: list[SolutionToken] = field(default_factory=list)
    whole: list[SolutionToken] = field(default_factory=list)
    """All its tokens, for the level around it."""
    related: bool = False
    """Whether it contains a relation."""
    broken: bool = False
    """Whether a new line has begun, where only a relation continues the chain."""

    def add(self, token: SolutionToken) -> None:
        """Add a token to the current side; a side of too many tokens is later not read."""
        _keep(self.sides[-1], token)
        if self.opener is not None:
            _keep(self.whole, token)

    def is_remark(self) -> bool:
        """Return whether it contains words and nothing to calculate: `(the ticket)`."""
        return all(
            token.kind in {"word", "op", "sep", "label"}
            and not (token.kind == "word" and is_variable(token))
            for token in self.whole
        )

    def ends_at(self, token: SolutionToken) -> bool:
        """Return whether a token ends the current chain."""
        if token.kind == "sep":
            self.whole.append(token)
        if token.kind == "box":
            # `= \boxed{4}` is the next side, `4 = 4 \boxed{4}` the answer repeated.
            return bool(self.sides[-1]) and self.sides[-1][-1].kind != "op"
        return token.kind in {"arrow", "stop", "sep"}

    def end(self) -> Iterator[Chain]:
        """Yield the current chain and begin another."""
        if self.signs:
            yield Chain(sides=tuple(map(tuple, self.sides)), signs=tuple(self.signs))
        self.sides, self.signs, self.broken = [[]], [], False


def _keep(kept: list[SolutionToken], token: SolutionToken) -> None:
    """Add a token to a list; if it is full, mark the list as not arithmetic."""
    if len(kept) < _LONGEST_SIDE:
        kept.append(token)
    elif len(kept) == _LONGEST_SIDE:
        kept.append(token._replace(kind="odd"))


class _Parser:
    """The parser of chains: levels of brackets and formulas, the innermost last."""

    def __init__(self) -> None:
        self.levels = [_Level()]
        self.formula = 0
        """The level of the current formula; 0 if there is none."""

    def read(self, token: SolutionToken) -> Iterator[Chain]:
        """Read one token, and yield the chains that it ends."""
        level = self.levels[-1]
        if token.kind in {"line", "row"}:
            level.broken = True
            return
        if level.broken and token.kind != "rel":
            yield from level.end()
        level.broken = False
        if token.kind == "open" or (token.kind == "edge" and token.formula):
            if token.kind == "edge":
                yield from self._leave_formula()
                self.formula = len(self.levels)
            self.levels.append(_Level(opener=token))
        elif token.kind in {"close", "edge"}:
            yield from self._close(token)
        elif token.kind == "rel":
            level.related = True
            level.signs.append(token)
            level.sides.append([])
        elif level.ends_at(token):
            yield from level.end()
        elif token.kind != "box":
            level.add(token)

    def finish(self) -> Iterator[Chain]:
        """Yield the chains that are still open at the end of the text."""
        while self.levels:
            yield from self.levels.pop().end()

    def _close(self, token: SolutionToken) -> Iterator[Chain]:
        """Leave the innermost level, if the bracket closes it."""
        if token.kind == "edge":
            yield from self._leave_formula(token)
            return
        opener = self.levels[-1].opener
        if opener is None or opener.kind == "edge":
            yield from self.levels[-1].end()
            return
        inner = self.levels.pop()
        yield from inner.end()
        self._put(inner, opener, token)

    def _leave_formula(self, closer: SolutionToken | None = None) -> Iterator[Chain]:
        """Leave the current formula, if there is one, and every bracket left open in it."""
        if not self.formula:
            return
        while len(self.levels) > self.formula + 1:
            yield from self.levels.pop().end()
        inner, self.formula = self.levels.pop(), 0
        yield from inner.end()
        if closer is not None and inner.opener is not None:
            self._put(inner, inner.opener, closer)

    def _put(self, inner: _Level, opener: SolutionToken, closer: SolutionToken) -> None:
        """Add the content of a pair of brackets to the level around them."""
        outer = self.levels[-1]
        if inner.related or len(self.levels) > _DEEPEST or len(inner.whole) > _LONGEST_SIDE:
            outer.add(opener._replace(kind="odd", end=closer.end))
        elif opener.text == "(" and inner.is_remark():
            outer.add(opener._replace(kind="remark", end=closer.end))
        elif inner.whole or opener.kind != "edge":
            for token in (opener, *inner.whole, closer):
                outer.add(token)
