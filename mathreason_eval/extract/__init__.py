"""Where the answer is in a model's text.

Each rule looks for one way in which answers are given and returns the last such place. Rules are
tried in the order a task gives them, strictest first, and the verdict records which one found the
answer. Every rule takes time linear in the text, which may be a megabyte of brackets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from mathreason_eval.errors import UnknownNameError
from mathreason_eval.extract.last import bare, last_formula, last_number, program_output, whole
from mathreason_eval.extract.marked import boxed, hashes, tag
from mathreason_eval.extract.phrases import choice, phrase
from mathreason_eval.registry import Registry
from mathreason_eval.types import Answer

Rule = Callable[[str], Answer | None]

WEAK_RULES = frozenset(
    ["unclosed_box", "unclosed_tag", "program_output", "bare", "last_formula", "last_number",
     "loose_states", "closing"]
)  # fmt: skip
"""Rules whose answer counts for nothing where the text was cut off."""

EXTRACTORS: Registry[Rule] = Registry(
    "EXTRACTORS",
    {
        "boxed": boxed, "tag": tag, "hashes": hashes, "phrase": phrase, "choice": choice,
        "program_output": program_output, "bare": bare, "last_formula": last_formula,
        "last_number": last_number, "whole": whole,
    },
)  # fmt: skip
"""Every rule by name, those of families and of installed packages included."""


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
"""Where a base model has answered its own question and begins to invent the next one."""
_REACH = 50_000
"""Characters within which a further question is looked for: models that invent one do so early."""


def extract(text: str, rules: Sequence[str]) -> Answer | None:
    """Return the answer that the first successful rule finds, or None.

    A text that continues with a next question is searched only up to there. Where that part has no
    answer, or a weak one and the question was only repeated, all of the text is searched.

    Raises:
        UnknownNameError: if a rule's name is not in `EXTRACTORS`.
    """
    for rule in rules:
        if rule not in EXTRACTORS:
            raise UnknownNameError("extraction rule", rule, EXTRACTORS)
    text = _own_turn(text)
    further = _continuations(text)
    if further is not None:
        end, another = further
        answer = _first(text[:end], rules)
        if answer is not None and (another or answer.rule not in WEAK_RULES):
            return answer
    return _first(text, rules)


def _first(text: str, rules: Sequence[str]) -> Answer | None:
    for rule in rules:
        answer = EXTRACTORS[rule](text)
        if answer is not None:
            return answer
    return None


def _own_turn(text: str) -> str:
    """Return the text up to the first mark of a chat template that comes after something."""
    if not any(sign in text for sign in ("|>", "</s>", "_of_turn>", "｜>", "[INST]")):
        return text
    begins = len(text) - len(text.lstrip())
    if text.startswith(_TURNS, begins):
        begins += 1
    places = [place for turn in _TURNS if (place := text.find(turn, begins)) > 0]
    return text[: min(places)] if places else text


def _continuations(text: str) -> tuple[int, bool] | None:
    """Return where the first further question begins, and whether there is yet another.

    None if nothing precedes the first: then it is the model's own question, repeated.
    """
    first = _NEXT.search(text, 0, _REACH)
    if first is None or not text[: first.start()].strip():
        return None
    return first.start(), _NEXT.search(text, first.end(), _REACH) is not None
