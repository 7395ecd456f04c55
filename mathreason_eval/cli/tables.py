"""Tables on stdout that fit 80 columns, and the same things as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from mathreason_eval.grading import Regrading, distinct
from mathreason_eval.interop.jsonl import Imported
from mathreason_eval.stats.summary import AMOUNTS, WHOLE, is_disputed, outcome_counts
from mathreason_eval.store import Run
from mathreason_eval.tasks import Task
from mathreason_eval.types import Metric, Outcome, Problem
from mathreason_eval.visible import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SIGNS = {
    Outcome.CORRECT: ("✓", "green"),
    Outcome.WRONG: ("✗", "red"),
    Outcome.NO_ANSWER: ("∅", "yellow"),
    Outcome.TRUNCATED: ("…", "yellow"),
    Outcome.UNGRADABLE: ("?", "magenta"),
}
"""Sign and colour of each outcome: colour never speaks alone."""

_LICENSED_FROM = 110
"""Columns a terminal needs for the licences beside the rest."""

_ENDLESS = 1_000
"""A width at which no table is squeezed, to learn its own."""
_GAP = 3
"""Columns between the numbers and the picture."""
_OF_SLICES = frozenset({"avg", "drop", "f1"})
"""What the terminal shows of a slice."""
_NARROWEST, _WIDEST = 11, 41
"""Columns of the picture of an interval: ten percentage points each at its narrowest."""


def stdout() -> Console:
    """Return the console that data go to: nothing in it is markup."""
    from rich.console import Console

    return Console(markup=False, highlight=False, emoji=False)


def print_json(value: object) -> None:
    """Print plain values as JSON."""
    click.echo(json.dumps(value, indent=1, sort_keys=True, default=str))


def _table(*columns: str) -> Table:
    """Return an empty table; a column's name that begins with `>` is right-aligned."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for column in columns:
        right = column.startswith(">")
        # A number shortened by an ellipsis is a wrong number.
        table.add_column(
            column.lstrip(">"),
            justify="right" if right else "left",
            no_wrap=right,
            overflow="fold",
        )
    return table


# --- tasks -----------------------------------------------------------------------------------


def task_as_json(task: Task, problems: Sequence[Problem] = ()) -> dict[str, object]:
    """Return a task as plain values."""
    from mathreason_eval.prompts import render

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
    table = _table("task", ">v", ">problems", "grader", "what it asks")
    if licensed:
        table.add_column("licence of the data")
    for task in tasks:
        count = task.size if task.generated else sum(data.rows or 0 for data in task.data)
        table.add_row(
            task.name,
            str(task.version),
            f"{count:,}{' *' if task.generated else '  '}",
            task.grade,
            task.summary,
            *([task.license] if licensed else []),
        )
    console.print(table)
    click.echo("* made from a seed, nothing to download · `mathreason show TASK` for one", err=True)


def print_task(task: Task, problems: Sequence[Problem]) -> None:
    """Print one task with its prompts."""
    from mathreason_eval.prompts import render

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
    console.print(visible(f"{manifest.model['name']}"), style="bold")
    for task in run.tasks():
        _print_task_metrics(console, run, task)
    totals = manifest.totals
    if totals:
        console.print(
            f"{totals['completion_tokens']:,} tokens in {totals['generation_seconds']:,} s, "
            f"{totals['tokens_per_second']:,} tok/s · "
            f"graded {totals['grading_lag_seconds']} s later"
        )
    click.echo(f"stored in {run.path}", err=True)
    click.echo(f"look at the samples: mathreason show {run.path} --outcome wrong", err=True)
    click.echo(f"publish: mathreason leaderboard {run.path} -o site", err=True)


def _print_task_metrics(console: Console, run: Run, task: str) -> None:
    entry, temperature = run.manifest.tasks[task], run.manifest.sampling.get("temperature")
    counts = _counts(run, task)
    n = sum(counts.values())
    console.print(
        f"\n{task} v{entry['version']} · {len(run.problems(task)):,} problems · "
        f"{run.manifest.samples} sample{'s' if run.manifest.samples > 1 else ''} each · "
        f"prompt {entry['prompt']}"
        + (f" · temperature {temperature:g}" if isinstance(temperature, float) else ""),
    )
    console.print(metric_table([m for m in run.metrics() if m.task == task], console.width))
    spelled = " · ".join(f"{name} {count:,}" for name, count in counts.items())
    console.print(f"outcomes  {spelled} = {n:,}")
    if entry.get("data_published") is False:
        console.print(
            f"data      {visible(str(entry['data_source']))}: not the published rows, by their "
            "golds; figures of others do not compare",
            style="yellow",
            soft_wrap=True,
        )
    if disputed := sum(map(is_disputed, run.verdicts(task))):
        console.print(
            f"disputed  {disputed:,} samples, of which {entry['second']} says otherwise: "
            "mathreason show RUN --disputed",
            soft_wrap=True,
        )
    if missing := _missing(run, task):
        console.print(f"missing   {missing:,} samples; the same command adds them", style="yellow")


def metric_table(metrics: Sequence[Metric], width: int) -> Table:
    """Return metrics with their intervals; the picture takes what room the numbers leave."""
    from rich.console import Console

    most = max((_k(metric) for metric in metrics), default=1)
    shown = [metric for metric in metrics if _is_shown(metric, most)]
    rows = [
        (
            metric.slice,
            metric.name,
            _number(metric, metric.value),
            f"{_number(metric, metric.low)} – {_number(metric, metric.high)}",
            f"{metric.problems:,}",
        )
        for metric in shown
    ]
    columns = ("slice", "metric", ">value", ">95 % interval", ">problems")
    plain = _table(*columns)
    for row in rows:
        plain.add_row(*row)
    bar = min(_WIDEST, width - Console(width=_ENDLESS).measure(plain).maximum - _GAP)
    if bar < _NARROWEST:
        return plain
    table = _table(*columns)
    table.add_column(f"{'0':<{bar // 2}}{'50':<{bar - bar // 2 - 3}}100", no_wrap=True)
    for metric, row in zip(shown, rows, strict=True):
        table.add_row(*row, _picture(metric, bar))
    return table


def _is_shown(metric: Metric, most: int) -> bool:
    """Leave out what would bury the rest: --json and the site have everything.

    Of pass@K and maj@K powers of two and the last are enough, of a slice its accuracy, of a variant
    what it cost, of a slice of variants nothing.
    """
    k = _k(metric)
    if " " in metric.slice or not (k == most or not k & (k - 1)):
        return False
    return metric.slice == WHOLE or metric.name in _OF_SLICES


def _k(metric: Metric) -> int:
    """Return the K of `pass@K`, 1 for a metric without one."""
    _, at, k = metric.name.partition("@")
    return int(k) if at else 1


def _number(metric: Metric, value: float) -> str:
    return f"{value:,.1f}" if metric.name in AMOUNTS else f"{100 * value:.1f}"


def _picture(metric: Metric, width: int) -> str:
    """Return the interval as a line with a dot, on a scale from 0 to 100 %."""
    if metric.name in AMOUNTS or metric.low < 0:
        return ""
    low, dot, high = (
        round(value * (width - 1)) for value in (metric.low, metric.value, metric.high)
    )
    cells = [" "] * width
    cells[low : high + 1] = "─" * (high + 1 - low)
    if low < dot:
        cells[low] = "├"
    if high > dot:
        cells[high] = "┤"
    cells[dot] = "●"
    return "".join(cells)


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
        table = _table("problem", ">sample", "was", "is", "answer", "because")
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
    table = _table("model", ">correct", ">of", ">avg", ">95 % interval", ">labels differ")
    for done in runs:
        for metric in done.run.metrics():
            if metric.name == "avg" and metric.slice == "all":
                correct = _counts(done.run, metric.task)["correct"]
                table.add_row(
                    visible(str(done.run.manifest.model["name"])),
                    f"{correct:,}",
                    f"{metric.samples:,}",
                    _number(metric, metric.value),
                    f"{_number(metric, metric.low)} – {_number(metric, metric.high)}",
                    f"{len(done.disagreements)} of {done.labels:,}" if done.labels else "no labels",
                )
    console = stdout()
    console.print(table)
    for done in runs:
        for one in done.disagreements[:10]:
            verdict, label = one.verdict, "correct" if one.label else "wrong"
            console.print(
                visible(
                    f"{done.run.manifest.model['name']} {verdict.problem_id} sample "
                    f"{verdict.sample}: publisher {label}, ours {verdict.outcome}: {verdict.note}"
                )
            )
        click.echo(f"stored in {done.run.path}", err=True)
