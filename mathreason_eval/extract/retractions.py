"""What the sentences behind a value say of it: `That is wrong.`, `Forget that.`, `❌`, `不对`.

Whatever stands between them, a mark, a full stop or an empty line, a sentence that refers to the
value is part of its clause. A sentence that names another value, or others, is about those.
"""

from __future__ import annotations

import re

from mathreason_eval.maths.vocabulary.retraction import (
    RETRACTING_ELSEWHERE,
    RETRACTING_WORDS,
    RETRACTIONS,
    WRONG,
)

_REACH = 160
"""Characters behind a value in which its retraction begins and ends."""
_MOST_SENTENCES = 2
"""Sentences behind a value that are read: `Hm. That is wrong.`"""
_FEWEST_WORDS = 2
_LONGEST_ELSEWHERE = 60
"""Characters of a sentence in another language than English that takes a value back."""
_CLOSERS = re.compile(
    r"(?:[\s$*_`~\"'”(){}\[\]>.,;:!…—–。！；，|-]|\\[)\]!,;]|\\end\{\w+\*?\}|<[^<>\n]{1,20}>)*"
)
_CROSS = re.compile(r"[✗✘❌✖❎🚫👎]|\\(?:times|xmark)\s*(?:[$.]|\Z)")
_SENTENCE_END = re.compile(r"[.!?;…](?=\s|[\"'”)*]|\Z)|\n|[。！？；।]")
_VALUE = re.compile(r"[\d$\\=]")
_OTHERS = re.compile(
    r"\b(?:other|others|else|remaining|rest|ander\w*|autres?|otr[oa]s?|outr[oa]s?|altr[ioae]|andre|andra"
    r"|inn[eya]\w*|ostatn\w+|друг\w+|остальн\w+|інш\w+|alt[ei]|diğer\w*|lain\w*|khác)\b"
    r"|其他|其它|其余|其餘|他の|ほかの|다른|나머지",
    re.IGNORECASE,
)


def takes_back(after: str) -> bool:
    """Return whether the sentences that follow a value take it back."""
    after = after[:_REACH]
    return _may_retract(after) and _retracts(after)


def is_crossed(before: str, after: str, answer: str) -> bool:
    """Return whether a value has the mark of what is wrong before, behind or in it: `42 ✗`."""
    if _CROSS.match(after, _begins(after, 0)) or _CROSS.search(before.rstrip()[-1:]):
        return True
    return _CROSS.search(f"{answer[:1]} {answer[-2:]}") is not None


def _begins(text: str, place: int) -> int:
    found = _CLOSERS.match(text, place)
    assert found is not None, "the pattern matches nothing, too"
    return found.end()


_WORDS_ALONE = {code: " " for code in range(128) if not chr(code).isalpha()}


def _may_retract(after: str) -> bool:
    """Return whether a text may take something back: a fast first look."""
    if not after.isascii():
        return True
    words = after.lower().translate(_WORDS_ALONE).split()
    if len(words) < _FEWEST_WORDS:
        return len(words) == 1 and words[0] in RETRACTING_WORDS
    return not RETRACTING_WORDS.isdisjoint(words) or not RETRACTING_ELSEWHERE.isdisjoint(words)


def _retracts(after: str) -> bool:
    place = _begins(after, 0)
    for _ in range(_MOST_SENTENCES):
        if place >= len(after):
            return False
        if RETRACTIONS.match(after, place) is not None:
            return True
        end = _SENTENCE_END.search(after, place)
        stop = end.start() if end else len(after)
        sentence = after[place:stop]
        if _is_wrong(sentence):
            return True
        if _VALUE.search(sentence):
            return False
        place = _begins(after, stop)
    return False


def _is_wrong(sentence: str) -> bool:
    """Return whether a short sentence without a value of its own says that something is wrong."""
    return (
        len(sentence) <= _LONGEST_ELSEWHERE
        and not _VALUE.search(sentence)
        and WRONG.search(sentence) is not None
        and _OTHERS.search(sentence) is None
    )
