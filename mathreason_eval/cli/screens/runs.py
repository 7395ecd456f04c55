"""Runs on the terminal and as JSON: metrics and outcomes, samples, regrading and imports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mathreason_eval.cli.screens import amount, counted, interval, note, plain_table, stdout
from mathreason_eval.cli.screens.metrics import crowded_slices, metric_table, variance_line
from mathreason_eval.errors import UnknownNameError
from mathreason_eval.pipeline.grading import Regrading
from mathreason_eval.pipeline.importers.jsonl import Imported
from mathreason_eval.runs.store import Run, Sample, distinct
from mathreason_eval.stats.estimators.items import WHOLE
from mathreason_eval.stats.metrics import is_disputed
from mathreason_eval.stats.summary import outcome_counts
from mathreason_eval.text import visible
from mathreason_eval.types import Metric, Outcome, Verdict

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

# --- metrics and outcomes --------------------------------------------------------------------


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
    """Return how many of the requested samples are not stored."""
    asked = len(run.problems(task)) * run.manifest.samples
    return max(0, asked - len(distinct(run.generations(task))))


def print_run(run: Run) -> None:
    """Print a run's metrics with their intervals, and the outcomes, which add up to n."""
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
    console.print(
        f"\n{task} v{entry.version} · {len(run.problems(task)):,} problems · "
        f"{counted(run.manifest.samples, 'sample')} each · prompt {entry.prompt.id}"
        + ("" if temperature is None else f" · temperature {temperature:g}")
    )
    metrics = [metric for metric in run.metrics() if metric.task == task]
    console.print(metric_table(metrics, console.width))
    for name, count in crowded_slices(metrics).items():
        console.print(f"by {name}: {count} slices, in --json and on the site")
    if line := variance_line(metrics):
        console.print(f"variance  {line}", soft_wrap=True)
    counts = _counts(run, task)
    terms = " · ".join(f"{outcome} {count:,}" for outcome, count in counts.items())
    console.print(f"outcomes  {terms} = {sum(counts.values()):,}")
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


# --- samples ---------------------------------------------------------------------------------


def chosen_samples(
    run: Run, outcome: str | None, problem: str | None, *, disputed: bool = False
) -> tuple[Sample, ...]:
    """Return the judged samples of a run that have this outcome and belong to this problem.

    With `disputed` only those on which the task's two graders differ.

    Raises:
        RunError: if the run judges what it does not hold.
        UnknownNameError: if there is no such outcome or no such problem.
    """
    if outcome is not None and outcome not in set(Outcome):
        raise UnknownNameError("outcome", outcome, set(Outcome))
    ids = {p.id for task in run.tasks() for p in run.problems(task)}
    if problem is not None and problem not in ids:
        raise UnknownNameError("problem in this run", problem, sorted(ids)[:20])
    return tuple(
        sample
        for task in run.tasks()
        for sample in run.samples(task)
        if sample.verdict is not None
        and outcome in (None, sample.verdict.outcome)
        and problem in (None, sample.problem.id)
        and (is_disputed(sample.verdict) or not disputed)
    )


_SIGNS = {
    Outcome.CORRECT: ("✓", "green"),
    Outcome.WRONG: ("✗", "red"),
    Outcome.NO_ANSWER: ("∅", "yellow"),
    Outcome.TRUNCATED: ("…", "yellow"),
    Outcome.UNGRADABLE: ("?", "magenta"),
}
"""Sign and colour of each outcome, readable without colour as well."""


def print_samples(samples: Sequence[Sample]) -> None:
    """Print judged samples one after another, the span of the answer underlined."""
    from rich.text import Text

    console = stdout()
    for sample in samples:
        verdict = sample.verdict
        assert verdict is not None, "only judged samples are chosen"
        sign, style = _SIGNS[verdict.outcome]
        head = Text(f"{sample.problem.id} · sample {verdict.sample} · ", style="bold")
        console.print(head.append(f"{sign} {verdict.outcome}", style=style))
        for label, content in _sample_lines(sample, verdict):
            line = Text(f"{label:<10}", style="dim")
            if isinstance(content, str):
                line.append(content, style="not dim")
            else:
                line += content
            console.print(line)
        console.print()
    note(f"{len(samples)} samples")


def _sample_lines(sample: Sample, verdict: Verdict) -> Iterator[tuple[str, str | Text]]:
    """Yield each label and its content."""
    yield "question", visible(sample.problem.question)
    yield "gold", visible(" or ".join(sample.problem.gold))
    if sample.generation.reasoning:
        yield "reasoning", f"{len(sample.generation.reasoning):,} characters"
    yield "output", _excerpt(sample.generation.text, verdict)
    if verdict.answer is None or verdict.span is None:
        yield "answer", "none found"
    else:
        start, end = verdict.span
        found_by = f"{verdict.found_by}, characters {start}-{end}"
        yield "answer", f"{visible(verdict.answer)}  ← {found_by}"
    yield "verdict", visible(f"{verdict.rule}: {verdict.note}")
    if verdict.second is not None:
        yield "second", f"{verdict.second}, says the second grader"


_CONTEXT = 600
"""Characters of an output that are shown on either side of its answer."""


def _excerpt(text: str, verdict: Verdict) -> Text:
    """Return the output around its underlined answer, with the length of what is left out."""
    from rich.text import Text

    start, end = verdict.span or (len(text), len(text))
    low, high = max(0, start - _CONTEXT), min(len(text), end + _CONTEXT)
    excerpt = Text(f"[{low:,} characters] … " if low else "", style="dim")
    excerpt.append(visible(text[low:start]), style="not dim")
    excerpt.append(visible(text[start:end]), style="not dim bold underline")
    excerpt.append(visible(text[end:high]), style="not dim")
    if high < len(text):
        excerpt.append(f" … [{len(text) - high:,} characters]", style="dim")
    return excerpt


# --- regrading and imports -------------------------------------------------------------------


def regrading_as_json(done: Regrading) -> dict[str, object]:
    """Return the flipped verdicts and the metrics before and after as plain values."""
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
    before = {metric.task: metric for metric in _averages(done.before)}
    for metric in _averages(done.after):
        was = before.get(metric.task)
        old = "none" if was is None else f"{100 * was.value:.2f} %"
        console.print(f"{metric.task}: avg was {old}, is {100 * metric.value:.2f} %")
    console.print(f"{len(done.flips)} verdicts flipped")


def _averages(metrics: Sequence[Metric]) -> list[Metric]:
    """Return the accuracy of each task as a whole."""
    return [metric for metric in metrics if (metric.name, metric.slice) == ("avg", WHOLE)]


def imported_as_json(done: Imported) -> dict[str, Any]:
    """Return an imported run as `run_as_json` does, with the publisher's verdicts.

    `labels` counts them, and `disagreements` lists those that differ from ours.
    """
    return {
        **run_as_json(done.run),
        "labels": done.labels,
        "disagreements": [asdict(one) for one in done.disagreements],
    }


_MAX_DISAGREEMENTS = 10
"""Disagreements with the publisher that are printed for a model."""


def print_imported(runs: Sequence[Imported]) -> None:
    """Print a row for each model, and the samples that the publisher judged otherwise."""
    table = plain_table("model", ">correct", ">of", ">avg", ">95 % interval", ">labels differ")
    for done in runs:
        for metric in _averages(done.run.metrics()):
            table.add_row(
                visible(done.run.manifest.model.name),
                f"{_counts(done.run, metric.task)['correct']:,}",
                f"{metric.samples:,}",
                amount(metric.unit, metric.value),
                interval(metric.unit, metric.low, metric.high),
                f"{len(done.disagreements)} of {done.labels:,}" if done.labels else "no labels",
            )
    console = stdout()
    console.print(table)
    for done in runs:
        for one in done.disagreements[:_MAX_DISAGREEMENTS]:
            verdict, label = one.verdict, "correct" if one.label else "wrong"
            console.print(
                visible(
                    f"{done.run.manifest.model.name} {verdict.problem_id} sample "
                    f"{verdict.sample}: publisher {label}, ours {verdict.outcome}: {verdict.note}"
                )
            )
        note(f"stored in {done.run.path}")
