"""A model's thoughts apart from its answer."""

from __future__ import annotations

from dataclasses import dataclass

_TAGS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Thought:
    """A text divided at the end of its thinking."""

    text: str
    """What follows the thinking, or everything if there was none; empty if it never ended."""
    reasoning: str | None
    """The thinking without its tags; None if there was none."""
    finished: bool
    """False if the thinking was begun and never ended."""


def split_thinking(text: str, reasoning: str | None = None) -> Thought:
    """Return a text divided at its last closing think tag, in time linear in its length.

    A template that opens the thinking itself leaves only the closing tag in the text.

    Args:
        text: as generated.
        reasoning: what a server has split off already; then the text is only looked at for
            whether there is an answer at all.
    """
    if reasoning is not None:
        return Thought(text=text, reasoning=reasoning, finished=bool(text.strip()))
    end, after, opening = max(
        (text.rfind(closing), text.rfind(closing) + len(closing), opening)
        for opening, closing in _TAGS
    )
    begun = max(text.rfind(opening) for opening, _ in _TAGS)
    if begun > end:
        return Thought(text="", reasoning=_untagged(text), finished=False)
    if end < 0:
        return Thought(text=text, reasoning=None, finished=True)
    inside = text[:end].strip().removeprefix(opening)
    return Thought(text=text[after:].lstrip(), reasoning=inside.strip(), finished=True)


def _untagged(text: str) -> str:
    """Return an unfinished thought without the tag it begins with."""
    stripped = text.strip()
    for opening, _ in _TAGS:
        stripped = stripped.removeprefix(opening)
    return stripped.strip()
