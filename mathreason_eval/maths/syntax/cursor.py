"""A place in a stream of tokens, with the few questions and steps that a parser needs."""

from __future__ import annotations

from abc import ABC, abstractmethod

from mathreason_eval.maths.syntax.lexer import Token, UnreadableError
from mathreason_eval.maths.syntax.tree import Node

_DEEPEST = 60


class Cursor:
    """Where a parser is among the tokens of an answer, the last of which is `eof`."""

    def __init__(self, stream: list[Token]) -> None:
        self.tokens = stream
        self.at = 0

    @property
    def token(self) -> Token:
        """The token that comes next."""
        return self.tokens[self.at]

    def ahead(self, count: int) -> Token:
        """Return the token that comes `count` tokens after the next, or the last one."""
        return self.tokens[min(self.at + count, len(self.tokens) - 1)]

    def take(self) -> Token:
        """Return the next token and step behind it, but never behind the end."""
        token = self.tokens[self.at]
        self.at += token.kind != "eof"
        return token

    def sees(self, kind: str, text: str | None = None, ahead: int = 0) -> bool:
        """Return whether a token of this kind (and text) comes next, or `ahead` tokens later."""
        token = self.ahead(ahead)
        return token.kind == kind and (text is None or token.text == text)

    def skip(self, kind: str, text: str | None = None) -> bool:
        """Step behind a token of this kind if it comes next, and return whether it did."""
        if self.sees(kind, text):
            self.at += kind != "eof"
            return True
        return False

    def expect(self, kind: str, text: str | None = None) -> None:
        """Step behind a token that must come next."""
        if not self.skip(kind, text):
            raise UnreadableError(f"{text or kind} is missing before {self.token.text!r}")

    def raw(self) -> str:
        """Return the text of one braced group or one token, without its meaning."""
        if not self.skip("open", "{"):
            return spelled(self.take())
        parts, depth = [], 1
        while depth:
            token = self.take()
            if token.kind == "eof":
                raise UnreadableError("an open brace")
            depth += {"open": 1, "close": -1}.get(token.kind, 0)
            parts.append(spelled(token))
        return "".join(parts[:-1]).replace("{", "").replace("}", "")


class Grammar(Cursor, ABC):
    """What the rules of the grammar may ask of the parser that calls them."""

    def __init__(self, stream: list[Token]) -> None:
        super().__init__(stream)
        self.depth = 0
        self.bars = 0
        """Open absolute values."""
        self.bare = 0
        """Open arguments without brackets: in `sin x cos y` the second function ends the first."""
        self.builder = False
        """Whether a `|` or `:` would begin the condition of a set."""

    def deeper(self) -> None:
        """Count one more level of nesting, and refuse the one too many."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise UnreadableError("nested too deep")

    @abstractmethod
    def expression(self, least: int) -> Node:
        """Return the longest expression whose operators bind at least so tightly."""

    @abstractmethod
    def prefix(self) -> Node:
        """Return the atom, or the signed or bracketed expression, that comes next."""

    @abstractmethod
    def items(self) -> Node:
        """Return what stands up to a closing bracket or the end: one node, or a list of them."""

    @abstractmethod
    def binding(self, left: Node) -> int:
        """Return how tightly the operator that comes next binds; 0 if none does."""


def spelled(token: Token) -> str:
    """Return a token as text."""
    return token.text or str(token.value)


def limit(count: int, most: int) -> None:
    """Refuse more parts of one kind than any answer has."""
    if count > most:
        raise UnreadableError(f"more than {most} parts")
