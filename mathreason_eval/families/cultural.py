"""The published rule of the cultural variants of GSM8K: the number after `"Answer":`.

Source: akarim23131/Lost_in_Cultural_Translation (arXiv:2503.18018), reimplemented.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from mathreason_eval.grade.graders import Grader, published
from mathreason_eval.types import Answer

_TAGGED = re.compile(r'"Answer":\s*"?(\d+[,.\d]*)"?')


def first_tagged(text: str) -> Answer | None:
    """Return the number after the first `"Answer":` that is followed by one directly, or None.

    As published, a currency sign or minus before the number hides it.
    """
    found = _TAGGED.search(text)
    if found is None:
        return None
    return Answer(text=found[1], rule="cultural-reference", span=found.span(1))


_LONGEST = 300
"""Maximum characters: a float has no more digits, and no gold is longer."""


def same_tagged_number(gold: str, answer: str) -> bool:
    """Return whether an answer, without its commas, is a number equal to the gold.

    False if the answer is not a number, the gold not an integer, or either is longer than 300
    characters.
    """
    plain = answer.replace(",", "")
    if max(len(plain), len(gold)) > _LONGEST:
        return False
    try:
        number = float(plain) if "." in plain else int(plain)
        return number == int(gold)
    except ValueError:
        return False


GRADERS: Mapping[str, Grader] = {
    "cultural-reference": Grader(
        summary='the number after the first "Answer":',
        compare=published("cultural-reference", same_tagged_number),
        find=first_tagged,
    ),
}
