"""Rows of a service: the judgement of each as JSON, with its reward and why it has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mathreason_eval.grade import DEADLINE, WORKERS
from mathreason_eval.grade.service import submit_rows
from mathreason_eval.grade.verify import Decision, match_of
from mathreason_eval.reward.counts import COUNTERS, WEAK, Reason
from mathreason_eval.reward.scoring import answer_text, reason_of
from mathreason_eval.types import WEAK_RULES, Match


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgingOptions:
    """How rows of a service are judged."""

    grader: str = "math"
    """The grader of rows that name none."""
    workers: int = WORKERS
    """Processes that judge."""
    deadline: float = DEADLINE
    """Maximum seconds of computer algebra for a row."""


def judged_rows(rows: Sequence[object], options: JudgingOptions) -> list[dict[str, Any]]:
    """Return the judgement of each row, as `verify --jsonl` has it, with `reward` and `reason`.

    Args:
        rows: mappings as of `verify_rows`; `output` may be messages, and `finish_reason` may say
            that the text was cut. Anything else is a row without an answer, which is `invalid`.
        options: how they are judged.
    """
    asked = [_asked(row, options.grader) for row in rows]
    chunks = submit_rows(asked, workers=options.workers, deadline=options.deadline)
    judged = [one for chunk in chunks for one in chunk.result()]
    return [_rewarded(row, one) for row, one in zip(asked, judged, strict=True)]


def _asked(row: object, grader: str) -> object:
    """Return a row with the grader that it does not name, and with the text of its messages."""
    if not isinstance(row, Mapping):
        return row
    output = row.get("output")
    text = {} if output is None or isinstance(output, str) else {"output": answer_text(output)}
    return {"grader": grader, **row, **text}


def _rewarded(row: object, judged: Mapping[str, Any]) -> dict[str, Any]:
    """Return a judgement with its reward; it is counted."""
    match = match_of(judged)
    cut = isinstance(row, Mapping) and row.get("finish_reason") == "length"
    reason = Reason.INVALID if _is_malformed(match) else reason_of(Decision.of(match), cut=cut)
    decided = reason in {Reason.RIGHT, Reason.WRONG}
    COUNTERS.add([reason, *[WEAK] * (decided and match.found_by in WEAK_RULES)])
    return {**judged, "reward": float(reason is Reason.RIGHT), "reason": str(reason)}


def _is_malformed(match: Match) -> bool:
    return match.equal is None and match.rule == "row"
