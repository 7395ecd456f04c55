"""Grading for trainers and services: without blocking an event loop, and many answers at once.

Quick comparisons are made in this process; what needs computer algebra goes to the worker
processes, which all callers of this process with the same deadline and number share. So does a
long text from an event loop: a search in it would hold up all threads of this process.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, lru_cache, partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack
from weakref import WeakKeyDictionary

from mathreason_eval.grade import DEADLINE, WORKERS
from mathreason_eval.grade.graders import grader_named
from mathreason_eval.grade.judge import Judge
from mathreason_eval.grade.verify import (
    Decision,
    Gold,
    judge_chunk,
    match_of,
    shared_judge,
    start_row_workers,
    verify_with,
)
from mathreason_eval.grade.workers import ProcessOwner, Worker
from mathreason_eval.maths.compare.convention import DEFAULT, Convention
from mathreason_eval.text.numbers import gold_texts
from mathreason_eval.types import Match

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Semaphore
    from concurrent.futures import Future, ThreadPoolExecutor


class VerifyOptions(TypedDict, total=False):
    """The options of `averify` and `verify_many`: those of `verify`, and the number of workers."""

    grader: str
    convention: Convention
    deadline: float
    workers: int
    """Processes for computer algebra, and so the number of such questions at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Options:
    grader: str = "math"
    convention: Convention = DEFAULT
    deadline: float = DEADLINE
    workers: int = WORKERS

    @property
    def quick(self) -> Judge:
        """Return a judge that leaves undecided what needs computer algebra."""
        return shared_judge(self.deadline, 0)

    @property
    def slow(self) -> Judge:
        """Return the judge with the workers."""
        return shared_judge(self.deadline, self.workers)


_QUICK = 1
"""Threads for quick comparisons: they take turns with the event loop, which waits for each."""
_AHEAD = 8
"""Quick comparisons that wait for the thread; others wait in the loop, which goes on meanwhile."""
_LONG = 10_000
"""Characters of an answer or output above which it is judged in another process."""


class _Threads(ProcessOwner):
    """Threads of this process, made when they are first needed, and made again after a fork."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.renew()
        super().__init__()

    def renew(self) -> None:
        """Forget the threads: in a forked child there are none."""
        self._made: ThreadPoolExecutor | None = None

    def close(self) -> None:
        """Let the threads end when they are done."""
        if self._made is not None:
            self._made.shutdown(wait=False)

    @property
    def pool(self) -> ThreadPoolExecutor:
        """Return the threads."""
        if self._made is None:
            # Imported here: it imports logging, a tenth of the time to import this.
            from concurrent.futures import ThreadPoolExecutor

            self._made = ThreadPoolExecutor(self._size, thread_name_prefix="mathreason-grading")
        return self._made


@cache
def _quick_threads() -> _Threads:
    return _Threads(_QUICK)


@cache
def _slow_threads(workers: int) -> _Threads:
    """Return threads that each wait for a worker."""
    return _Threads(workers)


@cache
def _chunk_threads(workers: int) -> _Threads:
    """Return threads for chunks of rows: one more than processes, as one prepares the next."""
    return _Threads(workers + 1)


_BATCHES = 8
"""Batches of event loops that are prepared and awaited at once; others wait for their turn."""


@cache
def _batch_threads() -> _Threads:
    """Return threads that each wait for a batch, and so for threads of the others."""
    return _Threads(_BATCHES)


_ResultT = TypeVar("_ResultT")


async def in_a_thread(batch: Callable[[], _ResultT]) -> _ResultT:
    """Return what a batch returns, which takes time for each row even where others judge it.

    Args:
        batch: what is called, in a thread: the loop gets its turn every few milliseconds.
    """
    import asyncio

    return await asyncio.get_running_loop().run_in_executor(_batch_threads().pool, batch)


class _RowWorkers(ProcessOwner):
    """Processes that judge whole rows, for use by any thread."""

    def __init__(self, size: int) -> None:
        self._workers = start_row_workers(size)
        self.renew()
        super().__init__()

    def renew(self) -> None:
        """Make the workers idle and without processes: in a forked child no other thread lives."""
        self._idle: SimpleQueue[Worker] = SimpleQueue()
        for worker in self._workers:
            worker.kill()
            self._idle.put(worker)

    def close(self) -> None:
        """Kill the processes."""
        for worker in self._workers:
            worker.kill()

    def judge(self, rows: Sequence[Mapping[str, Any]], deadline: float) -> list[Match]:
        """Return the judgements of rows; undecided where the process dies of one."""
        return [match_of(judged) for judged in self.judge_as_json(rows, deadline)]

    def decide(self, rows: Sequence[Mapping[str, Any]], deadline: float) -> list[Decision]:
        """Return what a reward needs of the judgements of rows."""
        judged = judge_chunk(self._idle, rows, deadline, brief=True)
        return [Decision.of_json(one) for one in judged]

    def judge_as_json(self, rows: Sequence[Any], deadline: float) -> list[dict[str, Any]]:
        """Return the judgements of rows as JSON; undecided also where a row is none."""
        return judge_chunk(self._idle, rows, deadline)


@cache
def _long_workers(workers: int) -> _RowWorkers:
    """Return the processes for long texts; they end with this one."""
    made = _RowWorkers(workers)
    atexit.register(made.close)
    return made


@cache
def _turns() -> WeakKeyDictionary[AbstractEventLoop, Semaphore]:
    """Return what limits the quick comparisons of each event loop."""
    return WeakKeyDictionary()


def start_workers(*, deadline: float = DEADLINE, workers: int = WORKERS) -> None:
    """Start the worker processes now, so that the first question does not wait for one.

    Args:
        deadline: as of the questions that follow.
        workers: as of the questions that follow.
    """
    shared_judge(deadline, workers).start()


async def averify(
    gold: Gold | Sequence[Gold],
    answer: str | None = None,
    output: str | None = None,
    **options: Unpack[VerifyOptions],
) -> Match:
    """Return what `verify` returns, without blocking the event loop.

    Where the caller is cancelled, the comparison ends by itself, at its deadline at the latest.

    Args:
        gold: as of `verify`.
        answer: as of `verify`.
        output: as of `verify`.
        options: see `VerifyOptions`.

    Raises:
        ValueError: as `verify`.
        UnknownNameError: as `verify`.
    """
    import asyncio

    loop, chosen = asyncio.get_running_loop(), _Options(**options)
    judged = _asked(gold, answer, output, chosen)
    slow = _slow_threads(chosen.workers)
    if (answer is None) != (output is None) and len(answer or output or "") > _LONG:
        return await loop.run_in_executor(slow.pool, _elsewhere, gold, answer, output, chosen)
    async with _turns().setdefault(loop, asyncio.Semaphore(_AHEAD)):
        found = await loop.run_in_executor(_quick_threads().pool, judged, chosen.quick)
    if found.equal is not None:
        return found
    return await loop.run_in_executor(slow.pool, judged, chosen.slow)


def _asked(
    gold: Gold | Sequence[Gold], answer: str | None, output: str | None, chosen: _Options
) -> Callable[[Judge], Match]:
    """Return what a judge is asked about one row."""
    return partial(
        verify_with,
        gold=gold,
        answer=answer,
        output=output,
        grader=chosen.grader,
        convention=chosen.convention,
    )


def _elsewhere(
    gold: Gold | Sequence[Gold], answer: str | None, output: str | None, chosen: _Options
) -> Match:
    """Return what `verify` returns, from another process."""
    grader_named(chosen.grader)
    row = _as_row(gold_texts(gold), answer, output, chosen)
    [found] = _long_workers(chosen.workers).judge([row], chosen.deadline)
    return found


def _as_row(
    golds: tuple[str, ...], answer: str | None, output: str | None, chosen: _Options
) -> dict[str, Any]:
    """Return a row as another process is asked."""
    return {
        "gold": golds,
        "answer": answer,
        "output": output,
        "grader": chosen.grader,
        "convention": _as_mapping(chosen.convention),
    }


@lru_cache(maxsize=16)
def _as_mapping(convention: Convention) -> Mapping[str, Any]:
    """Return the options that are not the default: each row takes them along."""
    default = asdict(DEFAULT)
    return {name: value for name, value in asdict(convention).items() if value != default[name]}


def verify_many(
    golds: Sequence[Gold | Sequence[Gold]],
    answers: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    **options: Unpack[VerifyOptions],
) -> list[Match]:
    """Return what `verify` returns for each gold and its answer or output, in order.

    Rows that are equal are judged once.

    Args:
        golds: a gold for each row, or a list of accepted ones.
        answers: an answer for each row.
        outputs: or a model's text for each row.
        options: see `VerifyOptions`.

    Raises:
        ValueError: as `verify`, or if there is not one answer or output for each gold.
        UnknownNameError: as `verify`.
    """
    chosen = _Options(**options)
    rows = _rows(golds, answers, outputs)
    threads = _slow_threads(chosen.workers).pool
    asked: dict[_Row, Match | Future[Match]] = {}
    for row in dict.fromkeys(rows):
        judged = _asked(*row, chosen)
        found = judged(chosen.quick)
        asked[row] = threads.submit(judged, chosen.slow) if found.equal is None else found
    done = {row: one if isinstance(one, Match) else one.result() for row, one in asked.items()}
    return [done[row] for row in rows]


_CHUNK = 64
"""Rows that a process is sent at once."""


def submit_outputs(
    golds: Sequence[Gold | Sequence[Gold]],
    outputs: Sequence[str],
    **options: Unpack[VerifyOptions],
) -> list[Future[list[Decision]]]:
    """Have whole rows decided by other processes: this one only waits, whatever the texts.

    Args:
        golds: as of `verify_many`.
        outputs: as of `verify_many`.
        options: as of `verify_many`; `workers` is the number of processes.

    Returns:
        What will be the decisions, in order, some rows at a time.

    Raises:
        ValueError: as `verify_many`.
        UnknownNameError: as `verify_many`.
    """
    chosen = _Options(**options)
    grader_named(chosen.grader)
    rows = [_as_row(*row, chosen) for row in _rows(golds, None, outputs)]
    pool, workers = _chunk_threads(chosen.workers).pool, _long_workers(chosen.workers)
    return [
        pool.submit(workers.decide, rows[first : first + _CHUNK], chosen.deadline)
        for first in range(0, len(rows), _CHUNK)
    ]


def submit_rows(
    rows: Sequence[Any], *, workers: int = WORKERS, deadline: float = DEADLINE
) -> list[Future[list[dict[str, Any]]]]:
    """Have rows as `verify_rows` takes them judged by other processes: this one only waits.

    Args:
        rows: as of `verify_rows`.
        workers: number of processes.
        deadline: as of `verify_rows`.

    Returns:
        What will be the judgements as JSON, in order, some rows at a time.
    """
    pool, judges = _chunk_threads(workers).pool, _long_workers(workers)
    return [
        pool.submit(judges.judge_as_json, rows[first : first + _CHUNK], deadline)
        for first in range(0, len(rows), _CHUNK)
    ]


_Row = tuple[tuple[str, ...], str | None, str | None]
"""Golds, and an answer or an output."""


def _rows(
    golds: Sequence[Gold | Sequence[Gold]],
    answers: Sequence[str] | None,
    outputs: Sequence[str] | None,
) -> list[_Row]:
    """Return the rows of a batch.

    Raises:
        ValueError: if there is not one answer or output for each gold, or a gold is not one.
    """
    if (answers is None) == (outputs is None) or isinstance(golds, str):
        raise ValueError("Give a list of golds, and a list of either answers or outputs.")
    texts = list((outputs if answers is None else answers) or ())
    if len(golds) != len(texts):
        raise ValueError(f"There are {len(golds)} golds, and {len(texts)} answers or outputs.")
    stated = map(_golds, golds, range(len(texts)))
    if outputs is None:
        return [(gold, text, None) for gold, text in zip(stated, texts, strict=True)]
    return [(gold, None, text) for gold, text in zip(stated, texts, strict=True)]


def _golds(gold: Gold | Sequence[Gold], index: int) -> tuple[str, ...]:
    try:
        return gold_texts(gold)
    except ValueError as error:
        raise ValueError(f"golds[{index}]: {error}") from None
