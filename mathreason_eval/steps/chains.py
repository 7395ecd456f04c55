"""The chains of relations that a text writes down: `3 * 4 = 12`, `a < b = c`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mathreason_eval.steps.tokens import Token, has_relation, is_variable, tokens

_DEEPEST = 40
"""Brackets in brackets that are looked into."""
_LONGEST_SIDE = 400
"""Signs of a side that is kept; longer ones are no arithmetic."""

_PLAIN = frozenset({"word", "num", "op", "post", "cmd", "label", "money", "odd", "modulus"})
"""Kinds of signs that neither end a chain nor begin a side."""

Side = tuple[Token, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """Sides with the signs between them, in the order of the text."""

    sides: tuple[Side, ...]
    signs: tuple[Token, ...]


def chains(text: str) -> Iterator[Chain]:
    """Yield every chain of a text; one in brackets or in a formula comes before what is around it.

    Linear in the text.
    """
    if not has_relation(text):
        return
    reader = _Reader()
    for token in tokens(text):
        level = reader.levels[-1]
        if token.kind in _PLAIN and not level.broken:
            level.add(token)
        else:
            yield from reader.read(token)
    yield from reader.finish()


@dataclass(slots=True)
class _Level:
    """What has been read between two brackets, or outside of any."""

    opener: Token | None = None
    sides: list[list[Token]] = field(default_factory=lambda: [[]])
    signs: list[Token] = field(default_factory=list)
    whole: list[Token] = field(default_factory=list)
    """Everything, for the level around it."""
    related: bool = False
    """Whether it holds a relation."""
    broken: bool = False
    """Whether a new line has begun: only a relation goes on with the chain."""

    def add(self, token: Token) -> None:
        """Take a sign into the side at hand; one too many makes it unreadable."""
        _keep(self.sides[-1], token)
        if self.opener is not None:
            _keep(self.whole, token)

    def is_remark(self) -> bool:
        """Return whether it holds words and nothing to work out: `(the ticket)`."""
        return all(
            token.kind in {"word", "op", "sep", "label"}
            and not (token.kind == "word" and is_variable(token))
            for token in self.whole
        )

    def ends_at(self, token: Token) -> bool:
        """Return whether a sign ends the chain at hand."""
        if token.kind == "sep":
            self.whole.append(token)
        if token.kind == "box":
            # `= \boxed{4}` is the next side, `4 = 4 \boxed{4}` the answer said again.
            return bool(self.sides[-1]) and self.sides[-1][-1].kind != "op"
        return token.kind in {"arrow", "stop", "sep"}

    def end(self) -> Iterator[Chain]:
        """Yield the chain at hand and begin another."""
        if self.signs:
            yield Chain(sides=tuple(map(tuple, self.sides)), signs=tuple(self.signs))
        self.sides, self.signs, self.broken = [[]], [], False


def _keep(kept: list[Token], token: Token) -> None:
    """Add a sign to a list that is long enough to be no arithmetic once it is full."""
    if len(kept) < _LONGEST_SIDE:
        kept.append(token)
    elif len(kept) == _LONGEST_SIDE:
        kept.append(token._replace(kind="odd"))


class _Reader:
    """Levels of brackets and formulas, the innermost last."""

    def __init__(self) -> None:
        self.levels = [_Level()]
        self.formula = 0
        """The level of the formula at hand; 0 where there is none."""

    def read(self, token: Token) -> Iterator[Chain]:
        """Take one sign, and yield the chains that it ends."""
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

    def _close(self, token: Token) -> Iterator[Chain]:
        """Leave the innermost level, if that is what the bracket closes."""
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

    def _leave_formula(self, closer: Token | None = None) -> Iterator[Chain]:
        """Leave the formula at hand, if there is one, and every bracket left open in it."""
        if not self.formula:
            return
        while len(self.levels) > self.formula + 1:
            yield from self.levels.pop().end()
        inner, self.formula = self.levels.pop(), 0
        yield from inner.end()
        if closer is not None and inner.opener is not None:
            self._put(inner, inner.opener, closer)

    def _put(self, inner: _Level, opener: Token, closer: Token) -> None:
        """Hand what stood between two brackets to the level around them."""
        outer = self.levels[-1]
        if inner.related or len(self.levels) > _DEEPEST or len(inner.whole) > _LONGEST_SIDE:
            outer.add(opener._replace(kind="odd", end=closer.end))
        elif opener.text == "(" and inner.is_remark():
            outer.add(opener._replace(kind="remark", end=closer.end))
        elif inner.whole or opener.kind != "edge":
            for token in (opener, *inner.whole, closer):
                outer.add(token)
