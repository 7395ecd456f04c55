"""The run folder as it is written; `store.py` reads it. Its layout is in `docs/run-format.md`.

Generations are appended, a line each, and never changed; verdicts are appended as they fall, and
written in order at the end. Everything else is derived and is replaced whole, so a reader never
meets half a file.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from mathreason_eval.errors import RunError
from mathreason_eval.runs.codec import as_document, as_line, document_pieces
from mathreason_eval.runs.contents import check_contents
from mathreason_eval.runs.files import (
    LOCK,
    Appender,
    FolderLock,
    Interval,
    cannot_write,
    gone,
    replace_file,
)
from mathreason_eval.runs.store import MANIFEST, METRICS
from mathreason_eval.types import (
    Exclusion,
    FailedRequest,
    Generation,
    Metric,
    Problem,
    PublishedVerdicts,
    RunManifest,
    SentPrompt,
    StepRewards,
    Verdict,
)


class RunWriter:
    """A run folder, open for writing by this process alone. A context manager."""

    def __init__(self, path: Path) -> None:
        """Make the folder if necessary and lock it.

        Raises:
            RunError: if another process is writing to it, it cannot be made, or it contains links
                or the like.
        """
        self.path = path
        self._appending: dict[str, Appender] = {}
        self._place = Interval()
        self._opening = threading.Lock()
        """Samples and verdicts are appended by several threads, each to files of its own."""
        try:
            # Questions and answers may not be public. Who made the folder before chose its mode.
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            check_contents(path)
            self._lock = FolderLock(path)
        except OSError as error:
            raise cannot_write(path, error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._close_files(quietly=kind is not None)
        finally:
            self._lock.release()

    def _close_files(self, *, quietly: bool) -> None:
        """Close what was appended to; if quietly, an error does not hide an earlier one."""
        appending, self._appending = self._appending, {}
        for name, file in appending.items():
            try:
                file.close()
            except OSError as error:
                if not quietly:
                    raise cannot_write(self.path / name, error) from None
            except RunError:
                if not quietly:
                    raise

    def _check_place(self) -> None:
        """Check that the folder is still the one that this process has locked.

        Raises:
            RunError: if it was moved or deleted, or its lock was.
        """
        if not self._lock.is_held():
            raise gone(self.path / LOCK if self.path.is_dir() else self.path)

    def append(self, task: str, generation: Generation) -> None:
        """Store one sample so that it survives a kill of this process.

        Within a second it survives a power cut as well.

        Raises:
            RunError: if the disk does not take it; what was stored before stays.
        """
        self._append(f"{task}/generations.jsonl", as_line(generation))

    def append_verdicts(self, task: str, verdicts: Iterable[Verdict]) -> None:
        """Store verdicts as they fall, on samples that are stored.

        Raises:
            RunError: as `append`.
        """
        self._append(f"{task}/verdicts.jsonl", b"".join(map(as_line, verdicts)))

    def append_exclusions(self, task: str, exclusions: Iterable[Exclusion]) -> None:
        """Store which samples no longer count, and why; what was stored of them stays.

        Raises:
            RunError: as `append`.
        """
        self._append(f"{task}/excluded.jsonl", b"".join(map(as_line, exclusions)))

    def append_rewards(self, task: str, rewards: StepRewards) -> None:
        """Store what a reward model says of a stored sample.

        Raises:
            RunError: as `append`.
        """
        self._append(f"{task}/rewards.jsonl", as_line(rewards))

    def remove_rewards(self, task: str) -> None:
        """Remove all rewards of a task, those of another model for example."""
        self._write_records(task, "rewards", ())

    def append_failure(self, task: str, failure: FailedRequest) -> None:
        """Record one request that brought no sample.

        Raises:
            RunError: as `append`.
        """
        self._append(f"{task}/failures.jsonl", as_line(failure))

    def _append(self, name: str, lines: bytes) -> None:
        if self._place.is_due():
            self._check_place()
        try:
            with self._opening:
                if (file := self._appending.get(name)) is None:
                    file = self._appending[name] = Appender(self.path / name, self.path)
            file.append(lines)
        except OSError as error:
            self._check_place()
            raise cannot_write(self.path / name, error) from None

    def write_manifest(self, manifest: RunManifest) -> None:
        """Replace the manifest."""
        self._check_place()
        replace_file(self.path / MANIFEST, as_document(manifest), within=self.path)

    def write_problems(self, task: str, problems: Iterable[Problem]) -> None:
        """Replace the problems of a task."""
        self._write_records(task, "problems", problems)

    def write_prompts(self, task: str, prompts: Iterable[SentPrompt]) -> None:
        """Replace the prompts of a task."""
        self._write_records(task, "prompts", prompts)

    def write_samples(self, task: str, samples: Iterable[Generation]) -> None:
        """Replace the samples of a task: an import may begin again, which asks no model."""
        self._write_records(task, "generations", samples)

    def write_verdicts(self, task: str, verdicts: Iterable[Verdict]) -> None:
        """Replace the verdicts of a task, those that were appended included."""
        self._write_records(task, "verdicts", verdicts)

    def write_unusable(self, task: str, rows: Iterable[object]) -> None:
        """Replace the list of an import's rows that hold no sample."""
        self._write_records(task, "unusable", rows)

    def write_published(self, task: str, verdicts: Iterable[PublishedVerdicts]) -> None:
        """Replace what the publisher of imported samples said of them."""
        self._write_records(task, "published", verdicts)

    def write_metrics(self, metrics: Iterable[Metric]) -> None:
        """Replace the metrics of the run."""
        self._check_place()
        replace_file(self.path / METRICS, document_pieces(metrics), within=self.path)

    def _write_records(self, task: str, name: str, records: Iterable[object]) -> None:
        self._check_place()
        path = self.path / task / f"{name}.jsonl"
        with self._opening:
            appended = self._appending.pop(f"{task}/{name}.jsonl", None)
        if appended is not None:
            try:
                appended.close()
            except OSError as error:
                raise cannot_write(path, error) from None
        replace_file(path, map(as_line, records), within=self.path)
