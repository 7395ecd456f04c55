"""Answers in words, dates and times of day: what they are, how they compare."""

from __future__ import annotations

import re
from typing import NamedTuple

from mathreason_eval.maths.compare.comparison import UNKNOWN, Finding, different, equal
from mathreason_eval.maths.syntax.number import english
from mathreason_eval.maths.vocabulary.latex import IGNORED, KNOWN, WRAPPERS

_MARKUP = re.compile(
    r"\\(?:text|mathrm|textbf|mathbf|textrm|textit|mbox|textnormal|operatorname)(?![a-zA-Z])\s*"
)
PHRASES = {
    "no solution": r"\emptyset", "no solutions": r"\emptyset", "no real solution": r"\emptyset",
    "no real solutions": r"\emptyset", "empty set": r"\emptyset", "no real roots": r"\emptyset",
    "none": r"\emptyset",
    "infinity": r"\infty", "infinite": r"\infty", "infinitely many": r"\infty",
    "positive infinity": r"\infty", "negative infinity": r"-\infty",
    "infinitely many solutions": r"\infty", "all reals": r"(-\infty,\infty)",
    "all real numbers": r"(-\infty,\infty)", "all real x": r"(-\infty,\infty)",
    **dict.fromkeys(("integers", "all integers", "any integer", "set of integers"), r"\mathbb{Z}"),
    "set of all integers": r"\mathbb{Z}", "all positive integers": r"\mathbb{Z}^+",
    "positive integers": r"\mathbb{Z}^+", "natural numbers": r"\mathbb{N}",
    "all natural numbers": r"\mathbb{N}", "rational numbers": r"\mathbb{Q}",
    "all rational numbers": r"\mathbb{Q}", "set of real numbers": r"(-\infty,\infty)",
    "set of all real numbers": r"(-\infty,\infty)", "reals": r"(-\infty,\infty)",
    "positive reals": r"(0,\infty)", "all positive reals": r"(0,\infty)",
    "all positive real numbers": r"(0,\infty)", "positive real numbers": r"(0,\infty)",
    "any real number": r"(-\infty,\infty)", "real numbers": r"(-\infty,\infty)",
    **{
        f"{prefix}{words} {noun}": rf"\{{2k{'+1' * (parity == 'odd')} : k {domain}\}}"
        for prefix in ("", "all ", "any ", "set of ", "set of all ")
        for noun in ("integers", "numbers")
        for words, parity, domain in (
            ("even", "even", r"\in \mathbb{Z}"), ("odd", "odd", r"\in \mathbb{Z}"),
            ("even positive", "even", r"\ge 1"), ("odd positive", "odd", r"\ge 0"),
            ("positive even", "even", r"\ge 1"), ("positive odd", "odd", r"\ge 0"),
        )
    },
}  # fmt: skip
"""Words that name a mathematical object."""

_DAYS = {
    "monday": ("mon",), "tuesday": ("tue", "tues"), "wednesday": ("wed",),
    "thursday": ("thu", "thur", "thurs"), "friday": ("fri",), "saturday": ("sat",),
    "sunday": ("sun",),
}  # fmt: skip
"""The days of the week with their abbreviations."""
_SYNONYMS = {
    **{
        spelling: day
        for day, short in _DAYS.items()
        for name in (day, *short)
        for spelling in (name, f"on {name}", f"it is {name}", f"{name} s")
    },
    **dict.fromkeys(("dne", "nonexistent", "doesn t exist", "do not exist"), "does not exist"),
    **dict.fromkeys(("not defined", "is not defined", "is undefined"), "undefined"),
}


_DIGIT = re.compile(r"\d")
_COMMAND = re.compile(r"\\([a-zA-Z]+)")
_MARKS = re.compile(r"[{}$\\~*_\"`]")
_WORDS = re.compile(r"[\s\w.,;:!?()'’/&\u0300-\u036f\u064b-\u065f\u0900-\u0e7f-]*")
_TWO_LETTERS = re.compile(r"[^\W\d_]{2}")
_NO_WORDS = IGNORED | WRAPPERS
_ARTICLES = frozenset(["a", "an", "the"])


def words_of(text: str) -> str:
    """Return the words of an answer in lower case, without markup, articles and punctuation."""
    # A command that is not markup is kept as a word: it may be a quantifier or a negation.
    plain = _COMMAND.sub(
        lambda m: " " if m[1] in _NO_WORDS else f" {m[1]} ", _MARKUP.sub(" ", text)
    )
    plain = _MARKS.sub(" ", plain)
    plain = re.sub(r"(?<=[^\W\d_])[-'](?=[^\W\d_])|[.,;:!?()\[\]]", " ", plain.lower())
    joined = " ".join(word for word in plain.split() if word not in _ARTICLES)
    return _SYNONYMS.get(joined, joined)


_YES_OR_NO = re.compile(
    r"(yes|no)(?:[,.;:]\s[^\d=<>]+|[,.;:]?\s(?:because|since|as)\s.+)", re.IGNORECASE
)


def _first_word(text: str, other: str) -> str:
    """Return a leading yes or no of a sentence, if the other text is only yes or no."""
    bare = _MARKUP.sub("", text).strip("{} ")
    found = _YES_OR_NO.fullmatch(bare) if words_of(other) in {"yes", "no"} else None
    return found[1] if found is not None else text


def enumerated(text: str) -> tuple[str, ...]:
    """Return the sorted words between commas and conjunctions: Alice and Bob is Bob and Alice."""
    return tuple(sorted(filter(None, map(words_of, re.split(r",|;|\band\b|\bor\b|&", text)))))


def is_wordy(text: str) -> bool:
    """Return whether an answer consists of words and punctuation alone, no digit or sign."""
    if _DIGIT.search(text):
        return False
    plain = _COMMAND.sub(lambda m: " " if m[1] in _NO_WORDS else "=", _MARKUP.sub(" ", text))
    plain = _MARKS.sub(" ", plain)
    return _WORDS.fullmatch(plain) is not None and _TWO_LETTERS.search(plain) is not None


_PROSE = re.compile(r"(?<![\\A-Za-z_])(?![a-z]*(?:sin|cos|tan|log|mod)\b)[A-Za-z]{3,}")


def is_prose(text: str) -> bool:
    """Return whether a text contains a word, rather than a product of letters."""
    return any(
        any(vowel in word[0].lower() for vowel in "aeiouy") and word[0] not in KNOWN
        for word in _PROSE.finditer(text)
    )


_SPACE = re.compile(r"(?<!\d)\s+|\s+(?!\d)")
"""White space that is not between digits."""


_SUBJECT = re.compile(r"(?:the|this)\s+[a-z]+\s+(?:(?:is|are)\s+)?|it\s+is\s+", re.IGNORECASE)
_DENYING = frozenset(["not", "no", "never", "non", "nowhere", "opposite", "converse"])


def _is_sentence_of(answer: str, predicate: str) -> bool:
    """Return whether an answer says of one thing what a gold of one word says alone."""
    plain = _MARKS.sub(" ", _MARKUP.sub(" ", answer)).strip()
    subject = _SUBJECT.match(plain)
    if subject is None or " " in predicate or not _DENYING.isdisjoint(subject[0].lower().split()):
        return False
    return words_of(plain[subject.end() :]) == predicate


def same_words(gold: str, answer: str, *, read: bool) -> Finding:
    """Compare answers of which at least one is not mathematics."""
    gold, answer = _first_word(gold, answer), _first_word(answer, gold)
    one, other = words_of(gold), words_of(answer)
    wordy = is_wordy(gold), is_wordy(answer)
    if all(wordy):
        listed = enumerated(gold) == enumerated(answer)
        same = listed or "".join(one.split()) == "".join(other.split())  # book store, bookstore
    else:
        # Between digits a comma, a point or a space is not punctuation.
        same = _SPACE.sub("", gold).lower() == _SPACE.sub("", answer).lower()
    if same and one:
        return equal("text", "the same words")
    if all(wordy) and _is_sentence_of(answer, one):
        return equal("text", f"it says {one!r} of something")
    if all(wordy) or (read and any(wordy)):
        return different("text", f"{other!r} against {one!r}")
    return UNKNOWN._replace(note="one of the two is not mathematics that can be read")


# --- dates and times -----------------------------------------------------------------------------

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})[a-z]*\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?:,?\s+(?P<year>\d{4}))?"
_DATES = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"(?:the\s+)?{_DAY}\s+(?:of\s+)?{_MONTH}{_YEAR}",
        rf"{_MONTH}\s+(?:the\s+)?{_DAY}{_YEAR}",
        r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})",
    )
)
_TIME = re.compile(
    r"(?P<hour>\d{1,2})(?:[:.](?P<minute>\d{2}))?\s*(?P<half>[ap])\.?\s*m\.?", re.IGNORECASE
)
_CLOCK = re.compile(r"(?P<hour>\d{1,2}):(?P<minute>\d{2})")
_MAYBE_MOMENT = re.compile(r"[a-z]{3}|\d:\d|\d-\d|[ap]\.?m", re.IGNORECASE)
_NOON, _HOURS = 12, 24
_TEN = 10


class Moment(NamedTuple):
    """A date or a time of day; a part that is not given is None."""

    kind: str
    parts: tuple[int | None, ...]


_SPOKEN = re.compile(
    r"(?:a )?(?P<part>half|quarter) (?P<way>past|to) (?P<hour>\d{1,2}|[a-z]+)"
    r"(?: in the (?P<half>morning|afternoon|evening)| ?(?P<mark>[ap])\.? ?m\.?)?"
)


def _spoken(found: re.Match[str]) -> Moment | None:
    """Return `half past three` and the like as a time."""
    named = english(found["hour"]) or found["hour"]
    if not named.isdecimal() or not 0 < int(named) <= _NOON:
        return None
    hour, minute = int(named), {"half": 30, "quarter": 15}[found["part"]]
    if found["way"] == "to":
        hour, minute = (hour - 1) or _NOON, 60 - minute
    half = found["half"] or found["mark"]
    if not half:
        return Moment("clock", (hour, minute))
    return Moment("time", (hour % _NOON + (0 if half in {"morning", "a"} else _NOON), minute))


def moment(text: str) -> Moment | None:
    """Return an answer as a date, or as a time with a.m. or p.m., else None."""
    if not _MAYBE_MOMENT.search(text):
        return None
    plain = " ".join(re.sub(r"[{}$~]", " ", _MARKUP.sub(" ", text)).replace("\\", " ").split())
    for form in _DATES:
        if found := form.fullmatch(plain):
            month = found["month"].lower()
            number = int(month) if month.isdecimal() else _MONTHS.index(month[:3]) + 1
            year = int(found["year"]) if found["year"] else None
            return Moment("date", (year, number, int(found["day"])))
    if (found := _TIME.fullmatch(plain)) and int(found["hour"]) <= _NOON:
        hour = int(found["hour"]) % _NOON + (_NOON if found["half"].lower() == "p" else 0)
        return Moment("time", (hour, int(found["minute"] or 0)))
    if found := _SPOKEN.fullmatch(plain.lower()):
        return _spoken(found)
    if found := _CLOCK.fullmatch(plain):
        return Moment("clock", (int(found["hour"]), int(found["minute"])))
    return {"noon": Moment("time", (12, 0)), "midnight": Moment("time", (0, 0))}.get(plain.lower())


def _full_hour(text: str) -> Moment | None:
    """Return the clock's reading of a bare hour, as in `2` for `2:00 pm`, else None."""
    return Moment("clock", (int(text), 0)) if re.fullmatch(r"[1-9]|1[0-2]", text) else None


def _same_moment(one: Moment, other: Moment) -> bool | None:
    """Return whether two dates or times agree in all that both give; None if incomparable."""
    kinds = {one.kind, other.kind}
    if one == other:
        return True
    if kinds == {"date"}:
        pairs = zip(one.parts, other.parts, strict=True)
        return all(a == b or None in {a, b} for a, b in pairs)
    if kinds == {"time"}:
        return one.parts == other.parts
    if any((moment.parts[0] or 0) > _HOURS for moment in (one, other)):
        return one == other
    if kinds == {"time", "clock"}:
        hours = [(moment.parts[0] or 0) % _NOON for moment in (one, other)]
        return one.parts[1] == other.parts[1] and hours[0] == hours[1]
    if any((moment.parts[1] or 0) < _TEN for moment in (one, other)):
        return one == other
    return None  # 10:30 may also be a ratio


def same_time(gold: str, answer: str) -> Finding | None:
    """Compare dates and times of day; None unless both are one and they can be compared."""
    one, other = moment(gold), moment(answer)
    if one is None and other is None:
        return None
    one = one or _full_hour(gold)
    other = other or _full_hour(answer)
    same = None if one is None or other is None else _same_moment(one, other)
    if same is None:
        return None
    return Finding(equal=same, rule="moment", note=f"{answer} against {gold}")
