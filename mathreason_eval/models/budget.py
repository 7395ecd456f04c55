"""Whether a model thinks before it answers, and how many tokens a prompt leaves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mathreason_eval.text.think_marks import MARKS
from mathreason_eval.text.thinking import split_thinking

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mathreason_eval.models.base import Model
    from mathreason_eval.types import Prompt


def template_thinks(template: object, opening: str) -> bool:
    """Return whether a chat template is that of a model that thinks.

    It opens a thought; or it writes none and names a mark that ends one, as templates do that cut
    thoughts out of earlier answers. One that writes a thought and ends it has thinking switched
    off.

    Args:
        template: its source, or several by name; None where there is none.
        opening: what of a thought it writes before every answer.
    """
    if opening:
        return opens_thought(opening)
    source = str(template)
    return any(marks.example[1].strip() in source for marks in MARKS.values() if marks.alone)


def opens_thought(opening: str) -> bool:
    """Return whether what a template writes begins a thought and does not end it."""
    return bool(opening) and not split_thinking(opening).finished


def thinks(model: Model) -> bool:
    """Return whether a model is known to think before it answers.

    A model may have an attribute `thinks`; of others what their templates write is known.
    """
    known = getattr(model, "thinks", None)
    return opens_thought(model.opening) if known is None else bool(known)


_COUNTED = 16
"""The longest prompts, by characters, of which tokens are counted."""
_BYTES_A_TOKEN = 2
"""Fewer than a token of any prompt has on average, where an engine cannot count."""
_TEMPLATE_TOKENS = 256


def tokens_left(model: Model, prompts: Iterable[Prompt]) -> int | None:
    """Return how many tokens the longest prompt leaves in the context; None if it has no limit.

    A model may have a method `prompt_tokens`; of others the tokens are estimated, rather too many.
    """
    if model.context is None:
        return None
    count = getattr(model, "prompt_tokens", _estimated_tokens)
    longest = sorted(prompts, key=prompt_bytes)[-_COUNTED:]
    return model.context - max(map(count, longest), default=0)


def _estimated_tokens(prompt: Prompt) -> int:
    return prompt_bytes(prompt) // _BYTES_A_TOKEN + _TEMPLATE_TOKENS


def prompt_bytes(prompt: Prompt) -> int:
    """Return the bytes of a prompt's texts."""
    texts = [one.content for one in prompt.messages] if prompt.text is None else [prompt.text]
    texts.append(prompt.begun)
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
