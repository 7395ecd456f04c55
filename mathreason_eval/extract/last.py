"""Rules for an answer that is not announced: a bare last line, the last formula, the last number.

All of them are weak: in a truncated text the answer may have come later.
"""

from __future__ import annotations

import re

from mathreason_eval.extract.expressions import whole_expression
from mathreason_eval.extract.spans import (
    REACHES,
    Span,
    answer_at,
    are_coordinated,
    factor_end,
    is_formula,
    is_negated,
    last_matches,
    last_of_chain,
    line_end,
    without_names,
)
from mathreason_eval.maths.vocabulary.languages import is_unknown
from mathreason_eval.maths.vocabulary.latex import FORMULA_MARKS, FRACTION
from mathreason_eval.maths.vocabulary.units import WHOLE_MONEY
from mathreason_eval.types import Answer

_NUMBER = re.compile(
    rf"(?<![A-Za-z_\d.,])(?<!\d )[-−+]?(?:\\?[{WHOLE_MONEY}])?[-−]?"
    rf"(?:{FRACTION}\{{-?\d+\}}\{{\d+\}}"
    r"|\d{1,4}(?:\s?:\s?\d{1,4})+(?:\s?[aApP]\.?[mM]\b)?"  # 12:30 and 3 : 4
    r"|\d{1,3}(?:,\d{2,3})*,\d{3}(?![,\d])(?:\.\d+)?"  # 1,200.50 and 12,34,567
    r"|\d{1,3}(?:\.\d{3})*\.\d{3},\d+|\d{1,3}(?:\.\d{3}){2,}"  # 1.234,5 and 1.234.567
    r"|\d{1,3}(?:(?:\{,\}|\\,|,?\\!|[\u00a0\u2009\u202f])\d{3})+(?:[.,]\d+)?"
    r"|\d+(?:[.٫]\d+)?(?:[eE][-+]?\d+)?(?:\s?/\s?\d+)?"
    r"|\.\d+)(?:\s?\\?%|٪)?(?!\d)"
)
_NUMBER_SIGNS = frozenset(f"0123456789 :,.٫/\\!{{}}{WHOLE_MONEY}+-−eEdtfrac\u00a0\u2009\u202f")
_MOST_TRIED = 40
_LONGEST = 5_000
"""Maximum number of characters of a number."""
_AFTER = 8
"""Number of characters that may belong to a number after its last digit: ` \\%`."""
_NEAR = 200
_REJECTED = re.compile(r"\W{0,3}\s+(?:is|was)\s+(?:wrong|incorrect|not\s+(?:the|right|correct))\b")
_BOUNDS = re.compile(r"\b(?:than|between|least|most|up\s+to)\b|[<>≤≥]")
"""Words of a bound, whose number may be the question's as well as the answer's."""
_SEVERAL = re.compile(
    r"(?:\bare\s+(?=[^.\n]*\band\b)|(?=\S+(?:,\s\S+)*,?\s+or\b)|(?=[a-zA-Z]\s?=\s?\S+\s+or\b))"
    r"((?:[a-zA-Z]\s?=\s?)?[-−]?\d[\d./]*(?:,\s[-−]?\d[\d./]*)*),?\s+(?:and|or)\s+"
    r"(?:[a-zA-Z]\s?=\s?)?\Z"
)
_ALTERNATIVE = re.compile(
    r"(?<![\d.,])[-−]?\d[\d./]*(?:\s*(?:或者?|还是|還是|または|もしくは|또는|혹은)\s*"
    r"|\s+(?:oder|ou|o|или|або|lub|nebo|eller|tai|sau|veya|ya\s+da|atau|hoặc|أو|או|या|অথবা|หรือ)\s+)\Z"
)
"""Another number and a word for `or`, before the last number."""
_ALTERNATIVES = 40
_UNFINISHED = re.compile(r"\s*(?:\\times|\\cdot|[-+*/=×·÷<>(^])\s*\Z")
_CALCULATES = re.compile(r"(?<!\*)\*(?!\*)|[+/=^|<>×÷]")
_LONG_WORD = re.compile(r"[^\W\d_]{3,}")
_SENTENCE_END = re.compile(r"[.;!?](?!\d)|\n")


def last_number(text: str) -> Answer | None:
    """Return the last number of the text: `1,200.50`, `-3/4`, `12%`.

    None if it is in program code, or in a calculation that breaks off after it.
    """
    span = _affirmed(text, _last_number(text))
    if span is None or _in_program(text, span[0]) or _is_unfinished(text, span[1]):
        return None
    # `41 or 42` is not 42, and roots that `are 2 and 3` are both the answer.
    several = _SEVERAL.search(text, max(0, span[0] - _NEAR), span[0])
    start = span[0] if several is None else several.start(1)
    if other := _ALTERNATIVE.search(text, max(0, span[0] - _ALTERNATIVES), span[0]):
        start = other.start()
    sentence = _SENTENCE_END.search(text, span[1])
    if _is_unknown(text, span):
        return answer_at(
            text, "last_number", (text.rfind("\n", 0, start) + 1, line_end(text, start))
        )
    line = text.rfind("\n", 0, span[0]) + 1
    around = whole_expression(text, (start, span[1]), line, line_end(text, span[1]))
    if around != (start, span[1]):
        return answer_at(text, "last_number", around)
    end = max(span[1], factor_end(text, span[0], sentence.start() if sentence else len(text)))
    return answer_at(text, "last_number", (start, end))


_FAMILIAR_REACH = 400
"""Characters around a number in which a familiar word is looked for."""


def _is_unknown(text: str, span: Span) -> bool:
    """Return whether a number stands in a language that is not understood: it may be denied."""
    first, last = max(0, span[0] - _FAMILIAR_REACH), span[1] + _FAMILIAR_REACH
    return is_unknown(text[first:last].lower())


def _last_number(text: str) -> Span | None:
    """Return the span of the last number, found from its last digit backwards."""
    place = len(text) - 1
    lowest = max(0, place - REACHES[-1])
    for _ in range(_MOST_TRIED):
        while place >= lowest and not text[place].isdecimal():
            place -= 1
        if place < lowest:
            return None
        start = place
        while start > 0 and place - start < _LONGEST and _may_be_in_number(text[start - 1]):
            start -= 1
        found = [*_NUMBER.finditer(text, start, min(len(text), place + _AFTER))]
        if found:
            return found[-1].span()
        # `x2` and `2nd_3` are names.
        place = start - 1
    return None


def _may_be_in_number(sign: str) -> bool:
    return sign in _NUMBER_SIGNS or (sign > "\x7f" and sign.isdecimal())


def _affirmed(text: str, span: Span | None) -> Span | None:
    """Return the last number that is not negated: for `12, not 24`, that of 12."""
    if span is None or _REJECTED.match(text, span[1]):
        return None
    start = max(text.rfind(end, 0, span[0]) for end in (". ", "\n", "; ")) + 1
    if not is_negated(text, start, span[0]) or _BOUNDS.search(text, start, span[0]):
        return span
    instead = _last_number(text[: span[0]])
    return instead if instead is not None and instead[0] >= start else None


_TAGS = re.compile(r">?</?[a-zA-Z]\w*>|\s\|\s*(?=\n|\Z)")
"""Tags and the edge of a table, which do not calculate."""


def _is_unfinished(text: str, end: int) -> bool:
    """Return whether a calculation continues after a number without reaching a result."""
    rest = _TAGS.sub("", text[end : end + _NEAR])
    if _UNFINISHED.match(rest) and end + _NEAR >= len(text):
        return True
    return _CALCULATES.search(rest) is not None and _LONG_WORD.search(rest) is None


_CODE = re.compile(r"__\w+__|\bprint\s*\(|\breturn\s+\w|\w\(\s*['\"\[]|\)\.\w+\(")
"""A line of program code, whose numbers are not answers."""
_FENCE = re.compile(r"(?:^|\n)[ \t]*```[ \t]*(\w*)")
_PROGRAMS = {"python", "py", "cpp", "c", "java", "javascript", "js", "bash", "sh", "r", "julia"}


def _in_program(text: str, position: int) -> bool:
    """Return whether a position is in a block of code, or in a line of code."""
    fences = [m for m in last_matches(_FENCE, text, 200) if m.start() < position]
    if fences and len(fences[0].group(1)) and fences[0].group(1).lower() in _PROGRAMS:
        return True
    line = text.rfind("\n", 0, position) + 1
    return _CODE.search(text, max(line, position - _NEAR), position + _NEAR) is not None


_NAMES_VALUE = re.compile(r"\s*\\?[A-Za-z]+(?:_\{?\w+\}?)?(?:\([a-zA-Z]\))?\s*=[^=]*\Z")
_MOST_FORMULAS = 8
_LONGEST_FORMULA = 1_000


def last_formula(text: str) -> Answer | None:
    r"""Return the last formula of the text, `$x > 5$` or `\(7, 6\)`, if no number comes after it.

    Coordinated formulas, `$x = 3$ and $y = 4$`, are one answer. Prices are not formulas.
    """
    outer, inner = _formula_before(text, len(text))
    if inner is not None and is_negated(text, 0, outer[0]):
        before = _formula_before(text, outer[0])
        if "." in text[before[0][1] : outer[0]] or "\n" in text[before[0][1] : outer[0]]:
            return None
        outer, inner = before
        text = text[: outer[1]]
    number = _last_number(text)
    if inner is None or (number is not None and number[1] > outer[1]):
        return None
    spans, first = [inner], outer[0]
    while len(spans) < _MOST_FORMULAS:
        outer, inner = _formula_before(text, first)
        if inner is None or not are_coordinated(text[outer[1] : first]):
            break
        if not _can_be_joined(text[slice(*inner)], text[slice(*spans[0])]):
            break
        spans.insert(0, inner)
        first = outer[0]
    if len(spans) == 1:
        start, end = spans[0]
        return answer_at(text, "last_formula", (last_of_chain(text, start, end), end))
    joined = ", ".join(text[start:end].strip() for start, end in spans)
    return Answer(text=joined, rule="last_formula", span=(spans[0][0], spans[-1][1]))


def _can_be_joined(one: str, other: str) -> bool:
    """Return whether two formulas can form one answer: both are like `x = 2`, or neither is."""
    named = [_NAMES_VALUE.match(formula) is not None for formula in (one, other)]
    return all(named) or not any("=" in formula for formula in (one, other))


def _formula_before(text: str, end: int) -> tuple[Span, Span | None]:
    """Return the spans of the last formula that ends before a position, and of its inside.

    The second is None if what looks like the last formula is not one.
    """
    lowest = max(0, end - REACHES[-1])
    close, opening, closing = max(
        (text.rfind(closing, lowest, end), opening, closing) for opening, closing in FORMULA_MARKS
    )
    start = text.rfind(opening, max(lowest, close - _LONGEST_FORMULA), close) if close > 0 else -1
    outer = (start, close + len(closing))
    inner = (start + len(opening), close)
    if start < 0 or not is_formula(text[slice(*inner)]):
        return outer, None
    return outer, inner


_BULLET = re.compile(r"\s*(?:[-*•·#>|]|\d+[.)])\s")
_LONGEST_LINE = 300
_WORD = re.compile(r"(?<![\\A-Za-z{])[^\W\d_]{2,}")
_CONJUNCTION = re.compile(r"\b(?:and|or)\b")
_VERDICT = re.compile(r"(yes|no|true|false)\b(?:[,.;!][^\d$\\\n]*)?", re.IGNORECASE)
_PREDICATE = re.compile(
    r"(?:(?:so|thus|hence|therefore),?\s)?(?:the|there|it|this)\s(?:[a-z ]{1,60}?\s)?(?:is|are)\s"
    r"((?!the\b|not\b|that\b)[a-z]+(?:\s[a-z]+){0,2})\.?",
    re.IGNORECASE,
)


_ENDS = re.compile(r"\\(?:end|begin)\s*\{\w+\*?\}[\s.$]*")
_LEADING = re.compile(
    r"[\s*_$>]{0,6}(?:(?:so|thus|hence|therefore|it['’]s|it\s+is|that['’]s)[\s,]+){0,2}(?:[a-zA-Z]\s?=\s?)?"
    r"(?P<value>\$?[-−]?\d[\d,]*(?:\.\d+)?(?:/\d+)?\s?%?)[*_$]{0,4}(?:[\s.,;:—–-]|\*\*)+"
    r"(?:reason(?:ing)?\s*:|explanation|because\b|since\b|as\s+(?:there|we|the|it)\b|here(?:\s+is|['’]s)\s+why|proof\b|why\s*[:?]"
    r"|let\s+me\s+(?:double[- ])?(?:check|verify|explain)|(?:to\s+)?(?:check|verify|justify)\s*:"
    r"|verification|justification"
    r"|denn\b|weil\b|car\b|porque\b|perché\b|потому\b|因为|なぜなら)",
    re.IGNORECASE,
)
"""A value at the beginning of a text, which only reasons follow: `42, because 6 · 7 = 42.`"""


def bare(text: str) -> Answer | None:
    """Return the last line if it is only an answer: `x = 42`, `C`, `2x + 1`, `Tuesday`.

    None otherwise, and for a list item or code. A single word counts only if it is the whole text.
    """
    whole_text = text.strip()
    line = whole_text.rpartition("\n")[2]
    if (leading := _LEADING.match(text)) is not None:
        return answer_at(text, "bare", leading.span("value"))
    if not line or len(line) > _LONGEST_LINE or _BULLET.match(line) or _CODE.search(line):
        return None
    if _ENDS.fullmatch(line) is not None:
        return None
    prose = _CONJUNCTION.sub(" ", without_names(line))
    wordy = _WORD.search(prose) is not None
    lone_word = line == whole_text and " " not in line and not any(map(str.isdigit, line))
    if (wordy and not lone_word) or not any(map(str.isalnum, line)):
        return _predicate(text, line) if line == whole_text else None
    end = len(text.rstrip())
    start = end - len(line)
    start += len(line) - len(line.lstrip("=≈∴⇒→ ").removeprefix("\\therefore "))
    # The markup at the beginning of a line may also end it: `**Yes**`.
    emphasis = line[: len(line) - len(line.lstrip("*"))]
    if _UNFINISHED.search(line.removesuffix(emphasis)):
        return None
    return answer_at(text, "bare", (start, end))


def _predicate(text: str, sentence: str) -> Answer | None:
    """Return the predicate of a text of one sentence without a number: `No, it is not possible`."""
    found = _VERDICT.fullmatch(sentence) or _PREDICATE.fullmatch(sentence)
    if found is None:
        return None
    start = text.index(sentence)
    return answer_at(text, "bare", (start + found.start(1), start + found.end(1)))


_OUTPUT = re.compile(r"(?:^|\n)```output[ \t]*\n")


def program_output(text: str) -> Answer | None:
    """Return the last line that a program printed: the end of the last block marked `output`.

    For models that calculate with tools and then state the result in words.
    """
    if "```output" not in text:
        return None
    for opening in last_matches(_OUTPUT, text, 1):
        closing = text.find("```", opening.end())
        end = len(text) if closing < 0 else closing
        line = text.rfind("\n", opening.end(), len(text[:end].rstrip())) + 1
        answer = answer_at(text, "program_output", (max(line, opening.end()), end))
        if answer.text and "Error" not in answer.text:
            return answer
    return None


def whole(text: str) -> Answer | None:
    """Return the whole text, for models that are asked for the answer only."""
    answer = answer_at(text, "whole", (0, len(text)))
    return answer if answer.text else None
