"""Spans of text: what a rule finds, and what is trimmed around it."""

from __future__ import annotations

import re

from mathreason_eval.types import Answer

Span = tuple[int, int]
"""Start and end in characters, end exclusive."""

_WRAPPERS = (
    ("**", "**"), ("__", "__"), ("$$", "$$"), ("$", "$"), (r"\[", r"\]"), (r"\(", r"\)"),
    ("```", "```"), ("`", "`"), ('"', '"'), ("“", "”"),
)  # fmt: skip
_LEADING = " \t\r\n\f\v\u00a0\u3000"
_TRAILING = _LEADING + ".,;:*。．،।、，；"


def trimmed(text: str, start: int, end: int) -> Span:
    r"""Return the span without the white space and signs around it: `$18$.` and `**18**` are 18."""
    start, end = _bare(text, start, end)
    for opening, closing in _WRAPPERS:
        inner = start + len(opening), end - len(closing)
        if (
            inner[0] < inner[1]
            and text.startswith(opening, start)
            and text.endswith(closing, start, end)
            and opening not in text[inner[0] : inner[1]].replace("\\$", "")
        ):
            start, end = _bare(text, *inner)
    if text.startswith("**", start) and "**" not in text[start + 2 : end]:
        start += 2  # what closed it went with the full stop
    return start, end


def _bare(text: str, start: int, end: int) -> Span:
    inside = text[start:end].lstrip(_LEADING)
    start = end - len(inside)
    inside = inside.rstrip(_TRAILING)
    # `**42**!` is an exclamation, 5! is a factorial.
    exclaimed = len(inside) > 1 and inside[-1] in "!?" and inside[-2] in "*$”"
    return start, start + len(inside[:-1].rstrip(_TRAILING) if exclaimed else inside)


def stripped(text: str, start: int, end: int) -> Span:
    """Return the span without the white space around it."""
    inside = text[start:end].lstrip()
    start = end - len(inside)
    return start, start + len(inside.rstrip())


def answer_at(text: str, rule: str, span: Span) -> Answer:
    """Return the answer in a span, trimmed."""
    start, end = trimmed(text, *span)
    return Answer(text=text[start:end], rule=rule, span=(start, end))


def line_end(text: str, start: int) -> int:
    """Return where the line of a position ends."""
    end = text.find("\n", start)
    return len(text) if end < 0 else end


_REACHES = (2_000, 20_000)
"""How far from the end an answer is looked for: near first, which is where it is."""


def last_matches(pattern: re.Pattern[str], text: str, count: int = 3) -> list[re.Match[str]]:
    """Return the last few matches, latest first, in time linear in the reach."""
    for reach in _REACHES:
        start = max(0, len(text) - reach)
        # What begins at the very edge may have begun before it.
        found = [m for m in pattern.finditer(text, start) if start == 0 or m.start() > start]
        if found:
            return found[: -count - 1 : -1]
        if start == 0:
            break
    return []


# --- several places, one answer --------------------------------------------------------------

_DRESSING = re.compile(
    r"\\(?:quad|qquad|text(?:bf|rm|it)?|mathrm|hspace|left|right)(?![a-zA-Z])"
    r"|\\[,;:! ()\[\]\\]|[\s$&{}*~|()]"
)
_CONNECTIVE = re.compile(
    r"[,;、，；]|\b(?:and|or|und|oder|et|ou|y|o|e|и|или|и́|ve|veya|dan|atau)\b|[和或与與및]|و|أو",
    re.IGNORECASE,
)
_NEW_THOUGHT = re.compile(
    r"[.:?!=<>≈→⇒。：？！\\]|\b(?:then|but|so|thus|hence|therefore|wait|no|not|actually|instead|rather"
    r"|finally|final|is|was|are|gives?|gets?|becomes?|equals?|answer|which|that|correct(?:ion|ed)?"
    r"|equivalently|because|since|if|now|let|we|I)\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?:\b[a-zA-Z]|\\[a-zA-Z]+)(?:_\{?\w+\}?)?(?:\([a-zA-Z]\))?\s*=[\s$]*\Z")
_MOST_BETWEEN = 80
_MOST_WORDS = 4


def in_one_breath(between: str) -> bool:
    r"""Return whether two places are parts of one answer, by what stands between them.

    `, ` and ` papers and ` and `$ and $y = ` join them; `. Wait, no: ` and ` and then ` do not.
    """
    if len(between) > _MOST_BETWEEN or "\n\n" in between:
        return False
    plain = _DRESSING.sub(" ", _NAME.sub(" ", between)).strip()
    if not plain:
        return "\n" not in between
    return (
        _NEW_THOUGHT.search(plain) is None
        and _CONNECTIVE.search(plain) is not None
        and len(plain.split()) <= _MOST_WORDS
    )
