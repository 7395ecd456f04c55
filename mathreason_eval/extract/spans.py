"""Spans of text: trimming around an answer, and the value within a sentence."""

from __future__ import annotations

import re

from mathreason_eval.extract.expressions import is_conditional, whole_expression
from mathreason_eval.maths.vocabulary.latex import (
    FORMULA_MARKS,
    FRACTION,
    IGNORED,
    PROSE_FUNCTIONS,
    TEXT_COMMAND,
    TEXTS,
    any_of,
)
from mathreason_eval.maths.vocabulary.negation import CONTRASTS, DENIES
from mathreason_eval.maths.vocabulary.units import WHOLE_MONEY
from mathreason_eval.types import Answer

Span = tuple[int, int]
"""Start and end in characters, end exclusive."""

# --- trimming --------------------------------------------------------------------------------

_WRAPPERS = (
    ("**", "**"), ("__", "__"), *FORMULA_MARKS, ("```", "```"), ("`", "`"), ('"', '"'), ("“", "”")
)  # fmt: skip
_WRAPS = frozenset(opening[0] for opening, _ in _WRAPPERS)
_LEADING = " \t\r\n\f\v\u00a0\u3000"
_TRAILING = _LEADING + ".,;:*。．،।、，；"


def trimmed(text: str, start: int, end: int) -> Span:
    r"""Return the span without white space and markup around it: `$18$.` and `**18**` are 18."""
    start, end = _without_punctuation(text, start, end)
    if text[start : start + 1] not in _WRAPS:
        return start, end
    for opening, closing in _WRAPPERS:
        inner = start + len(opening), end - len(closing)
        if (
            inner[0] < inner[1]
            and text.startswith(opening, start)
            and text.endswith(closing, start, end)
            and opening not in text[inner[0] : inner[1]].replace("\\$", "")
        ):
            start, end = _without_punctuation(text, *inner)
    if text.startswith("**", start) and "**" not in text[start + 2 : end]:
        start += 2  # its end was removed with the full stop
    return start, end


def _without_punctuation(text: str, start: int, end: int) -> Span:
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
    """Return the answer in a span, without the white space, punctuation and markup around it."""
    start, end = trimmed(text, *span)
    return Answer(text=text[start:end], rule=rule, span=(start, end))


def line_end(text: str, start: int) -> int:
    """Return the position at which the line of a position ends."""
    end = text.find("\n", start)
    return len(text) if end < 0 else end


REACHES = (2_000, 20_000)
"""How many characters from the end an answer is searched for: the nearest first."""


def last_matches(pattern: re.Pattern[str], text: str, count: int = 3) -> list[re.Match[str]]:
    """Return the last few matches, latest first, in time linear in the reach."""
    for reach in REACHES:
        start = max(0, len(text) - reach)
        # A match at the edge may be the rest of one that begins before it.
        found = [m for m in pattern.finditer(text, start) if start == 0 or m.start() > start]
        if found:
            return found[: -count - 1 : -1]
        if start == 0:
            break
    return []


# --- several places, one answer --------------------------------------------------------------

_MARKUP = re.compile(
    rf"\\(?:{any_of(TEXTS | IGNORED | {'hspace'})})(?![a-zA-Z])"
    r"|\\[,;:! ()\[\]\\]|[\s$&{}*~|()]"
)
_CONNECTIVE = re.compile(
    r"[,;、，；]|\b(?:and|or|und|oder|et|ou|y|o|e|и|или|и́|ve|veya|dan|atau)\b|[和或與与및]|و|أو",
    re.IGNORECASE,
)
_NEW_CLAIM = re.compile(
    r"[.:?!=<>≈→⇒。：？！\\]|\b(?:then|but|so|thus|hence|therefore|wait|no|not|nicht|pas|niet|nie|inte|ikke|não|не|actually|instead|rather"
    r"|finally|final|is|was|are|gives?|gets?|becomes?|equals?|answer|which|that|correct(?:ion|ed)?"
    r"|equivalently|because|since|if|now|let|we|I)\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?:\b[a-zA-Z]|\\[a-zA-Z]+)(?:_\{?\w+\}?)?(?:\([a-zA-Z]\))?\s*=[\s$]*\Z")
_MOST_BETWEEN = 80
_MOST_WORDS = 4


def are_coordinated(between: str) -> bool:
    r"""Return whether two answers are parts of one list, by the text between them.

    `, ` and ` papers and ` and `$ and $y = ` join them; `. Wait, no: ` and ` and then ` do not.
    """
    if len(between) > _MOST_BETWEEN or "\n\n" in between:
        return False
    plain = _MARKUP.sub(" ", _NAME.sub(" ", between)).strip()
    if not plain:
        return "\n" not in between
    return (
        _NEW_CLAIM.search(plain) is None
        and _CONNECTIVE.search(plain) is not None
        and len(plain.split()) <= _MOST_WORDS
    )


# --- formulas --------------------------------------------------------------------------------

_PROSE = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{3,}|\\begin\{(?:align|gather|eq|split)")
_FUNCTION = re.compile(rf"\\?(?:{any_of(PROSE_FUNCTIONS)})")
_TEXT = re.compile(rf"(?:{TEXT_COMMAND}|\\textcolor)\s*\{{[^{{}}]*\}}")
_EQUALS = re.compile(r"(?<![<>!≤≥:=\\])=(?![=>])")
_SEVERAL_EQUATIONS = re.compile(r"[,;&]|\\\\|\b(?:and|or)\b|\\quad|\\text")
_SHORTEST_CHAIN = 2
"""Number of equals signs that make a chain; a single equation is an answer as written."""


def without_names(text: str) -> str:
    r"""Return a text without function names and `\text{…}`: words that remain are prose."""
    return _FUNCTION.sub("", _TEXT.sub("", text))


def is_formula(inside: str) -> bool:
    """Return whether the text between two dollars is mathematics, and not prose between prices."""
    return any(map(str.isalnum, inside)) and _PROSE.search(without_names(inside)) is None


def last_of_chain(text: str, start: int, end: int) -> int:
    """Return where the last side of a chain `a = b = c` begins; `start` if it is not a chain."""
    signs = [found.end() for found in _EQUALS.finditer(text, start, end)]
    if len(signs) < _SHORTEST_CHAIN or _SEVERAL_EQUATIONS.search(text, start, end):
        return start
    return signs[-1]


# --- the value in a sentence -----------------------------------------------------------------

_WORD = re.compile(r"(?<![\\A-Za-z])[^\W\d_]{2,}")
_REASON = re.compile(
    r"(?:,\s*|(?<!\s)\s+)?\b(?:because|since|as\s+(?:it|the|we)|where|which|so\s+that|given\s+that|when|if"
    r"|therefore|rather\s+than|instead|so\s+the|and\s+not|obtained|respectively)\b"
    r"|,\s*(?:contrary|unlike|despite|it|so|as|but|and\s+the|meaning|making|not|leaving|representing|which|giving)\b|(?<!\s)\s+[(—–]",
    re.IGNORECASE,
)
_REASON_AFTER_VALUE = re.compile(
    r"(?<=[\d$)}])\s*(?:,\s*)?\(?\b(?:because|since)\b"
    r"|(?<=[\d$)}%])\s*[,，(—–]\s*(?:rather\s+than|instead\s+of|representing|which|meaning|giving"
    r"|making|i\.e)\b"
    rf"|(?<=[\d$)}}%])(?:\s*[,，(—–]\s*|\s+|(?=而?不是|而非)){CONTRASTS}"
    r"|(?<!\s)\s+or,?\s+(?:equivalently|in\s+other\s+words)\b"
    r"|(?<!\s)\s+(?:within|in|inside)\s+\\boxed\{\s*\}|(?<=\d)['’][a-zçğıöşü]{1,4}[\s.]*\Z"
    r"|(?<=[\d$])\s+\((?!mod|base|in\b|or\b)[A-Za-z ,.'’-]{3,}\)[\s.]*\Z"
    r"|(?<=[\d$)}])\s*[(,]\s*(?:checked|verified|check|since|indeed|without|beyond|no)\b",
    re.IGNORECASE,
)
_COPULA = re.compile(r"(?<=\d)\s*(?:ہے|ہیں|ஆகும்|است|می\s?باشد)[\s۔.]*\Z")
"""What follows the value in languages whose verb comes last."""
_CIRCUMSTANCE = re.compile(
    r"(?<!\s)\s+(?:in|on|at|for|from|left|remaining|altogether|more|each|every|that|who|to|by|with|after|per"
    r"|during|over|total|(?<!out\s)of)\b",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|equals|will\s+be|would\s+be|be|est|es|é|ist)\s*:?\s+(?=[\d$\\.+−-])"
    r"|(?:应该是|是|为|為|は)\s*(?=[(\d$\\])"
)
_NEGATION = re.compile(
    r"\s*(?:not|never|neither|nicht|не|no\s+es|non\s+è|não\s+é|ne|niet|nie|nije|ليس|ليست)\b"
    r"(?:.{1,200}?(?:\b(?:but|sondern|mais|sino|mas|ma|bensì|maar|lecz|ale|već|nego|بل)\s+(?:rather\s+)?"
    r"|,\s*а\s+|[,;]\s*(?:it\s+is|it['’]s|(?:sie|es|er|das)\s+ist|elle\s+est|c['’]est|ella\s+es|es|è|é|ona\s+je)\s+)())?",
    re.DOTALL,
)
_BOUND = re.compile(
    r"(?:\b(?:than|than\s+or\s+equal\s+to|between|at\s+least|at\s+most|up\s+to|not|never)"
    r"|≠|\\neq?|[<>≤≥])\s*[$(\\]*\Z"
)
_NOT = re.compile(rf"(?:{DENIES.pattern})\s*(?:是|为|為)?[$(\\\s]*\Z")
_BOUND_REACH = 24
"""Number of characters before a value in which a bound or a negation is searched for."""
_EQUAL_TO = re.compile(r"(?<![<>!≤≥])=\s*(?=[\d$\\.+−-])")
_REPLACED = re.compile(
    r"[^\s，。、]{1,30}?(?:では?なくて?、?|じゃなくて?、?|(?:이|가)\s*아니라|이?\s*아니고)\s*"
    r"|\S{1,30}\s+(?:değil|नहीं|নয়|নয়|bukan)\s*(?:,|लेकिन|बल्कि|বরং|melainkan|ama)\s*(?:लेकिन|बल्कि|বরং)?\s*"
    r"(?=\S*\d)"
)
"""A value that is denied behind it, before the one that is claimed: `5ではなく6`."""
_MERE = re.compile(
    r"(?:(?:I|we)\s+(?:think|believe|guess|get|got|say)(?:\s+(?:that\s+)?it(?:['’]s|\s+is))?"
    r"|(?:nothing|none|no\s+(?:number|value|one))\s+(?:other\s+than|but)|precisely|exactly|simply|just|(?:most\s+|very\s+|quite\s+|almost\s+)?(?:probably|possibly|likely|perhaps|maybe|certainly"
    r"|surely|definitely|clearly|obviously|presumably|evidently|undoubtedly|wahrscheinlich|vermutlich|sicher|offenbar"
    r"|probablement|sans\s+doute|probablemente|seguramente|provavelmente|probabilmente|waarschijnlijk|вероятно|наверное"
    r"|prawdopodobnie))\s+(?=[-+\d$\\])",
    re.IGNORECASE,
)
"""Words that stress a value: `nothing other than 42`."""
_VALUE_START = re.compile(rf"[{WHOLE_MONEY}+−-]*[\d.]|\\\(|\$|{FRACTION}|\\sqrt|\\pi")
_COUNTED = re.compile(rf"[{WHOLE_MONEY}+−-]*\d[\d.,]*\s+[^\W\d_]+(?=[^\d$\\]*\Z)")
"""A number and what it counts, in a sentence without another number."""
_FORMULA = re.compile(r"\$\$[^$]+\$\$|\$[^$\n]+\$(?!\d)|\\\((?:[^\\]|\\(?!\)))*\\\)")
_NUMBER = re.compile(r"(?<![A-Za-z\d.,])[-−]?\$?(?:\d[\d,]*\d|\d)(?:\.\d+)?(?:/\d+)?\s?%?")
_LONGEST_SENTENCE = 2_000
_ENVIRONMENT = re.compile(r"\\begin\{(?:[pbBvV]?matrix|smallmatrix|array|cases)\}")
"""A table, whose cells are no values of a sentence."""
_WORDS_AFTER_VALUE = 3
"""Words that make an answer beginning with a value a sentence, not a value with its unit."""
_SENTENCE_WORDS = 2
"""Words that make an answer beginning with a word a sentence, of which the value is the answer."""


def trim_to_value(text: str, start: int, end: int) -> Span:
    """Return the span of the answer in a sentence; all of it if it is short or has no value.

    `42 because 6 · 7 = 42` is 42, `The largest $n$ is 34` is 34, `she has 15 apples` is 15 and
    `5 ducks in total` is 5 ducks. `Tuesday` and `no real solution` are unchanged.
    """
    if end - start > _LONGEST_SENTENCE or _ENVIRONMENT.search(text, start, end):
        return start, end
    if factor_end(text, start, end) > start:
        return start, end
    if text[start : start + 1].isalpha() and (mere := _MERE.match(text, start, end)) is not None:
        start = mere.end()
    elif not text.isascii() and (copula := _COPULA.search(text, start, end)) is not None:
        end = copula.start()
    start = last_of_chain(text, start, end)
    if (replaced := _REPLACED.match(text, start, end)) is not None:
        return trim_to_value(text, replaced.end(), end)
    words = len(_WORD.findall(text, start, end))
    if not _VALUE_START.match(text, start, end):
        is_short = words < _SENTENCE_WORDS and _NEGATION.match(text, start, end) is None
        return (start, end) if is_short else _value_in(text, start, end)
    if words < _WORDS_AFTER_VALUE:
        return start, _before(_REASON_AFTER_VALUE, text, start, end)
    for pattern in (_REASON_AFTER_VALUE, _REASON, _CIRCUMSTANCE):
        end = _before(pattern, text, start, end)
    counted = _COUNTED.match(text, start, end)
    if counted is not None and len(_WORD.findall(text, start, end)) >= _WORDS_AFTER_VALUE:
        return counted.span()
    return start, end


_FACTOR = re.compile(
    r"[$\\(]{0,3}[-+]?\d[\d.,/]*[$)}\\~\s]*(?:\\text\s*\{\s*)?"
    r"(?:times\s+(?:the|as|its|their|his|her|that\s+of|larger|greater|bigger|more)"
    r"|mal\s+so|fois\s+(?:plus|celui)|veces\s+más|vezes\s+mais|volte\s+più|keer\s+zo)\b"
)


def factor_end(text: str, start: int, end: int) -> int:
    """Return where a value ends that is a multiple of something else: `8 times the original`.

    `start` if it is none: `8 times` is a number.
    """
    found = _FACTOR.match(text, start, end)
    return start if found is None else end


def _value_in(text: str, start: int, end: int) -> Span:
    """Return the value that a sentence states; all of it if it states none."""
    if is_conditional(text, start, end):
        return start, end
    negation = _NEGATION.match(text, start, end)
    if negation is not None:
        # `not 41 but 42` is 42, and `not 41` must not become 41.
        is_corrected = negation.group(1) is not None
        return trim_to_value(text, negation.end(), end) if is_corrected else (start, end)
    if (verb := _VERB.search(text, start, end)) is not None:
        return trim_to_value(text, verb.end(), end)
    if signs := [found.end() for found in _EQUAL_TO.finditer(text, start, end)]:
        return trim_to_value(text, signs[-1], end)
    formulas = (found for found in _FORMULA.finditer(text, start, end) if is_formula(found.group()))
    value = next(formulas, None)
    if value is None:
        number = _NUMBER.search(text, start, end)
        if number is None or is_negated(text, start, number.start()):
            return start, end
        return whole_expression(text, number.span(), start, end)
    return (start, end) if is_negated(text, start, value.start()) else value.span()


def is_negated(text: str, start: int, place: int) -> bool:
    """Return whether the value at a position is negated or a bound: `not 7`, `greater than 7`."""
    before = text[max(start, place - _BOUND_REACH) : place]
    return (_BOUND.search(before) or _NOT.search(before.lower())) is not None


def _before(pattern: re.Pattern[str], text: str, start: int, end: int) -> int:
    """Return where the first match begins, or `end` if there is none."""
    found = pattern.search(text, start + 1, end) if start < end else None
    return found.start() if found else end
