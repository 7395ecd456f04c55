"""Repair of a run folder by the command that made it, which can rebuild a lost manifest."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mathreason_eval.errors import RunError
from mathreason_eval.pipeline.plan import TaskPlan
from mathreason_eval.pipeline.spec import RunSpec
from mathreason_eval.runs.keys import SampleKeys, prompt_digests
from mathreason_eval.runs.repair import (
    RepairWarning,
    check_samples,
    sample_files,
    set_aside_damage,
)
from mathreason_eval.runs.store import is_run
from mathreason_eval.runs.writer import RunWriter
from mathreason_eval.seeds import sample_seed
from mathreason_eval.types import Generation, RunManifest


def repair(folder: Path) -> None:
    """Move what cannot be read in a folder, if it exists, to other files, with warnings."""
    if folder.is_dir():
        with RunWriter(folder):
            for said in set_aside_damage(folder):
                warnings.warn(said, RepairWarning, stacklevel=2)


def check_manifest(folder: Path, *, repairs: bool) -> None:
    """Raise an error for samples without a manifest, unless the user asks for a repair.

    Raises:
        RunError: as said.
    """
    if not repairs and not is_run(folder) and sample_files(folder):
        raise RunError(
            f"{folder} has samples but no manifest, which would say how they were made.",
            "If this command made them, repeat it with --repair; else choose another -o.",
        )


def rebuilt(
    folder: Path, planned: RunManifest, plans: Sequence[TaskPlan], spec: RunSpec
) -> RunManifest:
    """Return a manifest for a folder that lost its own, with the samples that it has.

    Raises:
        RunError: if there are such samples, and they are not this command's, or the user did not
            ask for a repair.
    """
    check_manifest(folder, repairs=spec.repair)
    if is_run(folder) or not sample_files(folder):
        return planned
    keys = {
        plan.task.name: SampleKeys(planned, plan.task.name, prompt_digests(plan.prompts.values()))
        for plan in plans
    }

    def counts(task: str, sample: Generation) -> bool:
        if sample.key is not None:
            return keys[task].is_exactly(sample)
        seed = sample_seed(planned.seed, sample.problem_id, sample.sample)
        return spec.adopt and sample.seed == seed

    asked = {plan.task.name: plan.loaded.problems for plan in plans}
    held = check_samples(folder, asked, counts)
    tasks = {
        name: replace(entry, samples=max(entry.samples, held.get(name, 0)))
        for name, entry in planned.tasks.items()
    }
    return replace(planned, tasks=tasks, unkeyed=spec.adopt)
