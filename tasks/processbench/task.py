"""Rows of ProcessBench: a problem, a solution in steps, and the index of its first false step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mathreason_eval.families.processbench.grader import problem_of_row
from mathreason_eval.types import Problem


def solution(row: Mapping[str, Any], index: int, source: str) -> Problem:  # noqa: ARG001
    """Return the problem of a row."""
    return problem_of_row(row)
