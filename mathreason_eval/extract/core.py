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
    r"\s+(?:in|on|at|for|from|left|remaining|altogether|more|each|every|that|who|to|by|with|after|per"
    r"|during|over|total|(?<!out\s)of)\b",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|equals|will\s+be|would\s+be|be|est|es|é|ist)\s*:?\s+(?=[\d$\\.+−-])"
    r"|(?:应该是|是|为|為|は)\s*(?=[(\d$\\])"
)
_NEGATED = re.compile(
    r"\s*(?:not|never|neither)\b"
    r"(?:.{1,200}?(?:\bbut\s+(?:rather\s+)?|[,;]\s*(?:it\s+is|it['’]s)\s+)())?",
    re.DOTALL,
)
_BOUND = re.compile(
    r"(?:\b(?:than|than\s+or\s+equal\s+to|between|at\s+least|at\s+most|up\s+to|not|never)"
    r"|≠|\\neq?|[<>≤≥])\s*[$(\\]*\Z"
)
"""What makes the value behind it a bound, or none."""
_NEAR = 24
_EQUAL_TO = re.compile(r"(?<![<>!≤≥])=\s*(?=[\d$\\.+−-])")
_STARTS = re.compile(r"[$€£₹+−-]*[\d.]|\\\(|\$|\\[dt]?frac|\\sqrt|\\pi")
_COUNTED = re.compile(r"[$€£₹+−-]*\d[\d.,]*\s+[^\W\d_]+(?=[^\d$\\]*\Z)")
"""A number and what it counts, in a sentence without another number."""
_FORMULA = re.compile(r"\$\$[^$]+\$\$|\$[^$\n]+\$(?!\d)|\\\((?:[^\\]|\\(?!\)))*\\\)")
_NUMBER = re.compile(r"(?<![A-Za-z\d.,])[-−]?\$?(?:\d[\d,]*\d|\d)(?:\.\d+)?(?:/\d+)?\s?%?")


def core(text: str, start: int, end: int) -> Span:
    """Return the part of a sentence that is the answer; all of it where it is short or has none.

    `42 because 6 · 7 = 42` is 42, `The largest $n$ is 34` is 34, `she has 15 apples` is 15 and
    `5 ducks in total` is 5 ducks. `Tuesday` and `no real solution` stay what they are.
    """
    if end - start > _LONGEST:
        return start, end
    start = last_side(text, start, end)
    words = len(_WORD.findall(text, start, end))
    if _STARTS.match(text, start, end):
        if words < _WORDY:
            return start, _before(_REASON_AFTER_VALUE, text, start, end)
        end = _before(_CIRCUMSTANCE, text, start, _before(_REASON, text, start, end))
        counted = _COUNTED.match(text, start, end)
        if counted is not None and len(_WORD.findall(text, start, end)) >= _WORDY:
            return counted.span()
        return start, end
    if words < _SAID:
        return start, end
    return _value_in(text, start, end)


_SAID = 2
"""Words from which on an answer that begins with one is a sentence, and its value the answer."""


def _value_in(text: str, start: int, end: int) -> Span:
    """Return the value that a sentence says; all of it if it says none."""
    negated = _NEGATED.match(text, start, end)
    if negated is not None:
        # `not 41 but 42` is 42, and `not 41` is nothing that could be 41.
        return (start, end) if negated.group(1) is None else core(text, negated.end(), end)
    verb = _VERB.search(text, start, end)
    signs = [found.end() for found in _EQUAL_TO.finditer(text, start, end)]
    if verb is not None:
        return core(text, verb.end(), end)
    if signs:
        return core(text, signs[-1], end)
    formulas = (found for found in _FORMULA.finditer(text, start, end) if is_formula(found.group()))
    value = next(formulas, None) or _NUMBER.search(text, start, end)
    if value is None or is_denied(text, start, value.start()):
        return start, end
    return value.span()


def is_denied(text: str, start: int, place: int) -> bool:
    """Return whether the value at a place is said to be another: `not 7`, `greater than 7`."""
    return _BOUND.search(text[max(start, place - _NEAR) : place]) is not None


# --- formulas --------------------------------------------------------------------------------

_PROSE = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{3,}|\\begin\{(?:align|gather|eq|split)")
_FUNCTIONS = re.compile(r"\\?(?:sin|cos|tan|cot|sec|csc|log|exp|sqrt|max|min|gcd|lcm|mod|det)")
_TEXT = re.compile(r"\\(?:text\w*|mathrm|operatorname)\s*\{[^{}]*\}")


def without_names(text: str) -> str:
    r"""Return a text without names of functions and `\text{…}`: the words left are prose."""
    return _FUNCTIONS.sub("", _TEXT.sub("", text))


def is_formula(inside: str) -> bool:
    """Return whether what stands between dollars is mathematics, and not prose between prices."""
    return any(map(str.isalnum, inside)) and _PROSE.search(without_names(inside)) is None


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

_REASON_AFTER_VALUE = re.compile(
    r"(?<=[\d$)}])\s*,?\s*\(?\b(?:because|since)\b"
    r"|(?<=[\d$])\s+\((?!mod|base|in\b)[A-Za-z -]{3,}\)\s*\Z",
    re.IGNORECASE,
)


def _before(pattern: re.Pattern[str], text: str, start: int, end: int) -> int:
    """Return where the first match begins, or the end."""
    found = pattern.search(text, start + 1, end) if start < end else None
    return found.start() if found else end
