"""One result on all problems of its task as a row of stripes, drawn as one path for each kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType

from mathreason_eval.site.results import AskedProblem
from mathreason_eval.types import Outcome

RIGHT, PARTLY, WRONG, ODD, UNKNOWN = "right", "partly", "wrong", "odd", "unknown"
KINDS: Mapping[str, str] = MappingProxyType(
    {
        RIGHT: "every sample correct",
        PARTLY: "some samples correct",
        WRONG: "wrong",
        ODD: "no usable answer",
        UNKNOWN: "not asked or not judged",
    }
)
"""The kinds of stripes and what they mean."""


def stripe(asked: AskedProblem | None, samples: int) -> str:
    """Return the kind of the stripe of a problem; a correct one needs every sample's verdict.

    Args:
        asked: the problem in the result; None if it was not asked.
        samples: the number of samples that were asked for.
    """
    if asked is None or not asked.judged:
        return UNKNOWN
    if asked.correct:
        return RIGHT if asked.correct == samples else PARTLY
    if asked.judged < samples:
        return UNKNOWN
    return WRONG if asked.states.get(Outcome.WRONG) else ODD


def paths(kinds: Sequence[str]) -> dict[str, str]:
    """Return an SVG path for each kind of stripe that occurs: lines of width 1 at y = 0.5.

    Neighbours of one kind are one line.
    """
    found: dict[str, list[str]] = {}
    place = 0
    for kind, same in groupby(kinds):
        length = len(list(same))
        found.setdefault(kind, []).append(f"M{place} .5h{length}")
        place += length
    return {kind: "".join(found[kind]) for kind in KINDS if kind in found}


def legend(rows: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the kinds of stripes in several rows, with what they mean."""
    present = {kind for row in rows for kind in row}
    return {kind: words for kind, words in KINDS.items() if kind in present}
