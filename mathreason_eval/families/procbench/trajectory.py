"""How much of a procedure was carried out rightly: its states compared one by one.

The measures are those of ProcBench (arXiv:2410.03117), as its published evaluator computes them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SameState = Callable[[Any, Any], bool]
"""(state as it should be, state as it was said) -> whether they are the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trajectory:
    """The states that a procedure goes through, the initial one left out."""

    intermediate: Sequence[Any]
    final: Any
    """A text, a whole number, or a list of either."""

    @property
    def states(self) -> list[Any]:
        """Return all states in order, the final one last."""
        return [*self.intermediate, self.final]

    @property
    def text(self) -> str:
        """Return the trajectory as JSON, the form in which golds and answers are kept."""
        told = {"intermediate": list(self.intermediate), "final": self.final}
        return json.dumps(told, ensure_ascii=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """How far one trajectory agrees with the true one."""

    pml: int
    """Prefix match length: states that are right before the first that is not."""
    pa: float
    """Prefix accuracy: `pml` by the number of states of the longer trajectory, in [0, 1]."""
    sm: bool
    """Sequential match: every state is right, and there is none too many."""
    fm: bool
    """Final match: the final state is right, whatever came before it."""

    @property
    def measures(self) -> Mapping[str, float]:
        """Return the four by name, as numbers."""
        return {"pml": float(self.pml), "pa": self.pa, "sm": float(self.sm), "fm": float(self.fm)}


def same_state(true: object, said: object) -> bool:
    """Return whether a state is the true one, by the published evaluator's rule for its type.

    Texts and the elements of lists are compared as `str` shows them, whole numbers as `int` reads
    them: "25" and 25.9 are 25, and the text "ab" is the list of its letters. An empty list is never
    met. What cannot be converted is another state.

    Raises:
        RecursionError: if a list is nested too deep to be shown as a text.
    """
    try:
        match true:
            case str():
                return true == str(said)
            case int():
                return true == int(said)  # type: ignore[call-overload,no-any-return]
            case list():
                elements = list(said)  # type: ignore[call-overload]
                return bool(true) and list(map(str, true)) == list(map(str, elements))
    except (TypeError, ValueError, OverflowError):
        return False
    return False


def agreement(true: Trajectory, said: Trajectory, same: SameState = same_state) -> Agreement:
    """Return how far what was said agrees with the truth."""
    pml = 0
    for one, other in zip(true.states, said.states, strict=False):
        if not same(one, other):
            break
        pml += 1
    longer = max(len(true.states), len(said.states))
    return Agreement(pml=pml, pa=pml / longer, sm=pml == longer, fm=same(true.final, said.final))
