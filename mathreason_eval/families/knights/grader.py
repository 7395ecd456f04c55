"""Extraction and grading of assignments of roles, by the published rule and ours.

The published rule is that of arXiv:2410.23123. The gold is one sentence, as in the published rows:
`Ana is a knave, and Omar is a knight.`
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from mathreason_eval.extract.spans import Span, answer_at, last_matches
from mathreason_eval.families.knights.claims import claims, without_markup
from mathreason_eval.types import Answer, Match, Measure

# --- extraction ------------------------------------------------------------------------------

_HEADER = re.compile(
    r"<\s*answer\s*>|(?-i:CONCLUSION)[*_]{0,3}\s{0,3}[:：][*_]{0,3}"
    r"|^[^\w\n]{0,9}(?:\w{1,20}[ ,]{1,3}){0,4}(?:conclusion|answer)(?:\s+is)?[*_]{0,3}\s{0,3}[:：]"
    r"[*_]{0,3}"
    r"|^[ \t#*_>]{0,9}(?:final[ ])?(?:conclusion|answer)[ *_]{0,9}$",
    re.IGNORECASE | re.MULTILINE,
)
_CLOSED = re.compile(r"<\s*/\s*answer\s*>", re.IGNORECASE)
_END = re.compile(r"<\s*/\s*answer\s*>|\n[ \t]*#{1,6}[ \t]|\n[ \t]*-{3,}[ \t]*\n", re.IGNORECASE)
_HAS_TWO_WORDS = re.compile(r"\w[^\w\n]{1,9}\w")
"""Minimum words of a block of one line: a single word is a heading or a placeholder."""


_MOST_HEADERS = 8


def conclusion(text: str) -> Answer | None:
    """Return the last block under a header such as `CONCLUSION:` or in `<answer>` tags, as a whole.

    It ends at its closing tag, the next heading, or the end. An empty block, as in a repetition of
    the required format, is skipped.
    """
    limit = len(text)
    for header in last_matches(_HEADER, text, _MOST_HEADERS):
        words = _HAS_TWO_WORDS.search(text, header.end(), limit)
        if words is not None and _CLOSED.search(text, header.end(), words.start()) is None:
            # A heading directly below is part of the block: `CONCLUSION:`, then `### Roles`.
            end = _END.search(text, words.end(), limit)
            span = header.end(), end.start() if end else limit
            return answer_at(text, "conclusion", span)
        limit = header.start()
    return None


_MOST_LINES = 40
_LONGEST_LINE = 2_000
"""Maximum characters of a line; a longer one ends the search."""
_CLAIM = re.compile(
    r"(?<!\w)(?!(?:this|that|it|there|here|he|she|which)(?!\w))\w+\W{1,9}"
    r"(?:(?:is|are)\s+(?:\w+\s+){0,2}(?:an?|the)\s+\w|are\s+(?:\w+\s+)?\w+s(?!\w)"
    r"|(?:must|has\s+to)\s+(?:\w+\s+){0,2}be\s+an?\s+\w)"
    r"|\w[*_]{0,3}\s?[:=|—–→][*_ ]{1,4}(?:an?\s)?\w+[*_ .,|]{0,5}$",
    re.IGNORECASE | re.MULTILINE,
)
_BULLET = re.compile(r"[ \t]*(?:([-•|]|\*(?!\*))|\(?\d{1,2}[.)])")
_SEVERAL = re.compile(r",|\band\b")
"""Minimum number of claims in a line of prose that is the whole answer."""


def closing(text: str) -> Answer | None:
    """Return the last line that claims a role, with the lines of its list above it, or None."""
    lines = _last_lines(text)
    last = next((line for line in lines if _has_claim(text, line)), None)
    if last is None:
        return None
    start, end = last
    bullet, gap = _bullet(text, last), None
    # A line of prose that names several people is the whole answer.
    if bullet or not _SEVERAL.search(text, *last):
        for line in _last_lines(text[:start]):
            between = text.count("\n", line[1], start)
            if (_bullet(text, line), between) != (bullet, gap or between) or not _has_claim(
                text, line
            ):
                break
            start, gap = line[0], between
    return answer_at(text, "closing", (start, end))


def _last_lines(text: str) -> Iterator[Span]:
    """Yield the last lines that are not blank, the last first, up to one that is too long."""
    end = len(text)
    for _ in range(_MOST_LINES):
        reach = max(0, end - _LONGEST_LINE)
        end = reach + len(text[reach:end].rstrip())
        start = text.rfind("\n", reach, end) + 1
        if not reach <= start < end:
            return
        yield start, end
        end = start


def _has_claim(text: str, line: Span) -> bool:
    return _CLAIM.search(text, *line) is not None


def _bullet(text: str, line: Span) -> str:
    """Return the bullet of a line: a character, `1` for any number, or nothing."""
    found = _BULLET.match(text, *line)
    return "" if found is None else found.group(1) or "1"


# --- our rule --------------------------------------------------------------------------------

PER_PERSON = Measure(name="per_person", summary="share of persons whose role is correct")
"""The measure of both graders."""

_LONGEST = 50_000
"""Number of characters from the end of an answer that are read: more than any list needs."""


def assignment(gold: str, answer: str) -> Match:
    """Return whether an answer gives every person the correct role without contradiction.

    Emphasis, order, numbering and wording do not matter; if the answer has a conclusion, the last
    one counts. "Not a knight" means the other role.
    """
    roles = stated_roles(gold)
    if not roles:
        return Match(equal=None, rule="assignment", note="the gold gives nobody a role")
    text = _concluding_part(answer)
    claimed = claims(text, tuple(roles), tuple(dict.fromkeys(roles.values())))
    faults = [
        _fault(name, role, claimed[name]) for name, role in roles.items() if claimed[name] != {role}
    ]
    right = len(roles) - len(faults)
    return Match(
        equal=not faults,
        rule="assignment",
        note=f"{right} of {len(roles)} right{': ' if faults else ''}{'; '.join(faults)}",
        measures={PER_PERSON.name: right / len(roles)},
    )


def _concluding_part(answer: str) -> str:
    block = conclusion(answer[-_LONGEST:])
    return answer[-_LONGEST:] if block is None else block.text


def _fault(name: str, role: str, claimed: frozenset[str]) -> str:
    if not claimed:
        return f"{name} has no role"
    if len(claimed) > 1:
        return f"{name} is called both {' and '.join(sorted(claimed))}"
    return f"{name} is called {min(claimed)}, and is {role}"


_ROLE = re.compile(r"(?:\(\d+\)\s*)?(\S.*?)\s+is\s+(?:an?\s+)?([\w-]+)\Z")


@lru_cache(maxsize=1 << 10)
def stated_roles(gold: str) -> Mapping[str, str]:
    """Return the role, in lower case, of each person of a gold, by name and in its order."""
    roles = {}
    for part in re.split(r",\s*(?:and\s+)?|\s+and\s+|\n", gold.strip().rstrip(".")):
        found = _ROLE.match(part.strip())
        if found is not None:
            roles[found.group(1)] = found.group(2).lower()
    return roles


_NAMED_ROLE = re.compile(
    r"(?<!\w)([^\W\d_]\w*)\s{0,9}(?:is\b|[:=|→—–-])\s{0,9}(not\s{1,9}|)(?:(?:an?|the)\s{1,9})?([^\W\d_]+)",
    re.IGNORECASE,
)


def assignment_key(answer: str) -> str:
    """Return a key equal for answers with the same roles for the same people, for votes."""
    text = without_markup(_concluding_part(answer))
    roles = {f"{name} {no}{role}".lower() for name, no, role in _NAMED_ROLE.findall(text)}
    return "; ".join(sorted(roles)) or " ".join(text.lower().split())


# --- the published rule ----------------------------------------------------------------------

_PUBLISHED_HEADERS = ("CONCLUSION:", "Conclusion:", "conclusion:")
_PUBLISHED_ENDS = ("### Reason", "Let's think step by step again", "let's go back and check", "###")


def kk_reference(gold: str, answer: str) -> Match:
    """Return the verdict of the published evaluation.

    The text after the first conclusion, up to a second one, must contain `X is a knave` for
    everybody, word for word. The letters `if` anywhere in it make it wrong, even in `verified`.
    """
    conditions = [part.strip() for part in gold.replace(" and ", "").replace(".", "").split(",")]
    text = answer.split("### Question", maxsplit=1)[0]
    for header in _PUBLISHED_HEADERS:
        parts = text.split(header)
        if len(parts) > 1 and parts[1]:
            return _judged(parts[1], conditions)
    if all(f"({number})" in text for number in range(1, len(conditions) + 1)):
        return _judged(text, conditions)
    return _reference(equal=False, note="no conclusion, and not everybody's number")


def _judged(text: str, conditions: list[str]) -> Match:
    for end in _PUBLISHED_ENDS:
        text = text.partition(end)[0]
    if f"({len(conditions) + 1})" in text:
        return _reference(equal=False, note="one person too many")
    if "if" in text:
        return _reference(equal=False, note="the conclusion contains the letters `if`")
    held = sum(condition in text for condition in conditions)
    return _reference(
        equal=held == len(conditions),
        note=f"{held} of {len(conditions)} found word for word",
        share=held / len(conditions),
    )


def _reference(*, equal: bool, note: str, share: float = 0.0) -> Match:
    return Match(equal=equal, rule="kk-reference", note=note, measures={PER_PERSON.name: share})
