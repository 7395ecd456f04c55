"""Results of the checkpoints of a training as curves: a metric against the step, with its band."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from mathreason_eval.errors import DataError, NotComparableError, RunError, UnknownNameError
from mathreason_eval.runs.completeness import exclusions, gaps, task_metrics
from mathreason_eval.runs.manifest import Conditions, differences, short_name
from mathreason_eval.runs.store import Run
from mathreason_eval.text.shell import of_path
from mathreason_eval.types import Metric

STEP = re.compile(
    r"(?:global[-_ ]?step|step|checkpoint|ckpt|iteration|iter|epoch)[-_ =:]?(?P<step>\d{1,15})"
    r"(?!\d)",
    re.IGNORECASE,
)
"""A step in the name of a model or folder: `checkpoint-500`, `global_step_100`, `x@step-20`."""
STEPS = "step"
"""What checkpoints are numbered by."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CurvePoint:
    """A checkpoint's result."""

    step: int
    """Of the training; of a run, the tokens that an answer may have."""
    run: str
    """The run's folder."""
    metric: Metric
    notes: tuple[str, ...]
    """What is missing or excluded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """The results of one training in one task, by step; or of one run, by budget."""

    task: str
    training: str
    """What the names of its checkpoints have in common; of a run, the model."""
    points: tuple[CurvePoint, ...]
    of: str = STEPS
    """What the points are numbered by: `step` or `max_tokens`."""


def curves(
    runs: Sequence[Run],
    *,
    metric: str = "primary",
    tasks: Sequence[str] = (),
    pattern: re.Pattern[str] = STEP,
) -> tuple[Curve, ...]:
    """Return a curve for each task and training among some runs.

    Args:
        runs: a run for each checkpoint.
        metric: its name; `primary` is each task's own.
        tasks: only these; none: all.
        pattern: finds the step in a name: its group `step`, or its first.

    Raises:
        DataError: if the step of a run is not known, or two are of one step.
        NotComparableError: if the checkpoints of a task differ in more than the model.
        RunError: if no run has the metrics.
        UnknownNameError: if there is no such task, or no run of it has the metric.
    """
    known = list(dict.fromkeys(task for run in runs for task in run.tasks()))
    for task in tasks:
        if task not in known:
            raise UnknownNameError("task of these runs", task, known)
    placed = [(run, *_step(run, pattern)) for run in runs]
    return tuple(curve for task in tasks or known for curve in _of_task(task, placed, metric))


_Placed = tuple[Run, str, int]
"""A run, its training, its step."""


def _step(run: Run, pattern: re.Pattern[str]) -> tuple[str, int]:
    """Return the training and the step of a run, by the last step that its names have.

    Raises:
        DataError: if they have none.
    """
    resolved = run.path.resolve()
    model = run.manifest.model.name
    for name in (short_name(run.manifest.model), model, resolved.name, resolved.parent.name):
        found = list(pattern.finditer(name))
        if found:
            last = found[-1]
            step = last["step"] if "step" in pattern.groupindex else last[1]
            rest = f"{name[: last.start()]}{name[last.end() :]}".strip("-_@/.: ")
            try:
                return rest, int(step)
            except ValueError:
                break
    raise DataError(
        f"The step of {run.path} is not known: neither {model} nor the folder names one.",
        "Name the folders as checkpoint-500, or give a --pattern with a group for the step.",
    )


def _of_task(task: str, placed: Sequence[_Placed], metric: str) -> Iterator[Curve]:
    having = [one for one in placed if task in one[0].tasks()]
    _check_conditions(task, [run for run, _, _ in having])
    by_training: dict[str, dict[int, CurvePoint]] = {}
    for run, training, step in having:
        points = by_training.setdefault(training, {})
        if step in points:
            raise DataError(
                f"{points[step].run} and {run.path} are both of step {step} of {training or task}.",
                "Name one of them.",
            )
        points[step] = CurvePoint(
            step=step,
            run=str(run.path),
            metric=_metric(run, task, metric),
            notes=(*gaps(run, task, "it"), *exclusions(run, task, "it")),
        )
    for training, points in sorted(by_training.items()):
        ordered = tuple(point for _, point in sorted(points.items()))
        yield Curve(task=task, training=training, points=ordered)


def _check_conditions(task: str, runs: Sequence[Run]) -> None:
    """Raise an error if the runs of a task differ in more than the model."""
    conditions = [Conditions.of(run.manifest.tasks[task], run.problems(task)) for run in runs]
    for run, own in zip(runs[1:], conditions[1:], strict=True):
        if found := [words for _, words in differences(own, conditions[0])]:
            raise NotComparableError(
                f"{task} of {run.path} is not that of {runs[0].path}: {'; '.join(found)}.",
                "A curve is of results that differ in the checkpoint alone.",
            )


def _metric(run: Run, task: str, name: str) -> Metric:
    found = task_metrics(run, task)
    whole = {one.name: one for one in found.metrics if one.slice == "all"}
    if not whole:
        raise RunError(
            f"{run.path} has no metrics of {task}: {found.outdated or 'nothing is judged'}.",
            f"{of_path('regrade', run.path)} computes them.",
        )
    asked = run.manifest.tasks[task].report.primary or "avg" if name == "primary" else name
    if asked not in whole:
        raise UnknownNameError(f"metric of {task} in {run.path}", asked, whole)
    return whole[asked]


def as_json(found: Sequence[Curve]) -> list[Mapping[str, object]]:
    """Return curves as plain values."""
    return [asdict(one) for one in found]
