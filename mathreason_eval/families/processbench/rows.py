"""Solutions whose first false step is known, and what is said of them (ProcessBench)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from mathreason_eval.types import Problem

_SHORT, _MEDIUM = 5, 10
"""Steps up to which a solution is short, or medium."""


def problem_of_row(row: Mapping[str, Any]) -> Problem:
    """Return the problem of a published row: a question, a solution in steps, and its label.

    Raises:
        KeyError: if a column is missing.
    """
    steps = [str(step) for step in row["steps"]]
    identity = str(row["id"])
    return Problem(
        id=identity,
        question=row["problem"],
        gold=(str(int(row["label"])),),
        meta={
            "split": identity.rpartition("-")[0],
            "length": length_class(len(steps)),
            "generator": row["generator"],
            "answer_correct": bool(row["final_answer_correct"]),
            # Several solutions are of one problem: they are not independent.
            "source": hashlib.sha256(row["problem"].encode()).hexdigest()[:12],
        },
        given={"steps": steps},
    )


def length_class(steps: int) -> str:
    """Return the class of a solution's length, by which scores are reported."""
    if steps <= _SHORT:
        return f"1-{_SHORT}"
    return f"{_SHORT + 1}-{_MEDIUM}" if steps <= _MEDIUM else f"{_MEDIUM + 1}+"
