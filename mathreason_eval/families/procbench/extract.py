"""Extraction of the states of a procedure from a text: a JSON object, or labels and lists.

Values may be JSON, Python lists, or lists without quotes. Nothing is evaluated.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mathreason_eval.extract.spans import Span, line_end
from mathreason_eval.types import Answer

_REACH = 20_000
"""Characters, from the end of a text or from a bracket, that are searched for non-JSON values."""
_MOST_TRIED = 8
"""Maximum number of candidates that are tried, from the end of a text."""


def find_states(text: str) -> Answer | None:
    """Return the last object with intermediate states and a final one, as normalised JSON.

    If there is none, the values after the words `intermediate` and `final`, or else the last list
    with the value or list after it; the rule is then `loose_states`. Only states that are written
    as values count: a description in prose is not a list.
    """
    return _object(text) or _labelled(text) or _listed(text)


def _answer(rule: str, intermediate: object, final: object, span: Span) -> Answer | None:
    """Return the answer of two values; None if they cannot be written as JSON."""
    found = {"intermediate": _as_list(intermediate), "final": "" if final is None else final}
    try:
        return Answer(text=json.dumps(found, ensure_ascii=False), rule=rule, span=span)
    except (ValueError, RecursionError):
        return None


def _as_list(value: object) -> list[Any]:
    if value is None or isinstance(value, dict):
        return []
    return value if isinstance(value, list) else [value]


# --- one object ------------------------------------------------------------------------------

_KEY = re.compile("intermediate", re.IGNORECASE)
_STRICT = json.JSONDecoder()


def _object(text: str) -> Answer | None:
    tried: set[int] = set()
    for key in reversed(deque(_KEY.finditer(text), maxlen=_MOST_TRIED)):
        start = text.rfind("{", 0, key.start())
        if start < 0 or start in tried:
            continue
        tried.add(start)
        found = _mapping_at(text, start)
        if found is None:
            continue
        named = _by_name(found.value)
        if "intermediate" in named and ("final" in named or not found.closed):
            rule = "states" if found.closed else "loose_states"
            span = start, found.end
            return _answer(rule, named["intermediate"], named.get("final"), span)
    return None


def _mapping_at(text: str, start: int) -> Literal | None:
    try:
        value, end = _STRICT.raw_decode(text, start)
    except (ValueError, RecursionError):
        return read_literal(text, start)
    return Literal(value=value, end=end, closed=True)


def _by_name(value: object) -> dict[str, Any]:
    """Return the values whose keys begin with `intermediate` or `final`, by that word."""
    pairs = value.items() if isinstance(value, dict) else ()
    named: dict[str, Any] = {}
    for name, content in pairs:
        for word in ("intermediate", "final"):
            if name.strip().lower().startswith(word):
                named.setdefault(word, content)
    return named


# --- two labels ------------------------------------------------------------------------------

_LABEL = re.compile(
    r"\b(?P<word>intermediate|final)\b[^\n:=\[\]{}()\"'`]{0,60}?"
    r"(?P<sign>:|=|\b(?:is|are)\b\s{0,3}:?)[\s*_]*"
    r"(?:`{1,3}(?:json|python|text|plaintext)?\s*)?",
    re.IGNORECASE,
)
_BULLET = re.compile(
    r"[ \t]*(?:\d{1,4}[.):]|[-*•]|(?:step|state)\s+\d{1,4}\s*[:.)])[ \t]*", re.IGNORECASE
)
_FORMATTING = " \t*_`\"'"


def _labelled(text: str) -> Answer | None:
    """Return the list and the value after the last labels that have them."""
    found: dict[str, Literal] = {}
    starts: list[int] = []
    begin = max(0, len(text) - _REACH)
    for label in reversed(deque(_LABEL.finditer(text, begin), maxlen=_MOST_TRIED)):
        word = label["word"].lower()
        if word in found:
            continue
        literal = (_list_at if word == "intermediate" else _value_at)(text, label.end())
        if literal is None and label["sign"].endswith((":", "=")):
            literal = _items_at(text, label.end())
        if literal is not None:
            found[word] = literal
            starts.append(label.end())
    if len(found) < len(("intermediate", "final")):
        return None
    one, other = found["intermediate"], found["final"]
    span = min(starts), max(one.end, other.end)
    return _answer("loose_states", one.value, other.value, span)


def _list_at(text: str, start: int) -> Literal | None:
    """Return a list in brackets, or of lines that begin with a number or a dash."""
    if text.startswith("[", start):
        return _closed(read_literal(text, start))
    items: list[Any] = []
    end = start
    while (bullet := _BULLET.match(text, end)) is not None:
        stop = line_end(text, bullet.end())
        items.append(_line(text, bullet.end(), stop))
        end = min(len(text), stop + 1)
    return Literal(value=items, end=end, closed=True) if items else None


def _items_at(text: str, start: int) -> Literal | None:
    """Return the comma-separated items of a line, `ab, abc`; None if one of them is empty."""
    stop = line_end(text, start)
    items = [item.strip(_FORMATTING) for item in text[start:stop].removesuffix(".").split(",")]
    return Literal(value=items, end=stop, closed=True) if all(items) else None


def _value_at(text: str, start: int) -> Literal | None:
    """Return a value in brackets or quotes, or the line."""
    if text.startswith(("[", '"', "'"), start):
        return _closed(read_literal(text, start))
    stop = line_end(text, start)
    value = _line(text, start, stop)
    return Literal(value=value, end=stop, closed=True) if value != "" else None


def _closed(literal: Literal | None) -> Literal | None:
    return literal if literal is not None and literal.closed else None


def _line(text: str, start: int, stop: int) -> Any:  # noqa: ANN401  a list, or the line's text
    """Return a line as a list if it is one, else its text without formatting."""
    line = text[start:stop].strip(_FORMATTING)
    if line.startswith("["):
        literal = _closed(read_literal(line, 0, len(line)))
        if literal is not None and not line[literal.end :].strip(_FORMATTING + "."):
            return literal.value
    return line.removesuffix(".").strip(_FORMATTING)


# --- two lists -------------------------------------------------------------------------------

_HEADING = re.compile(r"\[[A-Z][A-Za-z ]{0,60}\]")
"""`[Question]`, `[Final State]`: not lists."""
_MOST_BETWEEN = 200
"""Maximum characters between two lists of one answer."""
_LONGEST_LINE = 2_000


def _listed(text: str) -> Answer | None:
    """Return the last list and the value after it, or the last two lists."""
    lists = [
        (start, literal)
        for start, end in _outermost(text)
        if not _HEADING.match(text, start, end)
        and (literal := read_literal(text, start, end)) is not None
    ]
    if not lists:
        return None
    start, last = lists[0]
    value = _value_after(text, last.end)
    if value is not None:
        return _answer("loose_states", last.value, value, (start, len(text)))
    if len(lists) == 1 or start - lists[1][1].end > _MOST_BETWEEN:
        return None
    before, first = lists[1]
    return _answer("loose_states", first.value, last.value, (before, last.end))


def _value_after(text: str, end: int) -> str | None:
    """Return the single separate line after a list, without its label; else None."""
    rest = text[end : end + _LONGEST_LINE + 1]
    line = rest.strip(_FORMATTING + "\n.,;")
    set_off = rest.lstrip(" \t`*.").startswith(("\n", ",", ";"))
    if len(rest) > _LONGEST_LINE or "\n" in line or not set_off or not any(map(str.isalnum, line)):
        return None
    return line.rpartition(": ")[2]


def _outermost(text: str) -> Iterator[Span]:
    """Yield the spans of the last outermost lists, the last first."""
    begin = max(0, len(text) - _REACH)
    opened: list[int] = []
    closed: list[Span] = []
    for sign in re.finditer(r"[\[\]]", text[begin:]):
        if sign.group() == "[":
            opened.append(begin + sign.start())
        elif opened:
            closed.append((opened.pop(), begin + sign.end()))
    limit = len(text)
    count = 0
    for start, end in reversed(closed):
        if end <= limit and count < _MOST_TRIED:
            yield start, end
            limit, count = start, count + 1


# --- values ----------------------------------------------------------------------------------

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
"""Maximum levels of nested brackets; the states of a procedure need three."""


class UnreadableError(ValueError):
    """There is no value at the position."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Literal:
    """A value written in a text."""

    value: Any
    """A text, a number, None, or a list or dictionary of these."""
    end: int
    """Position after it."""
    closed: bool
    """False if the text ends within it; `value` is then incomplete."""


def read_literal(text: str, start: int, end: int | None = None) -> Literal | None:
    """Return the value that begins at `start`, or None, in time linear in `end - start`.

    A word without quotes is a text, and so is a number that JSON does not allow: `007`. Commas may
    be missing; an ellipsis is not a value.
    """
    parser = _Parser(text, start, min(len(text), start + _REACH) if end is None else end)
    try:
        value = parser.value(0)
    except UnreadableError:
        return None
    return Literal(value=value, end=parser.at, closed=parser.closed)


class _Parser:
    def __init__(self, text: str, start: int, end: int) -> None:
        self.text, self.at, self.end = text, start, end
        self.closed = True

    def value(self, depth: int) -> Any:  # noqa: ANN401  a value may be anything
        """Return the value at the current position.

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
        """Return the next token; None at the end, and at a quote that is never closed."""
        token = _TOKEN.match(self.text, self.at, self.end)
        if token is None:
            self.closed = False
        self.at = self.end if token is None else token.end()
        return token

    def _closes(self, closing: str) -> bool:
        """Return whether the list or mapping ends here; skip commas before that."""
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
"""Maximum digits of an integer: Python parses longer ones in more than linear time."""
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

    def character(found: re.Match[str]) -> str:
        name = found[1]
        return chr(int(name[1:], 16)) if len(name) > 1 else _ESCAPED.get(name, name)

    return _ESCAPE.sub(character, quoted)
