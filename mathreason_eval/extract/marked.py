r"""Rules for an answer in the form that a prompt asks for: `\boxed{…}`, `<answer>…`, `####`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from mathreason_eval.extract.phrases import phrase
from mathreason_eval.extract.spans import (
    Span,
    answer_at,
    are_coordinated,
    last_matches,
    line_end,
    stripped,
    trim_to_value,
)
from mathreason_eval.maths.vocabulary.latex import TEXT_COMMAND
from mathreason_eval.maths.vocabulary.negation import CONTRASTS
from mathreason_eval.types import Answer

_LONGEST = 60_000
"""Maximum characters of a box; a brace that is not closed within them is never closed."""
_MOST_TRIED = 64
"""Number of boxes tried from the end, mentions of the word included."""
_MOST_JOINED = 16
"""Maximum number of boxes that form one answer."""
_COMMANDS = (("oxed", 2), (r"\fbox", 0), (r"\framebox", 0))
r"""What is searched for, and how many characters of the command precede it: `\boxed`, and `boxed{`
of a model that lost the backslash, or wrote the backspace that `\b` means in many languages."""
_IN_EVERY_BOX = "ox"
"""What all of them contain, and GLM's tokens, too."""
_SPACE = re.compile(r"\s*")
_BRACE = re.compile(r"\\[\\{}]|[{}]")
r"""Braces that count, and `\{`, which does not."""
_FORMULA_END = re.compile(r"[\n$]|\\[)\]]")
_PROSE = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{2,}")
_WORD = re.compile(r"\s*[^\s.,;]+")
_FORM = re.compile(rf"{TEXT_COMMAND}|[{{}}<>\[\]$_]")
_PLACEHOLDERS = {
    "...", "…", r"\ldots", r"\dots", r"\cdots", "answer", "your answer", "final answer", "ans",
    "the answer", "your final answer", "the final answer", "number", "integer", "option letter",
}  # fmt: skip
_MENTIONS = re.compile(
    r"(?:within|inside|in|into|using|with|use|put|place|the|an?|format|command|notation|of|like|not)"
    r"[\s\"'`$*:(\\]*\Z",
    re.IGNORECASE,
)
_ROUNDS = re.compile(r"≈|\\approx|\bapprox|\babout\b|\broughly\b", re.IGNORECASE)
_MOST_ROUNDING = 40


def boxed(text: str) -> Answer | None:
    r"""Return the content of the last `\boxed{…}`, `\fbox{…}` or `\boxed X`, braces balanced.

    Coordinated boxes, `\boxed{3} and \boxed{5}`, are one answer, a list. If the last box is never
    closed, no earlier one is used: the model has withdrawn it. A box that only shows the requested
    form, `\boxed{answer}`, is ignored.
    """
    if _IN_EVERY_BOX not in text:
        return None
    boxes = _boxes(text)
    for mark, after in boxes:
        content = _content(text, after)
        if content is None:
            return _unclosed(text, after)
        if not _is_mention(text, mark, content) and not _is_contrast(text, mark):
            return _with_neighbours(text, mark, content, boxes)
    return _between_tokens(text)


_BOX_TOKENS = ("<|begin_of_box|>", "<|end_of_box|>")


def _between_tokens(text: str) -> Answer | None:
    """Return the content of the last box that GLM writes with tokens of its own."""
    opening, closing = _BOX_TOKENS
    begin = text.rfind(opening)
    end = text.find(closing, begin)
    if begin < 0 or end < 0:
        return None
    return answer_at(text, "boxed", (begin + len(opening), end))


BOXES = "boxes"
"""The measure of a text with several boxed answers: how many different ones there are."""


def distinct_boxes(text: str) -> float:
    """Return the number of different texts in boxes, spaces aside: of the last 64 boxes."""
    if text.count("box") <= 1:
        return 1.0
    spans = (_content(text, after) for _, after in _boxes(text))
    contents = {"".join(text[span[0] : span[1]].split()) for span in spans if span is not None}
    return float(len(contents - {""}))


def _boxes(text: str) -> Iterator[Span]:
    """Yield (start of the command, start of its argument) for each box, the last first."""
    places = [text.rfind(needle) for needle, _ in _COMMANDS]
    for _ in range(_MOST_TRIED):
        nearest = max(places)
        if nearest < 0:
            return
        kind = places.index(nearest)
        needle, before = _COMMANDS[kind]
        places[kind] = text.rfind(needle, 0, nearest)
        mark, end = max(0, nearest - before), nearest + len(needle)
        opening = _SPACE.match(text, end)
        assert opening is not None, "the pattern matches nothing, too"
        command = text.startswith(("\\", "\b"), mark) and not text[end : end + 1].isalpha()
        if command or text.startswith("{", opening.end()):
            yield mark, opening.end()


def _content(text: str, after: int) -> Span | None:
    """Return the span of a box's content; None if its brace is never closed."""
    if not text.startswith("{", after):
        return _braceless(text, after)
    depth = 0
    for found in _BRACE.finditer(text, after, min(len(text), after + _LONGEST)):
        depth += {"{": 1, "}": -1}.get(found.group(), 0)
        if found.group() == "}" and depth == 0:
            return stripped(text, after + 1, found.start())
    return None


def _braceless(text: str, start: int) -> Span:
    r"""Return the span of `X` in `$\boxed X$`: up to the formula's end, or one word of prose."""
    stop = _formula_end(text, start, start)
    if _PROSE.search(text, start, stop):
        word = _WORD.match(text, start, stop)
        stop = word.end() if word and any(sign.isdigit() for sign in word.group()) else start
    return stripped(text, start, stop)


def _formula_end(text: str, start: int, after: int) -> int:
    """Return where the formula around a box ends."""
    end = _FORMULA_END.search(text, start, after + _LONGEST)
    return end.start() if end else min(len(text), after + _LONGEST)


def _is_mention(text: str, mark: int, content: Span) -> bool:
    r"""Return whether a box only shows the form that was asked for: `within \boxed{}`."""
    inside = _FORM.sub("", text[content[0] : content[1]]).strip().lower()
    if inside in _PLACEHOLDERS:
        return True
    return not inside and _MENTIONS.search(text[max(0, mark - 40) : mark]) is not None


_CONTRAST = re.compile(
    rf"\\?f?boxed\s*\{{[^{{}}]*(?:\{{[^{{}}]*\}}[^{{}}]*)*\}}[\s$)\]\\.,;:(—–-]*{CONTRASTS}[\s$(\[\\{{]*\Z",
    re.IGNORECASE,
)
_CONTRAST_REACH = 120
"""Characters in which the box before one that it is set off from is looked for."""


def _is_contrast(text: str, mark: int) -> bool:
    r"""Return whether a box is what the one before is not: `\boxed{23}, not \boxed{24}`."""
    before = text[max(0, mark - _CONTRAST_REACH) : mark]
    return "box" in before and _CONTRAST.search(before) is not None


def _with_neighbours(text: str, mark: int, last: Span, earlier: Iterator[Span]) -> Answer:
    """Return the answer of a box together with the boxes before it that it is coordinated with."""
    parts = [last]
    for before, after in earlier:
        part = _content(text, after)
        if part is None or len(parts) == _MOST_JOINED:
            break
        between = text[part[1] : mark].lstrip().removeprefix("}")
        if part[1] >= last[1]:
            # A box around this one is the whole answer if it contains anything else.
            if text[part[0] : mark].strip() or text[last[1] : part[1]].strip(" }"):
                parts = [part]
        elif _ROUNDS.search(between) and len(between) <= _MOST_ROUNDING:
            # `\boxed{\sqrt2} \approx \boxed{1.41}`: the exact one is the answer.
            parts = [part]
        elif are_coordinated(between):
            parts.insert(0, part)
        else:
            break
        mark = before
    # The same answer boxed twice is one answer.
    distinct = list(dict.fromkeys(text[start:end] for start, end in parts))
    span = parts[-1] if len(distinct) == 1 else (parts[0][0], parts[-1][1])
    return Answer(text=", ".join(distinct), rule="boxed", span=span)


def box_before(text: str, answer: Answer) -> tuple[Span, Span] | None:
    """Return the spans of the box before that of an answer, and of what stands between the two."""
    if text.count("ox") <= 1:
        return None
    mark = -1
    for begins, after in _boxes(text):
        content = _content(text, after)
        if content is None:
            continue
        if mark >= 0 and content[1] < mark and not _is_mention(text, begins, content):
            return content, (content[1], mark)
        if begins < answer.span[0]:
            mark = begins
            if content[1] < answer.span[0]:
                return None
    return None


def _unclosed(text: str, after: int) -> Answer:
    """Return the content of a last box that is never closed, up to the end of its formula."""
    return answer_at(text, "unclosed_box", (after + 1, _formula_end(text, after + 1, after)))


_HASHES = re.compile(r"(?<!#)####(?!#)[ \t:]*")
_FINAL = re.compile(
    r"[\s*]*(?:the\s+)?(?:final\s+)?answer\s*(?:is\b|:)[\s*:]*(?=\S)", re.IGNORECASE
)
_HEADING = re.compile(
    r"[\s*]*(?:step|part|case|option|solution|conclusion|explanation|answer|final|verif|check"
    r"|\d+[.)]\s*[A-Za-z])",
    re.IGNORECASE,
)


def hashes(text: str) -> Answer | None:
    """Return the rest of the line after the last `####` that is not a heading; None if none."""
    if "####" not in text:
        return None
    for found in last_matches(_HASHES, text):
        start, end = found.end(), line_end(text, found.end())
        announced = _FINAL.match(text, start, end)
        if announced is not None:
            start = announced.end()
        elif _is_heading(text, start, end):
            continue
        answer = answer_at(text, "hashes", trim_to_value(text, start, end))
        if answer.text:
            return answer
    return None


def hashes_before(text: str, answer: Answer) -> tuple[Span, Span] | None:
    """Return the spans of what the `####` before an answer's announces, and of what follows it."""
    marks = last_matches(_HASHES, text)
    for later, earlier in pairwise(marks):
        if later.end() <= answer.span[0] <= line_end(text, later.end()):
            end = line_end(text, earlier.end())
            if _is_heading(text, earlier.end(), end):
                return None
            span = trim_to_value(text, earlier.end(), end)
            return span, (span[1], later.start())
    return None


def _is_heading(text: str, start: int, end: int) -> bool:
    """Return whether a line after `####` is a heading: it names a step, or has no value."""
    if end >= len(text.rstrip()):
        return False
    line = text[start:end]
    return _HEADING.match(line) is not None or not re.search(r"[\d$\\]", line)


_OPEN_TAG = re.compile(r"<\s*(?:final_?)?answer\s*>|\[\s*answer\s*\]", re.IGNORECASE)
_CLOSE_TAG = re.compile(r"<\s*/\s*(?:final_?)?answer\s*>|\[\s*/\s*answer\s*\]", re.IGNORECASE)
_NO_ANSWERS = {"", "...", "…", "answer", "your answer", "answer here", "final answer", "and"}
"""Contents of tags in a text that only mentions the tags."""


def tag(text: str) -> Answer | None:
    """Return the content of the last `<answer>`; one that is never closed is `unclosed_tag`."""
    if not _may_have_tag(text):
        return None
    for opening in last_matches(_OPEN_TAG, text):
        closing = _CLOSE_TAG.search(text, opening.end())
        span = opening.end(), closing.start() if closing else len(text)
        answer = _in_tag(text, "tag" if closing else "unclosed_tag", span)
        if answer.text and answer.text.lower() not in _NO_ANSWERS:
            return answer
    return None


def tag_before(text: str, answer: Answer) -> tuple[Span, Span] | None:
    """Return the spans of the tag before an answer's, and of what stands between the two."""
    for later, earlier in pairwise(last_matches(_OPEN_TAG, text)):
        closing = _CLOSE_TAG.search(text, earlier.end(), later.start())
        if later.end() <= answer.span[0] and closing is not None:
            return stripped(text, earlier.end(), closing.start()), (closing.end(), later.start())
    return None


def _may_have_tag(text: str) -> bool:
    """Return whether a text may contain `<answer>`: a fast first look."""
    return (">" in text and ("nswer>" in text or "NSWER>" in text)) or (
        "]" in text and ("nswer]" in text or "NSWER]" in text)
    )


def _in_tag(text: str, rule: str, span: Span) -> Answer:
    """Return the answer in a tag, which may contain a box or a whole sentence."""
    answer = answer_at(text, rule, span)
    found = boxed(answer.text) or phrase(answer.text)
    if found is None or not found.text:
        return answer_at(text, rule, trim_to_value(text, *answer.span))
    offset = answer.span[0]
    return Answer(text=found.text, rule=rule, span=(found.span[0] + offset, found.span[1] + offset))
