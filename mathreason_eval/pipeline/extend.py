"""More samples for a run that has its own: its manifest has the settings, the user the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mathreason_eval.errors import RunError
from mathreason_eval.models import NamedModel, UserModel
from mathreason_eval.pipeline.queue import GRADING
from mathreason_eval.pipeline.run import Watcher, run_tasks
from mathreason_eval.pipeline.spec import RunSpec
from mathreason_eval.runs.store import Run
from mathreason_eval.tasks import load_task
from mathreason_eval.types import TaskEntry


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtendOptions:
    """What generating more samples needs and a manifest does not store."""

    model: UserModel
    """The model to ask. The manifest's must be the same, but its name alone opens nothing: it may
    lead to a stranger's server, and the user's key would be sent there."""
    model_args: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Files of problems by task: a manifest stores only their names and hashes."""
    tasks_dirs: tuple[Path, ...] = ()
    grading: tuple[int, float] = GRADING
    """(worker processes, seconds of computer algebra for one answer)."""


def extend(run: Run, samples: int, options: ExtendOptions, watcher: Watcher | None = None) -> Run:
    """Generate samples up to `samples` per problem, in the run's own folder; return the run.

    Sampling, prompts, limits and seed are the manifest's. As for every resumed run it is checked
    that none of them, nor the model or the data, has changed.

    Raises:
        RunError: if the run was imported or is greedy, or would continue with other settings.
        UserError: as `run_tasks`.
    """
    manifest = run.manifest
    if manifest.model.backend == "import":
        raise RunError(f"{run.path} was imported and has no model to run.", "Import more samples.")
    if manifest.sampling.temperature == 0:
        raise RunError(
            f"{run.path} was sampled at temperature 0: a second sample would equal the first.",
            "Run both it and its baseline with --temperature 0.6.",
        )
    opener = NamedModel(name=options.model, options=options.model_args)
    for spec in _specs(run, samples, options):
        run = run_tasks(spec, opener, run.path, watcher=watcher, grading=options.grading)
    return run


def _specs(run: Run, samples: int, options: ExtendOptions) -> list[RunSpec]:
    """Return what to run, in as few sessions as the tasks' settings allow."""
    together: dict[_Settings, list[str]] = {}
    for task, entry in run.manifest.tasks.items():
        together.setdefault(_settings(task, entry, options), []).append(task)
    return [
        RunSpec(
            tasks=tuple(tasks),
            samples=samples,
            limit=limit,
            temperature=run.manifest.sampling.temperature,
            top_p=run.manifest.sampling.top_p,
            max_tokens=max_tokens,
            think_budget=run.manifest.sampling.think_budget,
            seed=run.manifest.seed,
            prompt=prompt,
            system=system,
            second=second,
            data={
                key: each
                for task in tasks
                for key, each in stored_sources(run, task, options.data).items()
            },
            tasks_dirs=options.tasks_dirs,
        )
        for (prompt, system, max_tokens, limit, second), tasks in together.items()
    ]


_Settings = tuple[str, str, int | None, int, str | None]
"""(prompt, system message, max_tokens, limit, second grader), which a spec sets for all."""


def _settings(task: str, entry: TaskEntry, options: ExtendOptions) -> _Settings:
    usual = load_task(task, options.tasks_dirs)
    second = entry.grading.second
    return (
        entry.prompt.id,
        entry.prompt.system or "",
        None if entry.max_tokens == usual.max_tokens else entry.max_tokens,
        entry.problems,
        None if second == usual.second else second,
    )


def stored_sources(
    run: Run, task: str, given: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Return where the problems of a task of a run are read from: as given, or by its seed.

    Args:
        run: the run.
        task: one of its tasks.
        given: the files that the user named, by task.
    """
    found = {key: each for key, each in given.items() if key.partition(":")[0] == task}
    revision = run.manifest.tasks[task].data.revision
    if task not in found and revision.startswith("seed ") and revision != "seed 0":
        found[task] = (revision.replace("seed ", "seed:"),)
    return found
