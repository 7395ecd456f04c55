"""Grade the states of a procedure: by the published evaluator's rules, and by ours.

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
        summary="prefix match length: states that are right before the first that is not",
        unit=Unit.AMOUNT,
    ),
    Measure(name="pa", summary="prefix accuracy: pml by the number of states"),
    Measure(name="sm", summary="sequential match: share of samples with every state right"),
    Measure(name="fm", summary="final match: share of samples with the last state right"),
)
"""What both graders measure: the fields of `Agreement`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """How far one trajectory agrees with the true one."""

    pml: int
    """Prefix match length: states that are right before the first that is not."""
    pa: float
    """Prefix accuracy: `pml` by the number of states of the longer trajectory, in [0, 1]."""
    sm: bool
    """Sequential match: every state is right, and there are no more."""
    fm: bool
    """Final match: the final state is right, whatever came before it."""

    @property
    def measures(self) -> Mapping[str, float]:
        """Return the four by name, as numbers."""
        return {"pml": float(self.pml), "pa": self.pa, "sm": float(self.sm), "fm": float(self.fm)}


def agreement(true: Trajectory, answered: Trajectory, same: SameState) -> Agreement:
    """Return how far the answered trajectory agrees with the true one."""
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

    Texts and the elements of lists are compared as `str` shows them, integers as `int` reads them:
    "25" and 25.9 are 25, and the text "ab" is the list of its letters. Nothing equals an empty
    list. What cannot be converted is another state.

    Raises:
        RecursionError: if a list is nested too deep to be shown as a text.
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
    """Grade as the published evaluator does: right if every state is, and there are no more."""
    return _graded("procbench-reference", gold, answer, same_state, lambda _, answered: answered)


def states(gold: str, answer: str) -> Match:
    """Grade as the published rules intend.

    A number with a fraction is not its integer part, and white space around a text is ignored.
    A final state that is repeated as the last intermediate one, where that makes one state too
    many, is dropped: the published pipeline has a model drop it before the evaluator runs.
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
    """Return the states of a text, in the form in which extraction leaves them or any other."""
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
"""Characters of a state in a note."""


def _shown(state: object) -> str:
    text = json.dumps(state, ensure_ascii=False)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


# --- metrics ---------------------------------------------------------------------------------


def survival(task: str, items: Sequence[Item]) -> Iterator[Metric]:
    """Yield `survival@S` for each number of steps S: the share of samples that are right up to S.

    Only problems that take S steps or more, by their property `steps`, count for S: that a short
    one ends is no failure. A sample is right up to S if its prefix match length is at least S.
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
