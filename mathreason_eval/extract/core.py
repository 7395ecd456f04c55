"""The answer within the sentence that gives it."""

from __future__ import annotations

import re

from mathreason_eval.extract.spans import Span

_WORDY = 3
"""Words from which on an announced answer is a sentence, not a value with its unit."""

_WORD = re.compile(r"(?<![\\A-Za-z])[^\W\d_]{2,}")
_REASON = re.compile(
    r",?\s*\b(?:because|since|as\s+(?:it|the|we)|where|which|so\s+that|given\s+that|when|if"
    r"|therefore|rather\s+than|instead|so\s+the|and\s+not|obtained|respectively)\b"
    r"|,\s*(?:it|so|as|but|and\s+the|meaning|making|not|leaving)\b|\s+[(—–]",
    re.IGNORECASE,
)
_CIRCUMSTANCE = re.compile(
    r"\s+(?:in|on|at|for|from|left|remaining|altogether|more|each|every|that|who|to|by|with|after"
    r"|during|over|total|of\s+the)\b",
    re.IGNORECASE,
)
_COPULA = re.compile(
    r"\b(?:is|are|was|equals|will\s+be|would\s+be|be|exactly|est|es|é|ist)\s*:?\s+(?=[\d$\\.+−-])"
    r"|(?:应该是|是|为|為|は)\s*(?=[(\d$\\])|(?<![<>!≤≥])=\s*(?=[\d$\\.+−-])"
)
_STARTS = re.compile(r"[$€£₹+−-]*[\d.]|\\\(|\$|\\[dt]?frac|\\sqrt|\\pi")
_FORMULA = re.compile(r"\$\$[^$]+\$\$|\$[^$\n]+\$|\\\((?:[^\\]|\\(?!\)))*\\\)")
_NUMBER = re.compile(r"(?<![A-Za-z\d.,])[-−]?\$?(?:\d[\d,]*\d|\d)(?:\.\d+)?(?:/\d+)?\s?%?")


def core(text: str, start: int, end: int) -> Span:
    """Return the part of a sentence that is the answer; all of it where it is short or has none.

    `42 because 6 · 7 = 42` is 42, `The largest $n$ is 34` is 34, `she has 15 apples` is 15 and
    `5 ducks in total` is 5 ducks. `Tuesday` and `no real solution` stay what they are.
    """
    start = max(start, last_side(text, start, end))
    if end - start > _LONGEST or len(_WORD.findall(text, start, end)) < _WORDY:
        return start, _before(_REASON_AFTER_VALUE, text, start, end)
    if _STARTS.match(text, start, end):
        end = _before(_REASON, text, start, end)
        return start, _before(_CIRCUMSTANCE, text, start, end)
    copulas = list(_COPULA.finditer(text, start, end))
    if copulas:
        return core(text, copulas[-1].end(), end)
    for kind in (_FORMULA, _NUMBER):
        first = kind.search(text, start, end)
        if first is not None:
            return first.span()
    return start, end


_LONGEST = 2_000

_EQUALS = re.compile(r"(?<![<>!≤≥:=\\])=(?![=>])")


def last_side(text: str, start: int, end: int) -> int:
    """Return where the last side of a chain `a = b = c` begins; the start if it is no chain.

    A single equation is an answer as it stands.
    """
    signs = [found.end() for found in _EQUALS.finditer(text, start, end)]
    if len(signs) < _CHAIN or _SEVERAL.search(text, start, end):
        return start
    return signs[-1]


_CHAIN = 2
_SEVERAL = re.compile(r"[,;&]|\\\\|\b(?:and|or)\b|\\quad|\\text")
"""What stands between several equations, which are no chain."""

_REASON_AFTER_VALUE = re.compile(r"(?<=[\d$)}])\s*,?\s*\b(?:because|since)\b", re.IGNORECASE)


def _before(pattern: re.Pattern[str], text: str, start: int, end: int) -> int:
    """Return where the first match begins, or the end."""
    found = pattern.search(text, start + 1, end) if start < end else None
    return found.start() if found else end
