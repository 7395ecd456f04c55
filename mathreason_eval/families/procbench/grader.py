"""Grading of the states of a procedure, by the published evaluator's rules and by ours.

The measures are those of ProcBench (arXiv:2410.03117), as its published evaluator computes them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mathreason_eval.families.procbench.extract import find_states
from mathreason_eval.families.procbench.procedure import Trajectory
from mathreason_eval.stats.estimators.items import Item, mean_over
from mathreason_eval.types import Match, Measure, Metric, Unit

SameState = Callable[[Any, Any], bool]
"""(true state, answered state) -> whether they are the same."""
MEASURES = (
    Measure(
        name="pml",
        summary="prefix match length: number of correct states before the first wrong one",
        unit=Unit.AMOUNT,
    ),
    Measure(name="pa", summary="prefix accuracy: pml / number of states"),
    Measure(name="sm", summary="sequential match: share of samples with every state correct"),
    Measure(name="fm", summary="final match: share of samples with the last state correct"),
)
"""The measures of both graders: the fields of `Agreement`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """The agreement of a trajectory with the true one."""

    pml: int
    """Prefix match length: number of correct states before the first wrong one."""
    pa: float
    """Prefix accuracy: `pml` / number of states of the longer trajectory, in [0, 1]."""
    sm: bool
    """Sequential match: every state is correct, and there are no further ones."""
    fm: bool
    """Final match: the final state is correct, regardless of the others."""

    @property
    def measures(self) -> Mapping[str, float]:
        """Return the four measures by name, as numbers."""
        return {"pml": float(self.pml), "pa": self.pa, "sm": float(self.sm), "fm": float(self.fm)}


def agreement(true: Trajectory, answered: Trajectory, same: SameState) -> Agreement:
    """Return the agreement of the answered trajectory with the true one."""
    pml = 0
    for one, other in zip(true.states, answered.states, strict=False):
        if not same(one, other):
            break
        pml += 1
    longer = max(len(true.states), len(answered.states))
    final = same(true.final, answered.final)
    return Agreement(pml=pml, pa=pml / longer, sm=pml == longer, fm=final)


def same_state(true: object, answered: object) -> bool:
    """Return whether a state is the true one, by the published evaluator's rule for its type.

    Texts and the elements of lists are compared after `str`, integers after `int`: "25" and 25.9
    are 25, and the text "ab" is the list of its letters. Nothing equals an empty list. A state that
    cannot be converted is different.

    Raises:
        RecursionError: if a list is nested too deeply to be converted to a text.
    """
    try:
        match true:
            case str():
                return true == str(answered)
            case int():
                return true == int(answered)  # type: ignore[call-overload,no-any-return]
            case list():
                elements = list(answered)  # type: ignore[call-overload]
                return bool(true) and list(map(str, true)) == list(map(str, elements))
    except (TypeError, ValueError, OverflowError):
        return False
    return False


# --- graders ---------------------------------------------------------------------------------


def procbench_reference(gold: str, answer: str) -> Match:
    """Grade as the published evaluator: correct if all states are, and there are no others."""
    return _graded("procbench-reference", gold, answer, same_state, lambda _, answered: answered)


def states(gold: str, answer: str) -> Match:
    """Grade as the published rules are meant.

    A number with a fraction differs from its integer part, and white space around a text is
    ignored. If there is one state too many because the final state is repeated as the last
    intermediate one, the repetition is dropped, as a model does in the published pipeline.
    """
    return _graded("states", gold, answer, _same_value, _without_repetition)


def _graded(
    rule: str,
    gold: str,
    answer: str,
    same: SameState,
    normalised: Callable[[Trajectory, Trajectory], Trajectory],
) -> Match:
    true, answered = _trajectory(gold), _trajectory(answer)
    if true is None:
        return Match(equal=None, rule=rule, note="the gold holds no states")
    if answered is None:
        return Match(equal=False, rule=rule, note="the answer holds no states")
    try:
        answered = normalised(true, answered)
        found = agreement(true, answered, same)
        note = _note(true, answered, found)
    except RecursionError:
        return Match(equal=None, rule=rule, note="the answer's lists nest too deeply")
    return Match(equal=found.sm, rule=rule, note=note, measures=found.measures)


def _trajectory(text: str) -> Trajectory | None:
    """Return the states in a text, in the form of the extraction or any other; None if none."""
    try:
        read = json.loads(text)
        return Trajectory(intermediate=list(read["intermediate"]), final=read["final"])
    except (ValueError, TypeError, KeyError, RecursionError):
        found = find_states(text)
    if found is None:
        return None
    read = json.loads(found.text)
    return Trajectory(intermediate=read["intermediate"], final=read["final"])


def _same_value(true: object, answered: object) -> bool:
    if isinstance(true, str) and isinstance(answered, str):
        return true.strip() == answered.strip()
    if isinstance(true, int) and isinstance(answered, float) and not answered.is_integer():
        return False
    return same_state(true, answered)


def _without_repetition(true: Trajectory, answered: Trajectory) -> Trajectory:
    states = answered.intermediate
    repeated = len(states) == len(true.intermediate) + 1 and states[-1] == answered.final
    return replace(answered, intermediate=states[:-1]) if repeated else answered


def _note(true: Trajectory, answered: Trajectory, found: Agreement) -> str:
    steps = len(true.states)
    if found.sm:
        return f"all {steps} states are right"
    right = f"{found.pml} of {steps} states are right before the first that is not"
    if found.pml == steps:
        return f"{right}; {len(answered.states)} are told"
    if found.pml == len(answered.states):
        return f"{right}; no more are told"
    one, other = _shown(true.states[found.pml]), _shown(answered.states[found.pml])
    end = "; the final one is" if found.fm else ""
    return f"{right}: {other}, and not {one}{end}"


_MOST_SHOWN = 60
"""Maximum characters of a state in a note."""


def _shown(state: object) -> str:
    text = json.dumps(state, ensure_ascii=False)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


# --- metrics ---------------------------------------------------------------------------------


def survival(task: str, items: Sequence[Item]) -> Iterator[Metric]:
    """Yield `survival@S` for each number of steps S: the fraction of samples correct up to S.

    Only problems with S steps or more, by their property `steps`, count for S. A sample is correct
    up to S if its prefix match length is at least S.
    """
    steps = [int(item.problem.meta.get("steps", 0)) for item in items]
    for length in range(1, max(steps, default=0) + 1):
        chosen = [item for item, most in zip(items, steps, strict=True) if most >= length]
        mean = mean_over(chosen, [_share_up_to(length, item) for item in chosen])
        size = len(chosen), sum(item.n for item in chosen)
        yield mean.metric(f"survival@{length}", (task, "all"), size)


def _share_up_to(length: int, item: Item) -> float:
    reached = [verdict.measures.get("pml", 0.0) >= length for verdict in item.verdicts]
    return sum(reached) / item.n
