"""What a procedure is: how it is told, drawn, carried out, written down and read back."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from string import ascii_lowercase, digits
from typing import Any

from mathreason_eval.families.procbench.trajectory import Trajectory
from mathreason_eval.seeds import Source

ALPHABET = ascii_lowercase
SIGNS = ascii_lowercase + digits

Inputs = tuple[Any, ...]
"""What a procedure is carried out on; each one says of what it consists."""
States = list[Any]
"""The states in order: the initial one first, the final one last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Procedure:
    """One procedure that is carried out step by step, without any choice."""

    number: int
    """Its place among the tasks of ProcBench, from 1."""
    name: str
    rules: str
    """What is to be done, in words of our own."""
    state: str
    """What the states are that shall be told."""
    draw: Callable[[Source, int], Inputs]
    """(chance, steps) -> inputs on which it takes exactly so many steps."""
    run: Callable[..., States]
    """(*inputs) -> states."""
    write: Callable[..., str]
    """(*inputs) -> the inputs as they stand in a prompt."""
    read: Callable[[str], Inputs]
    """The inputs, from how they stand in a prompt."""
    crowded: int = 0
    """Up to so many steps, few instances exist: two draws may well be the same."""

    @property
    def label(self) -> str:
        """Return the name under which it is reported: `01-sort`."""
        return f"{self.number:02}-{self.name}"

    def question(self, inputs: Inputs) -> str:
        """Return what a model is asked, all but the form of the reply."""
        return f"{self.rules}\n\n{self.state}\n\n{MARK}\n{self.write(*inputs)}"

    def trajectory(self, inputs: Inputs) -> Trajectory:
        """Return the states to be told."""
        _, *intermediate, final = self.run(*inputs)
        return Trajectory(intermediate=intermediate, final=final)


MARK = "Input:"
"""The line after which the inputs stand in our prompts."""


# --- reading inputs back ---------------------------------------------------------------------


def parts(block: str, *labels: str) -> list[str]:
    """Return what follows each label, up to the next one, without white space around it.

    Raises:
        ValueError: if a label is missing or out of order.
    """
    found: list[str] = []
    for label in reversed(labels):
        block, mark, text = block.rpartition(label)
        if not mark:
            raise ValueError(f"the inputs have no {label!r} where it should be")
        found.insert(0, text.strip())
    return found


def words(text: str) -> list[str]:
    """Return the words and numbers of a text without what stands between them."""
    return re.findall(r"\w+", text)


def numbers(text: str) -> list[int]:
    """Return the whole numbers of a text."""
    return [int(number) for number in re.findall(r"\d+", text)]


def tuples(flat: list[int], size: int) -> list[tuple[int, ...]]:
    """Return numbers in groups of a size."""
    return [tuple(flat[start : start + size]) for start in range(0, len(flat), size)]


def listed(items: list[Any]) -> str:
    """Return items in brackets, as prompts show them: without quotes."""
    return f"[{', '.join(map(str, items))}]"
