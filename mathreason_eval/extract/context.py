r"""What the words and the formula around a value make of it: denied, part of more, one of several.

A candidate is not a claim: `x \ne \boxed{42}`, `$2 \cdot \boxed{21}$`, `42 (or 43)` and `it cannot
be 42` hold a value that nobody gives as the answer. What is found here is the reason, in words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum, auto
from functools import lru_cache
from typing import NamedTuple

from mathreason_eval.extract.retractions import is_crossed, takes_back
from mathreason_eval.maths.vocabulary.languages import is_unknown
from mathreason_eval.maths.vocabulary.latex import TEXTS, WRAPPERS, any_of
from mathreason_eval.maths.vocabulary.negation import (
    BOUNDED,
    BOUNDS,
    DENIES,
    DENYING_PARTS,
    DENYING_WORDS,
    FAILS,
    NO_DENIAL,
    OF_VALUE,
    REFUTED,
    RELATIVE,
    REVISES,
)
from mathreason_eval.maths.vocabulary.retraction import ELSEWHERE_DOUBTED, WRONG_OPTION
from mathreason_eval.maths.vocabulary.words import these
from mathreason_eval.types import Answer

_BEFORE, _AFTER = 120, 240
"""Characters before and after a value that are read."""
_SENTENCE = re.compile(r"[.!?;]\s|\n\n|[。！？；]")


def doubt(text: str, answer: Answer) -> str:
    """Return why a value is not claimed as the answer, or "" where nothing speaks against it."""
    start, end = answer.span
    if answer.rule == "boxed":
        start, end = _box(text, start, end)
    before, after = text[max(0, start - _BEFORE) : start], text[end : end + _AFTER]
    for reads in _READERS:
        if reason := reads(before, after, answer):
            return reason
    return ""


_WRONG_OPTION = re.compile(rf"(?:{WRONG_OPTION})\W*\Z")
_ALL_BUT = re.compile(r"\b(?:all|everything|each)\s+(?:\w+\s+)?(?:but|except)\W+\Z", re.IGNORECASE)
_ARE_WRONG = re.compile(r"\W*\s(?:is|are)\s+(?:wrong|incorrect|false)\b", re.IGNORECASE)
_OTHER_OPTION = re.compile(
    r"[\s)\]*.,;:]*(?:\b(?:or|oder|ou|o|или)\b\s*|或)(?:maybe|perhaps|possibly|not|also|even)?\s*[(*]*[A-J]\b(?!\s[a-z])"
    r"|(?:[.,;]?\s+[(*]*[A-J][)*]*(?=[.,;\s]|\Z))+[.,;\s]*\Z|[-+]\s*\Z"
)
"""What follows an option that is not the only one: `B; or maybe C`, `B. C. D.`"""
_CLOSERS = r"(?:[\s$*_`\"'”})\]]|\\[)\]])*"
_TRIED = re.compile(
    rf"{_CLOSERS}(?:{FAILS}|\?\s*[-–—\"']*\s*(?:no|nope|nein|non|não|нет|いいえ|不是|不)\b)",
    re.IGNORECASE,
)
"""What follows a value that was only tried, or asked for: `42? No.`"""


def denial(text: str, answer: Answer) -> str:
    """Return why an option is not claimed: denied, doubted or left open around it; else ""."""
    start, end = answer.span
    before, after = text[max(0, start - _BEFORE) : start], text[end : end + _AFTER]
    if _ALL_BUT.search(before) is not None and _ARE_WRONG.match(after) is not None:
        return ""
    if _WRONG_OPTION.search(_clause(before).text) is not None:
        return f"{answer.text} is said to be wrong"
    if len(answer.text) == 1 and _OTHER_OPTION.match(after) is not None:
        return f"{answer.text} is one of several guesses"
    if (
        _clause(before).denies
        or takes_back(after)
        or is_crossed(before, after, answer.text)
        or _TRIED.match(after) is not None
    ):
        return f"{answer.text} is denied"
    return _assumed(before, after, answer)


_BOX = re.compile(r"(?:\\?f?(?:box|boxed|framebox)\s*)?\{\s*\Z")


def _box(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the span of a box with its command, by that of its content."""
    found = _BOX.search(text, max(0, start - 20), start)
    closing = text.find("}", end)
    return (start if found is None else found.start()), (end if closing < 0 else closing + 1)


# --- denied ------------------------------------------------------------------------------------

_FILLER = (
    r"(?:[\s*_`$(:=]|\\[(\[,;: ]|\\?boxed\{?|\\text\{|ใช่|是|phải|là|等于|为|は|هو|है|হল"
    r"|\b(?:ole|olla|jest|je|este|sunt|är|er|blir|bliver|olla)\b"
    r"|\b(?:puede|podría|pode|poderia|può|potrebbe|peut|pourrait|kann|können|poate|může|może|может"
    r"|може|быть|бути|essere|être|zijn|vara|være|być|být|fi|pas|kunnen|kan)\b"
    r"|\b(?:είναι|να|μπορεί|ίση|ίσο|με|biti|bude|е|је|са|да|бъде|buvo|yra|ésser|ser|ay|ang|siya)\b"
    r"|可能|可以|会|會|能|应该|應該|必"
    r"|\b(?:равен|равна|равно|равняется|является|точно|вовсе|affatto|certamente|sicuramente|überhaupt"
    r"|sicher|bestimmt|certainement|sûrement|seguramente|ciertamente|certainly|definitely|clearly"
    r"|równ[yae]|gelijk|lika|lig|igual|uguale|égale?|gleich|рав[еэ]н|yhtä|suuri"
    r"|possibly|absolutely|surely|ever|seria|sería|serait|sarebbe|wäre|was|were)\b"
    r"|\b(?:be|is|as|equals?|equal\s+to|to|the|a|an|by|es|son|est|è|é|ist|ser|sein|être"
    r"|exactly|really|simply|just|actually|correct|right|final|answer|value|solution|number)\b)"
)
_DENIED = re.compile(rf"(?:{DENIES.pattern}){_FILLER}*\Z")
"""In lower case, as all that reads a clause: without `IGNORECASE` it takes a third of the time."""
_REFUTED = re.compile(rf"{_CLOSERS}{RELATIVE}(?x:{REFUTED.pattern})", re.IGNORECASE)

_REFUTED_INSIDE = re.compile(rf"(?<=[\d)}}$])\s*(?x:{REFUTED.pattern})", re.IGNORECASE)


SAID_WRONG = "is said to be wrong"
"""The end of the reason why a value does not count that its own text takes back."""


_LETTER = re.compile(r"[^\W\d_]")
"""Without one, what follows a value says nothing of it."""


def _denied(before: str, after: str, answer: Answer) -> str:
    if _clause(before).denies:
        return f"{answer.text} is denied"
    is_said = _LETTER.search(after) is not None
    if is_said and _TRIED.match(after):
        return f"{answer.text} is said to be no solution"
    may_be_crossed = not (before.isascii() and after.isascii() and answer.text.isascii())
    if (is_said and takes_back(after)) or (
        may_be_crossed and is_crossed(before, after, answer.text)
    ):
        return f"{answer.text} {SAID_WRONG}"
    words = "" if answer.text.isdigit() else " ".join(answer.text[:_AFTER].split())
    inside = bool(words) and _REFUTED_INSIDE.search(words)
    refuted = inside or (is_said and _REFUTED.match(after))
    return f"{answer.text} is said to be wrong" if refuted else ""


class _Clause(NamedTuple):
    """The clause that leads to a value, and what it makes of it."""

    text: str
    """In lower case, and without what is no denial."""
    denies: bool
    assumes: bool


_QUOTE = re.compile(r"\A\s*>\s")
"""The mark of a quotation in Markdown, which is no sign of an inequality."""


@lru_cache(maxsize=8)
def _clause(before: str) -> _Clause:
    clause = _SENTENCE.split(before)[-1].lower()
    return _read(_QUOTE.sub("", clause, count=1) if clause[:4].lstrip()[:1] == ">" else clause)


_REMEMBERED = 1024
"""Clauses whose reading is kept: many texts announce their answers in the same words."""


_NO_DENIAL = re.compile(NO_DENIAL.pattern)
_WORDS_ALONE = {code: " " for code in range(128) if not chr(code).isalpha()}
_SAME = r"(?:(?!\b(?:but|however|actually|instead|so|thus|hence|therefore)\b)[^.])"
"""A sign of the same clause: what was thought at first ends with a `but`."""
_ASSUMED = re.compile(
    r"\b(?:if|suppose|assum(?:e|ing)|were)\b[^.]{0,80},?\s*(?:then\s+)?(?:the\s+)?(?:final\s+)?"
    r"(?:answer|result|value)\s+would\s+(?:have\s+been|be)\W*\Z"
    r"|\bif\s+only\b[^.,;]{0,50}\Z"
    r"|\b(?:assum(?:e|ing)|suppose|let)\b[^.,;]{0,60}(?:\bis|\bbe|\bwere|=)\W*\Z"
    r"|\b(?:impossible|doubt(?:ful)?|unlikely|not\s+true|not\s+the\s+case|wrong|false|incorrect)"
    r"\s+(?:that\s+)?the\s+(?:answer|result|value)\s+(?:is|be|equals)\W*\Z"
    rf"|\b(?:first|initially|originally)\b[^.]{{0,30}}\b(?:thought|guessed|believed)\b{_SAME}{{0,60}}\Z"
    rf"|\b(?:nobody|no\s+one)\b{_SAME}{{0,60}}\bthat\b{_SAME}{{0,40}}\Z"
    r"|\b(?:mistake|error|wrong|incorrect|false|tempting|absurd|foolish|na[iï]ve)\s+to\s+(?:say|answer"
    r"|conclude|claim|think|believe|give|write|put|choose|pick|state|report|reply|guess)\b"
    r"(?:\s+(?:that|the|final|answer|is|was|were|be|value|of|it|as|a|an)\b)*\W*\Z"
    r"|\b(?:faux|fausse|erreur|error|erro|falso|incorrecto|incorreto|errado|errore|sbagliato|falsch)"
    r"\s*,?\s+(?:(?:de|di)\s+)?(?:dire|decir|dizer|affirmer|afirmar|affermare|zu\s+(?:sagen|behaupten)"
    rf"|penser|pensar|pensare|que|che|dass)\b{_SAME}{{0,40}}\Z"
    r"|\b(?:candidate|guess|possibility|alternative)\s*#?(?:\d+|[a-h])\s*(?:is|[:=])\W*\Z"
    r"|\b(?:wrong|incorrect|false|mistaken|tempting|na[iï]ve|bogus|erroneous|invalid)\s+(?:final\s+)?"
    r"(?:answer|solution|result|value)s?\s*(?:\w+\s+){0,2}?(?:is|was|were|are|would\s+be|[:=])\W*\Z"
    r"|\b(?:told|claimed|alleged|pretend|imagine|hoped|supposed|pretending)\s+(?:that\s+)?(?:the\s+)?(?:final\s+)?"
    r"(?:answer|result|value)\s+(?:is|was|were|equals)\W*\Z"
    r"|\b(?:answer|result|value)\s+(?:is|was|were)\s+(?:once\s+|long\s+|first\s+)?(?:thought|believed|supposed"
    r"|said|claimed|assumed|rumou?red)\s+to\s+(?:be|equal)\W*\Z"
    r"|\b(?:answer|result)\s+has\W*\Z|\bwould\s+have\s+been\W*\Z"
    r"|\bif\s+(?:you|one|someone|anyone)\s+(?:answer(?:s|ed)?|gets?|got|chose|wrote|said|guess\w*)\W*\Z"
    r"|\b(?:first|second|third|next|other|another)\s+(?:guess|candidate|possibility|alternative)"
    r"\s*(?:is|was|would\s+be|[:=])\W*\Z"
    r"|\b(?:someone|he|she|they|a\s+student|people|it\s+is|(?:some|many|most|a\s+few|other)"
    r"\s+(?:students|people|solvers|readers|books|websites|candidates))\s+(?:(?:would|will|might|may)\s+)?"
    rf"(?:claims?|says?|claimed|said|thinks?|guess\w*|answer(?:ed)?)\b{_SAME}{{0,60}}\Z",
)


@lru_cache(maxsize=_REMEMBERED)
def _read(clause: str) -> _Clause:
    words = clause.translate(_WORDS_ALONE).split() if clause.isascii() else None
    if words is not None and _says_nothing(clause, words):
        return _Clause(text=clause, denies=False, assumes=False)
    may_deny = words is None or _may_deny(clause, words)
    may_assume = words is None or _may_assume(clause, words)
    text = _NO_DENIAL.sub(" ", clause) if may_deny else clause
    return _Clause(
        text=text,
        denies=may_deny and _DENIED.search(text) is not None,
        assumes=(may_assume and _ASSUMED.search(text) is not None) or _doubts(text, words),
    )


# A first look, which takes a tenth of the time of the patterns that it spares: whether a clause
# in ASCII has a word with which a denial or an assumption begins.


_DOUBTING_ELSEWHERE = these(
    "antwort antwoord cevap credo crois denk denke doute dudo duvido dubito geloof glaube "
    "hiszem jawaban meine behaupte bezweifle cred creo penso pienso pense percaya risposta "
    "resposta respuesta svar svaret tror usko digo opino direi acho creio acredito vjerujem "
    "mislim verujem"
)
_NEVER = these("never no")
_DENYING = these("not never no t cannot can don doesn didn isn couldn wouldn")
_DOUBTING_WORDS = these(
    "wish used absurd foolish ridiculous silly naive single told heard unlikely impossible "
    "nobody none few anybody anyone account beginner blunder denied deny disagree disbelieve "
    "dispute doubt errors estimates anything everything expected fallacy falsehood fiction "
    "fool hardly hoax idiot joke liar lie madman means misconception misreading mistake "
    "mistakes myth nowhere novice pitfall rarely reject rumor rumour rumored rumoured "
    "scarcely seldom trap whatever circumstances barely amateur error guesses candidates "
    "possibilities"
)
"""A word of each doubt, or two:"""
_HEDGING = these(
    "might may could would will often usually sometimes frequently commonly mistakenly "
    "wrongly incorrectly naively falsely"
)
_A_DOUBT = _DOUBTING_WORDS | _HEDGING | _DENYING | _NEVER | _DOUBTING_ELSEWHERE | {"any"}
"""A word of each doubt in ASCII, for a first look."""
_SPEAKING = these("claim claims say says think thinks answer answered")
"""The words in ASCII of which an assumption has one, or a speaker and a verb: for a first look."""
_ASSUMING_WORDS = these(
    "absurd alleged assume assumed assuming been believed bogus claimed doubt doubtful erro "
    "erroneous error errore errado erreur false falsch falso faux fausse foolish hoped if "
    "imagine impossible incorrect incorrecto incorreto invalid let mistake mistaken naive no "
    "nobody not pretend pretending rumored rumoured said sbagliato suppose supposed tempting "
    "thought told unlikely were wrong"
)
_TELLING_WORDS = DENYING_WORDS | _ASSUMING_WORDS | _SPEAKING | _A_DOUBT | {"has"}
_ASSUMING_PARTS = re.compile(r"alternative|candidate|guess|possibility")
_TELLING_PARTS = re.compile(f"{DENYING_PARTS.pattern}|{_ASSUMING_PARTS.pattern}")
"""All of them: most clauses have none, and neither deny nor assume anything."""


def _says_nothing(clause: str, words: list[str]) -> bool:
    return _TELLING_WORDS.isdisjoint(words) and _TELLING_PARTS.search(clause) is None


def _may_deny(clause: str, words: list[str]) -> bool:
    return not DENYING_WORDS.isdisjoint(words) or DENYING_PARTS.search(clause) is not None


_SPEAKERS = these(
    "someone he she they student people it students solvers readers books websites candidates"
)


def _may_assume(clause: str, words: list[str]) -> bool:
    return (
        not _ASSUMING_WORDS.isdisjoint(words)
        or (not _SPEAKERS.isdisjoint(words) and not _SPEAKING.isdisjoint(words))
        or _ASSUMING_PARTS.search(clause) is not None
        or words[-1:] == ["has"]
    )


_A_WORD = re.compile(r"[^\W\d_]+")


_DOUBTED = re.compile(
    rf"\b(?:under\s+no\s+\w+|by\s+no\s+means|at\s+no\s+\w+|on\s+no\s+account|in\s+no\s+(?:case|way|event)|nowhere"
    rf"|never|rarely|seldom|hardly|scarcely|barely)\s+(?:ever\s+)?(?:is|are|was|were|can|could|will|would|does|do)"
    rf"\s+(?:the|this|that|it|we|one|i)\b{_SAME}{{0,40}}\Z"
    rf"|\b(?:nobody|no\s+one|none|few|hardly\s+any(?:one|body)?)\b{_SAME}{{0,30}}\b(?:say|says|answer|answers|claim|claims"
    rf"|think|thinks|believe|believes|accept|agree)\b{_SAME}{{0,50}}\Z"
    rf"|\bi\s+(?:\w+\s+)?wish\b{_SAME}{{0,50}}\Z|\bused\s+to\s+(?:be|equal)\W*\Z"
    r"|\b(?:can|could|may|might|would)\s+(?:hardly|scarcely|barely)\s+be\W*\Z"
    r"|\b(?:absurd|foolish|wrong|impossible|ridiculous|silly|naive|false|unlikely)\s+for\b[^.]{0,40}\bto\s+(?:be|equal)\W*\Z"
    rf"|\bnot\s+(?:a\s+single|one|any|even\s+one)\b{_SAME}{{0,50}}\Z"
    rf"|\b(?:told\s+(?:me|us|him|her|them|you)|i\s+(?:was|am)\s+told|i\s+heard)\b{_SAME}{{0,50}}\Z"
    rf"|\b(?:only|just)\s+an?\s+(?:\w+\s+)?(?:fool|idiot|beginner|novice|amateur|child|liar|madman)\b{_SAME}{{0,60}}\Z"
    rf"|\b(?:a|the|common|popular|mere|old)\s+(?:myth|misconception|rumou?r|lie|hoax|fallacy|falsehood|fiction|joke"
    rf"|urban\s+legend)\b{_SAME}{{0,40}}\b(?:that|is|says?|answer|:)\b{_SAME}{{0,40}}\Z"
    rf"|\bi\s+(?:\w+\s+)?(?:deny|denied|dispute|doubt|disagree|reject|refuse|disbelieve|question)\b{_SAME}{{0,60}}\Z"
    rf"|\b(?:can(?:not|['’]t)|could(?:\s+not|n['’]t)|does(?:\s+not|n['’]t)|do(?:\s+not|n['’]t)|did(?:\s+not|n['’]t)"
    rf"|would(?:\s+not|n['’]t)|is(?:\s+not|n['’]t))\s+(?:be\s+)?(?:true|correct|right|possible|the\s+case|think|believe"
    rf"|say|claim|agree|follow|mean|accept|guess|suppose)\s*(?:that\s+)?(?:the|it|my|this|we)\b{_SAME}{{0,40}}\Z"
    rf"|\b(?:typical|common|usual|frequent|classic|popular|standard|obvious|naive|naïve|silly|easy|careless)\s+(?:\w+\s+)?"
    rf"(?:error|mistake|pitfall|trap|misreading|wrong|blunder)s?\b{_SAME}{{0,40}}\Z"
    rf"|\b(?:you|one|we|students?|people|some|many|most|everyone|everybody|readers?)\s+(?:\w+\s+)?"
    rf"(?:might|may|could|would|will|often|usually|sometimes|frequently|commonly|mistakenly|wrongly|incorrectly|naively"
    rf"|falsely)\s+(?:\w+\s+)?(?:be\s+(?:tempted\s+to\s+)?)?(?:think|thinks?|say|says|answer|answers|guess|guesses|believe"
    rf"|believes?|claim|claims?|expect|assume|write|pick|choose|conclude|suppose)\b{_SAME}{{0,50}}\Z"
    r"|\b(?:was|were|is|been)\s+(?:\w+\s+)?(?:expected|thought|believed|rumou?red|supposed|claimed|meant)\s+to\s+(?:be|equal)\W*\Z"
    r"|\bwould\s+have\s+(?:answered|said|guessed|been|given|written|chosen)\W*\Z"
    rf"|\b(?:guesses|candidates|possibilities|estimates|options)\s*(?:are|include|were|:)\s"
    rf"(?:[\s\d,;$./-]|\bor\b|\band\b){{0,60}}\Z"
    r"|\b(?:(?:whatever|anything|everything|any\s+\w+)\s+(?:that\s+)?(?:is\s+)?(?:equal\s+to|equals)|whatever)\W*\Z"
)
"""What else is said of an answer that is not claimed: an inverted order, a myth, an error."""
_DOUBTED_ELSEWHERE = re.compile(rf"(?:{ELSEWHERE_DOUBTED}){_SAME}{{0,50}}\Z")


def _doubts(text: str, words: list[str] | None) -> bool:
    is_other = words is None
    if words is None:
        words = _A_WORD.findall(text)
        is_other = not all(map(str.isascii, words))
    elif _A_DOUBT.isdisjoint(words):
        return False
    if _may_doubt(words) and _DOUBTED.search(text) is not None:
        return True
    is_other = is_other or not _DOUBTING_ELSEWHERE.isdisjoint(words)
    return is_other and _DOUBTED_ELSEWHERE.search(text) is not None


_SAYING = these(
    "think thinks say says answer answers answered guess guesses guessed believe believes "
    "claim claims expect assume write pick choose conclude suppose said given written chosen"
)
_FITTING = these(
    "true correct right possible case think believe say claim agree follow mean accept guess "
    "suppose"
)
_VERBS = these("is are was were can could will would does do")
_EQUAL = these("equal equals")


def _may_doubt(words: list[str]) -> bool:
    return (
        not _DOUBTING_WORDS.isdisjoint(words)
        or (not _HEDGING.isdisjoint(words) and not _SAYING.isdisjoint(words))
        or (not _DENYING.isdisjoint(words) and not _FITTING.isdisjoint(words))
        or (not _NEVER.isdisjoint(words) and not _VERBS.isdisjoint(words))
        or ("any" in words and not _EQUAL.isdisjoint(words))
    )


# --- part of a formula -------------------------------------------------------------------------

_FORMULA_START = re.compile(r"\$|\\\(|\\\[|\n|\\begin\{[a-z*]+\}")
_FORMULA_END = re.compile(r"\$|\\\)|\\\]|\n|\\end\{|\\\\")
_OPERATOR_BEFORE = re.compile(
    r"(?:[-+*/^_]|\\(?:cdot|times|div|pm|mp|sqrt|frac|binom)|\d\s*\\,?)\s*[({]?\Z"
)
_FUNCTION_BEFORE = re.compile(
    r"\\(?:log|ln|lg|exp|sin|cos|tan|cot|sec|csc|arcsin|arccos|arctan|gcd|max|min)(?![a-z])"
    r"(?:\s*[_^]\s*(?:\w|\{[^{}]*\}))*\s*[({]?\Z"
)
_OPERATOR_AFTER = re.compile(
    r"[ \t]*(?:\+|-(?!-)|\*(?!\*)|/|\^(?!\s*\{?\s*\\?(?:circ|prime|deg|text))|_"
    r"|\\(?:cdot|times|div|pm|mp|sqrt|frac)(?![a-z]))[ \t]*(?=[\w\\({$])"
    r"|[ \t]*(?:\\pi(?![a-z])|[xyznkabct](?![a-zA-Z])(?=\s*(?:[$^+\-=]|\\[)\]]|\Z)))|[ \t]*!+\s*\Z"
)
_STRICT_BEFORE = re.compile(r"(?:[<>≠]|\\(?:lt|gt|ll|gg)(?![a-z]))\s*\Z")
r"""A strict inequality, which its bound does not meet: `n > \boxed{57}`."""
_TAG_BEFORE = re.compile(r"<[^<>\s][^<>\n]*>[\s$({\\]*\Z")
_GROUP = r"(?:\[[^\]]*\]|\{(?:[^{}]|\{[^{}]*\})*\})"
_OPEN_COMMAND = re.compile(
    rf"\\(?!(?:{any_of(TEXTS | WRAPPERS)})(?![a-zA-Z]))[a-zA-Z]+\s*(?:{_GROUP}\s*)*\{{\s*\Z"
)
_BULLET = re.compile(r"\s*[-+*]\s+\Z")


def _part(before: str, after: str, answer: Answer) -> str:
    if answer.rule != "boxed":
        return ""
    starts = [found.end() for found in _FORMULA_START.finditer(before)]
    inside = before[starts[-1] :] if starts else before
    is_bullet = _BULLET.match(inside) and (not starts or before[starts[-1] - 1] == "\n")
    if (_OPERATOR_BEFORE.search(inside) and not is_bullet) or (
        _OPEN_COMMAND.search(inside) or _FUNCTION_BEFORE.search(inside)
    ):
        return f"the box {answer.text} is only a part of a formula"
    if _STRICT_BEFORE.search(inside) and not _TAG_BEFORE.search(inside):
        return f"the box {answer.text} is only a bound"
    end = _FORMULA_END.search(after)
    rest = after[: end.start()] if end else f"{after}."  # what a formula ends with is part of it
    if _OPERATOR_AFTER.match(rest):
        return f"the box {answer.text} is only a part of a formula"
    return ""


# --- one of several, taken back, assumed -------------------------------------------------------

_VALUE = r"[$\\({\s]{0,4}(?:\\?boxed\{)?[-−]?[\d.]*\d"
_PERHAPS = (
    r"(?:maybe|perhaps|possibly|probably|even|vielleicht|möglicherweise|peut-être|quizás?|tal\s+vez"
    r"|talvez|forse|magari|misschien|może|возможно|может\s+быть|也许|可能|或许)"
)
_RIVAL = re.compile(
    rf"{_CLOSERS}(?:[(\[,;.]?\s*(?:or|oder|ou|of|o|или|或|或者)\s*,?\s+(?:{_PERHAPS}"
    rf"|it\s+(?:could|might)\s+be)\s*{_VALUE}"
    rf"|[.;,]\s*{_PERHAPS}\s*{_VALUE}"
    rf"|[(\[]\s*(?:or|maybe|perhaps|possibly|oder|ou|или|或)\s*{_VALUE}"
    rf"|[(\[]\s*{_VALUE}\S*\s+(?:is|would\s+be|could\s+be|might\s+be)\s+(?:also\s+)?"
    rf"(?:possible|acceptable|plausible|correct|right)"
    rf"|[.;,]\s*(?:and\s+)?(?:also|likewise),?\s*{_VALUE}\s+(?:works?|satisf\w+|fits?|is)\b"
    rf"|[(\[,;]\s*(?:or\s+|but\s+)?(?:it\s+(?:is|would\s+be)\s+)?{_VALUE},?\s+(?:if|when|unless|provided)\b"
    rf"|[.;,]?\s*or\s+(?:(?:is|was|could|might|should|would)\s+(?:it|that|the\s+answer)\s+(?:be\s+)?)"
    rf"{_VALUE}"
    rf"|[.;,]?\s*(?:(?:ist|war)\s+es|est-ce|es|é|è)\s+(?:vielleicht|peut-être|quizás?|talvez|forse)\s+{_VALUE})"
    rf"|\s+(?:in|under|for|with|by)\s+(?:the\s+)?(?:first|one|former)\b[^.\n]{{0,40}}\b(?:and|but)\s+{_VALUE}"
    rf"|[;,.(]?\s*alternatively,?\s+(?:(?:it|the\s+answer)\s+(?:is|could\s+be)\s+)?{_VALUE}"
    rf"|[^\n]{{0,80}}\b(?:answer|it|value|result)\s+(?:could|might|may)\s+(?:also|instead|as\s+well)"
    rf"\s+be\s*{_VALUE}",
    re.IGNORECASE,
)
_REVISED = re.compile(
    r"\b(?:actually|wait|oops|correction|sorry|mistake|error|miscalculat\w+|let\s+me\s+re|hold\s+on|hang\s+on"
    r"|I\s+(?:forgot|missed|overlooked))\b"
    rf".{{0,120}}?\b(?:value|answer|result|solution|it)"
    rf"(?:['’]s|\s+(?:is|should\s+be|would\s+be|must\s+be|=))\s*(?P<value>{_VALUE})",
    re.IGNORECASE | re.DOTALL,
)
_CORRECTED = re.compile(
    rf"{_CLOSERS}(?:[.,;…!—–-]+\s*)?(?:{REVISES}"
    r"|(?:but|yet|however),?\s+(?:I|we)\s+(?:actually\s+)?(?:get|got|obtain(?:ed)?|find|found|have|compute[d]?)\s+)"
    rf"(?P<value>{_VALUE})",
    re.IGNORECASE,
)
_CONDITIONAL = re.compile(
    rf"{_CLOSERS}(?:[(,]?\s*(?:assuming|provided|if)\b[^)\n]{{0,80}}\botherwise\b"
    r"|(?-i:if)\s+(?:we|you|one|I)\s+(?:ignore|neglect|forget|drop|omit|disregard|pretend|assume)\b"
    r"|(?-i:if)\s+[^.\n]{1,40}\bwere\b|,?\s*had\s+\w+\s+been\b"
    r"|would\s+(?:be|have\s+been)\b(?:\s+the\b)?(?:\s+(?:right|correct))?"
    r"(?:\s+(?:answer|result|value))?\s+if\b|(?:only\s+)?if\b[^.]{0,80}\b(?:otherwise|else)\b)",
    re.IGNORECASE,
)
_EITHER = re.compile(r"\beither\W*\Z", re.IGNORECASE)
_OR = re.compile(rf"{_CLOSERS}or\b", re.IGNORECASE)
_REFERS = re.compile(
    r"\b(?:pages?|chapter|row|column|no\.|equations?|eqs?\.?|formula|step|case|line|figure|fig\.|table|theorem|lemma|section|problem"
    r"|part|item|option|question|exercise|remark|identity|inequality)\s*[$(]*\Z",
    re.IGNORECASE,
)
_NAME_REACH = 24
"""Characters before a number in which the name of what it counts begins."""


_LISTED = re.compile(
    r"\b(solution|option|case|method|guess|attempt|candidate|variant|version|possibility)s?\b[^\d\n]{0,4}(?:\d{1,2}\s*:)?"
    r"[^\d\n]{0,8}\d[\d.]*[.,;\s]+(?:\w+\s+)?\1\b\s*\w{0,6}\s*[:=]?\s*\Z",
    re.IGNORECASE,
)
"""A list of labelled values, before the last of them: `Solution A: 1. Solution B: `."""
_A_NUMBER = re.compile(r"[-−]?\d[\d.]*(?<!\.)")


def _one_of_several(before: str, after: str, answer: Answer) -> str:
    is_said = _LETTER.search(after) is not None
    either = is_said and _OR.match(after) and _EITHER.search(before)
    rival = _RIVAL.match(after) if is_said else None
    if rival is not None and _A_NUMBER.findall(rival[0])[-1:] == [answer.text]:
        rival = None  # `4 (4 if you count the corners, too)`
    listed = answer.rule == "last_number" and _LISTED.search(before) is not None
    found = either or rival or listed or _is_one_way(before, after, answer)
    return f"{answer.text} is one of several guesses" if found else ""


_OTHER_WAY = re.compile(
    r"\b(?:another|the\s+other|a\s+(?:second|different)\s+(?:way|method|approach|route))\b"
)
_ONE_WAY = re.compile(
    r"\b(?:one|(?:the|a)\s+first)\s+(?:way|method|approach|route|calculation|argument)\b"
)
"""How results are told apart of which none is preferred: `11 one way and 12 another`."""


def _is_one_way(before: str, after: str, answer: Answer) -> bool:
    """Return whether a sentence has this result of one way and another of another way."""
    if answer.rule not in {"last_number", "last_formula"}:
        return False
    sentence = _clause(before).text + answer.text + _SENTENCE.split(after, maxsplit=1)[0].lower()
    if _ONE_WAY.search(sentence) is None or _OTHER_WAY.search(sentence) is None:
        return False
    return any(value != answer.text for value in _A_NUMBER.findall(sentence))


_FINAL = re.compile(rf"\bfinal\s+answer(?:\s+is)?\s*[:*]*\s*(?P<value>{_VALUE})", re.IGNORECASE)
_PLAIN = re.compile(r"[-−]?\d[\d,.]*")


def _taken_back(before: str, after: str, answer: Answer) -> str:
    del before
    if _LETTER.search(after) is None:
        return ""
    found = _CORRECTED.match(after) or _REVISED.search(after)
    if found is None and _PLAIN.fullmatch(answer.text):
        found = _FINAL.search(after)
    if found is None or re.sub(r"[^\d.-]", "", found["value"]) in answer.text.replace(",", ""):
        return ""
    return f"{answer.text} is taken back"


_CALL = re.compile(r"\w\.\w+\(|\w\(\w")


def _not_run(before: str, after: str, answer: Answer) -> str:
    if answer.rule != "phrase" or "(" not in answer.text or "print(" not in after + before:
        return ""
    return f"{answer.text} is in a program that was not run" if _CALL.search(answer.text) else ""


def _assumed(before: str, after: str, answer: Answer) -> str:
    conditional = (
        answer.rule in {"boxed", "phrase"}
        and _LETTER.search(after) is not None
        and _CONDITIONAL.match(after)
    )
    assumed = conditional or _clause(before).assumes
    return f"{answer.text} is not claimed" if assumed else ""


def _reference(before: str, after: str, answer: Answer) -> str:
    del after
    if answer.rule == "boxed" or not answer.text.isdigit():
        return ""
    last = before.rstrip("$(").rstrip()[-1:]
    named = (last.isalpha() or last == ".") and _REFERS.search(
        before, max(0, len(before) - _NAME_REACH)
    )
    return f"{answer.text} is the number of something" if named else ""


_RANGE = re.compile(
    r"\b(?:in|between|from|within|range|lies|anywhere)\s+[$\\(]{0,3}-?\d[\d.,]*[$\\)]{0,3}\s*"
    r"(?:to|and|through|[-–—])\s*[$\\(]{0,3}\Z",
    re.IGNORECASE,
)
_LIST_NUMBER = re.compile(r"[.)]\s+[A-Za-z*]")
_GAVE_UP = re.compile(
    r"\bI\s+(?:give\s+up|stop\s+here|cannot|can['’]t|could\s+not|couldn['’]t|am\s+unable"
    r"|do(?:n['’]t|\s+not)\s+know)\b",
    re.IGNORECASE,
)
_IS_ASKED = re.compile(r"\s*\?")
_ASKS = re.compile(r"[^.!\n]*\?\s*\Z")
_RESTATES = re.compile(
    r"\b(?:question|problem|task)\s+(?:asks|wants|is\s+asking)\b[^.!?\n]*\Z", re.IGNORECASE
)
_TOOL = re.compile(r"<(?:tool_call|function)\b[^<]*\Z")
_NOT_ASKED = re.compile(
    rf"{_CLOSERS},?\s*but\s+(?:we|the\s+(?:question|problem|task))\s+(?:needs?|wants?|seeks?|asks?(?:\s+for)?"
    r"|(?:are|were)\s+asked\s+for)\s+(?!to\b)(?:the|its|how|what)\b",
    re.IGNORECASE,
)
_LINE_START = re.compile(r"(?:\A|\n)[ \t*#]*\Z")


def _weakly_found(before: str, after: str, answer: Answer) -> str:
    """Return why the last number of a text only counts, bounds, or belongs to a question."""
    if answer.rule != "last_number":
        return ""
    if reason := _of_the_text(before, after, answer):
        return reason
    if _NOT_ASKED.match(after):
        return f"{answer.text} is not what was asked for"
    if _RESTATES.search(before):
        return f"{answer.text} is in a repetition of the question"
    if _RANGE.search(before):
        return f"{answer.text} is the end of a range"
    if _LINE_START.search(before) and _LIST_NUMBER.match(after):
        return f"{answer.text} is the number of an item"
    is_asked = _ASKS.search(after) or (not answer.text.isdigit() and _IS_ASKED.match(after))
    return f"{answer.text} is followed by a question" if is_asked else ""


_OF_ANSWER = re.compile(
    r"\b(?:final\s+)?(?:answer|solution|result)\s+((?:[a-z]+\s+){1,3})[$\\({*]*\Z"
)
_NO_ANSWER = re.compile(
    r"\b(?:e\.\s?g\.?|for\s+(?:example|instance))\W*\Z|\b(?:I|we)\s+(?:used|took|needed|made|wrote|tried)\s*\Z"
    r"|\bmark\s+\Z|\b(?:timeout|timed\s+out|error\s*:|traceback)[^.\n]*\Z",
    re.IGNORECASE,
)
"""What comes before a number that speaks of the text and not of the problem."""
_MEASURES = re.compile(
    r"\b(?:tokens?|words?|time|version|attempts?|pages?|seed|model|temperature|confidence|score|code|error|line"
    r"|elapsed|duration|runtime|(?:wrong|not|incorrect|bad|false|non?|old|previous)_\w+\\?[\"'])(?:\s+(?:used|taken|elapsed|count|left|number|code|limit|budget))?\s*[:=#]?\s*\Z"
    r"|\b(?:grader|checker|judge)\b[^.\n]{0,60}\Z|\bI(?:['’]m|\s+am)\s+(?:\w+\s+)?\Z|\bI\s+(?:still\s+)?(?:need|want|have\s+spent)\s*\Z",
    re.IGNORECASE,
)
_IS_SURE = re.compile(
    r"\s*\\?%?\s*(?:sure|certain|confident)\b|\s+(?:more\s+)?(?:tokens|attempts|tries)\b",
    re.IGNORECASE,
)
"""What speaks of the text, the model or its run, and not of the problem."""
_CLAIMS = these(
    "is are was were be been being equals equal becomes become comes come came amounts works "
    "turns gives give get got yields of for as has have should will would must may can could"
)
"""Words of which a clause about the answer has one if it states what the answer is. Others state a
property of it: `The answer ends in 42.`"""


def _of_the_text(before: str, after: str, answer: Answer) -> str:
    """Return why a number says something of the text or of the answer, not what the answer is."""
    if _GAVE_UP.search(before) or _GAVE_UP.search(after):
        return f"{answer.text} is in a text that gives up"
    if _NO_ANSWER.search(before) or _MEASURES.search(before) or _IS_SURE.match(after):
        return f"{answer.text} is no result of the problem"
    if _TOOL.search(before):
        return f"{answer.text} is an argument of a tool"
    # A comparison would take what is before a colon for a label.
    if ":" in answer.text and is_unknown(answer.text.lower()):
        return f"{answer.text} is in a language that is not understood"
    said = _OF_ANSWER.search(_clause(before).text)
    if said is not None and _CLAIMS.isdisjoint(said[1].split()):
        return f"{answer.text} is a property of the answer"
    return ""


_ONLY_BOUND = re.compile(
    rf"{_CLOSERS}(?:[.,;:!]\s*)?(?:but|however|though|although|yet|and)?,?\s*(?:which|this|that|it)\s+is\s+"
    r"(?:only|just|merely|at\s+best|at\s+most|no\s+more\s+than)\s+(?:an?|the)\s+(?:\w+\s+)?"
    r"(?:upper|lower)?\s*(?:bound|limit)\b",
    re.IGNORECASE,
)
_NOT_KNOWN = re.compile(
    r"[^\n]{0,80}\bI\s+(?:do(?:n['’]t|\s+not)|cannot|can['’]t)\s+(?:know|say|tell|find)\s+the\s+"
    r"(?:exact|actual|real|true|right)\s+(?:value|answer|number|result)\b",
    re.IGNORECASE,
)


def _bounding(before: str, after: str, answer: Answer) -> str:
    if ("bound" in after or "limit" in after) and _ONLY_BOUND.match(after):
        return f"{answer.text} is said to be only a bound"
    if " I " in after and _NOT_KNOWN.match(after):
        return f"{answer.text} is said to be only a bound"
    if answer.rule in {"boxed", "hashes"}:
        return ""  # of an inequality in words the bound is what was asked for
    relation = _relation(_clause(before).text)
    if relation is _Relation.IN_TAG:
        return ""
    words = "" if relation is _Relation.ANNOUNCED else answer.text[-_NAME_REACH:]
    if relation is _Relation.BOUND or _is_bounded(after, words):
        return f"{answer.text} is only a bound"
    if relation is _Relation.PART:
        return f"{answer.text} is not what is claimed, but a part of it"
    return ""


def _is_bounded(after: str, words: str) -> bool:
    """Return whether what follows a value, or the answer's own words, make it a bound."""
    if _LETTER.search(after) is not None and BOUNDED.match(after) is not None:
        return True
    return _LETTER.search(words) is not None and BOUNDED.search(words) is not None


class _Relation(Enum):
    """What a clause says of the value that it ends with."""

    ANNOUNCED = auto()
    IN_TAG = auto()
    BOUND = auto()
    PART = auto()
    NONE = auto()


_ANNOUNCED = ("answer", " is", " be", "####")
"""Ends of a clause, before signs, that announce a value rather than relate to it."""
_BOUND_BEFORE = re.compile(rf"(?x:{BOUNDS.pattern})[\s$(\\{{]*\Z")
_NEAREST = 60


@lru_cache(maxsize=_REMEMBERED)
def _relation(clause: str) -> _Relation:
    if clause.rstrip(" *$_`:({\\\"'").endswith(_ANNOUNCED):
        return _Relation.ANNOUNCED
    if _TAG_BEFORE.search(clause):
        return _Relation.IN_TAG
    nearest = clause[-_NEAREST:]
    if _BOUND_BEFORE.search(nearest):
        return _Relation.BOUND
    return _Relation.PART if OF_VALUE.search(nearest) else _Relation.NONE


_READERS: tuple[Callable[[str, str, Answer], str], ...] = (
    _part,
    _denied,
    _one_of_several,
    _taken_back,
    _assumed,
    _not_run,
    _reference,
    _bounding,
    _weakly_found,
)
"""Each takes what is before and after a value, and the value, and returns a reason or ""."""
