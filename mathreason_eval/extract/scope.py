"""How far a text is the model's own answer, and where it goes on to something else."""

from __future__ import annotations

import re

_TURNS = (
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|end_of_text|>", "<|eot_id|>", "<|end|>",
    "<|start_header_id|>", "<|user|>", "<|return|>", "</s>", "<start_of_turn>", "<end_of_turn>",
    "<｜end▁of▁sentence｜>", "<｜User｜>", "[INST]",
)  # fmt: skip
"""Marks of a chat template: no answer holds one, so the model's turn ends there."""

_NEXT = re.compile(
    r"\n[ \t]{0,8}(?:#+ *|\*\*)?"
    r"(?:Question|Problem|Exercise|Q|Human|User|Instruction|Pregunta|Frage|Вопрос|问题|質問|问)"
    r" ?\d{0,4} ?[:：]"
)
"""Where a base model, done with its own question, goes on to invent the next one."""


def own_turn(text: str) -> str:
    """Return the text up to the first mark of a chat template that comes after something."""
    if not any(sign in text for sign in ("|>", "</s>", "_of_turn>", "｜>", "[INST]")):
        return text
    begins = len(text) - len(text.lstrip())
    if text.startswith(_TURNS, begins):
        begins += 1
    places = [place for turn in _TURNS if (place := text.find(turn, begins)) > 0]
    return text[: min(places)] if places else text


def continuations(text: str) -> tuple[int, bool] | None:
    """Return where the first further question begins, and whether there is yet another.

    None if nothing stands before the first: then it is the model's own question, said again.
    """
    first = _NEXT.search(text, 0, _REACH)
    if first is None or not text[: first.start()].strip():
        return None
    return first.start(), _NEXT.search(text, first.end(), _REACH) is not None


_REACH = 50_000
"""How far a further question is looked for: who invents one does so early."""
