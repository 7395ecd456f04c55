"""Where a text that gives people their roles does so: below `CONCLUSION:`, in a tag, at its end."""

from __future__ import annotations

import re

from mathreason_eval.extract.spans import answer_at, last_matches
from mathreason_eval.types import Answer

_HEADER = re.compile(
    r"<\s*answer\s*>"
    r"|(?:\bconclusion|\b(?:answer|solution)(?:\s+is)?)[*_]{0,3}\s{0,3}[:：][*_]{0,3}"
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
    end, found, bullets = len(text), None, False
    for _ in range(_MOST_LINES):
        reach = max(0, end - _LONGEST)
        end = reach + len(text[reach:end].rstrip())
        start = text.rfind("\n", reach, end) + 1
        if not reach <= start < end:
            break
        bullet = _BULLET.match(text, start, end) is not None
        if _SAYS_WHAT.search(text, start, end) is None:
            if found is not None:
                break
        elif found is None:
            found, bullets = (start, end), bullet
        elif bullet == bullets:
            found = (start, found[1])
        else:
            break
        if found is not None and not bullets and _SEVERAL.search(text, start, end):
            break
        end = start
    return None if found is None else answer_at(text, "closing", found)


_MOST_LINES = 40
_LONGEST = 2_000
"""Characters of a line that is still looked at."""
_SAYS_WHAT = re.compile(
    r"\w\W{1,9}(?:is|are)\s+(?:\w+\s+){0,2}(?:an?|the)\s+\w|\w\s+are\s+(?:\w+\s+)?\w+s\b"
    r"|\w[*_]{0,3}\s?[:=|—–→][*_ ]{1,4}(?:an?\s)?\w+[*_ .,|]{0,5}$",
    re.IGNORECASE | re.MULTILINE,
)
_BULLET = re.compile(r"[ \t]*(?:[-*•|]|\(?\d{1,2}[.)])")
_SEVERAL = re.compile(r",|\band\b")
"""In a line that is no item of a list: it speaks of several people, and is the whole answer."""
