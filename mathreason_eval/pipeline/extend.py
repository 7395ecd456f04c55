"""More samples for a run, drawn as it drew those that it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from mathreason_eval.errors import RunError
from mathreason_eval.models import open_model
from mathreason_eval.models.base import Model
from mathreason_eval.pipeline.plan import RunSpec
from mathreason_eval.pipeline.run import Watcher, run_tasks
from mathreason_eval.runs.store import Run
from mathreason_eval.tasks import load_task
from mathreason_eval.types import TaskEntry


@dataclass(frozen=True, kw_only=True, slots=True)
class Means:
    """What a manifest does not say and more samples need."""

    model_args: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By task the files of its problems: a manifest knows their names and hashes alone."""
    tasks_dirs: tuple[Path, ...] = ()
    grading: tuple[int, float] = (2, 5.0)
    """(grading workers, deadline of one judgement in seconds)."""


def extend(run: Run, samples: int, means: Means, watcher: Watcher | None = None) -> Run:
    """Draw the missing samples up to so many a problem, in the run's own folder; return the run.

    Model, sampling, prompts, limits and seed are the manifest's; that nothing of them or of the
    data has changed since is checked as for every run that goes on.

    Raises:
        RunError: if the run was imported or is greedy, or would go on with other settings.
        UserError: as `run_tasks`.
    """
    manifest = run.manifest
    if manifest.model.backend == "import":
        raise RunError(f"{run.path} was imported, and has no model to ask.", "Import more samples.")
    if manifest.sampling.temperature == 0:
        raise RunError(
            f"{run.path} was drawn at temperature 0: a second sample is the first one again.",
            "Run both, baseline too, with --temperature 0.6.",
        )
    opener: Callable[[], Model] = partial(open_model, manifest.model.name, means.model_args)
    for spec in _specs(run, samples, means):
        run = run_tasks(spec, opener, run.path, watcher=watcher, grading=means.grading)
    return run


def _specs(run: Run, samples: int, means: Means) -> list[RunSpec]:
    """Return what is to be asked: as few sittings as the tasks' settings allow."""
    together: dict[RunSpecKey, list[str]] = {}
    for task, entry in run.manifest.tasks.items():
        together.setdefault(_key(task, entry, means), []).append(task)
    return [
        RunSpec(
            tasks=tuple(tasks),
            samples=samples,
            limit=limit,
            temperature=run.manifest.sampling.temperature,
            top_p=run.manifest.sampling.top_p,
            max_tokens=max_tokens,
            seed=run.manifest.seed,
            prompt=prompt,
            second=second,
            data={key: values for task in tasks for key, values in _data(task, run, means).items()},
            tasks_dirs=means.tasks_dirs,
        )
        for (prompt, max_tokens, limit, second), tasks in together.items()
    ]


RunSpecKey = tuple[str, int | None, int | None, str | None]
"""(prompt, max_tokens, limit, second grader): what a spec says of all its tasks."""


def _key(task: str, entry: TaskEntry, means: Means) -> RunSpecKey:
    usual = load_task(task, means.tasks_dirs)
    second = entry.grading.second
    return (
        entry.prompt.id,
        None if entry.max_tokens == usual.max_tokens else entry.max_tokens,
        None if entry.problems == entry.data.rows else entry.problems,
        None if second == usual.second else second,
    )


def _data(task: str, run: Run, means: Means) -> dict[str, tuple[str, ...]]:
    given = {key: values for key, values in means.data.items() if key.partition(":")[0] == task}
    revision = run.manifest.tasks[task].data.revision
    if task not in given and revision.startswith("seed ") and revision != "seed 0":
        given[task] = (revision.replace("seed ", "seed:"),)
    return given
