"""Samples that wait to be judged: a few, so that memory grows neither with texts nor with time."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple, Protocol, Self

from mathreason_eval.grade import DEADLINE, WORKERS
from mathreason_eval.grade.judge import Judge, needs_worker
from mathreason_eval.pipeline.plan import TaskRules
from mathreason_eval.types import Generation, Problem, Verdict


class JudgementWatcher(Protocol):
    """An observer of verdicts. Called from grading threads."""

    def judged(self, task: str, verdict: Verdict) -> None:
        """Take note of one verdict."""


class VerdictSink(Protocol):
    """Where verdicts go. Called from grading threads, by one at a time."""

    def add(self, task: str, verdicts: Sequence[Verdict]) -> None:
        """Take some verdicts on samples of a task."""


GRADING = (WORKERS, DEADLINE)
"""(worker processes, seconds of computer algebra for one answer), by default."""


class Job(NamedTuple):
    """A stored sample that is to be judged."""

    task: str
    rules: TaskRules
    problem: Problem
    generation: Generation
    output_digest: str


_MAX_WAITING = 2_000
"""Samples that may wait; who brings another one waits."""
_MAX_LENGTH = 16_000_000
"""Characters of all texts that may wait."""
_BATCH = 32
"""Samples that a thread takes at once, and whose verdicts are stored at once."""
_LINGER_SECONDS = 0.02
"""How long a thread waits for more samples, so that it does not switch with the driver for each."""
_BATCH_SECONDS = 0.1
"""How long a thread judges before it stores the verdicts and leaves the rest to others."""


class GradingQueue:
    """Judges samples while others are generated, so that no engine waits for a grader.

    A context manager: leaving it on an error drops what has not been judged.
    """

    def __init__(
        self,
        sink: VerdictSink,
        grading: tuple[int, float] = GRADING,
        watcher: JudgementWatcher | None = None,
    ) -> None:
        """Make a queue.

        Args:
            sink: where verdicts go.
            grading: (worker processes, seconds of computer algebra for one answer).
            watcher: is notified of every verdict.
        """
        workers, deadline = grading
        self._judge = Judge(workers=workers, deadline=deadline)
        self._sink = sink
        self._watcher = watcher
        self._waiting: deque[Job] = deque()
        self._length = 0
        self._backlog: Iterator[Job] = iter(())
        self._busy = 0
        self._closing = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()
        """Guards all of the above."""
        self._reading = threading.Lock()
        self._storing = threading.Lock()
        self._threads = [
            threading.Thread(target=self._work, name=f"grading-{number}", daemon=True)
            for number in range(workers)
        ]
        self._started = False
        self.last_verdict = time.monotonic()
        self.cpu_seconds = 0.0
        """Processor time of the grading threads that have ended."""

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._changed:
            self._closing = True
            if kind is not None:
                self._drop()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._judge.close()

    def judge_later(self, jobs: Iterable[Job]) -> None:
        """Judge some samples whenever no other waits; they are read as their turn comes."""
        with self._changed:
            self._backlog = chain(self._backlog, jobs)
            self._changed.notify_all()

    def submit(self, job: Job) -> None:
        """Queue one sample; wait while too many wait.

        Raises:
            UserError: that ended the grading.
        """
        if not self._started and needs_worker(job.rules.judging):
            # Computer algebra takes seconds to import: meanwhile the model answers.
            self._started = True
            self._judge.start()
        with self._changed:
            while self._is_full() and self._error is None:
                self._changed.wait()
            self._raise()
            self._waiting.append(job)
            self._length += job.generation.length
            if len(self._waiting) in {1, _BATCH}:
                self._changed.notify()

    def finish(self) -> None:
        """Wait until everything is judged.

        Raises:
            UserError: that ended the grading.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        # Nothing is judged any more; what its processes computed counts once they have ended.
        self._judge.close()
        self._raise()

    def _is_full(self) -> bool:
        return len(self._waiting) >= _MAX_WAITING or self._length >= _MAX_LENGTH

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _drop(self) -> None:
        self._waiting.clear()
        self._length = 0
        self._backlog = iter(())

    # --- grading threads ----------------------------------------------------------------------

    def _work(self) -> None:
        try:
            while jobs := self._take():
                self._give_back(jobs[self._judge_some(jobs) :])
        # Whatever ends a thread ends the run: a sample without a verdict must not pass for none.
        except BaseException as error:  # noqa: BLE001
            with self._changed:
                self._error = self._error or error
                self._busy -= 1
                self._drop()
                self._changed.notify_all()
        finally:
            with self._changed:
                self.cpu_seconds += time.thread_time()

    def _take(self) -> list[Job]:
        """Return the next samples; none when all are judged."""
        while True:
            with self._changed:
                if 0 < len(self._waiting) < _BATCH and not self._closing:
                    self._changed.wait(_LINGER_SECONDS)
                self._busy += 1
                if jobs := [self._waiting.popleft() for _ in range(self._share())]:
                    self._length -= sum(job.generation.length for job in jobs)
                    self._changed.notify_all()
                    return jobs
                backlog = self._backlog
            # Reading a file holds up no one who brings or takes a sample.
            with self._reading:
                if jobs := list(islice(backlog, _BATCH)):
                    return jobs
            with self._changed:
                self._busy -= 1
                if self._waiting or self._backlog is not backlog:
                    continue
                if self._closing and not self._busy:
                    self._changed.notify_all()
                    return []
                self._changed.wait()

    def _give_back(self, jobs: Sequence[Job]) -> None:
        """Leave samples to whoever is free first."""
        with self._changed:
            self._busy -= 1
            if self._error is None:
                self._waiting.extendleft(reversed(jobs))
                self._length += sum(job.generation.length for job in jobs)
            self._changed.notify_all()

    def _share(self) -> int:
        """Return how many samples a thread takes, so that all have some."""
        waiting = len(self._waiting)
        return min(_BATCH, -(-waiting // len(self._threads)))

    def _judge_some(self, jobs: Sequence[Job]) -> int:
        """Judge samples for a moment, one at least; return how many."""
        by_task: dict[str, list[Verdict]] = {}
        done, until = 0, time.monotonic() + _BATCH_SECONDS
        for task, rules, problem, generation, output_digest in jobs:
            verdict = self._judge.verdict(
                problem,
                generation,
                rules.judging,
                judged_by=rules.grading.judged_by,
                judged_output=output_digest,
            )
            by_task.setdefault(task, []).append(verdict)
            done += 1
            if time.monotonic() > until:
                break
        with self._storing:
            for task, verdicts in by_task.items():
                self._sink.add(task, verdicts)
        self.last_verdict = time.monotonic()
        if self._watcher is not None:
            for task, verdicts in by_task.items():
                for verdict in verdicts:
                    self._watcher.judged(task, verdict)
        return done
