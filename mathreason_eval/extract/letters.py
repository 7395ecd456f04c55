"""The letter of the option that was chosen."""

from __future__ import annotations

import re

from mathreason_eval.extract.announced import phrase
from mathreason_eval.extract.spans import last_matches
from mathreason_eval.types import Answer

_LETTER = r"(?:[A-J]|[АБВГД]|[أبجد]|[กขคง]|[कखगघ]|[কখগঘ])"
_OPTION = re.compile(
    rf"""
    (?: \b(?:option|choice|choose|chose|pick|select|go\ with|opt\ for|correct\ one\ is)
        (?:\s+(?:option|choice|answer|letter))?(?:\s*(?:is|:|would\ be))?
      | (?:选项|選項|选择|選擇|应选|故选|选|選)(?:是|为|:|：)?
      | \b(?:opción|opção|opzione|option|вариант)
        (?:\s+(?:correcta|correta|correcte))?(?:\s*(?:es|é|è|est|:))?
    )
    [\s*_"'(\[$\\]*(?:text|textbf|mathrm)?\{{?[\s(]*(?P<letter>{_LETTER})(?![\w'])
    """,
    re.VERBOSE | re.IGNORECASE,
)
_FIRST = re.compile(
    rf"[\s*_\"'(\[$\\]*(?:(?:text|textbf|mathrm)\{{)?[\s(]*(?P<letter>{_LETTER}|[a-j](?=[).\s]|\Z))"
    r"(?![A-Za-z0-9'])"
)
_ALONE = re.compile(
    rf"(?<![\w\\'])(?:(?P<bracketed>\({_LETTER}\))|(?P<letter>(?!I\b)(?!A\s+[a-z]){_LETTER}))(?![A-Za-z0-9'])"
)
_SHORT = 200
"""Characters of a text whose first letter, standing alone, is the choice."""


_IS_LETTER = re.compile(rf"\W*(?:\\(?:text|textbf|mathrm)\{{)?\(?{_LETTER}\)?\W*\Z")


def is_letter(gold: str) -> bool:
    """Return whether a gold is the letter of an option: `C`, `(C)`."""
    return len(gold) <= _LONGEST_GOLD and _IS_LETTER.match(gold) is not None


_LONGEST_GOLD = 20


def choice(text: str) -> Answer | None:
    """Return the chosen letter: announced, at the head of a short text, or the last alone.

    `The answer is (C)`, `I choose D because A is wrong`, `故选B`, `B) 15`.
    """
    announced = phrase(text)
    if announced is not None:
        found = _FIRST.match(text, announced.span[0], announced.span[1])
        if found is not None:
            return _letter(found, "letter")
    for found in last_matches(_OPTION, text, 1):
        return _letter(found, "letter")
    if len(text) <= _SHORT:
        found = _FIRST.match(text)
        if found is not None and not re.match(
            r"(?:A|I)\s+[a-z]", found.group("letter") + text[found.end() :]
        ):
            return _letter(found, "letter")
    for found in last_matches(_ALONE, text, 1):
        return _letter(found, "letter" if found.group("letter") else "bracketed")
    return None


def _letter(found: re.Match[str], group: str) -> Answer:
    start, end = found.span(group)
    if group == "bracketed":
        start, end = start + 1, end - 1
    return Answer(text=found.string[start:end].upper(), rule="choice", span=(start, end))
