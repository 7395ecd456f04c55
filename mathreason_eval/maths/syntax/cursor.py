"""The parser's position in the stream of tokens, and its interface for grammar rules."""

from __future__ import annotations

from abc import ABC, abstractmethod

from mathreason_eval.maths.syntax.lexer import Token, UnreadableError
from mathreason_eval.maths.syntax.tree import Node

_DEEPEST = 60


class Grammar(ABC):
    """The tokens of an answer, the last of which is `eof`, and the position among them."""

    def __init__(self, stream: list[Token]) -> None:
        self.tokens = stream
        self.at = 0
        self.depth = 0
        self.bars = 0
        """Number of open absolute values."""
        self.bare = 0
        """Number of open arguments without brackets: in `sin x cos y`, cos ends that of sin."""
        self.builder = False
        """Whether a `|` or `:` would begin the condition of a set."""

    @abstractmethod
    def expression(self, least: int) -> Node:
        """Return the longest expression whose operators have at least this binding power."""

    @abstractmethod
    def prefix(self) -> Node:
        """Return the next atom, or the next signed or bracketed expression."""

    @abstractmethod
    def items(self) -> Node:
        """Return everything before a closing bracket or the end: one node, or a list."""

    @abstractmethod
    def binding(self, left: Node) -> int:
        """Return the binding power of the next operator; 0 if no operator comes next."""

    @property
    def token(self) -> Token:
        """Return the next token without consuming it."""
        return self.tokens[self.at]

    def ahead(self, count: int) -> Token:
        """Return the token `count` places after the next one, or the last."""
        return self.tokens[min(self.at + count, len(self.tokens) - 1)]

    def take(self) -> Token:
        """Consume the next token and return it; `eof` is never consumed."""
        token = self.tokens[self.at]
        self.at += token.kind != "eof"
        return token

    def sees(self, kind: str, text: str | None = None, ahead: int = 0) -> bool:
        """Return whether the next token, or the one `ahead` places later, is of this kind."""
        token = self.ahead(ahead)
        return token.kind == kind and (text is None or token.text == text)

    def sees_op(self, *texts: str) -> bool:
        """Return whether one of these operators comes next."""
        return self.token.kind == "op" and self.token.text in texts

    def skip(self, kind: str, text: str | None = None) -> bool:
        """Consume the next token if it is of this kind, and return whether it was."""
        if self.sees(kind, text):
            self.at += kind != "eof"
            return True
        return False

    def expect(self, kind: str, text: str | None = None) -> None:
        """Consume a token that must come next."""
        if not self.skip(kind, text):
            raise UnreadableError(f"{text or kind} is missing before {self.token.text!r}")

    def raw(self) -> str:
        """Consume one braced group or one token, and return its text."""
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

    def nest(self) -> None:
        """Count one more level of nesting; raise if there are too many."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise UnreadableError("nested too deeply")


def spelled(token: Token) -> str:
    """Return a token as text."""
    return token.text or str(token.value)


def limit(count: int, most: int) -> None:
    """Raise if there are more parts of one kind than any answer has."""
    if count > most:
        raise UnreadableError(f"more than {most} parts")
