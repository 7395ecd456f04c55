"""Problems made of procedures: which procedure and how many steps by index, and what is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from mathreason_eval.errors import UserError
from mathreason_eval.families.procbench.building import BUILDING
from mathreason_eval.families.procbench.counting import COUNTING
from mathreason_eval.families.procbench.cycles import CYCLES
from mathreason_eval.families.procbench.dividing import DIVIDING
from mathreason_eval.families.procbench.editing import EDITING
from mathreason_eval.families.procbench.procedure import MARK, Inputs, Procedure
from mathreason_eval.families.procbench.rewriting import REWRITING
from mathreason_eval.families.procbench.sentences import SENTENCES
from mathreason_eval.families.procbench.trajectory import Trajectory
from mathreason_eval.seeds import item_rng
from mathreason_eval.types import Problem

PROCEDURES: tuple[Procedure, ...] = tuple(
    sorted(
        (*BUILDING, *COUNTING, *CYCLES, *DIVIDING, *EDITING, *REWRITING, *SENTENCES),
        key=lambda procedure: procedure.number,
    )
)
"""All of them, number 1 first."""

PUBLISHED_STEPS = range(2, 26)
"""How many steps the instances of ProcBench take."""

POSSIBLE_STEPS = range(2, 501)
"""Beyond, draws that take exactly so many become rare, and 26 letters have too few rules."""

_PUBLISHED_MARK = "[Question]"
"""The line after which the inputs stand in the prompts of ProcBench."""

_LONGEST = (("short", 6), ("medium", 16))
"""Classes of length by the most steps in them; what takes more is long."""


def length_class(steps: int) -> str:
    """Return `short`, `medium` or `long`, as ProcBench divides its instances."""
    return next((name for name, most in _LONGEST if steps <= most), "long")


def meta_of(procedure: Procedure, steps: int) -> dict[str, str | int]:
    """Return the properties to report by."""
    return {"task": procedure.label, "steps": steps, "length": length_class(steps)}


def solve(procedure: Procedure, prompt: str) -> Trajectory:
    """Return the states for a prompt, published or ours, from its inputs alone.

    Raises:
        ValueError: if the prompt does not hold the procedure's inputs.
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
    """Return problem number `index` of a task: the same whatever was made before it.

    The procedures go round, and the numbers of steps with them: any 23 problems in a row have
    every procedure once, and as many in a row as there are pairs have every pair once.

    Args:
        task: its name, for the problem's id.
        index: from 0, without end.
        seed: another one makes other problems.
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


def make_inputs(procedure: Procedure, steps: int, seed: int, variant: int) -> Inputs:
    """Return inputs that take so many steps; two variants are not the same.

    Where there are few, variant number n is the n-th of a row of draws that is a new one.

    Raises:
        UserError: if there are no more of them, or none of that length.
    """
    if steps not in POSSIBLE_STEPS:
        raise UserError(
            f"No procedure is made with {steps} steps.",
            f"Ask for {POSSIBLE_STEPS[0]} to {POSSIBLE_STEPS[-1]}.",
        )
    if steps > procedure.crowded:
        return _drawn(procedure, steps, seed, variant)
    seen: set[str] = set()
    for number in range(_PATIENCE * (variant + 1)):
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


_PATIENCE = 50
"""Draws for each variant after which there are taken to be no more."""

_GOLDEN = 0.6180339887498949


@cache
def _spread(size: int) -> tuple[int, ...]:
    """Return the numbers below `size` in an order in which neighbours are far apart."""
    return tuple(sorted(range(size), key=lambda number: number * _GOLDEN % 1))


# --- published rows --------------------------------------------------------------------------


def published_problem(row: Mapping[str, Any]) -> Problem:
    """Return the problem of a row of ProcBench, its prompt as it stands.

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
