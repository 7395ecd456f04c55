"""Values as models write them: JSON, Python's lists, and lists without quotes. Never evaluated."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<sign>[\[\]{}(),:])
    | "(?P<double>[^"\\]*(?:\\.[^"\\]*)*)"
    | '(?P<single>[^'\\]*(?:\\.[^'\\]*)*)'
    | (?P<bare>[^\s\[\]{}(),:"'][^\[\]{}(),:"\n]*)
    )""",
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {"[": "]", "(": ")", "{": "}"}
_DEEPEST = 6
"""Brackets in brackets; the states of a procedure need three."""


class UnreadableError(ValueError):
    """What stands there is no value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Literal:
    """A value in a text."""

    value: Any
    """A text, a number, None, or a list or dictionary of such."""
    end: int
    """Where it ends."""
    closed: bool
    """False if the text ended within it; then it holds what was there."""


def read_literal(text: str, start: int, end: int) -> Literal | None:
    """Return the value that begins at a place, or None, in time linear in `end - start`.

    A word without quotes is a text, and so is a number that is not written as JSON would: `007`.
    Commas may be missing; an ellipsis is no value.
    """
    reader = _Reader(text, start, end)
    try:
        value = reader.value(0)
    except UnreadableError:
        return None
    return Literal(value=value, end=reader.at, closed=reader.closed)


class _Reader:
    def __init__(self, text: str, start: int, end: int) -> None:
        self.text, self.at, self.end = text, start, end
        self.closed = True

    def value(self, depth: int) -> Any:  # noqa: ANN401  a value may be anything
        """Return the value at the place that has been reached.

        Raises:
            UnreadableError: if there is none.
        """
        token = self._next()
        if token is None or depth > _DEEPEST:
            raise UnreadableError
        sign = token["sign"]
        if sign is None:
            return _scalar(token)
        if sign not in _CLOSING:
            raise UnreadableError
        return self._mapping(depth) if sign == "{" else self._list(_CLOSING[sign], depth)

    def _next(self) -> re.Match[str] | None:
        """Return the next token; None at the end, of which a quote never closed is one."""
        token = _TOKEN.match(self.text, self.at, self.end)
        if token is None:
            self.closed = False
        self.at = self.end if token is None else token.end()
        return token

    def _closes(self, closing: str) -> bool:
        """Return whether the list or mapping ends here; pass over commas before that."""
        while True:
            before, token = self.at, self._next()
            if token is None or token["sign"] == closing:
                return True
            if token["sign"] != ",":
                self.at = before
                return False

    def _list(self, closing: str, depth: int) -> list[Any]:
        items: list[Any] = []
        while not self._closes(closing):
            items.append(self.value(depth + 1))
        return items

    def _mapping(self, depth: int) -> dict[str, Any]:
        pairs: dict[str, Any] = {}
        while not self._closes("}"):
            key, colon = self.value(depth + 1), self._next()
            if colon is None:
                break
            if colon["sign"] != ":" or not isinstance(key, str):
                raise UnreadableError
            before = self.at
            if self._next() is None:
                break
            self.at = before
            pairs[key] = self.value(depth + 1)
        return pairs


_ELLIPSIS = re.compile(r"(?:\.\.\.|…)\Z")
_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,999})\Z")
"""Python reads a longer one in more than linear time."""
_DECIMAL = re.compile(r"-?\d{1,300}\.\d{1,300}\Z")


def _scalar(token: re.Match[str]) -> str | float | None:
    quoted = token["double"] if token["single"] is None else token["single"]
    if quoted is not None:
        return _unescaped(quoted)
    bare = token["bare"].rstrip()
    if _ELLIPSIS.search(bare):
        raise UnreadableError
    if bare in {"null", "None"}:
        return None
    if _INTEGER.match(bare):
        return int(bare)
    return float(bare) if _DECIMAL.match(bare) else bare


_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def _unescaped(quoted: str) -> str:
    if "\\" not in quoted:
        return quoted

    def meant(found: re.Match[str]) -> str:
        name = found[1]
        return chr(int(name[1:], 16)) if len(name) > 1 else _ESCAPED.get(name, name)

    return _ESCAPE.sub(meant, quoted)
