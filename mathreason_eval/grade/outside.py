"""Graders that are not ours: functions of gold and answer, in a task's folder or in a package.

They only ever run in a worker process, so that a hang, a crash or an exception of one leaves a
sample undecided and hurts nobody else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from mathreason_eval.registry import OF_TASK, module_at
from mathreason_eval.types import Match

Function = Callable[[str, str], bool | Match]
"""`(gold, answer)` -> whether they are equal, or why."""

_NOTE = 500
"""Characters of a note that are kept."""


def recorded(reference: str) -> str:
    """Return the name under which a run records a grader: that of a file without its folder."""
    return reference[reference.rfind(f"/{OF_TASK}") + 1 :]


def is_of_task(reference: str) -> bool:
    """Return whether a grader is a function in a task's folder."""
    return recorded(reference).startswith(OF_TASK)


def function_at(reference: str) -> Function:
    """Return the function that `/…/task.py:parity` names, running the file on first use.

    Raises:
        Exception: whatever the file raises, or that it has no such function.
    """
    path, _, name = reference.rpartition(":")
    function: Function = getattr(module_at(path), name)
    return function


def as_match(name: str, said: Any) -> Match:  # noqa: ANN401  a function may return anything
    """Return what a function said as a judgement; only a bool or a `Match` is one.

    Raises:
        TypeError: if it is neither, so that nothing is taken for true or false that is not.
    """
    if isinstance(said, bool):
        return Match(equal=said, rule=name, note=f"{name} says {said}")
    if not isinstance(said, Match) or not (said.equal is None or isinstance(said.equal, bool)):
        raise TypeError(f"{name} returned {type(said).__name__}, neither a bool nor a Match")
    return Match(
        equal=said.equal,
        rule=_clean(said.rule) or name,
        note=_clean(said.note),
        measures=_finite(said.measures),
    )


def _clean(text: str) -> str:
    return str(text)[:_NOTE].encode("utf-8", "replace").decode("utf-8")


def _finite(measures: Mapping[str, float]) -> dict[str, float]:
    found = {str(name): float(value) for name, value in measures.items()}
    if not all(map(math.isfinite, found.values())):
        raise ValueError("a measure that is no number")
    return found
