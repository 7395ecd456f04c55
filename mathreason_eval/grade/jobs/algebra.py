"""The job of a worker that decides by computer algebra what the quick tiers leave undecided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mathreason_eval.grade.graders import failed, grader_for
from mathreason_eval.maths.compare.convention import Convention
from mathreason_eval.types import Match

_PRACTICE = (
    ("x", r"\int_0^x 1\,dt"), ("21_3", "77_{10}=77_{8}"), ("3", r"2 \text{ to } 4"),
    ("2", r"= \frac{F_{n+2}}{F_n^{18}}"),
)  # fmt: skip
"""Questions that lead the parser through most of its grammar."""


def prepare() -> None:
    """Import and exercise what is needed, so that it is on no answer's clock.

    The parser learns its grammar as it reads: a construct takes ten times as long at first sight.
    """
    for gold, answer in _PRACTICE:
        _answered({"grader": "math", "gold": gold, "answer": answer, "convention": {}})


def answers(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the one answer to a request of a gold, an answer, a grader and a convention.

    A request of a grader alone is to load it, before a clock runs.
    """
    found = _answered(request)
    measures = {"measures": dict(found.measures)} if found.measures else {}
    yield {"equal": found.equal, "rule": found.rule, "note": found.note, **measures}


def _answered(request: Mapping[str, Any]) -> Match:
    try:
        return _found(request)
    # Anything may go wrong inside a computer algebra system, or in a grader that is not ours, which
    # may ask to leave as well; all of it means undecided.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        return failed(error)


def _found(request: Mapping[str, Any]) -> Match:
    how = grader_for(request["grader"])
    if "gold" not in request:
        assert how.outside is not None, "only what is not ours needs to be loaded"
        how.outside()
        return Match(equal=None, rule="loaded", note="")
    assert how.slow is not None, "only what has a slow tier comes here"
    return how.slow(request["gold"], request["answer"], Convention(**request["convention"]))
