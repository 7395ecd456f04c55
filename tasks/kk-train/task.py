"""The first train rows of knights and knaves, for checkpoints that were trained on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mathreason_eval.families.knights.published import TEST_ROWS, problem_of_row
from mathreason_eval.types import Problem

FIRST = 100
"""Train puzzles of each size that are asked, as in the paper."""


def puzzle(row: Mapping[str, Any], index: int, source: str) -> Problem | None:  # noqa: ARG001  rows say theirs
    """Return the problem of a row; None unless it is among the first of the train split."""
    if not TEST_ROWS <= int(row["index"]) < TEST_ROWS + FIRST:
        return None
    return problem_of_row(row, source)
