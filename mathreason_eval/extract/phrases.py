"""Rules for an announced answer: "the answer is" in many languages, and "I choose option C".

The words are searched for as plain text, which is fast; a pattern is tried only where one is found.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise

from mathreason_eval.extract.context import denial
from mathreason_eval.extract.spans import (
    REACHES,
    Span,
    answer_at,
    is_formula,
    last_matches,
    line_end,
    stripped,
    trim_to_value,
)
from mathreason_eval.maths.compare.options import LETTERS, read_options
from mathreason_eval.maths.vocabulary.latex import TEXT_NAMES
from mathreason_eval.maths.vocabulary.negation import REVISES
from mathreason_eval.types import Answer

# --- announcements ---------------------------------------------------------------------------

_MARKUP = r"""(?:\\?["'*_\s]){0,9}"""
_COLON = r"[:=：]"


def _links(*verbs: str) -> str:
    """Return a pattern of a colon or one of the verbs, with emphasis marks around it."""
    anyone = "|".join(verbs)
    return rf"{_MARKUP}(?:(?:{anyone})(?!\w)[*_]*\s{{0,9}}[:：]?|{_COLON}['*_]*)"


_PLAIN = rf"{_MARKUP}(?:{_COLON}|[-–—]\s)?"
# (words, alternatives separated by |; the link between them and the answer).
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
    ("odgovor|rješenje|rešenje|rezultat|riešenie|odpoveď", _links("je", "iznosi")),
    ("atsakymas|atbilde|vastus|sagot|svarið", _links("yra", "ir", "on", "ay", "er")),
    ("απάντηση|αποτέλεσμα", _links("είναι")),
    (
        "ответ|відповідь|отговор|одговор",
        rf"(?:ът|от)?{_MARKUP}(?:{_COLON}|[-–—]\s|есть\s|є\s|е\s|је\s)?",
    ),
    (
        "答案|答え|解答|结果|結果",
        rf"[选選]?[\"*\s]{{0,9}}(?:应该是|應該是|是|为|為|は|等于|{_COLON})",
    ),
    ("所以答|\n答", _COLON),
    ("정답|답", rf"(?!변)[\"*\s]{{0,9}}(?:은|는)?[\"*\s]{{0,9}}{_COLON}?"),
    (
        "उत्तर|জবাব|উত্তর|పమాధానం|సమాధానం|பதில்|விடை|ઉત્તર",
        rf"{_MARKUP}(?:है|हैं|আছে|হল|হলো|হচ্ছে)?{_MARKUP}{_COLON}?",
    ),
    ("คำตอบ", rf"{_MARKUP}(?:คือ)?{_MARKUP}{_COLON}?"),
    (
        "الجواب|الإجابة|الاجابة|جواب|پاسخ|الحل",
        rf"(?: النهائية| الصحيحة)?{_MARKUP}(?:هو|هي|است)?{_MARKUP}{_COLON}?",
    ),
    ("תשובה", rf"{_MARKUP}(?:היא)?{_MARKUP}{_COLON}?"),
)
_LABELS = ("A", "Ans", "Result", "Solution")
"""Words that announce an answer at the beginning of a line, before a colon."""
_LABEL = re.compile(rf"[ \t>*_#-]{{0,9}}(?:{'|'.join(_LABELS)})[\"'*_ ]{{0,4}}[:：][\"'*_]*")
_LABEL_SPELLINGS = {
    label: tuple(f"{label}{end}" for end in (":", "**", " :", "：")) for label in _LABELS
}
_MOST_TRIED = 40
"""Number of occurrences of one word that are tried, from the last."""
_MOST_FOUND = 3
_INDENT = 20
"""Number of characters that may precede the label on its line."""


def _spellings(table: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return the link of each word, in lower case and capitalised."""
    return {
        spelling: link
        for words, link in table
        for word in words.split("|")
        for spelling in (word, word.capitalize(), word.title(), word.upper())
    }


def _by_part(links: dict[str, str], *parts: str) -> tuple[tuple[str, dict[str, str]], ...]:
    """Return the links of words by a part of theirs: a text without it has none of the words."""
    groups: dict[str, dict[str, str]] = {}
    for word, link in links.items():
        part = next((part for part in parts if part in word), "")
        groups.setdefault(part, {})[word] = link
    return tuple(groups.items())


Links = tuple[tuple[str, dict[str, str]], ...]
"""The link of each word, by a part of the words."""
_ENGLISH_LINKS = _by_part(_spellings(_ENGLISH), "nswer", "NSWER", "inal ", "INAL ")
_OTHER_LINKS = _by_part(_spellings(_OTHERS))
_ASCII_LINKS = _by_part(
    {word: link for word, link in _spellings(_OTHERS).items() if word.isascii()}
)


@cache
def _pattern(link: str) -> re.Pattern[str]:
    """Return a link's pattern, compiled on demand: most texts need few of them."""
    return re.compile(link, re.IGNORECASE)


def _announcements(text: str) -> list[int]:
    """Return the positions where the last few announcements end, the last first."""
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


def _ends(links: Links, text: str, tail: str, first: int) -> set[int]:
    return {
        end
        for part, words in links
        if part in tail
        for word, link in words.items()
        if word in tail
        for end in _ends_of(word, _pattern(link), text, first)
    }


_KEY_BEFORE = re.compile(
    r"(?<![a-z_])(?:final|correct|the|my|your|model|numeric|numerical|short|exact|predicted)_\Z",
    re.IGNORECASE,
)
_LONGEST_KEY = 12
"""Characters of a name before `_answer` that leaves it an answer; `wrong_answer` is none."""


def _ends_of(word: str, link: re.Pattern[str], text: str, first: int) -> list[int]:
    ends: list[int] = []
    place = len(text)
    for _ in range(_MOST_TRIED):
        place = text.rfind(word, first, place)
        if place < 0 or len(ends) == _MOST_FOUND:
            break
        before = text[place - 1 : place]
        # `unanswered` is not an announcement; scripts without capitals do not separate words.
        if word[0].isascii() and before.isascii() and before.isalpha():
            continue
        if before == "_" and _KEY_BEFORE.search(text, max(0, place - _LONGEST_KEY), place) is None:
            continue
        found = link.match(text, place + len(word))
        if found is not None:
            ends.append(found.end())
    return ends


def _label_ends(text: str, tail: str, first: int) -> set[int]:
    """Return where labels that begin a line end, the last of each: `A: `, `**Solution:** `."""
    ends = set()
    spellings = (
        spelling
        for label, spelled in _LABEL_SPELLINGS.items()
        if label in tail
        for spelling in spelled
    )
    for spelling in spellings:
        place = text.rfind(spelling, first)
        if place < 0:
            continue
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
"""Maximum words of a plausible answer without a value: `no real solution`."""
_AFTER = re.compile(r"(?:[ \t\n*_:：#>`}]|<[a-zA-Z][^<>\n]{0,200}>)*(?:\\(?=\"))?")
_JSON_KEY = re.compile(r"\"\s*:\s*\Z")
_KEY = 8
"""Characters in which the end of a key in JSON is looked for."""
_NULL = re.compile(r"(?:null|None|true|false)(?=\s*[,}])")
"""What says in JSON that there is no answer, whatever other keys hold."""
_STRUCK = re.compile(r"~~[^~\n]{1,80}~~[\s:,→-]*(?=[\w$\\])")
"""What is struck out before the value that replaces it."""
_QUOTE = re.compile(r'(?<!\\)\\?"')
_FORMULA = re.compile(
    r"\$\$[^$]{1,10000}\$\$|\$(?:[^$\n\\]|\\.){1,10000}\$(?!\d)"
    r"|\\\[.{1,10000}?\\\]|\\\(.{1,10000}?\\\)",
    re.DOTALL,
)
_LIST_CONTINUES = re.compile(r"\s*(?:,|and\b|or\b)\s*(?:and\b|or\b)?\s*(?:\$|\\\()|\s*\\?%")
_SENTENCE_END = re.compile(r"\n|(?<=[^\d\s])[.!?]\s|(?<=\d)\.\s(?=\D|\Z)|[。।]|;\s")


def phrase(text: str) -> Answer | None:
    """Return what follows the last `the answer is`, `Answer:` or similar; None if nothing does.

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


_DIGIT = re.compile(r"[-$\\({\s]{0,5}\d")
_REVISION = re.compile(rf"[\s*_)\]}}\"'.,;!…—–-]*{REVISES}", re.IGNORECASE)


def _announced(text: str, place: int) -> Answer:
    # The answer may be on a line of its own below its announcement.
    after = _AFTER.match(text, place)
    assert after is not None, "the pattern matches nothing, too"
    start = after.end()
    if (struck := _STRUCK.match(text, start)) is not None:
        start = struck.end()
    if text.startswith('"', start):
        quote = _QUOTE.search(text, start + 1)
        start, end = start + 1, quote.start() if quote else line_end(text, start)
    else:
        end = _announced_end(text, start)
        if (nothing := _NULL.match(text, start)) and _JSON_KEY.search(
            text, max(0, place - _KEY), place
        ):
            return answer_at(text, "phrase", nothing.span())
        if text.startswith("[", start) and _JSON_KEY.search(text, max(0, place - _KEY), place):
            bracket = text.find("]", start, end)
            return answer_at(text, "phrase", (start + 1, end if bracket < 0 else bracket))
        revision = _REVISION.match(text, end)
        if revision is not None and _DIGIT.match(text, revision.end()):
            start, end = revision.end(), _announced_end(text, revision.end())
        end = _without_closing_braces(text, start, end)
    return answer_at(text, "phrase", trim_to_value(text, start, end))


_NEAR = 160
"""Characters before an answer in which another one is announced at once before it."""


_SHORT_GAP = 12
"""Characters of markup between an announcement and its answer."""


def phrase_before(text: str, answer: Answer) -> tuple[Span, Span] | None:
    """Return the spans of what is announced before an answer, and of what stands between.

    None where one of the two is a value in JSON, which repeats what the text has found.
    """
    first = max(0, answer.span[0] - _NEAR)
    near = text[first : answer.span[0]]
    if not _announces_twice(near):
        return None
    places = _announcements(near)
    if len(places) == 1:  # of labels that begin a line only the last one is found
        places += _announcements(near[: near.rfind("\n", 0, places[0]) + 1])[:1]
    for later, earlier in pairwise(places):
        if len(near) - later > _SHORT_GAP:
            return None
        before = _announced(near[:later], earlier).span
        if before[1] > later or '"' in near[before[1] :]:
            return None
        return (first + before[0], first + before[1]), (first + before[1], first + later)
    return None


_OTHER_PARTS = tuple(sorted({word[1:] for words, _ in _OTHERS for word in words.split("|")}))


def _announces_twice(near: str) -> bool:
    count = near.count
    # Parts of what announces an answer in English.
    found = count("nswer") + count("NSWER") + count("Ans") + count("A:") + count("inal ")
    found += count("esult") + count("olution")
    if found > 0:
        return found > 1
    return any(near.count(part) > 1 for part in _OTHER_PARTS)


def _without_closing_braces(text: str, start: int, end: int) -> int:
    """Return the end without braces that close what began before: `{"call": {"answer": 18}}`."""
    rest = text[start:end].rstrip()
    while rest.endswith("}") and rest.count("}") > rest.count("{"):
        rest = rest[:-1].rstrip()
    return start + len(rest)


def _announced_end(text: str, start: int) -> int:
    """Return where an announced answer ends: with its formula, or with its sentence."""
    formula = _FORMULA.match(text, start)
    if formula is not None and is_formula(formula.group()):
        if _LIST_CONTINUES.match(text, formula.end()) is None:
            return formula.end()
        start = formula.end()
    found = _SENTENCE_END.search(text, start)
    return found.start() if found else len(text)


# --- the options of a choice -------------------------------------------------------------------

_LETTER = rf"[{LETTERS}]"
_CHOOSES = re.compile(
    rf"""
    (?: \b(?:option|choice|choose|chose|pick|select|go\ with|opt\ for|correct\ one\ is)
        (?:\s+(?:option|choice|answer|letter))?(?:\s*(?:is|:|would\ be))?
      | (?:选项|選項|选择|選擇|应选|故选|选|選)(?:是|为|:|：)?
      | \b(?:opción|opção|opzione|option|вариант)
        (?:\s+(?:correcta|correcta|correcte))?(?:\s*(?:es|é|è|est|:))?
    )
    [\s*_"'(\[$\\]*(?:{TEXT_NAMES})?\{{?[\s(]*(?={_LETTER}(?![\w']))
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LONE_LETTER = re.compile(
    rf"(?<![\w\\'])(?:\({_LETTER}\)|(?!I\b)(?!A\s+[a-z]){_LETTER})(?![A-Za-z0-9'])"
)
_CLAUSE_BEFORE = re.compile(r"[.!?\n。！？]")
_SHORT_TEXT = 200
"""Characters of a text that is read as a whole where nothing announces an option."""
_LONGEST_CLAUSE = 300


_FIRST_LINE = re.compile(rf"\W{{0,5}}({_LETTER})[).*\]]{{0,4}}\s*\n")
"""An option on a line of its own at the beginning, which reasons follow."""


def choice(text: str) -> Answer | None:
    """Return the options that are chosen: announced, in a short text, or the last that is named.

    `The answer is (C)`, `I choose D because A is wrong`, `故选B`, `A and C are correct`. An option
    that is denied is none, and of `A or B` both are returned, as what is left open.
    """
    places = [_unrevised(text, place) for place in _announcements(text)]
    places += [
        (_clause_start(text, found.start()), _announced_end(text, found.end()))
        for found in last_matches(_CHOOSES, text, 1)
    ]
    if (first := _FIRST_LINE.match(text)) is not None:
        places.append(first.span(1))
    places += [(0, len(text))] if len(text) <= _SHORT_TEXT else []
    places += [
        (_clause_start(text, found.start()), line_end(text, found.end()))
        for found in last_matches(_LONE_LETTER, text, 1)
    ]
    for place in places:
        answer = _chosen(text, *place)
        if answer is not None and not denial(text, answer):
            return answer
    return None


def _unrevised(text: str, start: int) -> tuple[int, int]:
    """Return the span of what is announced, or of what it is at once replaced by."""
    end = _announced_end(text, start)
    revision = _REVISION.match(text, end) or _REVISION.match(text, start)
    if revision is None:
        return start, end
    return revision.end(), _announced_end(text, revision.end())


def _clause_start(text: str, place: int) -> int:
    """Return where the sentence of a position begins."""
    first = max(0, place - _LONGEST_CLAUSE)
    return max(
        (found.end() for found in _CLAUSE_BEFORE.finditer(text, first, place)), default=first
    )


def _chosen(text: str, start: int, end: int) -> Answer | None:
    """Return the options that a clause claims, or None."""
    end = min(end, start + _LONGEST_CLAUSE)
    read = read_options(text[start:end])
    if read is None or not read.claimed:
        return None
    span = stripped(text, start, end)
    if len(read.claimed) == 1:
        letter = re.compile(rf"(?<![A-Za-z]){read.text}(?![A-Za-z])", re.IGNORECASE)
        found = letter.search(text, start, end)
        span = span if found is None else found.span()
    return Answer(text=read.text, rule="choice", span=span)
