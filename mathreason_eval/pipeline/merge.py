"""Partial runs of one set of conditions as one run, and samples that no longer count."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import chain
from pathlib import Path
from typing import TypeVar

from mathreason_eval.errors import DataError, RunError, UnknownNameError
from mathreason_eval.pipeline.grading import regrade, summarized
from mathreason_eval.pipeline.queue import GRADING
from mathreason_eval.runs.completeness import check_samples, is_complete
from mathreason_eval.runs.keys import SampleKeys, prompt_digests
from mathreason_eval.runs.manifest import now
from mathreason_eval.runs.repair import sample_files
from mathreason_eval.runs.sessions import joined, sums
from mathreason_eval.runs.store import ForeignSampleWarning, Run, find_folder, is_run, load_run
from mathreason_eval.runs.writer import RunWriter
from mathreason_eval.types import (
    Exclusion,
    FailedRequest,
    Generation,
    Problem,
    SentPrompt,
    StepRewards,
)

RecordT = TypeVar("RecordT", Problem, SentPrompt, Generation, StepRewards)

# --- merge -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Merged:
    """A run of partial ones."""

    run: Run
    samples: int
    repeated: int
    """How often a sample was in another of the runs as well."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """One task of the merged run."""

    task: str
    problems: list[Problem]
    prompts: list[SentPrompt]
    samples: list[Generation]
    failures: list[FailedRequest]
    exclusions: list[Exclusion]
    rewards: list[StepRewards]
    read: int
    """Samples of all runs, before each counts once."""


def merge(
    folders: Sequence[Path],
    out: Path,
    *,
    grading: tuple[int, float] = GRADING,
    tasks_dirs: Sequence[Path] = (),
) -> Merged:
    """Write one run with the samples of several, each by its key, and judge it.

    Args:
        folders: partial runs of one model, seed and set of conditions. Their tasks, problems and
            numbers of samples may differ. They stay as they are.
        out: the folder of the merged run, which must not be a run.
        grading: (worker processes, seconds of computer algebra for one answer).
        tasks_dirs: folders with tasks of the user's own.

    Raises:
        RunError: if two of them differ in a setting, a problem, a prompt or a sample, which it
            names; if one has samples of other conditions or without a key; if `out` is a run.
    """
    if is_run(out) or sample_files(out):
        raise RunError(f"{out} already has a run.", "Delete it or choose another -o.")
    runs = [load_run(find_folder(folder)) for folder in folders]
    manifest = joined([(run.path, run.manifest) for run in runs])
    with warnings.catch_warnings():
        # Verdicts do not matter: all samples are judged again.
        warnings.simplefilter("ignore", ForeignSampleWarning)
        for run in map(Run.fresh_view, runs):
            for task in run.tasks():
                check_samples(run, task)
        warnings.simplefilter("error", ForeignSampleWarning)
        try:
            parts = [_part(runs, task) for task in manifest.tasks]
        except ForeignSampleWarning as found:
            raise RunError(f"{found}.", "Nothing is merged: take those lines away.") from None
    with RunWriter(out) as writer:
        for part in parts:
            _write(writer, part)
        entries = {
            part.task: replace(manifest.tasks[part.task], problems=len(part.problems))
            for part in parts
        }
        tokens = sum(one.completion_tokens or 0 for part in parts for one in part.samples)
        totals = sums(manifest.sessions, tokens) if manifest.sessions else None
        manifest = replace(manifest, tasks=entries, totals=totals)
        writer.write_manifest(manifest)
        if is_complete(load_run(out)):
            writer.write_manifest(replace(manifest, finished=now()))
    run = regrade(out, workers=grading[0], deadline=grading[1], tasks_dirs=tasks_dirs).run
    samples = sum(len(part.samples) for part in parts)
    return Merged(run=run, samples=samples, repeated=sum(part.read for part in parts) - samples)


def _part(runs: Sequence[Run], task: str) -> _Part:
    """Return one task of all runs that have it.

    Raises:
        RunError: if two of them differ in what they share.
    """
    # Most problems first: their order is that of the data.
    having = sorted(
        (run for run in runs if task in run.tasks()), key=lambda run: -len(run.problems(task))
    )
    for run in having:
        _check_keys(run, task)
    samples = [(run, one) for run in having for one in run.own(task)]
    exclusions = chain.from_iterable(run.exclusions(task) for run in having)
    return _Part(
        task=task,
        problems=_distinct(((run, one) for run in having for one in run.problems(task)), ("id",)),
        prompts=_distinct(
            ((run, one) for run in having for one in run.prompts(task)), ("problem_id",)
        ),
        samples=_distinct(samples, ("problem_id", "sample")),
        failures=[*chain.from_iterable(run.failure_log(task) for run in having)],
        exclusions=[*dict.fromkeys(exclusions)],
        rewards=_rewards(having, task),
        read=len(samples),
    )


def _rewards(runs: Sequence[Run], task: str) -> list[StepRewards]:
    """Return the rewards of a task in all runs.

    Raises:
        RunError: if they are by two models, or two on one sample differ.
    """
    found = [(run, one) for run in runs for one in run.rewards(task).values()]
    if len(models := {one.by for _, one in found}) > 1:
        raise RunError(
            f"The runs have rewards of {task} by {' and by '.join(sorted(models))}.",
            "Merge copies without rewards.jsonl, and `mathreason score` what they become.",
        )
    return _distinct(found, ("problem_id", "sample"))


def _check_keys(run: Run, task: str) -> None:
    """Raise an error if a sample says that it is of other conditions, or does not say."""
    keys = SampleKeys(run.manifest, task, prompt_digests(run.prompts(task)))
    for one in run.own(task):
        if one.key is None or not keys.is_exactly(one):
            why = "has no key" if one.key is None else "has the key of another sample"
            raise RunError(
                f"{run.path / task}: sample {one.sample} of {one.problem_id!r} {why}.",
                "Nothing is merged: nobody could say under which conditions it was made.",
            )


_MAY_DIFFER = frozenset({"seconds"})
"""Fields of a sample that say nothing of its text."""


def _distinct(records: Iterable[tuple[Run, RecordT]], names: tuple[str, ...]) -> list[RecordT]:
    """Return records, each once.

    Args:
        records: each with its run.
        names: the fields that say what a record is about.

    Raises:
        RunError: if two about the same differ in a field, which it names.
    """
    found: dict[tuple[object, ...], tuple[Run, RecordT]] = {}
    for run, one in records:
        key = tuple(getattr(one, name) for name in names)
        first, held = found.setdefault(key, (run, one))
        if held is not one and held != one and (field := _differing(held, one)):
            sample = f" sample {key[1]}" if len(key) > 1 else ""
            raise RunError(
                f"The {field} of {key[0]!r}{sample} is one in {first.path} and another in "
                f"{run.path}.",
                "Nothing is merged: they are not of one set of conditions.",
            )
    return [one for _, one in found.values()]


def _differing(held: object, other: object) -> str | None:
    names = (one.name for one in fields(held))  # type: ignore[arg-type]
    return next(
        (
            name
            for name in names
            if name not in _MAY_DIFFER and getattr(held, name) != getattr(other, name)
        ),
        None,
    )


def _write(writer: RunWriter, part: _Part) -> None:
    writer.write_problems(part.task, part.problems)
    writer.write_prompts(part.task, part.prompts)
    writer.write_samples(part.task, part.samples)
    for failure in part.failures:
        writer.append_failure(part.task, failure)
    if part.exclusions:
        writer.append_exclusions(part.task, part.exclusions)
    for rewards in part.rewards:
        writer.append_rewards(part.task, rewards)


# --- exclude -----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class ExclusionRequest:
    """What is to be excluded."""

    task: str
    problems: tuple[str, ...]
    sample: int | None
    """The index of a sample of each; None: all of them."""
    reason: str


def only_task(path: Path) -> str:
    """Return the task of a run that has one.

    Raises:
        RunError: if there is no such run, or it has several tasks.
    """
    run = load_run(find_folder(path))
    if len(run.tasks()) != 1:
        raise RunError(f"{run.path} has the tasks {', '.join(run.tasks())}.", "Name one with -t.")
    return run.tasks()[0]


def exclude(path: Path, asked: ExclusionRequest, *, tasks_dirs: Sequence[Path] = ()) -> Run:
    """Have samples of a run count no longer, and store why; return the run with its new metrics.

    What was stored of them stays in the folder. They are not asked for again.

    Args:
        path: a run folder, or a folder with a single run.
        asked: the samples, and the reason.
        tasks_dirs: folders with tasks of the user's own.

    Raises:
        RunError: if there is no such run or task.
        UnknownNameError: if there is no such problem.
        DataError: if none of them has such a sample.
    """
    folder = find_folder(path)
    with RunWriter(folder) as writer:
        run = load_run(folder)
        known = {problem.id for problem in run.problems(asked.task)}
        for name in asked.problems:
            if name not in known:
                raise UnknownNameError("problem", name, known)
        samples = run.manifest.tasks[asked.task].samples
        if asked.sample is not None and asked.sample >= samples:
            raise DataError(
                f"There is no sample {asked.sample} of any problem.",
                f"{run.path} has {samples:,} of each, from 0.",
            )
        writer.append_exclusions(
            asked.task,
            [
                Exclusion(problem_id=name, sample=asked.sample, reason=asked.reason, at=now())
                for name in asked.problems
            ],
        )
        run = load_run(folder)
        return summarized(run, asked.task, writer, tasks_dirs)
