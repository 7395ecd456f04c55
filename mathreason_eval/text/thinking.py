"""A model's thoughts apart from its answer."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TAGS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
)
OPENING_TAGS = tuple(opening for opening, _ in _TAGS)
_SIGNS = (
    "think>",
    "thinking>",
    "thought>",
    "reasoning>",
    "THINK]",
    "think▷",
    "thought|>",
    "<|channel",
)
"""What a text without tags does not hold; looking for these is quicker than for every tag."""
_MISSPELT = re.compile(r"(?:</|<\\|\\end\s?\{|\[/|</\s)\s?think(?:ing)?\s?[>}\]]", re.IGNORECASE)
r"""An end as models misspell it: `\end{think}`, `<\think>`. Counts only where no right one is."""


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
    if not any(sign in text for sign in _SIGNS):
        return Thought(text=text, reasoning=None, finished=True)
    end, after = max(
        (text.rfind(closing), text.rfind(closing) + len(closing)) for _, closing in _TAGS
    )
    begun = max(text.rfind(opening) for opening, _ in _TAGS)
    if begun > end:
        misspelt = _last_misspelt(text, begun)
        if misspelt is None:
            return Thought(text="", reasoning=_untagged(text), finished=False)
        end, after = misspelt
    if end < 0:
        return Thought(text=text, reasoning=None, finished=True)
    return Thought(text=text[after:].lstrip(), reasoning=_untagged(text[:end]), finished=True)


def _last_misspelt(text: str, begun: int) -> tuple[int, int] | None:
    """Return the span of the last misspelt end of a thought that was begun, or None."""
    last = None
    for last in _MISSPELT.finditer(text, begun):  # noqa: B007 - the last one is wanted
        pass
    return last.span() if last is not None else None


def _untagged(text: str) -> str:
    """Return a thought without the tag it begins with."""
    stripped = text.strip()
    for opening, _ in _TAGS:
        stripped = stripped.removeprefix(opening)
    return stripped.strip()
