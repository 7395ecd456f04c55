"""The states of a procedure: one JSON object, or what stands for it."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from typing import Any

from mathreason_eval.extract.spans import Span
from mathreason_eval.families.procbench.literals import Literal, read_literal
from mathreason_eval.types import Answer

_REACH = 20_000
"""Characters from the end of a text, or from a bracket, in which what is not JSON is read."""
_MOST_TRIED = 8
"""Places that are looked at, from the last one backwards."""


def states(text: str) -> Answer | None:
    """Return the last object with intermediate states and a final one, as JSON in one form.

    Without any, what follows the words `intermediate` and `final`, or else the last list together
    with the value or the list behind it; such an answer is found as `loose_states`. Only states
    that were written down count: what a text says of them in prose is no list.
    """
    return _object(text) or _labelled(text) or _listed(text)


def _answer(rule: str, intermediate: object, final: object, span: Span) -> Answer | None:
    """Return the answer of two values; None if they cannot be written down."""
    told = {"intermediate": _as_list(intermediate), "final": "" if final is None else final}
    try:
        return Answer(text=json.dumps(told, ensure_ascii=False), rule=rule, span=span)
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
    for mark in reversed(deque(_KEY.finditer(text), maxlen=_MOST_TRIED)):
        start = text.rfind("{", 0, mark.start())
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
        return read_literal(text, start, min(len(text), start + _REACH))
    return Literal(value=value, end=end, closed=True)


def _by_name(value: object) -> dict[str, Any]:
    """Return the values of a mapping whose names begin with one of the two words."""
    pairs = value.items() if isinstance(value, dict) else ()
    named: dict[str, Any] = {}
    for name, one in pairs:
        for word in ("intermediate", "final"):
            if name.strip().lower().startswith(word):
                named.setdefault(word, one)
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
_DRESSING = " \t*_`\"'"


def _labelled(text: str) -> Answer | None:
    """Return what follows the last labels that are followed by a list, and by a value."""
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
        return _closed(read_literal(text, start, min(len(text), start + _REACH)))
    items: list[Any] = []
    end = start
    while (bullet := _BULLET.match(text, end)) is not None:
        stop = _line_end(text, bullet.end())
        value = _line(text, bullet.end(), stop)
        items.append(value)
        end = min(len(text), stop + 1)
    return Literal(value=items, end=end, closed=True) if items else None


def _items_at(text: str, start: int) -> Literal | None:
    """Return the items of a line, divided by commas: `ab`, `abc`."""
    stop = _line_end(text, start)
    items = [item.strip(_DRESSING) for item in text[start:stop].removesuffix(".").split(",")]
    return Literal(value=items, end=stop, closed=True) if all(items) else None


def _value_at(text: str, start: int) -> Literal | None:
    """Return a value in brackets or quotes, or the line."""
    if text.startswith(("[", '"', "'"), start):
        return _closed(read_literal(text, start, min(len(text), start + _REACH)))
    stop = _line_end(text, start)
    value = _line(text, start, stop)
    return Literal(value=value, end=stop, closed=True) if value != "" else None


def _closed(literal: Literal | None) -> Literal | None:
    return literal if literal is not None and literal.closed else None


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _line(text: str, start: int, stop: int) -> Any:  # noqa: ANN401  a list, or the line's text
    """Return the list that a line is, or its text without dressing."""
    line = text[start:stop].strip(_DRESSING)
    if line.startswith("["):
        literal = read_literal(line, 0, len(line))
        if (
            literal is not None
            and literal.closed
            and not line[literal.end :].strip(_DRESSING + ".")
        ):
            return literal.value
    return line.removesuffix(".").strip(_DRESSING)


# --- two lists -------------------------------------------------------------------------------

_HEADING = re.compile(r"\[[A-Z][A-Za-z ]{0,60}\]")
"""`[Question]`, `[Final State]`: no list."""
_MOST_BETWEEN = 200
"""Characters between two lists that belong together."""
_LONGEST_LINE = 2_000


def _listed(text: str) -> Answer | None:
    """Return the last list and the value behind it, or the last two lists."""
    lists = [
        (start, literal)
        for start, end in _outermost(text)
        if not _HEADING.match(text, start, end)
        and (literal := read_literal(text, start, end)) is not None
    ]
    if not lists:
        return None
    start, last = lists[0]
    value = _value_behind(text, last.end)
    if value is not None:
        return _answer("loose_states", last.value, value, (start, len(text)))
    if len(lists) == 1 or start - lists[1][1].end > _MOST_BETWEEN:
        return None
    before, first = lists[1]
    return _answer("loose_states", first.value, last.value, (before, last.end))


def _value_behind(text: str, end: int) -> str | None:
    """Return the one line that follows a list, set off from it, without its label; else None."""
    rest = text[end : end + _LONGEST_LINE + 1]
    line = rest.strip(_DRESSING + "\n.,;")
    set_off = rest.lstrip(" \t`*.").startswith(("\n", ",", ";"))
    if len(rest) > _LONGEST_LINE or "\n" in line or not set_off or not any(map(str.isalnum, line)):
        return None
    return line.rpartition(": ")[2]


def _outermost(text: str) -> Iterator[Span]:
    """Yield the spans of the last lists that stand in no other one, the last first."""
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
