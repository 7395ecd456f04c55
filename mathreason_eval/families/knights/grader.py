"""Graders of assignments, where every person of a puzzle has a role (arXiv:2410.23123).

The gold says it in one sentence, as the published rows do: `Ana is a knave, and Omar is a knight.`
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from mathreason_eval.families.knights.claims import claims, unmarked
from mathreason_eval.families.knights.conclusion import conclusion
from mathreason_eval.types import Match, Measure

PER_PERSON = Measure(name="per_person", summary="share of persons whose role is right")
"""What both graders measure."""

_LONGEST = 50_000
"""Characters of an answer that are read; no list of people is longer."""


def assignment(gold: str, answer: str) -> Match:
    """Return whether an answer gives every person the right role, and contradicts itself nowhere.

    Emphasis, order, numbering and wording do not matter; where the answer holds a conclusion, the
    last one counts. Who is not of the one role, is of the other.
    """
    roles = stated_roles(gold)
    if not roles:
        return Match(equal=None, rule="assignment", note="the gold gives nobody a role")
    block = conclusion(answer[-_LONGEST:])
    said = claims(
        answer[-_LONGEST:] if block is None else block.text,
        tuple(roles),
        tuple(dict.fromkeys(roles.values())),
    )
    faults = [
        _fault(name, role, said[name]) for name, role in roles.items() if said[name] != {role}
    ]
    right = len(roles) - len(faults)
    return Match(
        equal=not faults,
        rule="assignment",
        note=f"{right} of {len(roles)} right{': ' if faults else ''}{'; '.join(faults)}",
        measures={PER_PERSON.name: right / len(roles)},
    )


def _fault(name: str, role: str, said: frozenset[str]) -> str:
    if not said:
        return f"nothing is said of {name}"
    if len(said) > 1:
        return f"{name} is called both {' and '.join(sorted(said))}"
    return f"{name} is called {min(said)}, and is {role}"


@lru_cache(maxsize=1 << 10)
def stated_roles(gold: str) -> Mapping[str, str]:
    """Return the role of each person by name, in lower case, in the order of a gold."""
    roles = {}
    for part in re.split(r",\s*(?:and\s+)?|\s+and\s+|\n", gold.strip().rstrip(".")):
        found = _ROLE.match(part.strip())
        if found is not None:
            roles[found.group(1)] = found.group(2).lower()
    return roles


_ROLE = re.compile(r"(?:\(\d+\)\s*)?(\S.*?)\s+is\s+(?:an?\s+)?([\w-]+)\Z")


def same_assignment(answer: str) -> str:
    """Return what two answers share that say the same of the same people, for majority votes."""
    block = conclusion(answer[-_LONGEST:])
    text = unmarked(answer[-_LONGEST:] if block is None else block.text)
    said = {f"{who} {no}{what}".lower() for who, no, what in _SAID.findall(text)}
    return "; ".join(sorted(said)) or " ".join(text.lower().split())


_SAID = re.compile(
    r"(?<!\w)([^\W\d_]\w*)\s{0,9}(?:is\b|[:=|→—–-])\s{0,9}(not\s{1,9}|)(?:(?:an?|the)\s{1,9})?([^\W\d_]+)",
    re.IGNORECASE,
)


# --- the published rule ----------------------------------------------------------------------

_HEADERS = ("CONCLUSION:", "Conclusion:", "conclusion:")
_ENDS = ("### Reason", "Let's think step by step again", "let's go back and check", "###")


def kk_reference(gold: str, answer: str) -> Match:
    """Return the verdict of the published evaluation, to the letter.

    What follows the first conclusion, up to a second one, must hold `X is a knave` for everybody,
    word for word. An `if` anywhere in it is wrong, also that in `verified`.
    """
    conditions = [part.strip() for part in gold.replace(" and ", "").replace(".", "").split(",")]
    text = answer.split("### Question", maxsplit=1)[0]
    for header in _HEADERS:
        parts = text.split(header)
        if len(parts) > 1 and parts[1]:
            return _judged(parts[1], conditions)
    if all(f"({number})" in text for number in range(1, len(conditions) + 1)):
        return _judged(text, conditions)
    return _reference(equal=False, note="no conclusion, and not everybody's number")


def _judged(text: str, conditions: list[str]) -> Match:
    for end in _ENDS:
        text = text.partition(end)[0]
    if f"({len(conditions) + 1})" in text:
        return _reference(equal=False, note="one person too many")
    if "if" in text:
        return _reference(equal=False, note="the letters `if` stand in the conclusion")
    held = sum(condition in text for condition in conditions)
    return _reference(
        equal=held == len(conditions),
        note=f"{held} of {len(conditions)} found word for word",
        share=held / len(conditions),
    )


def _reference(*, equal: bool, note: str, share: float = 0.0) -> Match:
    return Match(equal=equal, rule="kk-reference", note=note, measures={PER_PERSON.name: share})
