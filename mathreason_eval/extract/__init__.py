"""Extraction of the answer from a model's text.

Each rule searches for one way in which answers are given and returns the last occurrence. Rules are
tried in the task's order, strictest first, and the verdict records which one found the answer.
Every rule takes time linear in the text, which may be a megabyte of brackets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

from mathreason_eval.errors import UnknownNameError
from mathreason_eval.extract.context import SAID_WRONG, doubt
from mathreason_eval.extract.last import bare, last_formula, last_number, program_output, whole
from mathreason_eval.extract.marked import boxed, hashes, tag
from mathreason_eval.extract.phrases import choice, phrase
from mathreason_eval.extract.rivals import rival
from mathreason_eval.registry import Registry
from mathreason_eval.types import WEAK_RULES, Answer

Rule = Callable[[str], Answer | None]

_IN_PROSE = frozenset(
    ["boxed", "hashes", "phrase", "bare", "last_formula", "last_number", "unclosed_box"]
)
"""Rules whose answers a sentence or a formula surrounds, which may take them back."""

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
    "<｜end▁of▁sentence｜>", "<｜User｜>", "[INST]", "<|eom_id|>", "<|eom|>", "<|eot|>",
    "<|end_message|>", "<|endofturn|>", "<|end_of_turn|>", "<|END_TEXT|>", "<|END_RESPONSE|>",
    "<|END_OF_TURN_TOKEN|>", "<turn|>", "<|turn>", "[unused10]", "<eos>", "<|flush|>",
)  # fmt: skip
"""Marks of a chat template: no answer contains one, so the model's turn ends there."""

_NEXT = re.compile(
    r"\n[ \t]{0,8}(?:#+ *|\*\*)?"
    r"(?:Question|Problem|Exercise|Q|Human|User|Instruction|Pregunta|Frage|Вопрос|问题|質問|问)"
    r" ?\d{0,4} ?[:：]"
)
"""Where a base model, after its answer, begins to invent a further question."""
_REACH = 50_000
"""Number of characters in which a further question is searched for: it comes early."""


def extract(
    text: str, rules: Sequence[str], accepts: Callable[[str], bool] | None = None
) -> Answer | None:
    """Return the answer that the first successful rule finds, or None.

    Args:
        text: the model's output.
        rules: names of rules, strictest first.
        accepts: whether an answer can be one to the grader; what cannot counts only where no
            rule finds anything else.

    A text that continues with a further question is searched only up to there. If that part has no
    answer, or a weak one while the question was only repeated, the whole text is searched.

    Raises:
        UnknownNameError: if a rule's name is not in `EXTRACTORS`.
    """
    _require(tuple(rules))
    text = _own_turn(text)
    further = _continuations(text)
    if further is not None:
        end, another = further
        answer = _first(text[:end], rules, accepts)
        if answer is not None and (another or answer.rule not in WEAK_RULES):
            return answer
    return _first(text, rules, accepts)


@lru_cache(maxsize=256)
def _require(rules: tuple[str, ...]) -> None:
    for rule in rules:
        if rule not in EXTRACTORS:
            raise UnknownNameError("extraction rule", rule, EXTRACTORS)


def _first(text: str, rules: Sequence[str], accepts: Callable[[str], bool] | None) -> Answer | None:
    first = None
    for rule in rules:
        if first is not None and rule in WEAK_RULES:
            break
        answer = EXTRACTORS[rule](text)
        if answer is None:
            continue
        if first is not None and _is_same_place(first, answer):
            continue  # what is taken back is no more claimed by what surrounds it
        if guess := rival(text, answer):
            return replace(answer, doubt=guess)  # what was claimed before it is no better
        reason = doubt(text, answer) if rule in _IN_PROSE else ""
        if not reason and (accepts is None or accepts(answer.text)):
            return answer
        first = first or replace(answer, doubt=reason)
    return first


def _is_same_place(first: Answer, answer: Answer) -> bool:
    """Return whether an answer has in it the value that was said to be wrong."""
    return (
        first.doubt.endswith(SAID_WRONG)
        and answer.span[0] <= first.span[0]
        and first.span[1] <= answer.span[1]
    )


def _own_turn(text: str) -> str:
    """Return the text before the first mark of a chat template that has text before it."""
    if not _may_end_early(text):
        return text
    begins = len(text) - len(text.lstrip())
    if text.startswith(_TURNS, begins):
        begins += 1
    places = [place for turn in _TURNS if (place := text.find(turn, begins)) > 0]
    return text[: min(places)] if places else text


def _may_end_early(text: str) -> bool:
    """Return whether a text may contain a mark of a chat template: a fast first look."""
    return (
        ">" in text
        and ("|>" in text or "turn>" in text or "</s>" in text or "｜>" in text or "<eos>" in text)
    ) or ("[" in text and ("[INST]" in text or "[unused10]" in text))


def _continuations(text: str) -> tuple[int, bool] | None:
    """Return (where the first further question begins, whether there is another one).

    None if nothing precedes the first: then the model has repeated its own question.
    """
    first = _NEXT.search(text, 0, _REACH)
    if first is None or not text[: first.start()].strip():
        return None
    return first.start(), _NEXT.search(text, first.end(), _REACH) is not None
