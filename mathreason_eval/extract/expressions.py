"""The whole expression around a number: a part of a sum, of a call or of a ratio is no answer.

`1+2+3` is not 3, `math.pi/4` not 4, `3 out of 10` not 10. Nothing is calculated here: the
expression is compared as it stands, and what cannot be read is undecided.
"""

from __future__ import annotations

import re

from mathreason_eval.maths.vocabulary.latex import PROSE_FUNCTIONS, any_of

Span = tuple[int, int]

_REACH = 80
"""Characters before and after a number in which its expression begins and ends."""
_NUMBER = r"(?:\d[\d.,]*\d|\d)"
_INNER = r"(?:[^()\[\]\n$]|[(\[][^()\[\]\n$]*[)\]])*"
_CALL = rf"(?:[A-Za-z_][\w.]*)?[(\[](?:[^()\[\]\n$]|[(\[]{_INNER}[)\]])*[)\]]"
_NAME = r"(?:[a-zA-Zπ](?![a-zA-Z])|[a-z]+\.[a-z]+(?![\w(]))"
_OPERAND = rf"(?:√?{_NUMBER}[a-zπ]?(?!\w)|√?{_CALL}|√?{_NAME})(?:!|²|³)?"
_LOOSE = r"(?:\s?(?:\*\*|//|[*/^×·÷])\s?|\s[-−+]\s|[-−+])"
_CHAIN_BEFORE = re.compile(rf"(?<![\w.$)\]/*-])(?:{_OPERAND}{_LOOSE})+[-−(]?\Z")
_HEAD_BEFORE = re.compile(
    rf"√\Z|(?<![\w.])[A-Za-z_][\w.]*[(\[][^()\n$=]{{0,40}}\Z"
    rf"|(?<![\w.])(?:{any_of(PROSE_FUNCTIONS)})\s?\Z"
    rf"|(?<![\d.,\w$]){_NUMBER}(?:\s+(?:out\s+of|in|to|for\s+every|chances?\s+in|von|sur|de\s+cada)\s+|-(?:in|to)-)\Z"
    r"|\$\d+\s+and\s+\Z|\d\s+(?:feet|foot|ft)\s+(?:and\s+)?\Z"
    r"|(?<!\w)(?:January|February|March|April|May|June|July|August|September|October|November|December)\s+"
    r"(?:\d{1,2},?\s+)?\Z"
)
"""What makes the number behind it a part: a root, a call, a function's name, a ratio, a date."""
_NO_RATIO = re.compile(r"\bfrom\s+\S+\s+(?:to|in)\s+\Z")
_CHAIN_AFTER = re.compile(
    rf"[a-zπ]?(?![a-zA-Z])(?:{_LOOSE}{_OPERAND})+(?![\w])|[xyznkπ](?![\w'])|[)\]]+"
)
_CONDITIONAL = re.compile(r"\bif\b.+\belse\b")


def whole_expression(text: str, span: Span, lowest: int, highest: int) -> Span:
    """Return the span of the expression that a number is a part of; its own if it is a value."""
    start, end = span
    first = max(lowest, start - _REACH)
    before = text[first:start]
    found = _CHAIN_BEFORE.search(before) or _HEAD_BEFORE.search(before)
    if found is not None and _NO_RATIO.search(before) is None:
        # `3 in 10` would be read as three inches: with its sentence it is undecided.
        start = lowest if found[0].endswith(" in ") else first + found.start()
    after = text[end : min(highest, end + _REACH)]
    if (rest := _CHAIN_AFTER.match(after)) and (rest[0].strip(")]") or start < span[0]):
        end += rest.end()
    return start, _balanced(text, start, end, highest) if start < span[0] else end


_CLOSING = re.compile(r"[)\]]")


def _balanced(text: str, start: int, end: int, highest: int) -> int:
    """Return the end at which the brackets that are open in a span are closed."""
    while text.count("(", start, end) + text.count("[", start, end) > text.count(
        ")", start, end
    ) + text.count("]", start, end):
        found = _CLOSING.search(text, end, min(highest, end + _REACH))
        if found is None:
            return end
        end = found.end()
    return end


def is_conditional(text: str, start: int, end: int) -> bool:
    """Return whether an answer is a value under a condition, as in code: `x if x else 42`."""
    return _CONDITIONAL.search(text, start, end) is not None
