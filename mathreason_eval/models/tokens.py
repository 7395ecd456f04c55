"""Decoding of generated tokens with the think marks kept, and the count of reasoning tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mathreason_eval.text.thinking import Thought, is_mark, split_thinking

_TURN = "<|im_start|>"
"""The start of a think mark of s1, and of a turn in other templates: kept as first token only."""


class TokenReader:
    """A tokenizer with the reasoning marks that its chat template writes."""

    def __init__(self, tokenizer: Any, opening: str) -> None:  # noqa: ANN401 - transformers' own
        self._tokenizer = tokenizer
        self.opening = opening
        """The reasoning marks that the chat template writes before every answer."""
        self._special = frozenset(tokenizer.all_special_ids)
        ids = sorted(self._special)
        names = dict(zip(ids, tokenizer.convert_ids_to_tokens(ids), strict=True))
        self._turns = frozenset(token for token, name in names.items() if name == _TURN)
        self._marks = frozenset(token for token, name in names.items() if is_mark(name))

    @property
    def has_marks(self) -> bool:
        """Return whether some special tokens are think marks or parts of them."""
        return bool(self._marks | self._turns)

    def without_end(self, tokens: Sequence[int]) -> Sequence[int]:
        """Return the tokens of a finished text without the special token that ended it."""
        return tokens[:-1] if tokens and tokens[-1] in self._special else tokens

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens; the only special ones kept are those that mark reasoning."""
        marks = self._marks
        if tokens and tokens[0] in self._turns:
            marks |= self._turns
        kept = [token for token in tokens if token not in self._special or token in marks]
        text: str = self._tokenizer.decode(
            kept,
            skip_special_tokens=marks.isdisjoint(kept),
            clean_up_tokenization_spaces=False,
        )
        return text

    def thought(self, text: str) -> Thought:
        """Return a generated text divided at the end of its reasoning, by the marks in it."""
        return split_thinking(self.opening + text)

    def reasoning_tokens(self, tokens: Sequence[int], thought: Thought) -> int:
        """Return how many of the tokens belong to the reasoning, its marks included.

        Args:
            tokens: as generated.
            thought: the opening and the text of the tokens, divided; the text may have been cut
                at a stop string.
        """
        if not thought.finished:
            return len(tokens)
        end = thought.start - len(self.opening)
        if thought.reasoning is None or end <= 0:
            return 0
        low, high = 0, len(tokens)
        while low < high:
            middle = (low + high) // 2
            if len(self.decode(tokens[:middle])) < end:
                low = middle + 1
            else:
                high = middle
        return low
