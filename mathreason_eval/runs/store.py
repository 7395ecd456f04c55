"""The run folder: the one place that reads and writes it. Its layout is in `docs/run-format.md`.

Generations are appended, a line each, and never changed. Everything else is derived and is replaced
whole, so a reader never meets half a file.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import FileIO
from operator import attrgetter
from pathlib import Path
from typing import Any, Self

from mathreason_eval.errors import RunError
from mathreason_eval.runs.codec import (
    RecordT,
    as_document,
    as_line,
    converted,
    read_json,
    read_records,
)
from mathreason_eval.runs.migration import metrics_with_units, read_manifest
from mathreason_eval.types import (
    Generation,
    Metric,
    Problem,
    Records,
    RunManifest,
    Verdict,
)

_MANIFEST = "manifest.json"
_METRICS = "metrics.json"
_LOCK = ".lock"


SampleKey = tuple[str, int]
"""(problem id, sample index)."""

FileKey = tuple[str, type]
"""(task, kind of record) of a file; the task is empty for the metrics, which are the run's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One stored sample with its problem and its verdict."""

    task: str
    problem: Problem
    generation: Generation
    verdict: Verdict | None
    """None if the sample has not been judged."""


class Run:
    """A view of a run folder: each file is read once, when it is first asked for.

    What is written to the folder later is not seen; `load_run` makes a new view. The view keeps
    all that it has read, so a reader of many runs should release each.
    """

    def __init__(self, path: Path, manifest: RunManifest) -> None:
        self.path = path
        self.manifest = manifest
        self._read: dict[FileKey, Records[Any]] = {}

    def updated(
        self, manifest: RunManifest, written: Mapping[FileKey, Iterable[object]] | None = None
    ) -> Run:
        """Return a view of the folder after some files were written, which are not read again.

        Args:
            manifest: the present manifest.
            written: the contents of the files that were written; other files are unchanged.
        """
        fresh = Run(self.path, manifest)
        new = {key: Records(records) for key, records in (written or {}).items()}
        fresh._read = {**self._read, **new}
        return fresh

    def fresh_view(self) -> Run:
        """Return a view of the same run that reads each file anew; see `Run`."""
        return Run(self.path, self.manifest)

    def tasks(self) -> tuple[str, ...]:
        """Return the names of the run's tasks, in the manifest's order."""
        return tuple(self.manifest.tasks)

    def problems(self, task: str) -> Records[Problem]:
        """Return the problems as asked."""
        return self._records(task, "problems", Problem)

    def generations(self, task: str) -> Records[Generation]:
        """Return every stored sample, in the order in which generation ended."""
        return self._records(task, "generations", Generation)

    def verdicts(self, task: str) -> Records[Verdict]:
        """Return the verdicts of all samples; empty if nothing was graded yet."""
        return self._records(task, "verdicts", Verdict)

    def metrics(self) -> Records[Metric]:
        """Return the metrics of all tasks; empty if nothing was graded yet."""
        if ("", Metric) not in self._read:
            path = self.path / _METRICS
            rows = read_json(path) if path.is_file() else []
            self._read["", Metric] = Records(
                converted(list[Metric], metrics_with_units(rows), str(path))
            )
        return self._read["", Metric]

    def asked(self, task: str) -> Iterator[tuple[Problem, Generation]]:
        """Yield every stored sample with its problem: by problem as asked, then by index.

        Raises:
            RunError: if a sample belongs to no problem.
        """
        by_problem: dict[str, list[Generation]] = {one.id: [] for one in self.problems(task)}
        for (problem_id, _), generation in distinct(self.generations(task)).items():
            if problem_id not in by_problem:
                raise self._stray(task, problem_id)
            by_problem[problem_id].append(generation)
        for problem in self.problems(task):
            for generation in sorted(by_problem[problem.id], key=attrgetter("sample")):
                yield problem, generation

    def samples(self, task: str) -> Iterator[Sample]:
        """Yield every stored sample with its problem and verdict, in the order of `asked`.

        Raises:
            RunError: if a sample belongs to no problem, or a verdict to no sample.
        """
        asked = list(self.asked(task))
        held = {(generation.problem_id, generation.sample) for _, generation in asked}
        verdicts = {(one.problem_id, one.sample): one for one in self.verdicts(task)}
        for problem_id, number in verdicts:
            if (problem_id, number) not in held:
                raise self._stray(task, problem_id)
        for problem, generation in asked:
            verdict = verdicts.get((problem.id, generation.sample))
            yield Sample(task=task, problem=problem, generation=generation, verdict=verdict)

    def _stray(self, task: str, problem_id: str) -> RunError:
        return RunError(
            f"{self.path}/{task} names a problem or sample that it does not hold: {problem_id!r}.",
            "Was a file of this folder replaced? `mathreason regrade` writes the verdicts again.",
        )

    def _records(self, task: str, name: str, kind: type[RecordT]) -> Records[RecordT]:
        if task not in self.manifest.tasks:
            raise RunError(
                f"{self.path} holds no task {task!r}.", f"It holds {', '.join(self.tasks())}."
            )
        if (task, kind) not in self._read:
            self._read[task, kind] = read_records(self.path / task / f"{name}.jsonl", kind)
        return self._read[task, kind]


def distinct(generations: Iterable[Generation]) -> dict[SampleKey, Generation]:
    """Return the generations by problem and sample; of several with one key the first counts."""
    by_key: dict[SampleKey, Generation] = {}
    for generation in generations:
        by_key.setdefault((generation.problem_id, generation.sample), generation)
    return by_key


def is_run(path: Path) -> bool:
    """Return whether a folder is a run folder."""
    return (path / _MANIFEST).is_file()


def load_run(path: str | Path) -> Run:
    """Return the run stored in a folder.

    Raises:
        RunError: if it is no run folder, or one of a newer layout.
    """
    folder = Path(path)
    if not is_run(folder):
        raise RunError(
            f"{folder} is not a run folder: it has no {_MANIFEST}.",
            "`mathreason run` and `mathreason import` make them.",
        )
    return Run(folder, read_manifest(folder / _MANIFEST))


def find_runs(path: Path) -> tuple[Run, ...]:
    """Return the run at a path, or all runs below it, sorted by folder.

    Raises:
        RunError: if there is none.
    """
    if is_run(path):
        return (load_run(path),)
    found = tuple(load_run(manifest.parent) for manifest in sorted(path.rglob(_MANIFEST)))
    if not found:
        raise RunError(
            f"{path} is no run folder and holds none.",
            "`mathreason run` and `mathreason import` make them.",
        )
    return found


def find_run(path: Path) -> Run:
    """Return the run at a path, or the only one below it.

    Raises:
        RunError: if there is none, or more than one.
    """
    runs = find_runs(path)
    if len(runs) > 1:
        names = ", ".join(str(run.path) for run in runs[:4])
        raise RunError(f"{path} holds {len(runs)} runs: {names}.", "Name one of them.")
    return runs[0]


class RunWriter:
    """A run folder, open for writing by this process alone. A context manager."""

    def __init__(self, path: Path) -> None:
        """Make the folder if necessary and lock it.

        Raises:
            RunError: if another process is writing to it, or it cannot be made.
        """
        self.path = path
        self._appending: dict[str, FileIO] = {}
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = (path / _LOCK).open("wb")
        except OSError as error:
            raise RunError(
                f"{path} cannot be written: {error.strerror}.", "Choose another -o."
            ) from None
        try:
            # The system releases the lock when the process ends: no stale lock after a kill.
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise RunError(
                f"Another process is writing to {path}.", "Wait for it, or choose another -o."
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in self._appending.values():
            stream.close()
        self._appending.clear()
        self._lock.close()

    def append(self, task: str, generation: Generation) -> None:
        """Store one sample so that it survives a kill of this process.

        Raises:
            RunError: if the disk does not take it; what was stored before stays.
        """
        if task not in self._appending:
            self._appending[task] = _open_for_appending(self.path / task / "generations.jsonl")
        try:
            _write_whole(self._appending[task], as_line(generation))
        except OSError as error:
            raise RunError(
                f"{self.path} takes no more data: {error.strerror}.",
                "Free some space and run the same command: it continues where it stopped.",
            ) from None

    def write_manifest(self, manifest: RunManifest) -> None:
        """Replace the manifest."""
        _replace(self.path / _MANIFEST, as_document(manifest))

    def write_problems(self, task: str, problems: Iterable[Problem]) -> None:
        """Replace the problems of a task."""
        self._write_records(task, "problems", problems)

    def write_verdicts(self, task: str, verdicts: Iterable[Verdict]) -> None:
        """Replace the verdicts of a task."""
        self._write_records(task, "verdicts", verdicts)

    def write_metrics(self, metrics: Iterable[Metric]) -> None:
        """Replace the metrics of the run."""
        _replace(self.path / _METRICS, as_document(tuple(metrics)))

    def _write_records(self, task: str, name: str, records: Iterable[object]) -> None:
        _replace(self.path / task / f"{name}.jsonl", b"".join(map(as_line, records)))


def _open_for_appending(path: Path) -> FileIO:
    """Open a JSON-lines file to append to it, after cutting off a torn last line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Unbuffered: an appended line is held by the system and outlives this process.
    stream = path.open("a+b", buffering=0)
    size = stream.seek(0, os.SEEK_END)
    end = _end_of_last_line(stream, size)
    if size > end:
        stream.truncate(end)
    return stream


def _write_whole(stream: FileIO, line: bytes) -> None:
    """Write a line with one call; a disk that takes only a part of it is full."""
    if stream.write(line) < len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _end_of_last_line(stream: FileIO, size: int) -> int:
    """Return the position after the last line feed in a file of this size, or 0."""
    # Backwards, block by block: the file may have many gigabytes.
    end = size
    while end > 0:
        start = max(0, end - (1 << 16))
        stream.seek(start)
        newline = (stream.read(end - start) or b"").rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def _replace(path: Path, content: bytes) -> None:
    """Replace a file by a new one, or on an error leave it unchanged."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    try:
        fresh.write_bytes(content)
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise RunError(
            f"{path} cannot be written: {error.strerror}.",
            "Free some space, then `mathreason regrade`.",
        ) from None
