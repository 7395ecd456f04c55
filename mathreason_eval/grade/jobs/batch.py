"""Many rows of gold and answer, judged side by side, in order: `verify --jsonl`.

With several workers each is a process that makes whole judgements, the quick tiers included. A row
on which a process dies or hangs is answered with null and the reason, and the process is replaced.
"""

from __future__ import annotations

import itertools
import os
import queue
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from mathreason_eval.errors import UserError
from mathreason_eval.grade.graders import grader_named
from mathreason_eval.grade.judge import Judge
from mathreason_eval.grade.verify import verify_answer, verify_output
from mathreason_eval.grade.workers.worker import MEMORY, Worker, WorkerError
from mathreason_eval.maths.compare.convention import DEFAULT, Convention
from mathreason_eval.types import Match, Outcome

_CHUNK = 64
"""Rows that are sent to a process at once."""
_AHEAD = 8
"""Chunks a process that are read ahead of the one that is waited for."""
_GRACE = 10.0
"""Seconds beyond the deadline after which a process that judges rows is taken to hang."""


def verify_rows(
    rows: Iterable[Any], *, workers: int | None = None, deadline: float = 5.0
) -> Iterator[dict[str, Any]]:
    """Yield the judgement of each row, in order; a row that cannot be judged says why.

    Args:
        rows: mappings with `gold` (a text, or a list of which any is enough), either `answer` or
            `output`, and optionally `id`, `grader` and `convention`, a mapping of options.
        workers: how many processes judge side by side; default: one a processor; 1: this one.
        deadline: seconds for one row's computer algebra.
    """
    size = workers or os.cpu_count() or 1
    if size == 1:
        with Judge(workers=1, deadline=deadline) as judge:
            for row in rows:
                yield judge_row(judge, row)
        return
    yield from _in_processes(iter(rows), size, deadline)


def _in_processes(rows: Iterator[Any], size: int, deadline: float) -> Iterator[dict[str, Any]]:
    crews = [Worker("mathreason_eval.grade.jobs.rows", 2 * MEMORY) for _ in range(size)]
    idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
    for crew in crews:
        idle.put(crew)
    ahead: deque[Future[list[dict[str, Any]]]] = deque()
    try:
        with ThreadPoolExecutor(size) as threads:
            while chunk := list(itertools.islice(rows, _CHUNK)):
                ahead.append(threads.submit(_chunk, idle, chunk, deadline))
                if len(ahead) > _AHEAD * size:
                    yield from ahead.popleft().result()
            while ahead:
                yield from ahead.popleft().result()
    finally:
        for crew in crews:
            crew.kill()


def _chunk(
    idle: queue.SimpleQueue[Worker], rows: Sequence[Any], deadline: float
) -> list[dict[str, Any]]:
    """Return the judgements of a few rows by a process that is free."""
    crew = idle.get()
    try:
        judged: list[dict[str, Any]] = []
        while len(judged) < len(rows):
            rest = rows[len(judged) :]
            request = {"rows": rest, "deadline": deadline}
            try:
                for said in crew.ask_each(request, len(rest), deadline + _GRACE):
                    judged.append(said)  # noqa: PERF402 - what came before a failure is kept
            except WorkerError as error:
                note = f"the grader died: {error}"
                judged.append(_said(rows[len(judged)], _undecided("worker", note)))
        return judged
    finally:
        idle.put(crew)


def judge_row(judge: Judge, row: object) -> dict[str, Any]:
    """Return the judgement of one row, whatever it is."""
    try:
        match = _judged(judge, row)
    except (UserError, RecursionError, MemoryError) as error:
        match = _undecided("row", str(error) or type(error).__name__)
    return _said(row, match)


def _undecided(rule: str, note: str) -> Match:
    return Match(equal=None, rule=rule, note=note, outcome=Outcome.UNGRADABLE)


def _said(row: object, match: Match) -> dict[str, Any]:
    measures = {"measures": dict(match.measures)} if match.measures else {}
    return {
        **measures,
        "id": row.get("id") if isinstance(row, Mapping) else None,
        "equal": match.equal,
        "outcome": str(match.outcome),
        "answer": match.answer,
        "span": None if match.span is None else list(match.span),
        "rule": match.rule,
        "note": match.note,
        "seconds": round(match.seconds, 6),
    }


def _judged(judge: Judge, row: object) -> Match:
    """Return the judgement of a row.

    Raises:
        UserError: saying what the row lacks.
    """
    if not isinstance(row, Mapping):
        raise UserError(f"the row is no object: {str(row)[:80]}")
    gold, answer, output = (row.get(name) for name in ("gold", "answer", "output"))
    golds = [gold] if isinstance(gold, str) else gold
    if not isinstance(golds, list) or not golds or not all(isinstance(g, str) for g in golds):
        raise UserError("the row needs gold, a text or a list of texts")
    grader = str(row.get("grader", "math"))
    grader_named(grader)
    convention = _convention(row.get("convention"))
    if isinstance(answer, str) and output is None:
        return verify_answer(judge, golds, answer, grader, convention)
    if isinstance(output, str) and answer is None:
        return verify_output(judge, golds, output, grader, convention)
    raise UserError("the row needs either answer or output, a text")


def _convention(options: object) -> Convention:
    """Return a row's convention; a remark in place of options changes nothing."""
    return Convention.of(options) if isinstance(options, Mapping) else DEFAULT
