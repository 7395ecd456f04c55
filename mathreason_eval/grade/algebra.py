"""The job of a worker that decides by computer algebra what the quick tiers leave undecided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mathreason_eval.grade.convention import Convention
from mathreason_eval.grade.graders import grader_named
from mathreason_eval.types import Match


def prepare() -> None:
    """Import what is needed, so that it is on no answer's clock."""
    import latex2sympy2_extended  # noqa: F401
    import sympy  # noqa: F401


def answers(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the one answer to a request of a gold, an answer, a grader's name and a convention."""
    slow = grader_named(request["grader"]).slow
    assert slow is not None, "only what has a slow tier comes here"
    try:
        found = slow(request["gold"], request["answer"], Convention(**request["convention"]))
    # Anything may go wrong inside a computer algebra system; all of it means undecided.
    except Exception as error:  # noqa: BLE001
        found = Match(equal=None, rule="error", note=f"the grader failed: {type(error).__name__}")
    yield {"equal": found.equal, "rule": found.rule, "note": found.note}
