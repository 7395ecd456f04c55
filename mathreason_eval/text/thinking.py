"""Division of a generated text into reasoning and answer, by the position of think marks.

Reasoning can only be at the beginning of a text. Everything after its first closing mark is the
answer, further tags included: an answer may quote one. An answer that begins with an opening is
another thought.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import cache, lru_cache

from mathreason_eval.text.think_marks import MARKS, SUFFIX, Marks

_ROLE = (
    r"(?:[\s\ufeff\u00ad\u200b-\u200f\u2060-\u2064]|<s>|<bos>|<sop>|\[BOS\]|\[gMASK\]|\[/INST\]"
    r"|<[|｜](?:begin[_▁]of[_▁](?:text|sentence)|startoftext)[|｜]>"
    r"|(?:<\|(?:im_start|start|begin)\|>|\]~b\])(?:assistant|ai)\b"
    r"|<\|(?:start_header_id|header_start|start_of_role)\|>assistant"
    r"<\|(?:end_header_id|header_end|end_of_role)\|>"
    r"|(?:<start_of_turn>|<\|turn>)model\b|<role>assistant</role>|<\|message_model\|>"
    r"|<\|START_OF_TURN_TOKEN\|>|<\|CHATBOT_TOKEN\|>"
    r"|<[|｜]assistant(?:_start)?[|｜]>|\[\|assistant\|\])*+"
)
"""What may precede the reasoning: the header of a turn, if special tokens are kept."""
_HEADER = re.compile(_ROLE, re.IGNORECASE)
_MISSPELT = re.compile(r"(?:</|<\\|\\end\s?\{|\[/|</\s)\s?think(?:ing)?\s?[>}\]]", re.IGNORECASE)
r"""A misspelt closing mark: `\end{think}`, `<\think>`. Counts only if there is no correct one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Thought:
    """A text divided at the end of its reasoning."""

    text: str
    """What follows the reasoning, or everything if there was none; empty if it never ended."""
    reasoning: str | None
    """The reasoning without its marks, possibly empty; None if there was none."""
    finished: bool
    """False if the reasoning began and never ended."""
    start: int = 0
    """Position of `text` in the undivided text, in characters."""


def split_thinking(text: str, reasoning: str | None = None, *, cut: bool = True) -> Thought:
    """Return a text divided where its reasoning ends, in time linear in its length.

    Marks that the chat template has written must be part of `text`: see `written_opening`. If
    there is no opening mark, as from a server or a file that does not say what its template wrote,
    there is reasoning only if a closing mark cannot be a mention: see `_lone_closing`.

    Args:
        text: as generated.
        reasoning: the reasoning that a server has split off already; then `text` is the answer,
            and only whether there is one is decided.
        cut: whether the text may have been cut; else a sentence such as `Here is my thought
            process:` opens no thought where none is closed.
    """
    if reasoning is not None:
        return Thought(text=text, reasoning=reasoning, finished=bool(text.strip() or not reasoning))
    is_marked = _begins_with_mark().match(text) is not None
    if is_marked and (opened := _opened(text, cut=cut)) is not None:
        return _after_opening(text, *opened)
    if _may_close(text) and (found := _lone_closing(text)) is not None:
        name, closing = found
        return _after_closing(text, name, 0, closing)
    if _may_open_late(text) and _LATE_OPENING.match(text):
        return Thought(text="", reasoning=text.strip(), finished=False, start=len(text))
    if is_marked:
        return _without_frame(text)
    return Thought(text=text, reasoning=None, finished=True)


def ending_of(text: str) -> str | None:
    """Return what ends the thought that a text began and did not end, as its model would write it.

    It ends where the answer begins. None if no thought is open.

    Args:
        text: as for `split_thinking`.
    """
    if split_thinking(text).finished:
        return None
    found = _opened(text, cut=True)
    if found is not None:
        begun = _opening(found[0]).match(text)
        return MARKS[found[0]].ending((begun and begun.groupdict().get("suffix")) or "")
    late = _LATE_OPENING.match(text)
    name = "think" if late is None else next(
        one for one in _ALONE if _bare_opening(one).search(text, text.index("\n"), late.end())
    )  # fmt: skip
    return MARKS[name].ending()


def opens_in_prose(text: str) -> bool:
    """Return whether a text begins with a sentence that opens a thought, or an answer.

    It is a thought if it is closed, or if the text was cut.
    """
    return any(_opening(name).match(text) for name in _PROSE)


_PROSE = tuple(name for name, marks in MARKS.items() if marks.prose)


def _opened(text: str, *, cut: bool) -> tuple[str, int, re.Match[str] | None] | None:
    """Return the kind of marks that a text begins with, where its reasoning starts, and its end.

    Two families may share an opening mark: then the one whose closing mark is found first counts.
    """
    header = _HEADER.match(text)
    assert header is not None, "the pattern matches nothing, too"
    begun = [
        (name, found)
        for name in MARKS
        if _bare_opening(name).match(text, header.end()) and (found := _opening(name).match(text))
    ]
    opened = [(name, found.end(), _closed(text, name, found)) for name, found in begun]
    if not cut:
        opened = [one for one in opened if one[2] is not None or not MARKS[one[0]].prose]
    return min(opened, key=lambda one: one[2].start() if one[2] else len(text), default=None)


def _without_frame(text: str) -> Thought:
    """Return a text without reasoning, and without the marks that a family has around an answer."""
    for name, marks in MARKS.items():
        if marks.implied is not None and (framed := _frame(name).match(text)):
            divided = _divided(text, marks, 0, (0, framed.start("frame")))
            return Thought(text=divided.text, reasoning=None, finished=True, start=divided.start)
    return Thought(text=text, reasoning=None, finished=True)


@cache
def _begins_with_mark() -> re.Pattern[str]:
    """Return what matches a text that begins with any opening, or with any mark of an answer."""
    marks = [part for one in MARKS.values() for part in (one.opening, one.implied) if part]
    anyone = "|".join(map(_without_group, marks))
    return re.compile(f"{_ROLE}(?:{anyone})", re.IGNORECASE)


def _may_close(text: str) -> bool:
    """Return whether a text may contain the closing mark of a thought that nothing opens.

    Single characters first: looking for one takes a tenth of the time of looking for two.
    """
    return (
        ("<" in text and ("</" in text or "|>" in text or "<u" in text or "<U" in text))
        or ("[" in text and ("[/" in text or "[u" in text or "[U" in text))
        or "◁" in text
    )


_SPACE = re.compile(r"\s*")
_LATEST = 202
"""Characters in which the first line ends that an opening may follow."""


def _may_open_late(text: str) -> bool:
    """Return whether the second line of a text may be an opening: it begins as one does."""
    end = text.find("\n", 0, _LATEST)
    if end <= 0:
        return False
    space = _SPACE.match(text, end)
    assert space is not None, "the pattern matches nothing, too"
    return text.startswith(("<", "[", "◁"), space.end())


def parsed_thought(
    text: str, reasoning: str | None, content: str | None, opening: str | None = None
) -> Thought:
    """Return a text as another program's parser divided it, if its parts make up the text.

    They do if the text is an opening mark, the reasoning, a mark and the content, in this order.
    Parsers also return other things: they treat a text without an opening mark as reasoning, drop
    text before a mark that an answer mentions, and return unfinished reasoning as content. Then
    the marks that are known here decide; reasoning with a parser's own marks counts as finished if
    the parser found both reasoning and content.

    Args:
        text: as for `split_thinking`.
        reasoning: the parser's reasoning; None if it found none.
        content: the parser's answer; None if it found none.
        opening: the parser's opening mark; None if it has none.
    """
    own = split_thinking(text)
    begun = _begun(text, opening)
    if begun is None:
        return own
    answer = (content or "").strip()
    thought = (reasoning or "").strip().removeprefix(text[:begun].strip()).strip()
    if answer and _is_division(text[begun:], thought, answer):
        if own.text.strip() == answer or _begun(answer, opening) is not None:
            return own
        return Thought(text=answer, reasoning=thought, finished=True, start=text.rindex(answer))
    if own.reasoning is not None or not own.finished:
        return own
    if answer and thought:
        start = max(text.rfind(answer), 0)
        return Thought(text=answer, reasoning=thought, finished=True, start=start)
    return Thought(text="", reasoning=text[begun:].strip() or text, finished=False)


def _begun(text: str, opening: str | None) -> int | None:
    """Return where the reasoning at the beginning of a text starts, or None if there is none."""
    if opening and (found := re.match(_ROLE + re.escape(opening.strip()), text)):
        return found.end()
    found_any = (_opening(name).match(text) for name in MARKS)
    return next((found.end() for found in found_any if found), None)


def _is_division(text: str, thought: str, answer: str) -> bool:
    """Return whether a text is reasoning, a mark and an answer, and nothing else."""
    text = text.strip()
    if not (text.startswith(thought) and text.endswith(answer)):
        return False
    mark = text[len(thought) : len(text) - len(answer)].strip()
    return 0 < len(mark) <= _LONGEST_OPENING


def written_opening(prompt: str) -> str:
    """Return the reasoning marks at the end of a prompt as the model sees it, or "".

    They are the opening mark for models that always think; opening and closing mark, or the
    closing mark alone, where thinking is switched off.
    """
    ended = prompt.rstrip()
    found = _WRITTEN.search(ended, max(0, len(ended) - _LONGEST_OPENING))
    return found.group() if found else ""


def is_mark(token: str) -> bool:
    """Return whether a special token is a think mark or a part of one."""
    return token in _SPECIAL_PARTS or any(
        re.fullmatch(part, token, _flags(marks))
        for marks in MARKS.values()
        for part in (marks.opening, marks.closing.replace("{suffix}", f"(?:{SUFFIX})?"))
    )


_SPECIAL_PARTS = frozenset({
    *("<|start|>", "<|channel|>", "<|message|>", "<|constrain|>", "<|channel>", "<channel|>"),
    *("<|open|>", "<|close|>", "<|sep|>"),
    *("<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|START_TEXT|>", "<|END_TEXT|>"),
    *("<|begin_of_solution|>", "<|end_of_solution|>", "<|message_model|>", "<|content_text|>"),
    *("<|begin|>", "<|content|>", "<|flush|>", "<unused94>", "[unused10]"),
    *("<|eom|>", "<|end|>", "<|content_model_end_sampling|>"),
    *("[BEGIN FINAL RESPONSE]", "[END FINAL RESPONSE]"),
})  # fmt: skip
"""Special tokens that form a mark together with ordinary ones, and those around an answer."""


@cache
def _opening(name: str) -> re.Pattern[str]:
    marks = MARKS[name]
    return re.compile(f"{_ROLE}(?:{marks.opening})", _flags(marks))


@cache
def _frame(name: str) -> re.Pattern[str]:
    """Return what matches the mark of an answer at the beginning of a text."""
    return re.compile(f"{_ROLE}(?P<frame>{MARKS[name].implied})", re.IGNORECASE)


@lru_cache(maxsize=64)
def _closing(marks: Marks, suffix: str) -> re.Pattern[str]:
    return re.compile(marks.closing.replace("{suffix}", re.escape(suffix)), _flags(marks))


def _flags(marks: Marks) -> re.RegexFlag:
    return re.RegexFlag(0) if marks.exact else re.IGNORECASE


def _after_opening(text: str, name: str, begin: int, closed: re.Match[str] | None) -> Thought:
    """Return a text whose reasoning starts at `begin`, divided at its closing mark."""
    if closed is None:
        return Thought(text="", reasoning=text[begin:].strip(), finished=False, start=len(text))
    return _after_closing(text, name, begin, _end_of(name, closed))


def _end_of(name: str, closed: re.Match[str]) -> tuple[int, int]:
    """Return the span of a closing mark: empty where the answer's own mark is the end."""
    implied = MARKS[name].implied
    if implied and re.fullmatch(implied, closed.group(), re.IGNORECASE):
        return closed.start(), closed.start()
    return closed.span()


def _after_closing(text: str, name: str, begin: int, closing: tuple[int, int]) -> Thought:
    """Return a text divided at a closing; what begins with another thought is no answer yet."""
    while again := _opening(name).match(text, closing[1]):
        closed = _closed(text, name, again)
        if closed is None:
            rest = text[begin:].strip()
            return Thought(text="", reasoning=rest, finished=False, start=len(text))
        closing = _end_of(name, closed)
    return _divided(text, MARKS[name], begin, closing)


def _closed(text: str, name: str, begun: re.Match[str]) -> re.Match[str] | None:
    """Return the first end of a thought after its opening."""
    suffix = begun.groupdict().get("suffix") or ""
    closed = _closing(MARKS[name], suffix).search(text, begun.end())
    if implied := MARKS[name].implied:
        opened = re.compile(implied, re.IGNORECASE).search(text, begun.end())
        if opened and (closed is None or opened.start() < closed.start()):
            return opened
    if closed is None and name in {"think", "thinking"}:
        closed = _MISSPELT.search(text, begun.end())
    return closed


def _divided(text: str, marks: Marks, begin: int, closing: tuple[int, int]) -> Thought:
    """Return a text divided, with its reasoning between `begin` and `closing`."""
    start, end = closing[1], len(text)
    start += len(text[start:]) - len(text[start:].lstrip())
    if marks.response is not None:
        before, behind = marks.response
        if opened := re.compile(f"{before}\\s*", re.IGNORECASE).match(text, start):
            start = opened.end()
        # Only if nothing follows it: an answer may quote this mark as well.
        tail = re.compile(f"\\s*(?:{behind})\\s*\\Z", re.IGNORECASE)
        if ended := tail.search(text, max(start, end - _LONGEST_TAIL)):
            end = ended.start()
    thought = text[begin : closing[0]]
    if marks is MARKS["harmony"]:
        thought = _HARMONY_TURN.sub("\n", thought)
    return Thought(
        text=text[start:end], reasoning=thought.strip(), finished=True, start=min(start, end)
    )


_LONGEST_TAIL = 200
"""Characters: more than any mark after an answer has, whitespace included."""
_LONGEST_OPENING = 200
"""Characters: more than the reasoning marks that a template writes."""
_HARMONY_TURN = re.compile(
    r"<\|end\|>(?:<\|start\|>assistant)?(?:<\|channel\|>[^<]{1,80}<\|message\|>)?"
)
"""Marks between the messages of one block of reasoning."""


def _with_any_suffix(marks: Marks) -> str:
    return marks.closing.replace("{suffix}", f"(?:{SUFFIX})?")


_ALONE = {name: marks for name, marks in MARKS.items() if marks.alone}
# Without groups, whose beginnings Python does not look for, so that it takes fifty times as long.
_ANY_LONE = re.compile("|".join(map(_with_any_suffix, _ALONE.values())), re.IGNORECASE)
_QUOTES = frozenset("`'\"“”‘’«»")


def _lone_closing(text: str) -> tuple[str, tuple[int, int]] | None:
    """Return the first closing that is no mention, and the name of its kind, or None.

    A model writes it at the end or at the beginning of a line, or without a space on either side; a
    sentence that mentions it has spaces, quotes or a full stop around it.
    """
    fences: list[int] | None = None
    for found in _ANY_LONE.finditer(text):
        start, end = found.span()
        before, after = text[start - 1 : start] or "\n", text[end : end + 1] or "\n"
        if before in _QUOTES or after in _QUOTES:
            continue
        on_edge = "\n" in {before, after}
        glued = not before.isspace() and (after.isalnum() or after in "\\$*#<")
        if on_edge or glued:
            name = _lone_kind(found.group())
            if fences is None:
                fences = [fence.start() for fence in re.finditer("```", text)]
            behind = bisect_left(fences, start)
            # In a block of code with its opening mark it is an example.
            if behind % 2 and _bare_opening(name).search(text, fences[behind - 1], start):
                continue
            return name, (start, end)
    return None


def _without_group(opening: str) -> str:
    return opening.replace("(?P<suffix>", "(?:")


_LATE_OPENING = re.compile(
    rf"(?:(?!boxed|answer|`)[^\n]){{1,200}}\n\s*"
    rf"(?:{'|'.join(_without_group(marks.opening) for marks in _ALONE.values())})[^\S\n]*(?:\n|\Z)",
    re.IGNORECASE,
)
"""An opening on a line of its own behind a line of preamble, as `Okay.` before `<think>`: where it
is never closed, what follows is a thought."""


def _lone_kind(closing: str) -> str:
    """Return the first kind of marks that has a closing mark."""
    kinds = (
        name
        for name, marks in _ALONE.items()
        if re.fullmatch(_with_any_suffix(marks), closing, re.IGNORECASE)
    )
    return next(kinds)


@cache
def _bare_opening(name: str) -> re.Pattern[str]:
    return re.compile(MARKS[name].opening, re.IGNORECASE)


def _written(marks: Marks) -> str:
    """Return the regular expression of the reasoning marks that a template may have written."""
    opening = _without_group(marks.opening)
    closing = _with_any_suffix(marks)
    return f"(?:{opening})(?:\\s*(?:{closing}))?" + (f"|{closing}" if marks.alone else "")


_WRITTEN = re.compile(f"(?:{'|'.join(map(_written, MARKS.values()))})\\Z")
