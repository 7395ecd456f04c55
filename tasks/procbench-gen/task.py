"""Procedures that are carried out step by step: 23 kinds, described in our own words."""

from __future__ import annotations

from mathreason_eval.families.procbench.problems import make_problem
from mathreason_eval.types import Problem


def problem(index: int, seed: int) -> Problem:
    """Return problem number `index`; kinds and numbers of steps alternate."""
    return make_problem("procbench-gen", index, seed)
