"""Judge the states of a procedure: by the published evaluator's rules, and by ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from mathreason_eval.families.procbench.extract import states as find_states
from mathreason_eval.families.procbench.trajectory import (
    Agreement,
    SameState,
    Trajectory,
    agreement,
    same_state,
)
from mathreason_eval.types import Match, Measure, Unit

MEASURES = (
    Measure(
        name="pml",
        summary="prefix match length: states that are right before the first that is not",
        unit=Unit.AMOUNT,
    ),
    Measure(name="pa", summary="prefix accuracy: pml by the number of states"),
    Measure(name="sm", summary="sequential match: share of samples with every state right"),
    Measure(name="fm", summary="final match: share of samples with the last state right"),
)
"""What both graders measure."""


def procbench_reference(gold: str, answer: str) -> Match:
    """Judge as the published evaluator does: right if every state is, and none is too many."""
    return _judged("procbench-reference", gold, answer, same_state, lambda _, said: said)


def states(gold: str, answer: str) -> Match:
    """Judge as the published rules mean it.

    A number with a fraction is not the whole number below it, and a text may stand in white space.
    A final state that is told once more as the last intermediate one, where that makes one state
    too many, is dropped: the published pipeline has a model drop it before the evaluator runs.
    """
    return _judged("states", gold, answer, _same_value, _without_repetition)


def _judged(
    rule: str,
    gold: str,
    answer: str,
    same: SameState,
    mended: Callable[[Trajectory, Trajectory], Trajectory],
) -> Match:
    true, said = _trajectory(gold), _trajectory(answer)
    if true is None:
        return Match(equal=None, rule=rule, note="the gold holds no states")
    if said is None:
        return Match(equal=False, rule=rule, note="the answer holds no states")
    try:
        said = mended(true, said)
        found = agreement(true, said, same)
        note = _note(true, said, found)
    except RecursionError:
        return Match(equal=None, rule=rule, note="the answer's lists nest too deeply")
    return Match(equal=found.sm, rule=rule, note=note, measures=found.measures)


def _trajectory(text: str) -> Trajectory | None:
    """Return the states of a text, in the form in which extraction leaves them or any other."""
    try:
        told = json.loads(text)
        return Trajectory(intermediate=list(told["intermediate"]), final=told["final"])
    except (ValueError, TypeError, KeyError, RecursionError):
        found = find_states(text)
    if found is None:
        return None
    told = json.loads(found.text)
    return Trajectory(intermediate=told["intermediate"], final=told["final"])


def _same_value(true: object, said: object) -> bool:
    if isinstance(true, str) and isinstance(said, str):
        return true.strip() == said.strip()
    if isinstance(true, int) and isinstance(said, float) and not said.is_integer():
        return False
    return same_state(true, said)


def _without_repetition(true: Trajectory, said: Trajectory) -> Trajectory:
    repeated = (
        len(said.intermediate) == len(true.intermediate) + 1 and said.intermediate[-1] == said.final
    )
    return replace(said, intermediate=said.intermediate[:-1]) if repeated else said


_SHOWN = 60
"""Characters of a state in a note."""


def _note(true: Trajectory, said: Trajectory, found: Agreement) -> str:
    steps = len(true.states)
    if found.sm:
        return f"all {steps} states are right"
    right = f"{found.pml} of {steps} states are right before the first that is not"
    if found.pml == steps:
        return f"{right}; {len(said.states)} are told"
    if found.pml == len(said.states):
        return f"{right}; no more are told"
    one, other = _shown(true.states[found.pml]), _shown(said.states[found.pml])
    end = "; the final one is" if found.fm else ""
    return f"{right}: {other}, and not {one}{end}"


def _shown(state: object) -> str:
    text = json.dumps(state, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
