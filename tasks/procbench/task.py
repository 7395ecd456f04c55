"""Rows of ProcBench: a prompt, and the states of the procedure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mathreason_eval.families.procbench.problems import published_problem
from mathreason_eval.types import Problem


def procedure(row: Mapping[str, Any], index: int, source: str) -> Problem:  # noqa: ARG001
    """Return the problem of a row, its prompt unchanged."""
    return published_problem(row)
