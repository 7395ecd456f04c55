"""Where the answer stands in a model's text.

Each rule looks for one way in which answers are given and returns the last such place. Rules are
tried in the order a task gives them, strictest first, and the verdict records which one found the
answer. Every rule takes time linear in the text, which may be a megabyte of brackets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from mathreason_eval.errors import UnknownNameError
from mathreason_eval.types import Answer

Rule = Callable[[str], Answer | None]

WEAK_RULES = frozenset({"last_number", "unclosed_box"})
"""Rules whose finding counts for nothing where the text was cut off."""

_CONTINUATIONS = re.compile(r"\n[ \t]{0,8}(?:#+ *)?(?:Question|Problem|Q|Exercise) ?\d{0,4} ?:")
"""Where a base model, done with its own question, goes on to invent the next one."""


def extract(text: str, rules: Sequence[str]) -> Answer | None:
    """Return the answer that the first successful rule finds, or None.

    A text that goes on to a next question is searched only up to there, unless nothing is found.

    Raises:
        UnknownNameError: if a rule's name is not in `EXTRACTORS`.
    """
    for rule in rules:
        if rule not in EXTRACTORS:
            raise UnknownNameError("extraction rule", rule, EXTRACTORS)
    continuation = _CONTINUATIONS.search(text)
    if continuation and text[: continuation.start()].strip():
        answer = _first(text[: continuation.start()], rules)
        if answer is not None:
            return answer
    return _first(text, rules)


def _first(text: str, rules: Sequence[str]) -> Answer | None:
    for rule in rules:
        answer = EXTRACTORS[rule](text)
        if answer is not None:
            return answer
    return None


def _answer(text: str, rule: str, start: int, end: int) -> Answer:
    r"""Return the answer in text[start:end], without the white space and signs around it.

    `$18$.`, `**18**` and `\(18\)` are 18; the span says where it stands.
    """
    start, end = _trimmed(text, start, end)
    for opening, closing in _WRAPPERS:
        inside = end - start - len(opening) - len(closing)
        if (
            inside > 0
            and text.startswith(opening, start)
            and text.endswith(closing, start, end)
            and opening not in text[start + len(opening) : end - len(closing)]
        ):
            start, end = _trimmed(text, start + len(opening), end - len(closing))
    return Answer(text=text[start:end], rule=rule, span=(start, end))


_WRAPPERS = (("$$", "$$"), ("$", "$"), (r"\[", r"\]"), (r"\(", r"\)"), ("`", "`"))


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and (text[start].isspace() or text[start] == "*"):
        start += 1
    while start < end and (text[end - 1].isspace() or text[end - 1] in ".,;:。*"):
        end -= 1
    return start, end


# --- boxes -----------------------------------------------------------------------------------

_BOX = re.compile(r"\\(?:boxed|fbox|framebox)(?![a-zA-Z])\s*")
_JOINED = re.compile(r"[\s$,;.\\()\[\]]*(?:and|or|,|;|und|et|y|和|或)?[\s$,;.\\()\[\]]*\Z")
_MOST_JOINED = 8
"""How many boxes may make up one answer."""


def boxed(text: str) -> Answer | None:
    r"""Return the content of the last `\boxed{…}`, `\fbox{…}` or `\boxed X`, braces balanced.

    Boxes in one breath, `\boxed{3} and \boxed{5}`, are one answer, a list. A last box that is never
    closed does not give way to an earlier one: the model took that one back.
    """
    starts = [found.end() for found in _BOX.finditer(text)]
    if not starts:
        return None
    last = _content(text, starts[-1])
    if last is None:
        return _unclosed(text, starts[-1])
    parts = [last]
    for start in reversed(starts[-_MOST_JOINED:-1]):
        part = _content(text, start)
        if part is None or not _adjoins(text, part, parts[0]):
            break
        parts.insert(0, part)
    # The same answer boxed twice in one breath is one answer.
    distinct = list(dict.fromkeys(text[start:end].strip() for start, end in parts))
    if len(distinct) == 1:
        start, end = _stripped(text, *last)
        return Answer(text=text[start:end], rule="boxed", span=(start, end))
    return Answer(text=", ".join(distinct), rule="boxed", span=(parts[0][0], parts[-1][1]))


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    inside = text[start:end]
    start += len(inside) - len(inside.lstrip())
    return start, max(start, end - (len(inside) - len(inside.rstrip())))


def _content(text: str, start: int) -> tuple[int, int] | None:
    """Return the span of a box's content; None if its brace is never closed."""
    if not text.startswith("{", start):
        end = re.compile(r"[\n$]|\\[)\]]|\Z").search(text, start)
        assert end is not None
        return start, end.start()
    depth = 0
    for found in _BRACE.finditer(text, start):
        if found.group() == "{":
            depth += 1
        elif found.group() == "}":
            depth -= 1
            if depth == 0:
                return start + 1, found.start()
    return None


_BRACE = re.compile(r"\\[\\{}]|[{}]")
r"""Braces that count, and `\{`, which does not."""


def _adjoins(text: str, one: tuple[int, int], next_one: tuple[int, int]) -> bool:
    r"""Return whether nothing but `and` or a comma stands between two boxes."""
    between = text[one[1] + 1 : next_one[0]]
    opening = _BOX.search(between)
    return (
        opening is not None
        and bool(_JOINED.match(between[: opening.start()]))
        and (between[: opening.start()].strip(" $\n") != "" and "\n\n" not in between)
    )


def _unclosed(text: str, start: int) -> Answer | None:
    """Return what stands in a last box that is never closed, up to the end of its line."""
    line_end = text.find("\n", start)
    found = _answer(text, "unclosed_box", start + 1, len(text) if line_end < 0 else line_end)
    return found if found.text else None


# --- marks and phrases -----------------------------------------------------------------------


def hashes(text: str) -> Answer | None:
    """Return the rest of the line after the last `####`."""
    start = text.rfind("####")
    if start < 0:
        return None
    start += 4
    found = _answer(text, "hashes", start, _line_end(text, start))
    return found if found.text else None


def tag(text: str) -> Answer | None:
    """Return what stands between the last `<answer>` and its end tag, or the end of the text."""
    found = _last(_OPEN_TAG, text)
    if found is None:
        return None
    end = _CLOSE_TAG.search(text, found.end())
    answer = _answer(text, "tag", found.end(), end.start() if end else len(text))
    inner = boxed(answer.text)
    if inner is None or not answer.text:
        return answer if answer.text else None
    offset = answer.span[0]
    return Answer(
        text=inner.text, rule="tag", span=(inner.span[0] + offset, inner.span[1] + offset)
    )


_OPEN_TAG = re.compile(r"<\s*(?:final_?)?answer\s*>", re.IGNORECASE)
_CLOSE_TAG = re.compile(r"<\s*/\s*(?:final_?)?answer\s*>", re.IGNORECASE)

_PHRASE = re.compile(
    r"""
    (?: \b(?:final\s+|correct\s+|right\s+|exact\s+)?
        (?:answer|result|solution)s?\b(?:\s+to\s+(?:the|this)\s+(?:question|problem))?
        (?:["*_\s]*(?:is|are|was|would\ be|will\ be|equals)\b["*_]*\s*:?|["*_\s]*[:=：]["*_]*)
      | (?:^|\n)[ \t>*_#-]*(?-i:A|ANSWER|Ans)[*_]*\s*[:=：]
      | (?:答案|答え|解答)[*\s]*(?:是|为|為|は|[:=：])
      | (?:Antwort|Ergebnis|Réponse|Resposta|Respuesta|Risposta|Jibu|Ответ|Відповідь|Odpowiedź
          |उत्तर|উত্তর|คำตอบ|సమాధానం|الجواب|الإجابة|답|정답)
        [*\s]*(?:lautet|ist|est|es|é|è|ni|है|হল|হলো|คือ|هو|هي|는|은)?[*\s]*[:：=]?
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"\n|(?<=[^\d\s])\.\s|(?<=\d)\.\s(?=\D|\Z)|。|;\s")


def phrase(text: str) -> Answer | None:
    """Return what follows the last `the answer is`, `Answer:` or its like in other languages."""
    for found in _last_matches(_PHRASE, text):
        # The answer may stand on a line of its own below its announcement.
        start = _AFTER_PHRASE.match(text, found.end()).end()  # type: ignore[union-attr]
        answer = _answer(text, "phrase", start, _phrase_end(text, start))
        if any(sign.isalnum() for sign in answer.text):
            return answer
    return None


_AFTER_PHRASE = re.compile(r"[ \t\n*_:：]*")


def _phrase_end(text: str, start: int) -> int:
    """Return where an announced answer ends: with its formula, or with its sentence."""
    for opening, closing in (("$$", "$$"), ("$", "$"), (r"\[", r"\]"), (r"\(", r"\)")):
        if text.startswith(opening, start):
            end = text.find(closing, start + len(opening))
            if end >= 0:
                end += len(closing)
                goes_on = _LIST_GOES_ON.match(text, end)
                return end if goes_on is None else _sentence_end(text, end)
    return _sentence_end(text, start)


_LIST_GOES_ON = re.compile(r"\s*(?:,|and\b|or\b)\s*(?:and\b|or\b)?\s*(?:\$|\\\()")


def _sentence_end(text: str, start: int) -> int:
    found = _SENTENCE_END.search(text, start)
    return found.start() if found else len(text)


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


# --- numbers and letters ---------------------------------------------------------------------

_NUMBER = re.compile(
    r"(?<![\w.,])(?<![\d)][ ]-)[-−+]?[$€£₹]?[-−]?"
    r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:\s?/\s?\d+)?|\.\d+)%?(?![\d])"
)


def last_number(text: str) -> Answer | None:
    """Return the last number of the text: `1,200.50`, `-3/4`, `12%`."""
    found = _last(_NUMBER, text)
    return _answer(text, "last_number", found.start(), found.end()) if found else None


_CHOICE = re.compile(r"(?<![A-Za-z0-9\\])\(?([A-J])\)?(?![A-Za-z0-9'])")


def choice(text: str) -> Answer | None:
    """Return the letter after the last announcement of an answer, else the last single letter."""
    announced = phrase(text)
    if announced is not None:
        found = _CHOICE.match(announced.text)
        if found is not None:
            start = announced.span[0] + found.start(1)
            return Answer(text=found.group(1), rule="choice", span=(start, start + 1))
    last = _last(_CHOICE, text)
    if last is None:
        return None
    return Answer(text=last.group(1), rule="choice", span=last.span(1))


def whole(text: str) -> Answer | None:
    """Return the whole text, for models that are asked for nothing but the answer."""
    answer = _answer(text, "whole", 0, len(text))
    return answer if answer.text else None


_REACHES = (2_000, 100_000)
"""How far from the end an answer without a box is looked for: near first, which is where it is."""


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    matches = _last_matches(pattern, text)
    return matches[0] if matches else None


def _last_matches(pattern: re.Pattern[str], text: str) -> list[re.Match[str]]:
    """Return the last three matches, latest first: an announcement may announce nothing."""
    for reach in _REACHES:
        start = max(0, len(text) - reach)
        # What begins at the very edge may have begun before it.
        found = [m for m in pattern.finditer(text, start) if start == 0 or m.start() > start]
        if found:
            return found[:-4:-1]
        if start == 0:
            break
    return []


EXTRACTORS: Mapping[str, Rule] = {
    "boxed": boxed,
    "hashes": hashes,
    "tag": tag,
    "phrase": phrase,
    "choice": choice,
    "last_number": last_number,
    "whole": whole,
}
"""Every rule by name."""
