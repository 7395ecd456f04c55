"""Which problem a row of a log is about: by the text of its question, never by its place alone."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from mathreason_eval.types import Problem

_HEAD = 24
"""Characters without white space by which a question is looked for in a prompt."""
_SPACE = re.compile(r"\s+")


def normalised(text: str) -> str:
    """Return a text without white space: harnesses differ in it, and no question differs in it."""
    return _SPACE.sub("", text)


def text_key(text: str) -> str:
    """Return an id for a problem of which only the text is known."""
    digest = hashlib.sha256(normalised(text).encode("utf-8", "surrogatepass"))
    return f"text-{digest.hexdigest()[:12]}"


class Questions:
    """The problems of a task's data, found by their text."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Index some problems."""
        self._exact: dict[str, list[Problem]] = defaultdict(list)
        for problem in problems:
            self._exact[normalised(problem.question)].append(problem)
        self._heads: dict[str, list[str]] = defaultdict(list)
        for text in self._exact:
            self._heads[text[:_HEAD]].append(text)
        self._lengths = sorted({len(head) for head in self._heads})
        self._taken: dict[tuple[str, str | None], Problem] = {}

    def find(self, question: str | None, prompt: str | None, key: str | None) -> Problem | None:
        """Return the problem that is asked; None if it is not one of these.

        Args:
            question: the text of the question alone.
            prompt: a text that contains it: of several, the last is asked.
            key: the publisher's key; problems of one text are told apart by it.
        """
        if not self._exact:
            return None
        for text in filter(None, (question, prompt)):
            if (plain := normalised(text)) in self._exact:
                return self._one_of(plain, key)
        for text in filter(None, (prompt, question)):
            if (within := self._within(normalised(text))) is not None:
                return self._one_of(within, key)
        return None

    def _within(self, prompt: str) -> str | None:
        """Return the question in a prompt that ends last; of those the longest."""
        best, found = (0, 0), None
        for length in self._lengths:
            for place in range(len(prompt) - length + 1):
                for text in self._heads.get(prompt[place : place + length], ()):
                    end = (place + len(text), len(text))
                    if end > best and prompt.startswith(text, place):
                        best, found = end, text
        return found

    def _one_of(self, text: str, key: str | None) -> Problem:
        """Return a problem of that text; each key has its own, in order."""
        same = self._exact[text]
        if len(same) == 1:
            return same[0]
        if (text, key) not in self._taken:
            met = sum(one == text for one, _ in self._taken)
            self._taken[text, key] = same[min(met, len(same) - 1)]
        return self._taken[text, key]


def without_shots(prompts: Sequence[str]) -> list[str]:
    """Return prompts without what all of them begin and end with: examples and instructions.

    It is cut between lines, so that a question is never cut. A single prompt stays as it is.
    """
    distinct = list(dict.fromkeys(prompts))
    if len(distinct) < 2:  # noqa: PLR2004
        return list(prompts)
    start = _shared(distinct).rfind("\n") + 1
    end = _shared([one[start:][::-1] for one in distinct]).rfind("\n") + 1
    return [one[start : len(one) - end].strip() or one for one in prompts]


def _shared(texts: Sequence[str]) -> str:
    """Return what all texts begin with."""
    low, high = min(texts), max(texts)
    same = next(
        (n for n, pair in enumerate(zip(low, high, strict=False)) if pair[0] != pair[1]), None
    )
    return low[:same] if same is not None else low
