"""How what became of a sample is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mathreason_eval.site.results import NOT_JUDGED
from mathreason_eval.types import Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """A sign and a word: colour never speaks alone."""

    glyph: str
    word: str


STATES: Mapping[str, State] = MappingProxyType(
    {
        Outcome.CORRECT: State(glyph="✓", word="correct"),
        Outcome.WRONG: State(glyph="✗", word="wrong"),
        Outcome.NO_ANSWER: State(glyph="∅", word="no answer"),
        Outcome.TRUNCATED: State(glyph="…", word="truncated"),
        Outcome.UNGRADABLE: State(glyph="?", word="ungradable"),
        NOT_JUDGED: State(glyph="·", word="not judged"),
    }
)

HEALTH = (Outcome.TRUNCATED, Outcome.NO_ANSWER, Outcome.UNGRADABLE)
"""The outcomes that are neither right nor wrong."""
