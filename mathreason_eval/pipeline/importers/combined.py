"""From the logs of a program to graded runs: what is behind every reader.

Problems are matched by their text, rows of one sample become one, rows with errors are missing, and
what the publisher said of each sample is kept by its name.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from mathreason_eval.errors import DataError, UnknownNameError, UserError
from mathreason_eval.pipeline.importers.files import LogFiles
from mathreason_eval.pipeline.importers.folders import (
    ImportPart,
    ImportPlan,
    check_folders,
    make_run,
)
from mathreason_eval.pipeline.importers.jsonl import Imported, imported
from mathreason_eval.pipeline.importers.known_tasks import our_task, task_of_log
from mathreason_eval.pipeline.importers.logs import Log, LogFormat, LogRow
from mathreason_eval.pipeline.importers.matched import Group, Matched, golds_of, matched_rows
from mathreason_eval.pipeline.importers.recognising import recognised
from mathreason_eval.pipeline.importers.sources import (
    by_model,
    folder_names,
    with_models,
)
from mathreason_eval.pipeline.queue import GRADING
from mathreason_eval.tasks import Task, load_task, task_names
from mathreason_eval.text import counted
from mathreason_eval.text.secrets import without_secrets

NameT = TypeVar("NameT", str, str | None)


@dataclass(frozen=True, kw_only=True, slots=True)
class LogOptions:
    """How logs are imported."""

    task: str | None = None
    """The task whose rules grade the answers; None: the one that the logs name."""
    model: str | None = None
    """The model's name, if all rows are of one model."""
    data: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Files with the problems of tasks, as for `mathreason run --data`."""
    tasks_dirs: tuple[Path, ...] = ()
    grading: tuple[int, float] = GRADING
    all_data: bool = False
    """Whether data of a task that the logs are not about is an error: else another log may be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportedLogs:
    """The runs made of some logs, and the notes on them."""

    runs: tuple[Imported, ...]
    said: tuple[str, ...]
    """What was recognised: a line for each model and task."""
    notes: tuple[str, ...]
    """How problems were matched, and what is not known."""


class LogImporter:
    """The importer of a format of logs: called as any other, for one file and one task."""

    def __init__(self, form: LogFormat) -> None:
        """Make the importer of a format."""
        self.form = form

    def __call__(
        self,
        path: Path,
        task: Task,
        out: Path,
        *,
        model: str | None = None,
        data: Sequence[str] = (),
        grading: tuple[int, float] = GRADING,
    ) -> tuple[Imported, ...]:
        """Return graded runs; see `Importer`."""
        options = LogOptions(task=task.name, model=model, data={task.name: data}, grading=grading)
        return _imported_logs([path], out, options, self.form, given=task).runs


def import_logs(
    paths: Sequence[Path], out: Path, options: LogOptions, form: LogFormat | None = None
) -> ImportedLogs:
    """Return graded runs made from logs of another program, one folder per model under `out`.

    Args:
        paths: files, or whole output folders, of one program.
        out: the folder under which the run folders are made.
        options: how they are imported.
        form: the format; None: it is recognised.

    Raises:
        DataError: if nothing is recognised, a log cannot be read, or two rows differ on one
            sample. Nothing has been written then.
        RunError: as `Importer`.
    """
    return _imported_logs(paths, out, options, form)


def _imported_logs(
    paths: Sequence[Path],
    out: Path,
    options: LogOptions,
    form: LogFormat | None,
    given: Task | None = None,
) -> ImportedLogs:
    planned = plan_logs(paths, out, options, form, given)
    check_folders(planned.plans, out)
    return ImportedLogs(
        runs=tuple(imported(plan, make_run(plan, options.grading)) for plan in planned.plans),
        said=planned.said,
        notes=planned.notes,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedLogs:
    """The runs to be made of some logs; nothing is written or judged yet."""

    plans: tuple[ImportPlan, ...]
    said: tuple[str, ...]
    notes: tuple[str, ...]


def plan_logs(
    paths: Sequence[Path],
    out: Path,
    options: LogOptions,
    form: LogFormat | None = None,
    given: Task | None = None,
) -> PlannedLogs:
    """Return the runs to be made of logs.

    Args:
        paths: as of `import_logs`.
        out: as of `import_logs`.
        options: as of `import_logs`.
        form: as of `import_logs`.
        given: the task of `options`, if it is loaded already.

    Raises:
        DataError: as `import_logs`.
    """
    found = recognised(paths, form)
    place = paths[0]
    logs = (_ReadLog.of(found.all, path, found.form) for path in found.files)
    read = [_with_steps(one, place, options) for one in logs]
    if any(row.step is not None for one in read for row in one.rows):
        options = replace(options, model=None)  # It is part of the name of each step's model.
    groups = [
        matched_rows(one, options.data.get(one.task.name, ()), place)
        for one in _by_task(read, found.form, options, given)
    ]
    if options.all_data:
        check_used(options.data, [group.task.name for group in groups])
    sources = _sources(groups, place, options)
    details = _details(found.form, read, place)
    models = list(dict.fromkeys(part.source.model for parts in sources for part in parts))
    plans = tuple(
        ImportPlan.of(
            [part for parts in sources for part in parts if part.source.model == model],
            out / name,
            details,
        )
        for model, name in zip(models, folder_names(models), strict=True)
    )
    version = " ".join(filter(None, (found.form.program, _version(read))))
    return PlannedLogs(
        plans=plans,
        said=tuple(_said(version, part) for plan in plans for part in plan.parts),
        notes=tuple(note for group in groups for note in group.notes),
    )


def check_used(data: Iterable[str], tasks: Sequence[str]) -> None:
    """Check that each task whose data the user names is one of what is imported.

    Raises:
        UserError: if one is not.
    """
    for name in data:
        if name not in tasks:
            raise UserError(
                f"--data names {name}, of which nothing is imported: this is {', '.join(tasks)}.",
                f"Say --data {tasks[0]}=FILE, or -t {name} if they are its problems.",
            )


# --- reading ---------------------------------------------------------------------------------


_MAX_VERDICTS = 1_000
"""Verdicts of a publisher on one sample."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _ReadLog:
    path: Path
    log: Log
    rows: tuple[LogRow, ...]
    """With what the log says of all of them."""

    @classmethod
    def of(cls, files: LogFiles, path: Path, form: LogFormat) -> _ReadLog:
        """Return a log, read as a whole: if there is a fault in it, nothing is made of it."""
        log = form.read(files, path)
        log = replace(log, task=_clean(log.task), version=_clean(log.version))
        rows = tuple(files.held(row, path) for row in log.rows)
        if any(len(row.verdicts) > _MAX_VERDICTS for row in rows):
            raise DataError(
                f"{path} has more than {_MAX_VERDICTS:,} verdicts on one sample.",
                "Check that it is a log of your making.",
            )
        named = {row.model for row in rows if row.model is not None}
        # A row with an error may not say of which model it is.
        only = log.model or (next(iter(named)) if len(named) == 1 else None)
        return cls(
            path=path,
            log=log,
            rows=tuple(
                replace(
                    row,
                    task=_clean(row.task) or log.task,
                    model=_clean(row.model or only),
                    error=_clean(row.error),
                    verdicts={_clean(name): said for name, said in row.verdicts.items()},
                )
                for row in rows
            ),
        )


@lru_cache(maxsize=1 << 10)
def _clean(said: NameT) -> NameT:
    """Return a name or an error of a log without what is secret in it; names come in every row."""
    return without_secrets(said)


def _with_steps(read: _ReadLog, place: Path, options: LogOptions) -> _ReadLog:
    """Return a log whose rows of each step of a training are of a model of their own."""
    if all(row.step is None for row in read.rows):
        return read
    given = options.model or place.resolve().name.partition(".")[0]
    rows = (
        replace(row, model=f"{options.model or row.model or given}@step-{row.step}")
        for row in read.rows
    )
    return replace(read, rows=tuple(rows))


def _version(read: Iterable[_ReadLog]) -> str | None:
    found = {one.log.version for one in read}
    return next(iter(found)) if len(found) == 1 else None


def _details(form: LogFormat, read: Sequence[_ReadLog], place: Path) -> dict[str, Any]:
    """Return what the manifest says of the logs: program, version, hashes and settings."""
    around = place if place.is_dir() else place.parent
    files = dict.fromkeys(path for one in read for path in (one.path, *one.log.other_files))
    settings = {
        one.log.task or one.path.name: {k: v for k, v in one.log.settings.items() if v is not None}
        for one in read
    }
    return {
        "file": _clean(place.name),
        "harness": form.name,
        "harness_version": _version(read),
        # Predictions and results of a program may have the same name.
        "files": {
            _clean(Path(os.path.relpath(one, around)).as_posix()): _digest(one) for one in files
        },
        "settings": without_secrets({name: some for name, some in settings.items() if some}),
    }


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _said(version: str, part: ImportPart) -> str:
    source = part.source
    of = "" if part.task.name == UNNAMED else f" of {part.task.name}"
    return (
        f"{version} samples{of}, model {source.model}, "
        f"{counted(len(source.problems), 'problem')} x {source.samples:,}"
    )


UNNAMED = "imported"
"""The task of a log that names none."""

# --- tasks -----------------------------------------------------------------------------------


def _by_task(
    read: Sequence[_ReadLog], form: LogFormat, options: LogOptions, given: Task | None
) -> list[Group]:
    """Return the rows by our tasks; those of none of ours by the publisher's."""
    pairs = [(row, one.log) for one in read for row in one.rows]
    if not pairs:
        raise DataError(f"{read[0].path} has no rows.", "Check that it is the right file.")
    if options.task is not None:
        task = given or load_task(options.task, options.tasks_dirs)
        return [Group(task=task, rows=tuple(_of_task(pairs, task.name)))]
    known = task_names(options.tasks_dirs)
    groups: dict[tuple[str, bool], list[tuple[LogRow, Log]]] = defaultdict(list)
    for row, log in pairs:
        ours = our_task(row.task, known)
        groups[ours or row.task or UNNAMED, ours is not None].append((row, log))
    made = []
    for (name, is_ours), rows in groups.items():
        golds = [found for row, _ in rows if (found := golds_of(row))]
        task = (
            load_task(name, options.tasks_dirs)
            if is_ours
            else task_of_log(name, form.program, golds)
        )
        made.append(Group(task=task, rows=tuple(rows)))
    return made


def _of_task(pairs: Sequence[tuple[LogRow, Log]], task: str) -> Sequence[tuple[LogRow, Log]]:
    """Return the rows of a task that the user names: of several in the logs only its own."""
    named = dict.fromkeys(row.task for row, _ in pairs)
    if len(named) == 1:
        return pairs
    own = [(row, log) for row, log in pairs if our_task(row.task, {task}) == task]
    if not own:
        names = [name for name in named if name is not None]
        raise UnknownNameError("task in these logs", task, names, "Or import one file of them.")
    return own


# --- runs ------------------------------------------------------------------------------------


def _sources(groups: Sequence[Matched], place: Path, options: LogOptions) -> list[list[ImportPart]]:
    """Return the samples of each task by model."""
    return [
        [
            ImportPart(task=one.task, loaded=one.loaded, source=source)
            for source in by_model(with_models(one.rows, place, options.model), one.problems, place)
        ]
        for one in groups
    ]
