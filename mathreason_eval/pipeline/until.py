"""Samples until a score is known well enough: whole rounds over all problems, never single ones.

What decides is the width of an interval, not what it contains, and a round is a sample of every
problem: so the interval keeps its level as the width falls (Chow and Robbins 1965, Annals of
Mathematical Statistics 36, 457-462). Stopping one problem by its own answers would not: where the
first two agree a share of 0.2 becomes 0.13.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mathreason_eval.errors import Faults, UserError, raise_faults
from mathreason_eval.grade.graders import measures_of
from mathreason_eval.models.base import Model
from mathreason_eval.models.kept import Kept
from mathreason_eval.pipeline.preflight import preflight
from mathreason_eval.pipeline.queue import GRADING
from mathreason_eval.pipeline.run import Watcher, run_tasks
from mathreason_eval.pipeline.spec import RunSpec
from mathreason_eval.pipeline.stopping import Stop
from mathreason_eval.runs.store import Run, is_run, load_run
from mathreason_eval.stats.metrics import DEFAULT_METRIC, find_metric, our_metric
from mathreason_eval.stats.summary import MACRO
from mathreason_eval.tasks import Task
from mathreason_eval.tasks.datasets import Loaded
from mathreason_eval.text import counted
from mathreason_eval.types import Metric

FIRST_ROUNDS = 4
"""Samples a problem before the width is looked at: of fewer the spread is hardly known."""
MOST = 64
"""Samples a problem after which none are added, if nothing else is said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Until:
    """When there are samples enough."""

    half_width: float
    """Of the 95 % interval on these problems, as a fraction of 1."""
    max_samples: int
    """Samples a problem after which none are added."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reached:
    """How well the primary metric of a task is known."""

    task: str
    metric: str
    samples: int
    """Of each problem."""
    half_width: float
    """Of the 95 % interval on these problems: the larger side."""
    enough: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class UntilRequest:
    """What is asked, and when there are samples enough."""

    spec: RunSpec
    """Its samples are those of the first look, which has at least `FIRST_ROUNDS`."""
    opener: Callable[[], Model]
    until: Until
    out: Path | None
    """The run folder, as of `run_tasks`."""


def run_until(
    request: UntilRequest,
    *,
    watch: Callable[[tuple[Reached, ...]], Watcher | None] = lambda _: None,
    grading: tuple[int, float] = GRADING,
    stop: Stop | None = None,
) -> Run:
    """Run a model on tasks, sample after sample of all problems, until each task has enough.

    The same call goes on where one was left.

    Args:
        request: what is asked; the model is opened once.
        watch: is told how well each open task is known, nothing at first; returns who is notified
            of the steps of the samples that are added.
        grading: as `run_tasks`.
        stop: as `run_tasks`.

    Raises:
        UserError: as `run_tasks`; or if samples cannot make a score better known, at temperature 0.
    """
    _check(request)
    spec, until, out = request.spec, request.until, request.out
    spec = replace(spec, samples=min(max(spec.samples, FIRST_ROUNDS), until.max_samples))
    looks: tuple[Reached, ...] = ()
    with closing(request.opener()) as model:
        while True:
            run = run_tasks(
                spec, partial(Kept, model), out, watcher=watch(looks), grading=grading, stop=stop
            )
            looks = tuple(one for one in reached(run, spec.tasks, until) if not one.enough)
            looks = tuple(one for one in looks if one.samples < until.max_samples)
            if not looks or (stop is not None and stop.requested):
                return run
            out = run.path
            spec = replace(
                spec,
                tasks=tuple(one.task for one in looks),
                samples=max(_next_samples(one, until) for one in looks),
            )


def _check(request: UntilRequest) -> None:
    """Check everything before the model is opened, as if all samples were drawn.

    Raises:
        UserError: as `preflight`; or what keeps samples from making a score better known.
    """
    most, asked = request.until.max_samples, request.spec.samples
    faults = Faults()
    if most < _FEWEST:
        what = f"Of {counted(most, 'sample')} a problem there is no interval on these problems."
        faults.found.append(UserError(what, f"Take --max-samples {FIRST_ROUNDS} or more."))
    if asked > most:
        what = f"-n {asked} asks for more samples than --max-samples {most} allows."
        faults.found.append(UserError(what, f"Take --max-samples {asked}, or leave -n out."))
    spec = replace(request.spec, samples=max(most, _FEWEST))
    found = faults.attempt(lambda: preflight(spec, request.opener, request.out))
    if found is not None:
        resolved, tasks = found
        if resolved.temperature == 0:
            what = "--until draws samples, and at temperature 0 they would be copies of the first."
            hint = "Take --temperature 0.6, with another -o if this one has greedy samples."
            faults.found.append(UserError(what, hint))
        for task, loaded in tasks:
            faults.attempt(partial(_check_metric, task, most))
            faults.attempt(partial(_check_covers, request.out, task, loaded))
    raise_faults(faults.found)


_FEWEST = 2
"""Samples a problem of which there is an interval on these problems."""


def _check_metric(task: Task, most: int) -> None:
    """Check that a task's primary metric has an interval on these problems.

    Raises:
        UserError: it has none, which is known before anything is asked.
    """
    found = our_metric(task.primary) or find_metric(task.primary, measures_of(task.grade))
    if task.primary != MACRO and found.definition.samples is None:
        raise _no_interval(task.name, task.primary)
    if found.k > most:
        what = f"{task.primary} of {task.name} needs {found.k} samples a problem."
        raise UserError(what, f"Take --max-samples {found.k} or more.")


def _check_covers(out: Path | None, task: Task, loaded: Loaded) -> None:
    """Check that all problems that a folder has of a task are asked.

    Raises:
        UserError: only some are: the others would stay with the samples that they have, and the
            score is of all.
    """
    if out is None or not is_run(out) or task.name not in (run := load_run(out)).tasks():
        return
    left = {one.id for one in run.problems(task.name)} - {one.id for one in loaded.problems}
    if left:
        raise UserError(
            f"{out} has {counted(len(left), 'problem')} of {task.name} that would get no more "
            "samples, and --until is about all problems of a run.",
            "Leave --limit out, or choose another folder with -o.",
        )


def reached(run: Run, tasks: tuple[str, ...], until: Until) -> tuple[Reached, ...]:
    """Return how well each task's primary metric is known.

    Raises:
        UserError: if one has no interval on these problems.
    """
    found = [(task, _primary(run, task)) for task in tasks]
    raise_faults(
        _no_interval(task, run.manifest.tasks[task].report.primary or DEFAULT_METRIC)
        for task, one in found
        if one is None or _half(one) is None
    )
    return tuple(
        Reached(
            task=task,
            metric=one.name,
            samples=run.manifest.tasks[task].samples,
            half_width=half,
            enough=half <= until.half_width,
        )
        for task, one in found
        if one is not None and (half := _half(one)) is not None
    )


def _primary(run: Run, task: str) -> Metric | None:
    name = run.manifest.tasks[task].report.primary
    mine = (one for one in run.metrics() if (one.task, one.slice, one.name) == (task, "all", name))
    return next(mine, None)


def _half(metric: Metric) -> float | None:
    if metric.fixed_low is None or metric.fixed_high is None:
        return None
    return max(metric.fixed_high - metric.value, metric.value - metric.fixed_low)


def _no_interval(task: str, name: str) -> UserError:
    return UserError(
        f"{name} of {task} has no interval on these problems: more samples would not be seen to "
        "make it better known.",
        "Leave --until out, and choose the number of samples with -n.",
    )


def _next_samples(one: Reached, until: Until) -> int:
    """Return the samples of the next look: what the width asks for, at most twice as many.

    An interval on these problems narrows with the root of their number.
    """
    wanted = math.ceil(one.samples * (one.half_width / until.half_width) ** 2)
    return min(max(wanted, one.samples + 1), 2 * one.samples, until.max_samples)
