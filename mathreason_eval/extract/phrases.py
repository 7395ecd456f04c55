"""How languages announce an answer: a word, and what links it to what follows.

The words are looked for as plain text, which is fast; a pattern is only tried where one stands.
"""

from __future__ import annotations

import re

_DRESS = r"""(?:\\?["'*_\s]){0,9}"""
_COLON = r"[:=：]"


def _links(*verbs: str) -> str:
    """Return a pattern of a colon or one of some verbs, with marks of emphasis around them."""
    said = "|".join(verbs)
    return rf"{_DRESS}(?:(?:{said})(?!\w)[*_]*\s{{0,9}}[:：]?|{_COLON}['*_]*)"


_PLAIN = rf"{_DRESS}(?:{_COLON}|[-–—]\s)?"
_WORDS: tuple[tuple[str, str], ...] = (
    # words, alternatives by |; the link
    (
        "answer|answers",
        r"(?:\s{1,3}to\s{1,3}(?:the|this|your)\s{1,3}(?:question|problem))?"
        + _links("is", "are", "was", "(?:would|will|should|must) be", "equals"),
    ),
    ("final answer", rf"{_DRESS}\n"),
    ("final result|final value|final solution", _links("is", "are")),
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
_HEAD = re.compile(
    rf"(?:(?<=\n)|^)[ \t>*_#-]{{0,9}}(?:{'|'.join(_HEADS)})[\"'*_ ]{{0,4}}[:：][\"'*_]*"
)

_LINKS: dict[str, re.Pattern[str]] = {
    spelled: re.compile(rf"(?:{re.escape(spelled)}){link}", re.IGNORECASE)
    for words, link in _WORDS
    for word in words.split("|")
    for spelled in dict.fromkeys((word, word.capitalize(), word.title(), word.upper()))
}
_ASCII = tuple(word for word in _LINKS if word.isascii())
_ANY = tuple(_LINKS)
_HEAD_ENDS = tuple(f"{head}{end}" for head in _HEADS for end in (":", "**", " :", "："))

_REACHES = (2_000, 20_000)
"""How far from the end an announcement is looked for: near first, which is where it is."""
_MOST_TRIED = 40
"""Places of one word that are tried, from the last."""


def announcements(text: str) -> list[int]:
    """Return where the last few announcements end and their answers begin, the last first."""
    for reach in _REACHES:
        first = max(0, len(text) - reach)
        ends = _ends(text, first)
        if ends:
            return ends
        if first == 0:
            break
    return []


def _ends(text: str, first: int) -> list[int]:
    tail = text[first:]
    found: set[int] = set()
    for word in _ASCII if tail.isascii() else _ANY:
        if word in tail:
            found.update(_ends_of(word, _LINKS[word], text, first))
    if any(end in tail for end in _HEAD_ENDS):
        found.update(match.end() for match in _HEAD.finditer(text, first))
    return sorted(found, reverse=True)[:3]


def _ends_of(word: str, link: re.Pattern[str], text: str, first: int) -> list[int]:
    ends: list[int] = []
    place = len(text)
    for _ in range(_MOST_TRIED):
        place = text.rfind(word, first, place)
        if place < 0 or len(ends) == 3:  # noqa: PLR2004 - as many as are asked for
            break
        # `unanswered` and `reanswer` announce nothing; scripts without capitals join their words.
        within = (
            place > 0
            and word[0].isascii()
            and text[place - 1].isalpha()
            and text[place - 1].isascii()
        )
        match = None if within else link.match(text, place)
        if match is not None:
            ends.append(match.end())
    return ends
