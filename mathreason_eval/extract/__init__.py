"""Where the answer stands in a model's text.

Each rule looks for one way in which answers are given and returns the last such place. Rules are
tried in the order a task gives them, strictest first, and the verdict records which one found the
answer. Every rule takes time linear in the text, which may be a megabyte of brackets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mathreason_eval.errors import UnknownNameError
from mathreason_eval.extract.announced import hashes, phrase, tag
from mathreason_eval.extract.boxes import boxed
from mathreason_eval.extract.last import (
    bare,
    last_formula,
    last_number,
    program_output,
    whole,
)
from mathreason_eval.extract.letters import choice
from mathreason_eval.extract.scope import continuations, own_turn
from mathreason_eval.registry import Registry
from mathreason_eval.types import Answer

Rule = Callable[[str], Answer | None]

WEAK_RULES = frozenset(
    {
        "unclosed_box",
        "unclosed_tag",
        "program_output",
        "bare",
        "last_formula",
        "last_number",
        "loose_states",
        "closing",
    }
)
"""What is found by these counts for nothing where the text was cut off."""

EXTRACTORS: Registry[Rule] = Registry(
    "EXTRACTORS",
    {
        "boxed": boxed,
        "tag": tag,
        "hashes": hashes,
        "phrase": phrase,
        "choice": choice,
        "program_output": program_output,
        "bare": bare,
        "last_formula": last_formula,
        "last_number": last_number,
        "whole": whole,
    },
)
"""Every rule by name, those of families and of installed packages included."""


def extract(text: str, rules: Sequence[str]) -> Answer | None:
    """Return the answer that the first successful rule finds, or None.

    A text that goes on to a next question is searched only up to there. Where that part holds no
    answer, or a weak one and the question was only said again, all of the text is searched.

    Raises:
        UnknownNameError: if a rule's name is not in `EXTRACTORS`.
    """
    for rule in rules:
        if rule not in EXTRACTORS:
            raise UnknownNameError("extraction rule", rule, EXTRACTORS)
    text = own_turn(text)
    further = continuations(text)
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
