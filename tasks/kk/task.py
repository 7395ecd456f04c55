"""The test rows of knights and knaves, each with its perturbations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mathreason_eval.families.knights.published import problem_of_row
from mathreason_eval.types import Problem


def puzzle(row: Mapping[str, Any], index: int, source: str) -> Problem:  # noqa: ARG001  rows say theirs
    """Return the problem of a row."""
    return problem_of_row(row, source)
