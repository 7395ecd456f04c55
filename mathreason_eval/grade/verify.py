"""The grader without a run: an answer, or the answer in a text, against golds; one, or many rows.

With several workers, each is a process that judges whole rows, the quick comparisons included. A
row on which a process crashes or hangs gets null and the reason, and the process is replaced.
"""

from __future__ import annotations

import atexit
import itertools
import os
import queue
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from mathreason_eval.errors import UserError
from mathreason_eval.extract.marked import boxed, hashes
from mathreason_eval.extract.phrases import phrase
from mathreason_eval.grade import DEADLINE, WORKERS
from mathreason_eval.grade.graders import grader_named
from mathreason_eval.grade.judge import Judge, JudgeOptions
from mathreason_eval.grade.workers import MEMORY, Worker, WorkerError, encoded
from mathreason_eval.maths.compare.convention import DEFAULT, Convention
from mathreason_eval.text.numbers import gold_texts
from mathreason_eval.types import Generation, Match, Outcome

if TYPE_CHECKING:
    from concurrent.futures import Future


Gold = str | int | float
"""An accepted answer; a number stands for its shortest decimal."""


def verify(
    gold: Gold | Sequence[Gold],
    answer: str | None = None,
    output: str | None = None,
    *,
    grader: str = "math",
    convention: Convention = DEFAULT,
    deadline: float = DEADLINE,
) -> Match:
    """Return whether an answer, or the answer in a model's output, is the gold.

    Args:
        gold: the correct answer, or several, any of which is accepted; also a worked solution with
            the answer in a box or after `####`.
        answer: an answer, already extracted.
        output: a model's text, from which the answer is extracted.
        grader: the grader's name.
        convention: conventions on units, percent, order and rounding.
        deadline: maximum seconds of computer algebra; after that the result is undecided.

    Raises:
        ValueError: unless a gold and exactly one of `answer` and `output` are given; or if a
            gold is neither a text nor a finite number.
        UnknownNameError: if the grader is not known.
    """
    judge = shared_judge(deadline, WORKERS)
    return verify_with(judge, gold, answer, output, grader, convention)


@cache
def shared_judge(deadline: float, workers: int) -> Judge:
    """Return the judge of this process with that many workers, which end with it."""
    judge = Judge(workers=workers, deadline=deadline)
    atexit.register(judge.close)
    return judge


def verify_with(
    judge: Judge,
    gold: Gold | Sequence[Gold],
    answer: str | None,
    output: str | None,
    grader: str,
    convention: Convention,
) -> Match:
    """Return what `verify` returns, by a judge."""
    if (answer is None) == (output is None):
        raise ValueError("Give a gold, and either an answer or an output.")
    golds = gold_texts(gold)
    if output is not None:
        return verify_output(judge, golds, output, grader, convention)
    assert answer is not None
    return verify_answer(judge, golds, answer, grader, convention)


def verify_answer(
    judge: Judge, golds: Sequence[str], answer: str, grader: str, convention: Convention
) -> Match:
    """Return whether an answer is any of the golds.

    Raises:
        UnknownNameError: if the grader is not known.
    """
    grader_named(grader)
    return judge.match([*map(stated_gold, golds)], answer, grader, convention)


def verify_output(
    judge: Judge, golds: Sequence[str], output: str, grader: str, convention: Convention
) -> Match:
    """Return whether the answer in a text is any of the golds, and where it was found.

    Raises:
        UnknownNameError: if the grader is not known.
    """
    stated = tuple(map(stated_gold, golds))
    rules = grader_named(grader).rules_for(stated)
    options = JudgeOptions(extract=rules, grader=grader, convention=convention)
    return judge.match_output(stated, Generation(problem_id="", sample=0, text=output), options)


_MIN_SOLUTION = 120
"""Characters; a longer gold without a mark is read as a worked solution in prose."""


def stated_gold(gold: str) -> str:
    r"""Return the answer that a gold states: a worked solution's box or `####`, else itself."""
    if "boxed" in gold or "fbox" in gold:
        found = boxed(gold)
    elif "####" in gold:
        found = hashes(gold)
    else:
        found = phrase(gold) if len(gold) > _MIN_SOLUTION else None
    return found.text if found is not None and found.text else gold


# --- rows ------------------------------------------------------------------------------------


def verify_rows(
    rows: Iterable[Any], *, workers: int | None = None, deadline: float = DEADLINE
) -> Iterator[dict[str, Any]]:
    """Yield a JSON object per row, in order: its judgement, or why it cannot be judged.

    Args:
        rows: mappings with `gold` (a text, a number, or a list of accepted ones), either `answer`
            or `output`, and optionally `id`, `grader` and `convention`, a mapping of options.
        workers: number of processes; None: one per CPU; 1: this process.
        deadline: maximum seconds of computer algebra for one row.
    """
    size = workers or os.cpu_count() or 1
    if size == 1:
        with Judge(workers=1, deadline=deadline) as judge:
            for row in rows:
                yield judge_row(judge, row)
        return
    yield from _in_processes(iter(rows), size, deadline)


_CHUNK = 64
"""Number of rows that are sent to a process at once."""
_AHEAD = 8
"""Chunks per process that are read before the first of them is done."""


def _in_processes(rows: Iterator[Any], size: int, deadline: float) -> Iterator[dict[str, Any]]:
    # Imported here: it imports logging, a tenth of the time to import `verify`.
    from concurrent.futures import ThreadPoolExecutor

    workers = start_row_workers(size)
    idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
    for worker in workers:
        idle.put(worker)
    ahead: deque[Future[list[dict[str, Any]]]] = deque()
    try:
        with ThreadPoolExecutor(size) as threads:
            while chunk := list(itertools.islice(rows, _CHUNK)):
                ahead.append(threads.submit(judge_chunk, idle, chunk, deadline))
                if len(ahead) > _AHEAD * size:
                    yield from ahead.popleft().result()
            while ahead:
                yield from ahead.popleft().result()
    finally:
        for worker in workers:
            worker.kill()


_MAX_ROWS = 1_000_000
"""Rows after which such a process is replaced. Its caches are bounded, and to start one takes as
long as thousands of rows; that for computer algebra, whose caches grow, is its own to replace."""


def start_row_workers(size: int) -> list[Worker]:
    """Return processes that judge rows, each with a worker of its own for computer algebra."""
    return [Worker(__name__, 2 * MEMORY, _MAX_ROWS) for _ in range(size)]


_GRACE = 10.0
"""Seconds beyond the deadline after which a process that judges rows is considered hung."""


def judge_chunk(
    idle: queue.SimpleQueue[Worker], rows: Sequence[Any], deadline: float, *, brief: bool = False
) -> list[Any]:
    """Return the judgements of a chunk of rows as JSON, made by an idle process.

    Args:
        idle: the processes.
        rows: as of `verify_rows`.
        deadline: as of `verify_rows`.
        brief: whether the judgements are those of `Decision`, of which a process sends a tenth.
    """
    request = _request(rows, deadline, brief=brief)  # while others have the processes
    worker = idle.get()
    try:
        judged: list[Any] = []
        while len(judged) < len(rows):
            try:
                for answer in worker.ask_each(request, len(rows) - len(judged), deadline + _GRACE):
                    judged.append(answer)  # noqa: PERF402 - answers before a failure are kept
            except WorkerError as error:
                note = f"the grader died: {error}"
                judged.append(_spelled(rows[len(judged)], _undecided("worker", note), brief=brief))
                request = _request(rows[len(judged) :], deadline, brief=brief)
        return judged
    finally:
        idle.put(worker)


def _request(rows: Sequence[Any], deadline: float, *, brief: bool) -> bytes:
    return encoded({"rows": rows, "deadline": deadline, "brief": brief})


class Decision(NamedTuple):
    """What a reward needs to know of a judgement."""

    outcome: Outcome | None
    found_by: str | None
    """The extraction rule that found the answer; None if it was given, or there is none."""
    has_answer: bool

    @classmethod
    def of(cls, match: Match) -> Self:
        """Return that of a judgement."""
        return cls(match.outcome, match.found_by, match.answer is not None)

    @classmethod
    def of_json(cls, spelled: Sequence[Any]) -> Self:
        """Return one that a process sent."""
        outcome, found_by, has_answer = spelled
        return cls(_OUTCOMES[outcome], found_by, has_answer)


def _spelled(row: object, match: Match, *, brief: bool) -> Any:  # noqa: ANN401  JSON
    return Decision.of(match) if brief else _as_json(row, match)


def judge_row(judge: Judge, row: object) -> dict[str, Any]:
    """Return the judgement of one row; a malformed row is undecided, with the reason."""
    return _as_json(row, _judged(judge, row))


def _judged(judge: Judge, row: object) -> Match:
    try:
        return _match(judge, row)
    except (UserError, RecursionError, MemoryError) as error:
        return _undecided("row", str(error) or type(error).__name__)


def _undecided(rule: str, note: str) -> Match:
    return Match(equal=None, rule=rule, note=note, outcome=Outcome.UNGRADABLE)


def _match(judge: Judge, row: object) -> Match:
    """Return the judgement of a row.

    Raises:
        UserError: if the row is malformed; it says how.
    """
    if not isinstance(row, Mapping):
        raise UserError(f"the row is not an object: {str(row)[:80]}")
    gold, answer, output = (row.get(name) for name in ("gold", "answer", "output"))
    try:
        golds = gold_texts(gold)
    except ValueError as error:
        raise UserError(f"{error}; the row needs a text, a number or a list of them") from None
    grader = str(row.get("grader", "math"))
    grader_named(grader)
    options = row.get("convention")
    # A `convention` that is not a mapping is ignored.
    convention = Convention.of(options) if options and isinstance(options, Mapping) else DEFAULT
    if isinstance(answer, str) and output is None:
        return verify_answer(judge, golds, answer, grader, convention)
    if isinstance(output, str) and answer is None:
        return verify_output(judge, golds, output, grader, convention)
    raise UserError("the row needs either answer or output, as text")


def match_of(judged: Mapping[str, Any]) -> Match:
    """Return the match of a judgement as JSON."""
    fields = {**judged, "outcome": _OUTCOMES[judged["outcome"]]}
    if fields["span"] is not None:
        fields["span"] = tuple(fields["span"])
    del fields["id"]
    return Match(**fields)


_OUTCOMES = {str(outcome): outcome for outcome in Outcome}


def _as_json(row: object, match: Match) -> dict[str, Any]:
    measures = {"measures": dict(match.measures)} if match.measures else {}
    return {
        **measures,
        "id": row.get("id") if isinstance(row, Mapping) else None,
        "equal": match.equal,
        "outcome": str(match.outcome),
        "answer": match.answer,
        "span": None if match.span is None else list(match.span),
        "found_by": match.found_by,
        "rule": match.rule,
        "note": match.note,
        "seconds": round(match.seconds, 6),
    }


# --- the job of a process that judges rows, as `grade/child.py` serves it -----------------------


def prepare() -> None:
    """Do nothing: computer algebra runs in a worker of this worker's own."""


@cache
def _process_judge(deadline: float) -> Judge:
    """Return this process's judge; its worker ends with it."""
    judge = Judge(workers=1, deadline=deadline)
    judge.start()
    return judge


def answers(request: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the judgement of each row of a request."""
    judge, brief = _process_judge(request["deadline"]), request["brief"]
    for row in request["rows"]:
        yield _spelled(row, _judged(judge, row), brief=brief)
