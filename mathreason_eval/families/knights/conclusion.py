"""Where a text that gives people their roles does so: below `CONCLUSION:`, in a tag, at its end."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mathreason_eval.extract.spans import Span, answer_at, last_matches
from mathreason_eval.types import Answer

_HEADER = re.compile(
    r"<\s*answer\s*>|(?-i:CONCLUSION)[*_]{0,3}\s{0,3}[:：][*_]{0,3}"
    r"|^[^\w\n]{0,9}(?:\w{1,20}[ ,]{1,3}){0,4}(?:conclusion|answer)(?:\s+is)?[*_]{0,3}\s{0,3}[:：]"
    r"[*_]{0,3}"
    r"|^[ \t#*_>]{0,9}(?:final[ ])?(?:conclusion|answer)[ *_]{0,9}$",
    re.IGNORECASE | re.MULTILINE,
)
_CLOSED = re.compile(r"<\s*/\s*answer\s*>", re.IGNORECASE)
_END = re.compile(r"<\s*/\s*answer\s*>|\n[ \t]*#{1,6}[ \t]|\n[ \t]*-{3,}[ \t]*\n", re.IGNORECASE)
_SAYS_SOMETHING = re.compile(r"\w[^\w\n]{1,9}\w")
"""Two words or more in a line: a lone one is a heading, or dots in a place to be filled."""


def conclusion(text: str) -> Answer | None:
    """Return the last block that is announced as the conclusion or the answer, a list as a whole.

    It ends with its tag, with the next heading, or with the text. One that says nothing, as where
    the form asked for is said again, gives way to the one before.
    """
    limit = len(text)
    for header in last_matches(_HEADER, text, _MOST_HEADERS):
        says = _SAYS_SOMETHING.search(text, header.end(), limit)
        if says is not None and _CLOSED.search(text, header.end(), says.start()) is None:
            # A heading right below belongs to the block: `CONCLUSION:`, and then `### Roles`.
            end = _END.search(text, says.end(), limit)
            span = header.end(), end.start() if end else limit
            return answer_at(text, "conclusion", span)
        limit = header.start()
    return None


_MOST_HEADERS = 8


def closing(text: str) -> Answer | None:
    """Return the last line that says what somebody is, with the lines of the same list above it."""
    lines = _last_lines(text)
    last = next((line for line in lines if _says_what(text, line)), None)
    if last is None:
        return None
    start, end = last
    mark, gap = _mark(text, last), None
    # A line of prose that speaks of several people is the whole answer.
    if mark or not _SEVERAL.search(text, *last):
        for line in _last_lines(text[:start]):
            between = text.count("\n", line[1], start)
            if (_mark(text, line), between) != (mark, gap or between) or not _says_what(text, line):
                break
            start, gap = line[0], between
    return answer_at(text, "closing", (start, end))


def _last_lines(text: str) -> Iterator[Span]:
    """Yield the last lines that are not blank, the last first, up to one that is too long."""
    end = len(text)
    for _ in range(_MOST_LINES):
        reach = max(0, end - _LONGEST)
        end = reach + len(text[reach:end].rstrip())
        start = text.rfind("\n", reach, end) + 1
        if not reach <= start < end:
            return
        yield start, end
        end = start


def _says_what(text: str, line: Span) -> bool:
    return _SAYS_WHAT.search(text, *line) is not None


def _mark(text: str, line: Span) -> str:
    """Return what marks a line as an item of a list: a sign, `1` for any number, or nothing."""
    found = _BULLET.match(text, *line)
    return "" if found is None else found.group(1) or "1"


_MOST_LINES = 40
_LONGEST = 2_000
"""Characters of a line that is still looked at."""
_SAYS_WHAT = re.compile(
    r"(?<!\w)(?!(?:this|that|it|there|here|he|she|which)(?!\w))\w+\W{1,9}"
    r"(?:(?:is|are)\s+(?:\w+\s+){0,2}(?:an?|the)\s+\w|are\s+(?:\w+\s+)?\w+s(?!\w)"
    r"|(?:must|has\s+to)\s+(?:\w+\s+){0,2}be\s+an?\s+\w)"
    r"|\w[*_]{0,3}\s?[:=|—–→][*_ ]{1,4}(?:an?\s)?\w+[*_ .,|]{0,5}$",
    re.IGNORECASE | re.MULTILINE,
)
_BULLET = re.compile(r"[ \t]*(?:([-•|]|\*(?!\*))|\(?\d{1,2}[.)])")
_SEVERAL = re.compile(r",|\band\b")
"""In a line that is no item of a list: it speaks of several people, and is the whole answer."""
