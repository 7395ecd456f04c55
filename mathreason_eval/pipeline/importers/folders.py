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
from mathreason_eval.pipeline.importers.sources import Source, only
from mathreason_eval.pipeline.plan import TaskRules, task_entry
from mathreason_eval.pipeline.queue import GradingQueue
from mathreason_eval.runs.manifest import describe_model, is_same_run, new_manifest, now
from mathreason_eval.runs.repair import sample_files
from mathreason_eval.runs.store import Run, is_run, load_run
from mathreason_eval.runs.writer import RunWriter
from mathreason_eval.tasks import Task
from mathreason_eval.tasks.datasets import Loaded
from mathreason_eval.types import (
    PromptEntry,
    PublishedVerdicts,
    RunManifest,
    SamplingEntry,
    TaskEntry,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportPart:
    """The samples of one task in a run to be made."""

    task: Task
    loaded: Loaded
    """The data."""
    source: Source

    @property
    def published(self) -> list[PublishedVerdicts]:
        """Return a publisher's verdicts on the samples of a log, by their names."""
        return [
            PublishedVerdicts(
                problem_id=row.generation.problem_id,
                sample=row.generation.sample,
                verdicts=row.published,
                compared=row.compared,
                answer=row.published_answer,
            )
            for row in self.source.rows
            if row.published and row.generation is not None
        ]

    @property
    def unknown(self) -> Mapping[str, int]:
        """Return how often a column says what is none of its values."""
        return Counter(said for row in self.source.rows for said in row.unknown)

    def entry(self) -> TaskEntry:
        """Return the manifest's entry for the task."""
        max_tokens = self.source.settings[2]
        prompt = PromptEntry(id="imported", sha256=None, system=None, system_fallback=None)
        entry = task_entry(
            self.task,
            self.loaded,
            prompt,
            limit=None,
            samples=self.source.samples,
            max_tokens=None if max_tokens is None else int(max_tokens),
        )
        return replace(entry, problems=len(self.source.problems))


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportPlan:
    """One run to be made of the rows of files."""

    folder: Path
    parts: tuple[ImportPart, ...]
    """By task."""
    rules: Mapping[str, TaskRules]
    manifest: RunManifest
    """As the import begins with it."""
    unknown: Mapping[str, int]
    """How often a column says what is none of its values."""

    @classmethod
    def of(cls, parts: Iterable[ImportPart], folder: Path, details: Mapping[str, object]) -> Self:
        """Return the plan of one model's rows.

        Args:
            parts: the samples of each task.
            folder: the run folder.
            details: what the manifest says of the files.
        """
        parts = tuple(parts)
        sources = [part.source for part in parts]
        unknown: Counter[str] = Counter()
        for part in parts:
            unknown.update(part.unknown)
        described = {
            "backend": "import",
            **details,
            "rows": sum(source.read for source in sources),
            "repeated": sum(source.repeated for source in sources),
            "unusable": sum(len(source.unusable) for source in sources),
            "unknown": dict(unknown),
        }
        temperatures, tops, _ = (
            {source.settings[place] for source in sources} for place in range(3)
        )
        manifest = new_manifest(
            describe_model(sources[0].model, described),
            SamplingEntry(temperature=only(temperatures), top_p=only(tops)),
            {part.task.name: part.entry() for part in parts},
            unkeyed=True,
        )
        return cls(
            folder=folder,
            parts=parts,
            rules={part.task.name: TaskRules.of(part.task) for part in parts},
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
        for part in plan.parts:
            name = part.task.name
            writer.write_problems(name, part.source.problems)
            writer.write_unusable(name, part.source.unusable)
            writer.write_samples(name, part.source.generations)
            if published := part.published:
                writer.write_published(name, published)
        run = load_run(plan.folder)
        log = VerdictLog()
        with GradingQueue(log, grading) as queue:
            for name, rules in plan.rules.items():
                log.begin(name)
                queue.judge_later(unjudged(run, name, rules))
            queue.finish()
            run = write_results(log, writer, run, plan.rules)
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
    if not same or any(
        list(run.generations(part.task.name)) != part.source.generations for part in plan.parts
    ):
        raise _taken(plan.folder)
    return run


def _taken(folder: Path) -> RunError:
    return RunError(f"{folder} already has a run.", "Delete it or choose another -o.")
