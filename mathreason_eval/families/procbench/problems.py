"""Problems made of procedures: by index, the procedure, the number of steps and the inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from mathreason_eval.errors import UserError
from mathreason_eval.families.procbench.counting import COUNTING
from mathreason_eval.families.procbench.editing import EDITING
from mathreason_eval.families.procbench.pieces import PIECES
from mathreason_eval.families.procbench.procedure import MARK, Inputs, Procedure, Trajectory
from mathreason_eval.families.procbench.rewriting import REWRITING
from mathreason_eval.seeds import item_rng
from mathreason_eval.types import Problem

PROCEDURES: tuple[Procedure, ...] = tuple(
    sorted((*PIECES, *EDITING, *REWRITING, *COUNTING), key=lambda procedure: procedure.number)
)
"""All procedures, number 1 first."""

PUBLISHED_STEPS = range(2, 26)
"""The numbers of steps of ProcBench's instances."""

POSSIBLE_STEPS = range(2, 501)
"""Allowed numbers of steps: with more, draws of that length are rare, and 26 letters too few."""

_PUBLISHED_MARK = "[Question]"
"""The line above the inputs in the prompts of ProcBench."""

_LONGEST = (("short", 6), ("medium", 16))
"""Classes of length with their maximum steps; more steps are `long`."""


def length_class(steps: int) -> str:
    """Return `short`, `medium` or `long`, as ProcBench divides its instances."""
    return next((name for name, most in _LONGEST if steps <= most), "long")


def meta_of(procedure: Procedure, steps: int) -> dict[str, str | int]:
    """Return `Problem.meta`: task, steps and length, by which scores are reported."""
    return {"task": procedure.label, "steps": steps, "length": length_class(steps)}


def solve(procedure: Procedure, prompt: str) -> Trajectory:
    """Return the states for a published prompt or one of ours, computed from its inputs.

    Raises:
        ValueError: if the prompt does not contain the procedure's inputs.
    """
    for mark in (MARK, _PUBLISHED_MARK):
        _, found, block = prompt.rpartition(f"\n{mark}\n")
        if found:
            return procedure.trajectory(procedure.read(block))
    raise ValueError(f"the prompt has no line {_PUBLISHED_MARK!r} with the inputs behind it")


# --- making ----------------------------------------------------------------------------------


def make_problem(
    task: str, index: int, seed: int, lengths: Sequence[int] = PUBLISHED_STEPS
) -> Problem:
    """Return problem number `index` of a task; it depends on the arguments alone.

    Procedures and numbers of steps alternate: any 23 consecutive problems have every procedure
    once, and any 23 * len(lengths) have every pair of procedure and number of steps once.

    Args:
        task: its name, for the problem's id.
        index: from 0, unbounded.
        seed: the seed; other seeds give other problems.
        lengths: the numbers of steps, each 2 or more.
    """
    place, number = index % len(PROCEDURES), index // len(PROCEDURES)
    spread = _spread(len(lengths))
    steps = lengths[spread[(place + number) % len(lengths)]]
    procedure = PROCEDURES[place]
    inputs = make_inputs(procedure, steps, seed, number // len(lengths))
    return Problem(
        id=f"{task}-{seed}-{index}",
        question=procedure.question(inputs),
        gold=(procedure.trajectory(inputs).text,),
        meta=meta_of(procedure, steps),
    )


_MOST_DRAWS = 50
"""Number of draws per variant after which it is assumed that there are no more."""


def make_inputs(procedure: Procedure, steps: int, seed: int, variant: int) -> Inputs:
    """Return inputs that take `steps` steps, different for each variant.

    If there are few instances, variant n is the n-th distinct one of a series of draws.

    Raises:
        UserError: if there are not enough of them, or none of that length.
    """
    if steps not in POSSIBLE_STEPS:
        raise UserError(
            f"Procedures with {steps} steps cannot be made.",
            f"Ask for {POSSIBLE_STEPS[0]} to {POSSIBLE_STEPS[-1]}.",
        )
    if steps > procedure.crowded:
        return _drawn(procedure, steps, seed, variant)
    seen: set[str] = set()
    for number in range(_MOST_DRAWS * (variant + 1)):
        inputs = _drawn(procedure, steps, seed, number)
        seen.add(procedure.trajectory(inputs).text)
        if len(seen) > variant:
            return inputs
    raise UserError(
        f"There are hardly more than {variant} different problems of {procedure.label} with "
        f"{steps} steps.",
        "Ask for fewer problems, or for more steps.",
    )


def _drawn(procedure: Procedure, steps: int, seed: int, number: int) -> Inputs:
    rng = item_rng(f"procedures/{procedure.name}/{steps}", seed, number)
    return procedure.draw(rng, steps)


_GOLDEN_RATIO = 0.6180339887498949


@cache
def _spread(size: int) -> tuple[int, ...]:
    """Return a permutation of the integers below `size` in which neighbours are far apart."""
    return tuple(sorted(range(size), key=lambda number: number * _GOLDEN_RATIO % 1))


# --- published rows --------------------------------------------------------------------------


def published_problem(row: Mapping[str, Any]) -> Problem:
    """Return the problem of a row of ProcBench, its prompt unchanged.

    Raises:
        KeyError: if the row has no prompt, task or states.
    """
    label = row.get("label") or row
    task = str(row["task_name"] if "task_name" in row else row["task"])
    true = Trajectory(intermediate=list(label["intermediate"]), final=label["final"])
    procedure = PROCEDURES[int(task.removeprefix("task")) - 1]
    return Problem(
        id=str(row["problem_name"] if "problem_name" in row else row["id"]),
        question=row["prompt"],
        gold=(true.text,),
        meta=meta_of(procedure, len(true.states)),
    )
