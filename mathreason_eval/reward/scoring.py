"""Rewards of completions: 1 for a right answer, else 0, and never an exception or a signal.

What is undecided or unfinished is 0 and counted: a value outside the scale, such as None, would
have a trainer drop the sample, and garbage would escape its penalty.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypedDict, Unpack, cast

from mathreason_eval.errors import UserError
from mathreason_eval.grade.graders import grader_named
from mathreason_eval.grade.service import (
    VerifyOptions,
    averify,
    in_a_thread,
    submit_outputs,
    verify_many,
)
from mathreason_eval.grade.verify import Decision, Gold
from mathreason_eval.reward.counts import (
    COUNTERS,
    DISAGREED,
    DUPLICATED,
    WEAK,
    Counts,
    Reason,
    counts_of,
)
from mathreason_eval.text.numbers import gold_texts
from mathreason_eval.types import WEAK_RULES, Match, Outcome

Completion = str | Sequence[Mapping[str, object]] | None
"""A text, or the messages of a chat, of which the last of the assistant counts."""
Golds = Sequence[Gold | Sequence[Gold] | None]
"""A gold for each completion, or a list of accepted ones."""


class RewardOptions(VerifyOptions, total=False):
    """The options of `reward`: those of `verify_many`, and why each completion ended."""

    finish_reasons: Sequence[str | None]
    """`length` for a completion that was cut; its answer counts only if the text announces it."""
    second: str | None
    """A second grader, which changes no reward: where it disagrees is counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Chosen:
    """The options of a call."""

    judging: VerifyOptions
    second: VerifyOptions | None
    """Those of the second grader, if there is one."""
    ends: Sequence[str | None]


class _Judging(TypedDict):
    """The rows that can be judged, by their place."""

    places: list[int]
    golds: list[tuple[str, ...]]
    outputs: list[str]


def reward(
    completions: Sequence[Completion], golds: Golds, **options: Unpack[RewardOptions]
) -> list[float]:
    """Return 1.0 for each completion whose answer is its gold, else 0.0.

    From any thread and any forked process. Rows that are equal are judged once.

    Args:
        completions: texts, or lists of messages.
        golds: the gold of each.
        options: see `RewardOptions`.

    Raises:
        UserError: if there is no such grader: a fault of the settings, whatever the rows.
    """
    return judged(completions, golds, **options).rewards


def reasons(
    completions: Sequence[Completion], golds: Golds, **options: Unpack[RewardOptions]
) -> list[Reason]:
    """Return why each completion has its reward.

    Args:
        completions: as of `reward`.
        golds: as of `reward`.
        options: as of `reward`.

    Raises:
        UserError: as `reward`.
    """
    return judged(completions, golds, **options).reasons


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """The judgements of a call."""

    reasons: list[Reason]
    """Of each completion."""
    counts: Counts
    """Of this call alone."""

    @property
    def rewards(self) -> list[float]:
        """Return 1.0 for each right completion, else 0.0."""
        return [float(one is Reason.RIGHT) for one in self.reasons]


def judged(
    completions: Sequence[Completion], golds: Golds, **options: Unpack[RewardOptions]
) -> Judged:
    """Return why each completion has its reward, and the counts of these completions.

    Args:
        completions: as of `reward`.
        golds: as of `reward`.
        options: as of `reward`.

    Raises:
        UserError: as `reward`.
    """
    chosen = _options(options)
    rows = _rows(completions, golds)
    decisions = _safely(rows, chosen.judging)
    second = None if chosen.second is None else _safely(rows, chosen.second)
    found = _reasons(len(completions), rows, decisions, chosen.ends)
    return _counted(found, _audit(rows, found, decisions, second))


async def areward(
    completions: Sequence[Completion], golds: Golds, **options: Unpack[RewardOptions]
) -> list[float]:
    """Return what `reward` returns, without blocking the event loop.

    Args:
        completions: as of `reward`.
        golds: as of `reward`.
        options: as of `reward`.

    Raises:
        UserError: as `reward`.
    """
    return (await ajudged(completions, golds, **options)).rewards


async def ajudged(
    completions: Sequence[Completion], golds: Golds, **options: Unpack[RewardOptions]
) -> Judged:
    """Return what `judged` returns, without blocking the event loop.

    Args:
        completions: as of `reward`.
        golds: as of `reward`.
        options: as of `reward`.

    Raises:
        UserError: as `reward`.
    """
    if len(completions) >= _BATCH:
        # Only to look at so many rows takes long for a loop. No thread starts: see below.
        with contextlib.suppress(RuntimeError):
            return await in_a_thread(partial(judged, completions, golds, **options))
    chosen = _options(options)
    rows = _rows(completions, golds)
    decisions = await _awaited(rows, chosen.judging)
    second = None if chosen.second is None else await _awaited(rows, chosen.second)
    found = _reasons(len(completions), rows, decisions, chosen.ends)
    return _counted(found, _audit(rows, found, decisions, second))


_OURS = frozenset({"finish_reasons", "second"})
"""Options that `verify_many` does not have."""


def _options(options: RewardOptions) -> _Chosen:
    """Return the options of a call.

    Raises:
        UserError: if there is no such grader.
    """
    grader_named(options.get("grader", "math"))
    judging = cast("VerifyOptions", {n: v for n, v in options.items() if n not in _OURS})
    other = options.get("second")
    if other is not None:
        grader_named(other)
    return _Chosen(
        judging=judging,
        second=None if other is None else {**judging, "grader": other},
        ends=options.get("finish_reasons") or (),
    )


def _rows(completions: Sequence[Completion], golds: Golds) -> _Judging:
    """Return the rows that have a text and a gold."""
    rows = _Judging(places=[], golds=[], outputs=[])
    for place, completion in enumerate(completions):
        text = answer_text(completion)
        gold = _golds(golds[place]) if place < len(golds) else None
        if text is not None and gold is not None:
            rows["places"].append(place)
            rows["golds"].append(gold)
            rows["outputs"].append(text)
    return rows


def _golds(gold: object) -> tuple[str, ...] | None:
    try:
        return None if gold is None else gold_texts(gold)
    except ValueError:
        return None


def answer_text(completion: object) -> str | None:
    """Return the text of a completion; of messages that of the last one of the assistant.

    None if it has none.
    """
    if isinstance(completion, str):
        return completion
    if not isinstance(completion, Sequence):
        return None
    said = [one for one in completion if isinstance(one, Mapping)]
    last = next((one for one in reversed(said) if one.get("role") == "assistant"), None)
    content = None if last is None else last.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        return None
    parts = [one.get("text") for one in content if isinstance(one, Mapping)]
    kept = [text for text in parts if isinstance(text, str)]
    return "".join(kept) if kept else None


_BATCH = 200
"""Rows from which other processes judge them: below, asking takes longer than judging."""
_Key = tuple[tuple[str, ...], str]
"""Golds and output."""


def _distinct(rows: _Judging) -> list[_Key]:
    """Return each row once, those of one gold together: a process remembers what it has read."""
    first = {gold: place for place, gold in reversed([*enumerate(rows["golds"])])}
    return sorted(dict.fromkeys(_keys(rows)), key=lambda row: first[row[0]])


def _keys(rows: _Judging) -> list[_Key]:
    return list(zip(rows["golds"], rows["outputs"], strict=True))


def _safely(rows: _Judging, options: VerifyOptions) -> Sequence[Decision | None]:
    """Return the decision on each row; None for those that failed."""
    asked = _distinct(rows)
    golds, outputs = [gold for gold, _ in asked], [output for _, output in asked]
    try:
        if len(asked) < _BATCH:
            found = list(map(Decision.of, verify_many(golds, outputs=outputs, **options)))
        else:
            chunks = submit_outputs(golds, outputs, **options)
            found = [decision for chunk in chunks for decision in chunk.result()]
    except UserError:
        raise
    # A trainer's step must not end with whatever a full machine raises here: no thread, no memory.
    except Exception:  # noqa: BLE001
        return [None] * len(rows["places"])
    of_key = dict(zip(asked, found, strict=True))
    return [of_key[key] for key in _keys(rows)]


async def _awaited(rows: _Judging, options: VerifyOptions) -> Sequence[Decision | None]:
    """Return the decision on each row; None for those that failed."""
    import asyncio

    asked = _distinct(rows)
    single = (averify(gold, output=output, **options) for gold, output in asked)
    # As in `_safely`, whatever is raised is undecided.
    found = await asyncio.gather(*single, return_exceptions=True)
    of_key = {
        key: Decision.of(match) if isinstance(match, Match) else None
        for key, match in zip(asked, found, strict=True)
    }
    return [of_key[key] for key in _keys(rows)]


def _audit(
    rows: _Judging,
    reasons: Sequence[Reason],
    decisions: Sequence[Decision | None],
    second: Sequence[Decision | None] | None,
) -> list[str]:
    """Return what else is counted of the rows, a name for each."""
    copies = len(rows["places"]) - len(set(_keys(rows)))
    weak = sum(
        decision is not None
        and decision.found_by in WEAK_RULES
        and reasons[place] in {Reason.RIGHT, Reason.WRONG}
        for place, decision in zip(rows["places"], decisions, strict=True)
    )
    differ = sum(
        _is_right(one) != _is_right(other)
        for one, other in zip(decisions, second or (), strict=second is not None)
        if _is_decided(one) and _is_decided(other)
    )
    return [WEAK] * weak + [DUPLICATED] * copies + [DISAGREED] * differ


def _is_decided(decision: Decision | None) -> bool:
    return decision is not None and decision.outcome is not Outcome.UNGRADABLE


def _is_right(decision: Decision | None) -> bool:
    return decision is not None and decision.outcome is Outcome.CORRECT


def _counted(reasons: list[Reason], audit: Sequence[str]) -> Judged:
    """Return the judgements of a call, which are counted."""
    names = [*reasons, *audit]
    COUNTERS.add(names)
    return Judged(reasons=reasons, counts=counts_of(Counter(names)))


def _reasons(
    count: int, rows: _Judging, decisions: Sequence[Decision | None], ends: Sequence[str | None]
) -> list[Reason]:
    """Return why each completion has its reward."""
    found = [Reason.INVALID] * count
    for place, decision in zip(rows["places"], decisions, strict=True):
        cut = place < len(ends) and ends[place] == "length"
        found[place] = reason_of(decision, cut=cut)
    return found


_REASONS = {
    Outcome.CORRECT: Reason.RIGHT,
    Outcome.WRONG: Reason.WRONG,
    Outcome.NO_ANSWER: Reason.NO_ANSWER,
    Outcome.TRUNCATED: Reason.UNFINISHED,
    Outcome.UNGRADABLE: Reason.UNDECIDED,
}


def reason_of(decision: Decision | None, *, cut: bool) -> Reason:
    """Return why a completion has its reward.

    Args:
        decision: what was made of it; None if that failed.
        cut: whether the text was cut: then its answer counts only if it is announced.
    """
    if decision is None or decision.outcome is None:
        return Reason.UNDECIDED
    if cut and (not decision.has_answer or decision.found_by in WEAK_RULES):
        return Reason.UNFINISHED
    return _REASONS[decision.outcome]
