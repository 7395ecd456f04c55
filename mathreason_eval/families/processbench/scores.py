"""The scores that a reward model gives to the steps of a solution."""

from __future__ import annotations

import re
from collections import deque

from mathreason_eval.types import Answer

_SCORES = re.compile(r'\{\s?"scores":\s?\[[\d.,eE+ -]*\]\s?\}')


def scores(text: str) -> Answer | None:
    """Return the last object with a list of scores, as it stands: `{"scores": [0.9, 0.1]}`."""
    last = deque(_SCORES.finditer(text), maxlen=1)
    if not last:
        return None
    return Answer(text=last[0][0], rule="scores", span=last[0].span())
