"""The runs that a verb is given: run folders, and logs of other programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mathreason_eval.cli.screens import note
from mathreason_eval.errors import NotComparableError
from mathreason_eval.text import visible_line

if TYPE_CHECKING:
    from mathreason_eval.runs.store import Run


def run_path(path: Path, options: Mapping[str, Any] | None = None) -> Path:
    """Return a folder with runs: the path itself, or what is made of the logs in it.

    Logs are imported into a cache, which is said once: the next verb finds them there.

    Args:
        path: as the user named it.
        options: of the verb, which may say where data and tasks are.

    Raises:
        DataError: if there are logs that cannot be read.
        RunError: if the cache cannot be written.
    """
    from mathreason_eval.runs.store import has_runs

    if not path.exists() or has_runs(path):
        return path

    # Readers and graders, whose import takes longer than most gates, are for logs alone.
    from mathreason_eval.pipeline.importers.cached import runs_at
    from mathreason_eval.pipeline.importers.combined import LogOptions

    given = options or {}
    folder, imported = runs_at(
        path,
        LogOptions(data=given.get("data") or {}, tasks_dirs=given.get("tasks_dirs") or ()),
    )
    if imported is not None:
        unusable = sum(len(one.unusable) for one in imported.runs)
        lost = (f"{unusable:,} rows are no samples: unusable.jsonl",) if unusable else ()
        for line in (*imported.said, *imported.notes, *lost):
            note(visible_line(line))
        note(visible_line(f"{path}: imported into {folder}, which later commands use"))
    return folder


def check_golds(*runs: Run) -> None:
    """Check that the accuracy of every task of some runs is known.

    Without a gold nothing is right: two such runs would seem equal, whatever the models can do.

    Raises:
        NotComparableError: if a task has no gold at all.
    """
    for run in runs:
        if task := _without_golds(run):
            raise NotComparableError(
                f"{run.path} has no gold for any problem of {task}: its accuracy is unknown.",
                f"Import the log with --data {task}=FILE, which names them.",
            )


def note_unknown(*runs: Run) -> None:
    """Say of which runs the accuracy is unknown."""
    for run in runs:
        if task := _without_golds(run):
            note(
                f"warning: {visible_line(str(run.path))} has no gold for any problem of {task}: "
                "its accuracy is unknown, and not the 0 that is shown"
            )


def _without_golds(run: Run) -> str | None:
    """Return the first task of a run that has problems and no gold of any."""
    for task in run.tasks():
        problems = run.problems(task)
        if problems and not any(problem.gold for problem in problems):
            return task
    return None
