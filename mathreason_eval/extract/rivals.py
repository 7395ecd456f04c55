r"""Several claims of the same rank with different values: a list of guesses, of which none counts.

`Answer: 39`, `Answer: 40`, `Answer: 41` claims nothing, and neither do `Case 1: \boxed{1}` and
`Case 2: \boxed{2}`. What is derived between two claims, or a word that corrects, makes the last one
the answer: a model that checks and changes its mind has one. So claims are rivals only where
nothing but labels and the announcement stands between them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from mathreason_eval.extract.marked import box_before, hashes_before, tag_before
from mathreason_eval.extract.phrases import phrase_before
from mathreason_eval.extract.spans import Span
from mathreason_eval.maths.compare.equal import compare
from mathreason_eval.types import Answer

Before = Callable[[str, Answer], tuple[Span, Span] | None]

_BEFORE: dict[str, Before] = {
    "boxed": box_before, "hashes": hashes_before, "tag": tag_before, "phrase": phrase_before,
}  # fmt: skip
"""By rule: the span of the claim before an answer, and the span of what stands between the two."""
_LONGEST_BETWEEN = 100
_LONGEST_VALUE = 40
_VALUE = re.compile(r"[-−+$\\({\s]{0,4}(?:\d|\\[dt]?frac|\\sqrt|[A-J]\W*\Z)")
_LABEL = (
    r"(?:(?:case|option|method|approach|answer|guess|attempt|candidate|scenario|possibility|variant|version|way"
    r"|try|solution|interpretation|alternative|choice)s?\s*\#?(?:\d{1,2}|[a-hivx]{1,3}|one|two|three)?"
    r"|\(?(?:\d{1,2}|[a-hivx]{1,3})\)|(?:if|when|for|with|using|by|under|in|from)\b[^.;:!?]{0,40}"
    r"|(?:the\s+)?(?:first|second|third|fourth|next|other|another|my|your|our))"
)
_ANNOUNCES = (
    r"(?:the|this|that|it|they|a|an|and|or|also|maybe|perhaps|possibly|either|we|get|have|answer|answers|ans"
    r"|result|solution|value|is|are|was|be|would|could|might|may|can|of|boxed|text|else"
    r"|antwort|die|lautet|ist|oder|ergebnis|la|le|les|réponse|est|ou|respuesta|es|o|resposta|é|risposta|è|ответ"
    r"|или|答案|是|为|或|cevap|jawaban|adalah|jawabannya|đáp|án|là)"
)
# Atomic and possessive: what an element took is not given back, since there are very many ways to
# divide a text into labels.
_NOTHING = re.compile(
    rf"(?>{_LABEL}(?![a-z])|{_ANNOUNCES}(?!\w)|[\s\W_\d答案是为或])*+", re.IGNORECASE
)
"""All of what stands between two claims of which neither corrects nor follows from the other."""
_STEP = re.compile(
    r"[≈→⇒∴]|\\(?:approx|to|implies|Rightarrow|therefore|Longrightarrow)(?![a-z])"
    r"|[=<>+]\s*[$\\({\s]*\Z"
)
"""What derives the second of two values, or names it: `$y = $`."""
_FINAL = re.compile(r"\bfinal\b", re.IGNORECASE)
_LISTS = re.compile(
    r"\b(?:answers|solutions|values|roots|numbers|results|zeros)\b[^.]{0,30}\b(?:are|is)\b|\bare\W*\Z",
    re.IGNORECASE,
)
"""What announces several values, each of which is one of the answers."""
_HEAD = 60
"""Characters before the first of two values in which it may be announced as final, too."""


def rival(text: str, answer: Answer) -> str:
    """Return why an answer is one of several guesses, or "" where it is not."""
    before = _BEFORE.get(answer.rule)
    found = before(text, answer) if before is not None else None
    if found is None:
        return ""
    value, between = found
    other = text[slice(*value)].strip()
    if _LISTS.search(text, max(0, value[0] - _HEAD), value[0]):
        return ""
    words = text[slice(*between)]
    if _FINAL.search(text, max(0, value[0] - _HEAD), value[0]):
        words = _FINAL.sub("", words)
    if not _is_guess(words) or len(other) > _LONGEST_VALUE >= len(answer.text):
        return ""
    if not _VALUE.match(other) or not _VALUE.match(answer.text):
        return ""
    if compare(other, answer.text).equal is not False:
        return ""
    return f"{answer.text} is one of several guesses: {other} is announced as well"


def _is_guess(between: str) -> bool:
    """Return whether what stands between two claims neither corrects nor derives."""
    return (
        len(between) <= _LONGEST_BETWEEN
        and _STEP.search(between) is None
        and _NOTHING.fullmatch(between) is not None
    )
