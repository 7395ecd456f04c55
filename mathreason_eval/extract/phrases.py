"""How languages announce an answer: a word, and what links it to what follows.

The words are looked for as plain text, which is fast; a pattern is only tried where one stands.
"""

from __future__ import annotations

import re
from functools import cache

_DRESS = r"""(?:\\?["'*_\s]){0,9}"""
_COLON = r"[:=：]"


def _links(*verbs: str) -> str:
    """Return a pattern of a colon or one of some verbs, with marks of emphasis around them."""
    said = "|".join(verbs)
    return rf"{_DRESS}(?:(?:{said})(?!\w)[*_]*\s{{0,9}}[:：]?|{_COLON}['*_]*)"


_PLAIN = rf"{_DRESS}(?:{_COLON}|[-–—]\s)?"
_ENGLISH = (
    # words, alternatives by |; the link
    (
        "answer",
        r"s?(?:\s{1,3}to\s{1,3}(?:the|this|your)\s{1,3}(?:question|problem))?"
        + _links("is", "are", "was", "(?:would|will|should|must) be", "equals"),
    ),
    ("final answer", rf"{_DRESS}\n"),
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
    ("ответ|відповідь|отговор|одговор", rf"{_DRESS}(?:{_COLON}|[-–—]\s|есть\s|є\s|е\s)?"),
    (
        "答案|答え|解答|结果|結果",
        rf"[选選]?[\"*\s]{{0,9}}(?:应该是|應該是|是|为|為|は|等于|{_COLON})",
    ),
    ("所以答|\n答", _COLON),
    ("정답|답", rf"(?!변)[\"*\s]{{0,9}}(?:은|는)?[\"*\s]{{0,9}}{_COLON}?"),
    ("उत्तर|জবাব|উত্তর|పమాధానం|సమాధానం|பதில்|ઉત્તર", rf"{_DRESS}(?:है|हैं|আছে|হল|হলো|হচ্ছে)?{_DRESS}{_COLON}?"),
    ("คำตอบ", rf"{_DRESS}(?:คือ)?{_DRESS}{_COLON}?"),
    (
        "الجواب|الإجابة|الاجابة|جواب|پاسخ",
        rf"(?: النهائية| الصحيحة)?{_DRESS}(?:هو|هي|است)?{_DRESS}{_COLON}?",
    ),
    ("תשובה", rf"{_DRESS}(?:היא)?{_DRESS}{_COLON}?"),
)
_HEADS = ("A", "Ans", "Result", "Solution")
"""What announces an answer at the beginning of a line, before a colon."""
_HEAD = re.compile(rf"[ \t>*_#-]{{0,9}}(?:{'|'.join(_HEADS)})[\"'*_ ]{{0,4}}[:：][\"'*_]*")
_HEAD_ENDS = tuple(f"{head}{end}" for head in _HEADS for end in (":", "**", " :", "："))

_REACHES = (2_000, 20_000)
"""How far from the end an announcement is looked for: near first, which is where it is."""
_MOST_TRIED = 40
"""Places of one word that are tried, from the last."""
_MOST_FOUND = 3
_INDENT = 20
"""Characters that may stand before the head of a line."""


def _spelled(table: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return the link of each word, as it is spelled within and at the beginning of a sentence."""
    return {
        spelled: link
        for words, link in table
        for word in words.split("|")
        for spelled in (word, word.capitalize(), word.title(), word.upper())
    }


_ENGLISH_LINKS = _spelled(_ENGLISH)
_OTHER_LINKS = _spelled(_OTHERS)
_ASCII_LINKS = {word: link for word, link in _OTHER_LINKS.items() if word.isascii()}


@cache
def _pattern(link: str) -> re.Pattern[str]:
    """Return a link's pattern; most texts need few of them."""
    return re.compile(link, re.IGNORECASE)


def announcements(text: str) -> list[int]:
    """Return where the last few announcements end and their answers begin, the last first."""
    for reach in _REACHES:
        first = max(0, len(text) - reach)
        tail = text[first:]
        found = _ends(_ENGLISH_LINKS, text, tail, first) | _heads(text, tail, first)
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


def _heads(text: str, tail: str, first: int) -> set[int]:
    """Return where the last head of a line of each kind ends: `A: `, `**Solution:** `."""
    ends = set()
    for head in _HEAD_ENDS:
        if head not in tail:
            continue
        place = text.rfind(head, first)
        lowest = max(0, place - _INDENT)
        start = text.rfind("\n", lowest, place) + 1
        found = _HEAD.match(text, start) if start > 0 or lowest == 0 else None
        if found is not None and found.end() > place:
            ends.add(found.end())
    return ends
