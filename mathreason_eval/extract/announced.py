"""The answer after its announcement: `####`, `<answer>`, "the answer is" in many languages."""

from __future__ import annotations

import re

from mathreason_eval.extract.boxes import boxed
from mathreason_eval.extract.core import core, is_formula
from mathreason_eval.extract.phrases import announcements
from mathreason_eval.extract.spans import Span, answer_at, last_matches, line_end
from mathreason_eval.types import Answer


def hashes(text: str) -> Answer | None:
    """Return the rest of the line after the last `####` that is no heading."""
    if "####" not in text:
        return None
    for found in last_matches(_HASHES, text):
        end = line_end(text, found.end())
        start = found.end()
        announced = _FINAL.match(text, start, end)
        if announced is not None:
            start = announced.end()
        elif _is_heading(text, start, end):
            continue
        answer = answer_at(text, "hashes", core(text, start, end))
        if answer.text:
            return answer
    return None


def _is_heading(text: str, start: int, end: int) -> bool:
    """Return whether a line after `####` is a heading: it speaks of a step, or only speaks."""
    if end >= len(text.rstrip()):
        return False
    line = text[start:end]
    return _HEADING.match(line) is not None or not re.search(r"[\d$\\]", line)


_FINAL = re.compile(
    r"[\s*]*(?:the\s+)?(?:final\s+)?answer\s*(?:is\b|:)[\s*:]*(?=\S)", re.IGNORECASE
)
_HASHES = re.compile(r"(?<!#)####(?!#)[ \t:]*")
_HEADING = re.compile(
    r"[\s*]*(?:step|part|case|option|solution|conclusion|explanation|answer|final|verif|check"
    r"|\d+[.)]\s*[A-Za-z])",
    re.IGNORECASE,
)


def tag(text: str) -> Answer | None:
    """Return what stands in the last `<answer>`; one that is never closed is `unclosed_tag`."""
    if not any(sign in text for sign in _TAG_SIGNS):
        return None
    for opening in last_matches(_OPEN_TAG, text):
        closing = _CLOSE_TAG.search(text, opening.end())
        span = opening.end(), closing.start() if closing else len(text)
        answer = _inner(text, "tag" if closing else "unclosed_tag", span)
        if answer.text and answer.text.lower() not in _PLACEHOLDERS:
            return answer
    return None


_TAG_SIGNS = ("nswer>", "NSWER>", "nswer]", "NSWER]")
_OPEN_TAG = re.compile(r"<\s*(?:final_?)?answer\s*>|\[\s*answer\s*\]", re.IGNORECASE)
_CLOSE_TAG = re.compile(r"<\s*/\s*(?:final_?)?answer\s*>|\[\s*/\s*answer\s*\]", re.IGNORECASE)
_PLACEHOLDERS = {"", "...", "…", "answer", "your answer", "answer here", "final answer", "and"}
"""What stands between tags where a text speaks of the tags."""


def _inner(text: str, rule: str, span: Span) -> Answer:
    """Return the answer in a tag, which may hold a box or a whole sentence."""
    answer = answer_at(text, rule, span)
    found = boxed(answer.text) or phrase(answer.text)
    if found is None or not found.text:
        return answer_at(text, rule, core(text, *answer.span))
    offset = answer.span[0]
    return Answer(text=found.text, rule=rule, span=(found.span[0] + offset, found.span[1] + offset))


def phrase(text: str) -> Answer | None:
    """Return what follows the last `the answer is`, `Answer:` or its like in other languages.

    An announcement that is followed by nothing but words, `the answer is given above`, gives way to
    an earlier one that says a value.
    """
    spoken = None
    for place in announcements(text):
        answer = _announced(text, place)
        if any(sign.isdigit() or sign in _SYMBOLS for sign in answer.text):
            return answer
        if _OPTION.match(answer.text):
            return answer
        if any(map(str.isalnum, answer.text)):
            if len(answer.text.split()) <= _SHORT:
                return answer
            spoken = spoken or answer
    return spoken


_OPTION = re.compile(r"\(?[A-J]\)?(?![\w'’])(?!\s[a-z])")
_SYMBOLS = "∞∅√\\$"
_SHORT = 3
"""Words of an answer that is plausible without a value: `no real solution`."""


def _announced(text: str, place: int) -> Answer:
    # The answer may stand on a line of its own below its announcement.
    after = _AFTER.match(text, place)
    assert after is not None
    start = after.end()
    if text.startswith('"', start):
        closing = _QUOTE.search(text, start + 1)
        start, end = start + 1, closing.start() if closing else line_end(text, start)
    else:
        end = _within(text, start, announced_end(text, start))
    return answer_at(text, "phrase", core(text, start, end))


_QUOTE = re.compile(r'(?<!\\)\\?"')


def _within(text: str, start: int, end: int) -> int:
    """Return the end without a brace that closes what began before: `{"answer": 18}`."""
    rest = text[start:end].rstrip()
    return start + len(rest) - (rest.endswith("}") and rest.count("}") > rest.count("{"))


_AFTER = re.compile(r"[ \t\n*_:：#>`}]*(?:\\(?=\"))?")


def announced_end(text: str, start: int) -> int:
    """Return where an announced answer ends: with its formula, or with its sentence."""
    formula = _FORMULA.match(text, start)
    if formula is None or not is_formula(formula.group()):
        return sentence_end(text, start)
    goes_on = _LIST_GOES_ON.match(text, formula.end())
    return formula.end() if goes_on is None else sentence_end(text, formula.end())


_FORMULA = re.compile(
    r"\$\$[^$]{1,10000}\$\$|\$(?:[^$\n\\]|\\.){1,10000}\$(?!\d)"
    r"|\\\[.{1,10000}?\\\]|\\\(.{1,10000}?\\\)",
    re.DOTALL,
)
_LIST_GOES_ON = re.compile(r"\s*(?:,|and\b|or\b)\s*(?:and\b|or\b)?\s*(?:\$|\\\()|\s*\\?%")


def sentence_end(text: str, start: int) -> int:
    """Return where the sentence at a position ends."""
    found = _SENTENCE_END.search(text, start)
    return found.start() if found else len(text)


_SENTENCE_END = re.compile(r"\n|(?<=[^\d\s])[.!?]\s|(?<=\d)\.\s(?=\D|\Z)|[。।]|;\s")
