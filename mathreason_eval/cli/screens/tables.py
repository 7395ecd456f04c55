"""Tables on stdout that fit 80 columns, and the same things as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mathreason_eval.cli.screens.console import note, plain_table, stdout
from mathreason_eval.cli.screens.metrics import crowded, metric_table, number, variance
from mathreason_eval.pipeline.grading import Regrading
from mathreason_eval.pipeline.importers.jsonl import Imported
from mathreason_eval.runs.store import Run, distinct
from mathreason_eval.stats.metrics import is_disputed
from mathreason_eval.stats.summary import outcome_counts
from mathreason_eval.tasks import Task
from mathreason_eval.text import visible
from mathreason_eval.types import Problem

if TYPE_CHECKING:
    from rich.console import Console


_LICENSED_FROM = 110
"""Columns a terminal needs for the licences beside the rest."""


# --- tasks -----------------------------------------------------------------------------------


def task_as_json(task: Task, problems: Sequence[Problem] = ()) -> dict[str, object]:
    """Return a task as plain values."""
    from mathreason_eval.tasks.task import render

    return {
        "name": task.name,
        "version": task.version,
        "summary": task.summary,
        "license": task.license,
        "source": task.source,
        "paper": task.paper,
        "generated": task.generated,
        "data": [asdict(data) for data in task.data],
        "extract": task.extract,
        "grade": task.grade,
        "slices": task.slices,
        "max_tokens": task.max_tokens,
        "prompts": {form.id: asdict(form) for form in task.prompts.values()},
        "problems": [
            {
                "problem": asdict(problem),
                "prompts": {
                    form.id: asdict(render(form, problem)) for form in task.prompts.values()
                },
            }
            for problem in problems
        ],
    }


def print_tasks(tasks: Sequence[Task]) -> None:
    """Print one line a task; the licence of its data where the terminal is wide enough."""
    console = stdout()
    licensed = console.width >= _LICENSED_FROM
    table = plain_table("task", ">v", ">problems", "grader", "what it asks")
    if licensed:
        table.add_column("licence of the data")
    for task in tasks:
        counts = [task.size] if task.generated else [data.rows for data in task.data]
        known = [count for count in counts if count is not None]
        said = f"{sum(known):,}" if len(known) == len(counts) else "?"
        table.add_row(
            task.name,
            str(task.version),
            f"{said}{' *' if task.generated else '  '}",
            task.grade,
            task.summary,
            *([task.license] if licensed else []),
        )
    console.print(table)
    note("* made from a seed, nothing to download · `mathreason show TASK` for one")


def print_task(task: Task, problems: Sequence[Problem]) -> None:
    """Print one task with its prompts."""
    from mathreason_eval.tasks.task import render

    console = stdout()
    where = "generated from a seed" if task.generated else task.source
    for label, value in (
        ("task", f"{task.name} v{task.version}: {task.summary}"),
        ("problems", where),
        ("paper", task.paper or "none"),
        ("licence", task.license),
        ("answers", f"found by {', '.join(task.extract)}; judged by {task.grade}"),
        ("reported by", ", ".join(task.slices) or "nothing but the whole"),
        ("max tokens", f"{task.max_tokens:,}"),
    ):
        console.print(f"{label:<12} {value}", soft_wrap=True)
    for form in task.prompts.values():
        console.print()
        kind = "chat" if form.chat else "text"
        console.print(f"prompt {form.id} ({kind}), stop at {list(form.stop)}")
        for problem in problems:
            prompt = render(form, problem)
            asked = prompt.text if prompt.text is not None else prompt.messages[0].content
            console.print(visible(f"--- {problem.id}, gold {' or '.join(problem.gold)}\n{asked}"))
        if not problems:
            console.print(form.template)


# --- runs ------------------------------------------------------------------------------------


def run_as_json(run: Run) -> dict[str, object]:
    """Return a run's manifest, metrics and outcome counts as plain values."""
    return {
        "path": str(run.path),
        "manifest": asdict(run.manifest),
        "metrics": [asdict(metric) for metric in run.metrics()],
        "outcomes": {task: _counts(run, task) for task in run.tasks()},
        "missing": {task: _missing(run, task) for task in run.tasks()},
    }


def _counts(run: Run, task: str) -> dict[str, int]:
    return {str(outcome): n for outcome, n in outcome_counts(run.verdicts(task)).items()}


def _missing(run: Run, task: str) -> int:
    """Return how many samples were asked for and are not there."""
    asked = len(run.problems(task)) * run.manifest.samples
    return max(0, asked - len(distinct(run.generations(task))))


def print_run(run: Run) -> None:
    """Print a run: what it is, its metrics with intervals, and outcomes that add up to n."""
    console = stdout()
    manifest = run.manifest
    console.print(visible(manifest.model.name), style="bold")
    for task in run.tasks():
        _print_task_metrics(console, run, task)
    totals = manifest.totals
    if totals:
        console.print(
            f"{totals.completion_tokens:,} tokens in {totals.generation_seconds:,} s, "
            f"{totals.tokens_per_second:,} tok/s · graded {totals.grading_lag_seconds} s later"
        )
    note(f"stored in {run.path}")
    note(f"look at the samples: mathreason show {run.path} --outcome wrong")
    note(f"publish: mathreason leaderboard {run.path} -o site")


def _print_task_metrics(console: Console, run: Run, task: str) -> None:
    entry, temperature = run.manifest.tasks[task], run.manifest.sampling.temperature
    counts = _counts(run, task)
    n = sum(counts.values())
    console.print(
        f"\n{task} v{entry.version} · {len(run.problems(task)):,} problems · "
        f"{run.manifest.samples} sample{'s' if run.manifest.samples > 1 else ''} each · "
        f"prompt {entry.prompt.id}"
        + ("" if temperature is None else f" · temperature {temperature:g}"),
    )
    metrics = [metric for metric in run.metrics() if metric.task == task]
    console.print(metric_table(metrics, console.width))
    for kind, count in crowded(metrics).items():
        console.print(f"by {kind}: {count} slices, in --json and on the site")
    if line := variance(metrics):
        console.print(f"variance  {line}", soft_wrap=True)
    spelled = " · ".join(f"{name} {count:,}" for name, count in counts.items())
    console.print(f"outcomes  {spelled} = {n:,}")
    if entry.data.published is False:
        console.print(
            f"data      {visible(entry.data.source)}: not the published rows, by their "
            "golds; figures of others do not compare",
            style="yellow",
            soft_wrap=True,
        )
    if disputed := sum(map(is_disputed, run.verdicts(task))):
        console.print(
            f"disputed  {disputed:,} samples, of which {entry.grading.second} says otherwise: "
            "mathreason show RUN --disputed",
            soft_wrap=True,
        )
    if missing := _missing(run, task):
        console.print(f"missing   {missing:,} samples; the same command adds them", style="yellow")


# --- regrade and import ----------------------------------------------------------------------


def regrading_as_json(done: Regrading) -> dict[str, object]:
    """Return what judging again changed, as plain values."""
    return {
        "path": str(done.run.path),
        "flips": [asdict(flip) for flip in done.flips],
        "before": [asdict(metric) for metric in done.before],
        "after": [asdict(metric) for metric in done.after],
    }


def print_regrading(done: Regrading) -> None:
    """Print the flipped verdicts and the scores before and after."""
    console = stdout()
    if done.flips:
        table = plain_table("problem", ">sample", "was", "is", "answer", "because")
        for flip in done.flips:
            table.add_row(
                flip.after.problem_id,
                str(flip.after.sample),
                str(flip.before.outcome),
                str(flip.after.outcome),
                visible(flip.after.answer or "")[:40],
                visible(flip.after.note)[:80],
            )
        console.print(table)
    before = {(m.task, m.slice, m.name): m for m in done.before}
    for metric in done.after:
        if metric.name == "avg" and metric.slice == "all":
            was = before.get((metric.task, metric.slice, metric.name))
            old = "none" if was is None else f"{100 * was.value:.2f} %"
            console.print(f"{metric.task}: avg was {old}, is {100 * metric.value:.2f} %")
    console.print(f"{len(done.flips)} verdicts flipped")


def imported_as_json(done: Imported) -> dict[str, Any]:
    """Return an imported run as plain values."""
    return {
        **run_as_json(done.run),
        "labels": done.labels,
        "disagreements": [asdict(one) for one in done.disagreements],
    }


def print_imported(runs: Sequence[Imported]) -> None:
    """Print one line a model, and where the publisher judged otherwise."""
    table = plain_table("model", ">correct", ">of", ">avg", ">95 % interval", ">labels differ")
    for done in runs:
        for metric in done.run.metrics():
            if metric.name == "avg" and metric.slice == "all":
                correct = _counts(done.run, metric.task)["correct"]
                table.add_row(
                    visible(done.run.manifest.model.name),
                    f"{correct:,}",
                    f"{metric.samples:,}",
                    number(metric, metric.value),
                    f"{number(metric, metric.low)} – {number(metric, metric.high)}",
                    f"{len(done.disagreements)} of {done.labels:,}" if done.labels else "no labels",
                )
    console = stdout()
    console.print(table)
    for done in runs:
        for one in done.disagreements[:10]:
            verdict, label = one.verdict, "correct" if one.label else "wrong"
            console.print(
                visible(
                    f"{done.run.manifest.model.name} {verdict.problem_id} sample "
                    f"{verdict.sample}: publisher {label}, ours {verdict.outcome}: {verdict.note}"
                )
            )
        note(f"stored in {done.run.path}")
