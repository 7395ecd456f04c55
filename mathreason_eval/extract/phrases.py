"""The answer that words announce: "the answer is" in many languages, and "I choose option C".

The words are looked for as plain text, which is fast; a pattern is tried only where one is found.
"""

from __future__ import annotations

import re
from functools import cache

from mathreason_eval.extract.spans import (
    REACHES,
    answer_at,
    is_formula,
    last_matches,
    line_end,
    trim_to_value,
)
from mathreason_eval.maths.vocabulary.latex import TEXT_NAMES
from mathreason_eval.types import Answer

# --- announcements ---------------------------------------------------------------------------

_MARKUP = r"""(?:\\?["'*_\s]){0,9}"""
_COLON = r"[:=：]"


def _links(*verbs: str) -> str:
    """Return a pattern of a colon or one of some verbs, with marks of emphasis around them."""
    anyone = "|".join(verbs)
    return rf"{_MARKUP}(?:(?:{anyone})(?!\w)[*_]*\s{{0,9}}[:：]?|{_COLON}['*_]*)"


_PLAIN = rf"{_MARKUP}(?:{_COLON}|[-–—]\s)?"
# Words, alternatives by |; the link between them and the answer.
_ENGLISH = (
    (
        "answer",
        r"s?(?:\s{1,3}to\s{1,3}(?:the|this|your)\s{1,3}(?:question|problem))?"
        + _links("is", "are", "was", "(?:would|will|should|must) be", "equals"),
    ),
    ("final answer", rf"{_MARKUP}\n"),
    ("final result|final value|final solution", _links("is", "are")),
)
_OTHERS = (
    ("Antwort|Ergebnis|Lösung", _links("lautet", "ist", "wäre", "beträgt")),
    ("antwoord", _links("is")),
    ("réponse|résultat", _links(r"(?:finale |correcte )?est", "vaut")),
    ("respuesta|resultado", _links(r"(?:final |correcta )?es", "son")),
    ("resposta", _links(r"(?:final |correta )?é", "são")),
    ("risposta|risultato", _links(r"(?:finale |corretta )?è", "sono")),
    ("svar|svaret|vastaus", _links("är", "er", "on")),
    ("odpowiedź|odpověď|răspunsul|válasz", _links("to", "to jest", "je", "este", "az")),
    ("cevap|yanıt", _PLAIN),
    ("jawaban|jawabannya", _links("adalah", "ialah")),
    ("đáp án|đáp số|câu trả lời", _links("là", "cuối cùng là")),
    ("jibu", _links("ni", "sahihi ni")),
    ("απάντηση", _links("είναι")),
    ("ответ|відповідь|отговор|одговор", rf"{_MARKUP}(?:{_COLON}|[-–—]\s|есть\s|є\s|е\s)?"),
    (
        "答案|答え|解答|结果|結果",
        rf"[选選]?[\"*\s]{{0,9}}(?:应该是|應該是|是|为|為|は|等于|{_COLON})",
    ),
    ("所以答|\n答", _COLON),
    ("정답|답", rf"(?!변)[\"*\s]{{0,9}}(?:은|는)?[\"*\s]{{0,9}}{_COLON}?"),
    (
        "उत्तर|জবাব|উত্তর|పమాధానం|సమాధానం|பதில்|ઉત્તર",
        rf"{_MARKUP}(?:है|हैं|আছে|হল|হলো|হচ্ছে)?{_MARKUP}{_COLON}?",
    ),
    ("คำตอบ", rf"{_MARKUP}(?:คือ)?{_MARKUP}{_COLON}?"),
    (
        "الجواب|الإجابة|الاجابة|جواب|پاسخ",
        rf"(?: النهائية| الصحيحة)?{_MARKUP}(?:هو|هي|است)?{_MARKUP}{_COLON}?",
    ),
    ("תשובה", rf"{_MARKUP}(?:היא)?{_MARKUP}{_COLON}?"),
)
_LABELS = ("A", "Ans", "Result", "Solution")
"""Words that announce an answer at the beginning of a line, before a colon."""
_LABEL = re.compile(rf"[ \t>*_#-]{{0,9}}(?:{'|'.join(_LABELS)})[\"'*_ ]{{0,4}}[:：][\"'*_]*")
_LABEL_SPELLINGS = tuple(f"{label}{end}" for label in _LABELS for end in (":", "**", " :", "："))
_MOST_TRIED = 40
"""Occurrences of one word that are tried, from the last."""
_MOST_FOUND = 3
_INDENT = 20
"""Characters that may precede the label on its line."""


def _spellings(table: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return the link of each word, as it is spelled within and at the beginning of a sentence."""
    return {
        spelling: link
        for words, link in table
        for word in words.split("|")
        for spelling in (word, word.capitalize(), word.title(), word.upper())
    }


_ENGLISH_LINKS = _spellings(_ENGLISH)
_OTHER_LINKS = _spellings(_OTHERS)
_ASCII_LINKS = {word: link for word, link in _OTHER_LINKS.items() if word.isascii()}


@cache
def _pattern(link: str) -> re.Pattern[str]:
    """Return a link's pattern, compiled on demand: most texts need few of them."""
    return re.compile(link, re.IGNORECASE)


def _announcements(text: str) -> list[int]:
    """Return where the last few announcements end and their answers begin, the last first."""
    for reach in REACHES:
        first = max(0, len(text) - reach)
        tail = text[first:]
        found = _ends(_ENGLISH_LINKS, text, tail, first) | _label_ends(text, tail, first)
        if not found:
            others = _ASCII_LINKS if tail.isascii() else _OTHER_LINKS
            found = _ends(others, text, tail, first)
        if found or first == 0:
            return sorted(found, reverse=True)[:_MOST_FOUND]
    return []


def _ends(links: dict[str, str], text: str, tail: str, first: int) -> set[int]:
    return {
        end
        for word, link in links.items()
        if word in tail
        for end in _ends_of(word, _pattern(link), text, first)
    }


def _ends_of(word: str, link: re.Pattern[str], text: str, first: int) -> list[int]:
    ends: list[int] = []
    place = len(text)
    for _ in range(_MOST_TRIED):
        place = text.rfind(word, first, place)
        if place < 0 or len(ends) == _MOST_FOUND:
            break
        before = text[place - 1 : place]
        # `unanswered` announces nothing; scripts without capitals join their words.
        if word[0].isascii() and before.isascii() and before.isalpha():
            continue
        found = link.match(text, place + len(word))
        if found is not None:
            ends.append(found.end())
    return ends


def _label_ends(text: str, tail: str, first: int) -> set[int]:
    """Return where labels that begin a line end, the last of each: `A: `, `**Solution:** `."""
    ends = set()
    for label in _LABEL_SPELLINGS:
        if label not in tail:
            continue
        place = text.rfind(label, first)
        lowest = max(0, place - _INDENT)
        start = text.rfind("\n", lowest, place) + 1
        found = _LABEL.match(text, start) if start > 0 or lowest == 0 else None
        if found is not None and found.end() > place:
            ends.add(found.end())
    return ends


# --- the answer that is announced --------------------------------------------------------------

_CHOICE = re.compile(r"\(?[A-J]\)?(?![\w'’])(?!\s[a-z])")
_SYMBOLS = "∞∅√\\$"
_SHORT = 3
"""Words of an answer that is plausible without a value: `no real solution`."""
_AFTER = re.compile(r"[ \t\n*_:：#>`}]*(?:\\(?=\"))?")
_QUOTE = re.compile(r'(?<!\\)\\?"')
_FORMULA = re.compile(
    r"\$\$[^$]{1,10000}\$\$|\$(?:[^$\n\\]|\\.){1,10000}\$(?!\d)"
    r"|\\\[.{1,10000}?\\\]|\\\(.{1,10000}?\\\)",
    re.DOTALL,
)
_LIST_CONTINUES = re.compile(r"\s*(?:,|and\b|or\b)\s*(?:and\b|or\b)?\s*(?:\$|\\\()|\s*\\?%")
_SENTENCE_END = re.compile(r"\n|(?<=[^\d\s])[.!?]\s|(?<=\d)\.\s(?=\D|\Z)|[。।]|;\s")


def phrase(text: str) -> Answer | None:
    """Return what follows the last `the answer is`, `Answer:` or the like; None if nothing does.

    English is tried first, then other languages. More than three words without a digit, `the
    answer is shown in the table above`, count only if no earlier announcement states a value.
    """
    wordy = None
    for place in _announcements(text):
        answer = _announced(text, place)
        if any(sign.isdigit() or sign in _SYMBOLS for sign in answer.text):
            return answer
        if _CHOICE.match(answer.text):
            return answer
        if any(map(str.isalnum, answer.text)):
            if len(answer.text.split()) <= _SHORT:
                return answer
            wordy = wordy or answer
    return wordy


def _announced(text: str, place: int) -> Answer:
    # The answer may be on a line of its own below its announcement.
    after = _AFTER.match(text, place)
    assert after is not None, "the pattern matches nothing, too"
    start = after.end()
    if text.startswith('"', start):
        closing = _QUOTE.search(text, start + 1)
        start, end = start + 1, closing.start() if closing else line_end(text, start)
    else:
        end = _announced_end(text, start)
        # A brace may close what began before: `{"answer": 18}`.
        rest = text[start:end].rstrip()
        end = start + len(rest) - (rest.endswith("}") and rest.count("}") > rest.count("{"))
    return answer_at(text, "phrase", trim_to_value(text, start, end))


def _announced_end(text: str, start: int) -> int:
    """Return where an announced answer ends: with its formula, or with its sentence."""
    formula = _FORMULA.match(text, start)
    if formula is not None and is_formula(formula.group()):
        if _LIST_CONTINUES.match(text, formula.end()) is None:
            return formula.end()
        start = formula.end()
    found = _SENTENCE_END.search(text, start)
    return found.start() if found else len(text)


# --- the letter of a choice --------------------------------------------------------------------

_LETTER = r"(?:[A-J]|[АБВГД]|[أبجد]|[กขคง]|[कखगघ]|[কখগঘ])"
_OPTION = re.compile(
    rf"""
    (?: \b(?:option|choice|choose|chose|pick|select|go\ with|opt\ for|correct\ one\ is)
        (?:\s+(?:option|choice|answer|letter))?(?:\s*(?:is|:|would\ be))?
      | (?:选项|選項|选择|選擇|应选|故选|选|選)(?:是|为|:|：)?
      | \b(?:opción|opção|opzione|option|вариант)
        (?:\s+(?:correcta|correta|correcte))?(?:\s*(?:es|é|è|est|:))?
    )
    [\s*_"'(\[$\\]*(?:{TEXT_NAMES})?\{{?[\s(]*(?P<letter>{_LETTER})(?![\w'])
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LEADING_LETTER = re.compile(
    rf"[\s*_\"'(\[$\\]*(?:(?:{TEXT_NAMES})\{{)?[\s(]*(?P<letter>{_LETTER}|[a-j](?=[).\s]|\Z))"
    r"(?![A-Za-z0-9'])"
)
_LONE_LETTER = re.compile(
    rf"(?<![\w\\'])(?:\((?P<bracketed>{_LETTER})\)|(?P<letter>(?!I\b)(?!A\s+[a-z]){_LETTER}))"
    r"(?![A-Za-z0-9'])"
)
_WORD_OF_A_LETTER = re.compile(r"(?:A|I)\s+[a-z]")
_IS_LETTER = re.compile(rf"\W*(?:\\(?:{TEXT_NAMES})\{{)?\(?{_LETTER}\)?\W*\Z")
_LONGEST_GOLD = 20
_SHORT_TEXT = 200
"""Characters of a text whose first letter, standing alone, is the choice."""


def is_letter(gold: str) -> bool:
    """Return whether a gold is the letter of an option: `C`, `(C)`."""
    return len(gold) <= _LONGEST_GOLD and _IS_LETTER.match(gold) is not None


def choice(text: str) -> Answer | None:
    """Return the chosen letter: announced, at the beginning of a short text, or the last alone.

    `The answer is (C)`, `I choose D because A is wrong`, `故选B`, `B) 15`.
    """
    announced = phrase(text)
    found = _LEADING_LETTER.match(text, *announced.span) if announced is not None else None
    found = found or next(iter(last_matches(_OPTION, text, 1)), None)
    if found is None and len(text) <= _SHORT_TEXT:
        found = _LEADING_LETTER.match(text)
        if found is not None and _WORD_OF_A_LETTER.match(found["letter"] + text[found.end() :]):
            found = None
    found = found or next(iter(last_matches(_LONE_LETTER, text, 1)), None)
    if found is None:
        return None
    span = found.span("letter" if found["letter"] else "bracketed")
    return Answer(text=text[slice(*span)].upper(), rule="choice", span=span)
