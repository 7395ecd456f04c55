"""What of a task is still to be asked or judged, and whether what is stored of it fits together.

`show`, `compare`, `plan`, `gate` and the site ask here, so that none of them counts fewer samples
than another without saying so. Each task has its own number of samples.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mathreason_eval.errors import RunError
from mathreason_eval.runs.store import METRICS, Run
from mathreason_eval.stats.columns import rows_of
from mathreason_eval.stats.copies import without_copies
from mathreason_eval.types import Metric, Outcome

# --- what is to be asked ---------------------------------------------------------------------


def asked_samples(run: Run, task: str) -> int:
    """Return how many samples of a task were asked for: for each problem as many as for any.

    Without those that are excluded.
    """
    every = len(run.problems(task)) * run.manifest.tasks[task].samples
    return every - sum(excluded_samples(run, task).values())


def missing_samples(run: Run, task: str) -> int:
    """Return how many of the samples of a task that were asked for are not stored."""
    return run.missing_count(task)


def is_complete(run: Run) -> bool:
    """Return whether every sample of every task is stored."""
    return not any(missing_samples(run, task) for task in run.tasks())


# --- what is excluded ---------------------------------------------------------------------------


def excluded_samples(run: Run, task: str) -> Mapping[str, int]:
    """Return how many of the samples of a task that were asked for are excluded, by reason."""
    excluded, samples = run.excluded(task), run.manifest.tasks[task].samples
    asked = _problems(run, task)
    counts: Counter[str] = Counter()
    for name, reason in excluded.problems.items():
        counts[reason] += samples * (name in asked)
    for (name, sample), reason in excluded.samples.items():
        counts[reason] += name in asked and sample < samples
    return {reason: count for reason, count in counts.items() if count}


def exclusions(run: Run, task: str, role: str) -> Iterator[str]:
    """Yield a phrase that says how many samples of a task are excluded, and why, if any are.

    Args:
        run: the run.
        task: the task.
        role: what the run is called in the phrase.
    """
    if counts := excluded_samples(run, task):
        reasons = ", ".join(f"{reason} ({count:,})" for reason, count in counts.items())
        asked = len(run.problems(task)) * run.manifest.tasks[task].samples
        yield f"{sum(counts.values()):,} of {asked:,} samples of {role} are excluded: {reasons}"


# --- what is to be judged --------------------------------------------------------------------


def unjudged_samples(run: Run, task: str) -> int:
    """Return how many stored samples of a task have no verdict that counts."""
    samples, verdicts = run.sample_columns(task), run.verdict_columns(task)
    return int((rows_of(verdicts, samples[samples.distinct]) < 0).sum())


def gaps(run: Run, task: str, role: str) -> Iterator[str]:
    """Yield which samples of a task that were asked for do not count, a phrase for each reason.

    Args:
        run: the run.
        task: the task.
        role: what the run is called in the phrases.
    """
    if missing := missing_samples(run, task):
        yield f"{missing:,} of {asked_samples(run, task):,} samples of {role} are missing"
    unjudged = unjudged_samples(run, task)
    if unjudged == 1:
        yield f"1 sample of {role} is not judged; `mathreason regrade` judges it"
    elif unjudged:
        yield f"{unjudged:,} samples of {role} are not judged; `mathreason regrade` judges them"


# --- what is gone, or there twice ------------------------------------------------------------


def faults(run: Run, task: str) -> Iterator[str]:
    """Yield what of a task does not fit together, a phrase with the names of the files for each."""
    yield from (lost := tuple(_lost(run, task)))
    path, verdicts = run.path / task / "verdicts.jsonl", run.verdict_columns(task)
    if not lost and (strays := verdicts.problem_ids - _problems(run, task)):
        yield f"{path} has verdicts on {min(strays)!r}, which is not in problems.jsonl"
    elif not lost and (rows_of(run.sample_columns(task), verdicts) < 0).any():
        yield f"{path} has verdicts on samples that are not in generations.jsonl"
    if len(verdicts.distinct) < len(verdicts):
        counts = Counter(verdicts.sample_keys())
        twice = next(name for (name, _), number in counts.items() if number > 1)
        yield f"{path} has two verdicts on one sample of {twice!r}"


def _lost(run: Run, task: str) -> Iterator[str]:
    """Yield which files lack problems or samples that nothing in the folder can make again."""
    folder, asked = run.path / task, run.manifest.tasks[task].problems
    stored, verdicts = run.sample_columns(task), run.verdict_columns(task)
    problems = _problems(run, task)
    if not stored and not verdicts:
        return  # Nothing was answered yet, and the next session may ask other problems.
    if len(problems) < asked:
        yield f"{folder / 'problems.jsonl'} has {len(problems):,} of {asked:,} problems"
    elif strays := stored.problem_ids - problems:
        yield f"{folder / 'problems.jsonl'} lacks {min(strays)!r}, of which there are samples"
    if not stored:
        yield (
            f"{folder / 'generations.jsonl'} has no sample, and verdicts.jsonl has "
            f"{len(verdicts):,} verdicts"
        )


def _problems(run: Run, task: str) -> set[str]:
    return {one.id for one in run.problems(task)}


def check_stored(run: Run, task: str) -> None:
    """Check that what is stored of a task fits together.

    Raises:
        RunError: naming the files.
    """
    _check(faults(run, task), "; `mathreason regrade` writes the verdicts again")


def check_samples(run: Run, task: str) -> None:
    """Check that the problems and samples of a task are there, to be judged again.

    Raises:
        RunError: naming the file that lacks some.
    """
    _check(_lost(run, task))


def _check(found: Iterator[str], more: str = "") -> None:
    if phrases := "; ".join(found):
        raise RunError(
            f"{phrases}.",
            "If a file was deleted or replaced, restore it, or repeat its `mathreason run` with "
            f"--repair{more}.",
        )


# --- metrics ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskMetrics:
    """The stored metrics of a task, if they are of what is stored."""

    metrics: tuple[Metric, ...]
    outdated: str | None
    """Why metrics that are stored are left out, or why there are none; None if they are here."""


def task_metrics(run: Run, task: str) -> TaskMetrics:
    """Return the metrics of a task that `metrics.json` has, if they agree with its verdicts.

    They do not after a session that was killed, or where a file was changed by hand.
    """
    found = tuple(one for one in run.metrics() if one.task == task)
    stored = _average(found, task)
    now = _counted(run, task)
    judges = "`mathreason regrade` computes them"
    if stored is None:
        none = f"{METRICS} has none of {now[0]:,} judged samples; {judges}" if now else None
        return TaskMetrics(metrics=() if now else found, outdated=none)
    if now is None:
        rest = f"judged; {judges}" if run.sample_columns(task) else "stored"
        why = f"{METRICS} is of {stored.samples:,} samples, and none is {rest}"
    elif stored.samples != now[0]:
        why = f"{METRICS} is of {stored.samples:,} samples, and {now[0]:,} count; {judges} again"
    elif not math.isclose(stored.value, now[1], abs_tol=1e-9):
        why = f"{METRICS} does not agree with the verdicts; {judges} again"
    else:
        return TaskMetrics(metrics=found, outdated=None)
    return TaskMetrics(metrics=(), outdated=why)


def _average(metrics: Sequence[Metric], task: str) -> Metric | None:
    """Return the share of correct samples of a task as a whole, which every summary has."""
    own = (one for one in metrics if (one.task, one.slice, one.name) == (task, "all", "avg"))
    return next(own, None)


def _counted(run: Run, task: str) -> tuple[int, float] | None:
    """Return how many judged samples count and the mean over problems of how many are correct."""
    verdicts = without_copies(run.verdict_columns(task), run.copies(task))
    if not verdicts:
        return None
    judged = Counter(verdicts.problem.tolist())
    correct = Counter(verdicts[verdicts.has_outcome(Outcome.CORRECT)].problem.tolist())
    average = math.fsum(correct[name] / n for name, n in judged.items()) / len(judged)
    return len(verdicts), average
