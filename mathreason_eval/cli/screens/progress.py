"""The progress of a run on stderr: samples, rate, running accuracy with its interval, ETA."""

from __future__ import annotations

import threading
import time
from typing import Self

from mathreason_eval.cli.screens import stderr
from mathreason_eval.models.base import Completion, Failure
from mathreason_eval.stats.intervals import wilson
from mathreason_eval.types import Outcome, Verdict

_PERIOD = 15.0
"""Seconds between two lines if stderr is a file or a CI log."""


class Progress:
    """A live line in a terminal, a line every few seconds elsewhere; a `pipeline.run.Watcher`."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._console = stderr()
        self._live = self._console.is_terminal
        self._bar = Bar(
            BarColumn(bar_width=8),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            TextColumn("eta", markup=False),
            TimeRemainingColumn(compact=True),
            console=self._console,
            disable=not self._live,
            transient=True,
        )
        self._row = self._bar.add_task("opening the model", total=None)
        self._lock = threading.Lock()
        self._asked = self._generated = self._judged = self._correct = self._failed = 0
        self._tokens = 0
        self._problems: set[tuple[str, str]] = set()
        self._started = self._last_line = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        if self._asked:
            self._print_line()

    def began(self, *, asked: int, stored: int) -> None:
        """Start timing: the engine is ready."""
        with self._lock:
            self._asked, self._generated = asked, stored
            self._started = self._last_line = time.monotonic()
        if stored:
            self._console.print(f"resuming: {stored:,} of {asked:,} samples are stored")
        self._bar.reset(self._row, total=asked, completed=stored)
        self._update()

    def generated(self, completion: Completion) -> None:
        """Count a generated sample and its tokens, and update the bar."""
        with self._lock:
            self._generated += 1
            self._tokens += completion.completion_tokens or 0
        self._update()

    def failed(self, failure: Failure) -> None:
        """Count one failure; print the reason of the first one at once."""
        with self._lock:
            self._failed += 1
            first = self._failed == 1
        if first:
            self._console.print(f"failed: {failure.request.problem_id}: {failure.reason}")

    def judged(self, task: str, verdict: Verdict) -> None:
        """Count one verdict. Called from grading threads."""
        with self._lock:
            self._problems.add((task, verdict.problem_id))
            self._judged += 1
            self._correct += verdict.outcome is Outcome.CORRECT

    def _update(self) -> None:
        if self._live:
            self._bar.update(
                self._row,
                description=f"{self._generated:,}/{self._asked:,}  {self._status()}",
                completed=self._generated,
            )
        elif (now := time.monotonic()) - self._last_line > _PERIOD:
            self._last_line = now
            self._print_line()

    def _print_line(self) -> None:
        seconds = time.monotonic() - self._started
        samples = f"{self._generated:,}/{self._asked:,} samples"
        self._console.print(f"{samples}  {self._status()}  {seconds:,.0f} s", soft_wrap=True)

    def _status(self) -> str:
        """Return the rate, the running accuracy and how many samples wait to be graded."""
        with self._lock:
            seconds = max(time.monotonic() - self._started, 1e-9)
            parts = [f"{self._tokens / seconds:,.0f} tok/s"]
            if self._judged:
                share = self._correct / self._judged
                # Eight samples of one problem are one problem: the interval counts problems.
                low, high = wilson(share, len(self._problems))
                parts.append(f"{share:.1%} [{100 * low:.0f}, {100 * high:.0f}]")
            behind = self._generated - self._judged
            if behind > 0:
                parts.append(f"{behind} to grade")
            if self._failed:
                parts.append(f"{self._failed} failed")
        return "  ".join(parts)
