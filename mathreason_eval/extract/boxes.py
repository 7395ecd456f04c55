r"""The answer in a box: `\boxed{…}` and its kin."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mathreason_eval.extract.spans import Span, answer_at, in_one_breath, stripped
from mathreason_eval.types import Answer

_LONGEST = 60_000
"""Characters of a box; one that is not closed within them is not closed."""
_MOST_TRIED = 64
"""Boxes looked at from the end, mentions of the word included."""
_MOST_JOINED = 16
"""Boxes that may make up one answer."""

_NEEDLES = (("oxed", 2), (r"\fbox", 0), (r"\framebox", 0))
r"""What a box begins with, and how many characters before it: `\boxed`, and `boxed{` of a model
that lost the backslash, or kept only what `\b` is in many languages, the sign of a backspace."""


def boxed(text: str) -> Answer | None:
    r"""Return the content of the last `\boxed{…}`, `\fbox{…}` or `\boxed X`, braces balanced.

    Boxes in one breath, `\boxed{3} and \boxed{5}`, are one answer, a list. A last box that is never
    closed does not give way to an earlier one: the model took that one back. A box that only shows
    the form asked for, `\boxed{answer}`, is none.
    """
    marks = _marks(text)
    for mark, after in marks:
        content = _content(text, after)
        if content is None:
            return _unclosed(text, after)
        if not _is_mention(text, mark, content):
            return _with_neighbours(text, mark, content, marks)
    return None


def _marks(text: str) -> Iterator[Span]:
    """Yield (start of the command, start of what follows it) of each box, the last first."""
    places = [text.rfind(needle) for needle, _ in _NEEDLES]
    for _ in range(_MOST_TRIED):
        nearest = max(places)
        if nearest < 0:
            return
        kind = places.index(nearest)
        needle, before = _NEEDLES[kind]
        places[kind] = text.rfind(needle, 0, nearest)
        mark, end = max(0, nearest - before), nearest + len(needle)
        opening = _OPENING.match(text, end)
        assert opening is not None, "the pattern matches nothing, too"
        command = text.startswith(("\\", "\b"), mark) and not text[end : end + 1].isalpha()
        if command or text.startswith("{", opening.end()):
            yield mark, opening.end()


_OPENING = re.compile(r"\s*")


def _content(text: str, after: int) -> Span | None:
    """Return the span of a box's content; None if its brace is never closed."""
    if not text.startswith("{", after):
        return _braceless(text, after)
    depth = 0
    for found in _BRACE.finditer(text, after, min(len(text), after + _LONGEST)):
        if found.group() == "{":
            depth += 1
        elif found.group() == "}":
            depth -= 1
            if depth == 0:
                return stripped(text, after + 1, found.start())
    return None


_BRACE = re.compile(r"\\[\\{}]|[{}]")
r"""Braces that count, and `\{`, which does not."""


def _braceless(text: str, start: int) -> Span:
    r"""Return the span of `X` in `$\boxed X$`: up to the formula's end, or one word of prose."""
    end = _FORMULA_END.search(text, start, start + _LONGEST)
    stop = end.start() if end else min(len(text), start + _LONGEST)
    if _PROSE.search(text, start, stop):
        word = _WORD.match(text, start, stop)
        stop = word.end() if word and any(sign.isdigit() for sign in word.group()) else start
    return stripped(text, start, stop)


_FORMULA_END = re.compile(r"[\n$]|\\[)\]]")
_PROSE = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{2,}")
_WORD = re.compile(r"\s*[^\s.,;]+")


def _is_mention(text: str, mark: int, content: Span) -> bool:
    r"""Return whether a box only shows the form that was asked for: `within \boxed{}`."""
    inside = _FORM.sub("", text[content[0] : content[1]]).strip().lower()
    if inside in _PLACEHOLDERS:
        return True
    return not inside and _SPEAKS_OF.search(text[max(0, mark - 40) : mark]) is not None


_FORM = re.compile(r"\\(?:text|mathrm|textbf)(?![a-z])|[{}<>\[\]$_]")
_PLACEHOLDERS = {
    "...", "…", r"\ldots", r"\dots", r"\cdots", "answer", "your answer", "final answer", "ans",
    "the answer", "your final answer", "the final answer", "number", "integer", "option letter",
}  # fmt: skip
_SPEAKS_OF = re.compile(
    r"(?:within|inside|in|into|using|with|use|put|place|the|an?|format|command|notation|of|like|not)"
    r"[\s\"'`$*:(\\]*\Z",
    re.IGNORECASE,
)


def _with_neighbours(text: str, mark: int, last: Span, earlier: Iterator[Span]) -> Answer:
    """Return the answer of a box together with the boxes before it in the same breath."""
    parts = [last]
    for before, after in earlier:
        part = _content(text, after)
        if part is None or len(parts) == _MOST_JOINED:
            break
        if part[1] >= last[1]:
            # The box stands in another one, which is the whole answer if it holds anything else.
            if text[part[0] : mark].strip() or text[last[1] : part[1]].strip(" }"):
                parts = [part]
            mark = before
            continue
        between = text[part[1] : mark].lstrip().removeprefix("}")
        if _ROUNDS.search(between) and len(between) <= _MOST_ROUNDING:
            # `\boxed{\sqrt2} \approx \boxed{1.41}`: the exact one is the answer.
            parts = [part]
        elif in_one_breath(between):
            parts.insert(0, part)
        else:
            break
        mark = before
    # The same answer boxed twice in one breath is one answer.
    distinct = list(dict.fromkeys(text[start:end] for start, end in parts))
    span = parts[-1] if len(distinct) == 1 else (parts[0][0], parts[-1][1])
    return Answer(text=", ".join(distinct), rule="boxed", span=span)


_ROUNDS = re.compile(r"≈|\\approx|\bapprox|\babout\b|\broughly\b", re.IGNORECASE)
_MOST_ROUNDING = 40


def _unclosed(text: str, after: int) -> Answer:
    """Return what stands in a last box that is never closed, up to the end of its formula."""
    end = _FORMULA_END.search(text, after + 1, after + _LONGEST)
    stop = end.start() if end else min(len(text), after + _LONGEST)
    return answer_at(text, "unclosed_box", (after + 1, stop))
