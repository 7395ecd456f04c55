"""The run folders of an import: which it may write, and what it writes.

An import that was killed has made some of its folders and begun another. The same command keeps
those and begins the other again: all that is in it came from the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from mathreason_eval.errors import RunError
from mathreason_eval.pipeline.grading import VerdictLog, unjudged, write_results
from mathreason_eval.pipeline.importers.sources import Source
from mathreason_eval.pipeline.plan import TaskRules, task_entry
from mathreason_eval.pipeline.queue import GradingQueue
from mathreason_eval.runs.manifest import describe_model, is_same_run, new_manifest, now
from mathreason_eval.runs.repair import sample_files
from mathreason_eval.runs.store import Run, is_run, load_run
from mathreason_eval.runs.writer import RunWriter
from mathreason_eval.tasks import Task
from mathreason_eval.tasks.datasets import Loaded
from mathreason_eval.types import PromptEntry, RunManifest, SamplingEntry


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportPlan:
    """One run to be made of the rows of a file."""

    folder: Path
    task: str
    source: Source
    rules: TaskRules
    manifest: RunManifest
    """As the import begins with it."""
    unknown: Mapping[str, int]
    """How often a column says what is none of its values."""

    @classmethod
    def for_source(
        cls, source: Source, path: Path, task: Task, loaded: Loaded, folder: Path
    ) -> Self:
        """Return the plan of one model's rows.

        Args:
            source: the rows.
            path: their file.
            task: whose extraction and grading apply.
            loaded: the data.
            folder: the run folder.
        """
        unknown = Counter(said for row in source.rows for said in row.unknown)
        details = {
            "backend": "import",
            "file": path.name,
            "rows": source.read,
            "repeated": source.repeated,
            "unusable": len(source.unusable),
            "unknown": dict(unknown),
        }
        temperature, top_p, max_tokens = source.settings
        prompt = PromptEntry(id="imported", sha256=None, system=None, system_fallback=None)
        entry = task_entry(
            task,
            loaded,
            prompt,
            limit=None,
            samples=source.samples,
            max_tokens=None if max_tokens is None else int(max_tokens),
        )
        entry = replace(entry, problems=len(source.problems))
        manifest = new_manifest(
            describe_model(source.model, details),
            SamplingEntry(temperature=temperature, top_p=top_p),
            {task.name: entry},
            unkeyed=True,
        )
        return cls(
            folder=folder,
            task=task.name,
            source=source,
            rules=TaskRules.of(task),
            manifest=manifest,
            unknown=unknown,
        )


def check_folders(plans: Iterable[ImportPlan], out: Path) -> None:
    """Check that every folder may be written, or is what the same import has made of it.

    Raises:
        RunError: if one may not, or all are made already.
    """
    if is_run(out):
        raise _taken(out)
    plans = tuple(plans)
    for plan in plans:
        # The user named `out`; what is in it may have come from somebody else.
        if plan.folder.is_symlink():
            raise RunError(f"{plan.folder} is a link, which is not followed.", "Choose another -o.")
    made = [(plan, _made(plan)) for plan in plans]
    if all(run is not None for _, run in made):
        raise _taken(made[0][0].folder)


def make_run(plan: ImportPlan, grading: tuple[int, float]) -> Run:
    """Write, judge and return a run; one that is there already is returned as it is.

    Raises:
        RunError: if its folder may not be written.
    """
    with RunWriter(plan.folder) as writer:
        # Under the lock: until then another process may have written.
        if (made := _made(plan)) is not None:
            return made
        writer.write_manifest(plan.manifest)
        writer.write_problems(plan.task, plan.source.problems)
        writer.write_unusable(plan.task, plan.source.unusable)
        writer.write_samples(plan.task, plan.source.generations)
        run = load_run(plan.folder)
        log = VerdictLog()
        with GradingQueue(log, grading) as queue:
            log.begin(plan.task)
            queue.judge_later(unjudged(run, plan.task, plan.rules))
            queue.finish()
            run = write_results(log, writer, run, {plan.task: plan.rules})
        run = run.updated(replace(run.manifest, finished=now()))
        writer.write_manifest(run.manifest)
    return run


def _made(plan: ImportPlan) -> Run | None:
    """Return the run that the same import has made, or None if the folder may be written.

    Raises:
        RunError: if something else is in the folder.
    """
    if not is_run(plan.folder):
        if sample_files(plan.folder):
            raise RunError(
                f"{plan.folder} has samples but no manifest, which would say how they were made.",
                "Choose another -o.",
            )
        return None
    run = load_run(plan.folder)
    same = is_same_run(run.manifest, plan.manifest)
    if run.manifest.finished is None and same:
        return None
    if not same or list(run.generations(plan.task)) != plan.source.generations:
        raise _taken(plan.folder)
    return run


def _taken(folder: Path) -> RunError:
    return RunError(f"{folder} already has a run.", "Delete it or choose another -o.")
