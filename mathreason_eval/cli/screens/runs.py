"""Runs on the terminal and as JSON: metrics and outcomes, samples, regrading and imports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mathreason_eval.cli.screens import amount, interval, note, one_line, repeating, stdout
from mathreason_eval.cli.screens.advice import artefact_line, next_steps
from mathreason_eval.cli.screens.commands import as_called, command
from mathreason_eval.cli.screens.metrics import crowded_slices, metric_table, variance_line
from mathreason_eval.cli.screens.tables import Table, print_table
from mathreason_eval.errors import UnknownNameError
from mathreason_eval.pipeline.artefacts import artefacts
from mathreason_eval.pipeline.grading import Regrading
from mathreason_eval.pipeline.importers.jsonl import Imported
from mathreason_eval.pipeline.spending import money
from mathreason_eval.runs.completeness import (
    asked_samples,
    check_stored,
    excluded_samples,
    missing_samples,
    task_metrics,
    unjudged_samples,
)
from mathreason_eval.runs.sessions import cost_of
from mathreason_eval.runs.store import Run, Sample
from mathreason_eval.stats.copies import copies_note, repeats_note
from mathreason_eval.stats.estimators.items import WHOLE
from mathreason_eval.stats.metrics import disputed_count, is_disputed
from mathreason_eval.stats.summary import outcome_counts
from mathreason_eval.text import counted, visible, visible_line
from mathreason_eval.types import FAILED, Metric, Outcome, Verdict

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

# --- metrics and outcomes --------------------------------------------------------------------


def run_as_json(run: Run) -> dict[str, object]:
    """Return a run's manifest, metrics and outcome counts as plain values.

    Raises:
        RunError: if something that was stored is gone.
    """
    for task in run.tasks():
        check_stored(run, task)
    held = {task: task_metrics(run, task) for task in run.tasks()}
    return {
        "path": str(run.path),
        "manifest": asdict(run.manifest),
        "metrics": [asdict(metric) for one in held.values() for metric in one.metrics],
        "metrics_outdated": {task: one.outdated for task, one in held.items()},
        "outcomes": {task: _counts(run, task) for task in run.tasks()},
        "unjudged": {task: unjudged_samples(run, task) for task in run.tasks()},
        "missing": {task: missing_samples(run, task) for task in run.tasks()},
        "excluded": {task: excluded_samples(run, task) for task in run.tasks()},
        "rewards": {task: _rewards(run, task) for task in run.tasks()},
        "refused": {task: _refused(run, task) for task in run.tasks()},
        "failures": {task: [asdict(one) for one in run.failures(task)] for task in run.tasks()},
        "accepted_failures": {task: _accepted(run, task) for task in run.tasks()},
        "artefacts": [
            {**asdict(one), "share": one.share, "text": artefact_line(one, run)}
            for one in artefacts(run)
        ],
        "copies": {task: sorted(run.copies(task).original) for task in run.tasks()},
        "repeats": {task: run.copies(task).repeats for task in run.tasks()},
    }


def _counts(run: Run, task: str) -> dict[str, int]:
    return {str(outcome): n for outcome, n in outcome_counts(run.verdict_columns(task)).items()}


def _rewards(run: Run, task: str) -> dict[str, object] | None:
    """Return by whom samples have rewards, and how many; None if none has."""
    rewards = run.rewards(task)
    return {"by": next(iter(rewards.values())).by, "samples": len(rewards)} if rewards else None


def _refused(run: Run, task: str) -> int:
    """Return how many samples are refusals."""
    samples = run.sample_columns(task)
    return int(samples.is_refusal[samples.distinct].sum())


def _accepted(run: Run, task: str) -> int:
    """Return how many samples have no text because their requests failed (--accept-failures)."""
    samples = run.sample_columns(task)
    return int(samples.is_ended_by(FAILED)[samples.distinct].sum())


def print_run(run: Run) -> None:
    """Print a run's metrics with their intervals, and the outcome counts, whose sum is n.

    Raises:
        RunError: if something that was stored is gone.
    """
    for task in run.tasks():
        check_stored(run, task)
    console = stdout()
    manifest = run.manifest
    console.print(visible_line(manifest.model.name), style="bold")
    for task in run.tasks():
        _print_task_metrics(console, run, task)
    totals = manifest.totals
    if totals:
        sessions = len(manifest.sessions)
        several = f" · {counted(sessions, 'session')}" if sessions > 1 else ""
        console.print(
            f"{totals.completion_tokens:,} tokens in {totals.generation_seconds:,} s, "
            f"{totals.tokens_per_second:,} tok/s · graded {totals.grading_lag_seconds} s later"
            f"{several}"
        )
    for line in filter(None, (_overlap_line(run), _cost_line(run))):
        console.print(line, soft_wrap=True)
    for line in _parent_lines(run):
        console.print(visible_line(line), soft_wrap=True)
    note(f"stored in {run.path}")
    for step in next_steps(run):
        note(step)


def _parent_lines(run: Run) -> Iterator[str]:
    """Yield what a run was made from, and what of that was left out."""
    parent = run.manifest.parent
    if parent is None:
        return
    yield f"{parent.made} of {counted(parent.samples, 'sample')} of {parent.name} ({parent.model})"
    for reason, number in parent.left_out.items():
        yield f"left out: {counted(number, 'sample')} that {reason}"


def _overlap_line(run: Run) -> str | None:
    """Return how long the engine had nothing to do, and what we computed; None if unknown."""
    known = [one for one in run.manifest.sessions if one.engine_idle_seconds is not None]
    seconds = sum(one.seconds or 0.0 for one in known)
    if not seconds:
        return None
    idle = sum(one.engine_idle_seconds or 0.0 for one in known)
    cpu = sum(one.harness_cpu_seconds or 0.0 for one in known)
    whole = sum((one.seconds or 0.0) * (one.cores or 1) for one in known)
    return (
        f"overlap   engine without requests {idle:,.3g} s ({idle / seconds:.1%}) · harness "
        f"{cpu:,.3g} s of processor time ({cpu / whole:.1%} of all)"
    )


def _cost_line(run: Run) -> str | None:
    """Return what a run has cost; None if no session was given prices."""
    sessions = run.manifest.sessions
    if all(one.cost is None for one in sessions):
        return None
    cost = cost_of(sessions)
    if cost is None:
        return "cost      unknown: not all sessions were given prices in one currency"
    unsure = (
        f" · up to {money(cost.possible)} more for requests whose answers are not known"
        if cost.possible
        else ""
    )
    return f"cost      {money(cost.known)} {visible_line(cost.currency)}{unsure}"


def _print_task_metrics(console: Console, run: Run, task: str) -> None:
    entry, temperature = run.manifest.tasks[task], run.manifest.sampling.temperature
    budget = run.manifest.sampling.think_budget
    console.print(
        f"\n{task} v{entry.version} · {counted(len(run.problems(task)), 'problem')} · "
        f"{counted(entry.samples, 'sample')} each · prompt {entry.prompt.id}"
        f" · temperature {'unknown' if temperature is None else format(temperature, 'g')}"
        f" · max tokens {'unknown' if entry.max_tokens is None else format(entry.max_tokens, ',')}"
        f"{'' if budget is None else f' · at most {budget:,} of a thought'}",
        soft_wrap=True,
    )
    if temperature == 0 and entry.samples > 1:
        console.print(
            f"greedy    at temperature 0 {repeating(entry.samples)} sample 0; "
            "--temperature 0.6 and another -o draw others",
            style="yellow",
            soft_wrap=True,
        )
    held = task_metrics(run, task)
    metrics = held.metrics
    if held.outdated is None:
        print_table(console, metric_table(metrics, console.width))
    else:
        console.print(
            f"metrics   left out: {as_called(held.outdated)}", style="yellow", soft_wrap=True
        )
    for name, count in crowded_slices(metrics).items():
        console.print(f"by {name}: {count} slices, in --json and on the site")
    if line := variance_line(metrics):
        console.print(f"variance  {line}", soft_wrap=True)
    counts = _counts(run, task)
    terms = " · ".join(f"{outcome} {count:,}" for outcome, count in counts.items())
    console.print(f"outcomes  {terms} = {sum(counts.values()):,}")
    for line in _copies_lines(run, task):
        console.print(line, style="yellow", soft_wrap=True)
    if unknown := " · ".join(_unknown_metrics(run, task)):
        console.print(f"unknown   {unknown}", soft_wrap=True)
    if entry.data.published is False:
        console.print(
            f"data      {visible_line(entry.data.source)}: not the published rows, by their "
            "golds; published scores do not compare",
            style="yellow",
            soft_wrap=True,
        )
    if number := disputed_count(run.verdict_columns(task)):
        console.print(
            f"disputed  {counted(number, 'sample')} on which {entry.grading.second} differs: "
            "mathreason show RUN --disputed",
            soft_wrap=True,
        )
    _print_unanswered(console, run, task)


def _print_unanswered(console: Console, run: Run, task: str) -> None:
    """Print the counts of samples that are not judged, refused, failed or missing, if any."""
    if unjudged := unjudged_samples(run, task):
        judge = command("regrade", run.path)
        text = f"unjudged  {counted(unjudged, 'sample')}; {judge} judges them"
        console.print(text, style="yellow", soft_wrap=True)
    if refused := _refused(run, task):
        console.print(f"refused   {counted(refused, 'sample')}, part of no_answer")
    if accepted := _accepted(run, task):
        console.print(f"accepted  {accepted:,} failed requests, which are part of no_answer")
    if failures := run.failures(task):
        kinds = Counter(one.kind for one in failures)
        counts = " · ".join(f"{visible(kind)} {count:,}" for kind, count in kinds.most_common())
        console.print(f"failed    {counts} = {len(failures):,}", style="yellow", soft_wrap=True)
        first = failures[0]
        reason = f"          {first.problem_id} sample {first.sample}: {first.reason}"
        console.print(visible(reason), style="yellow", soft_wrap=True)
    if rewards := run.rewards(task):
        by = next(iter(rewards.values())).by
        text = f"rewards   {counted(len(rewards), 'sample')}: {by}"
        console.print(visible_line(text), soft_wrap=True)
    for reason, excluded in excluded_samples(run, task).items():
        text = f"excluded  {counted(excluded, 'sample')}: {reason}"
        console.print(visible_line(text), style="yellow", soft_wrap=True)
    if missing := missing_samples(run, task):
        imported = run.manifest.model.backend == "import"
        why = "not in the file, or not usable" if imported else _how_to_complete(run, task)
        of = f"{missing:,} of {asked_samples(run, task):,}"
        console.print(f"missing   {of} samples; {why}", style="yellow", soft_wrap=True)


def _how_to_complete(run: Run, task: str) -> str:
    """Return which command asks for the samples of a task that are missing."""
    entry = run.manifest.tasks[task]
    limit = f" --limit {entry.limit}" if entry.limit is not None else ""
    return f"the command that made the others adds them, with -n {entry.samples}{limit}"


def _copies_lines(run: Run, task: str) -> Iterator[str]:
    """Yield what is to be said of samples that have the text of an earlier one."""
    copies = run.copies(task)
    if copies:
        yield f"copies    {copies_note(copies)}: same text on every problem that has both"
    if repeated := repeats_note(copies):
        yield (
            f"repeats   {repeated}: answers that the model often gives, or a server with a cache "
            "or without the seed, whose samples are fewer than they seem"
        )


def _unknown_metrics(run: Run, task: str) -> Iterator[str]:
    """Yield a note on each metric that is absent unless every sample has a field."""
    samples = run.sample_columns(task)
    needed = {
        "truncated": ("finish_reason", samples.is_ended_by(None)),
        "tokens": ("completion_tokens", samples.is_unknown("completion_tokens")),
    }
    for metric, (field, lacks) in needed.items():
        if lacking := int(lacks.sum()):
            yield f"{metric}: {lacking:,} of {len(samples):,} samples have no {field}"


# --- samples ---------------------------------------------------------------------------------


def chosen_samples(
    run: Run, outcome: str | None, problem: str | None, *, disputed: bool = False
) -> tuple[Sample, ...]:
    """Return the judged samples of a run with this outcome and of this problem; None: any.

    With `disputed`, only those on which the task's two graders differ.

    Raises:
        RunError: if the run has verdicts on samples that are not stored.
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
"""Symbol and colour of each outcome; the symbol is enough without colour."""


def print_samples(samples: Sequence[Sample]) -> None:
    """Print judged samples one after another, the span of the answer underlined."""
    from rich.text import Text

    console = stdout()
    for sample in samples:
        verdict = sample.verdict
        assert verdict is not None, "only judged samples are chosen"
        sign, style = _SIGNS[verdict.outcome]
        name = visible_line(sample.problem.id)
        head = Text(f"{name} · sample {verdict.sample} · ", style="bold")
        console.print(head.append(f"{sign} {verdict.outcome}", style=style))
        for label, content in _sample_lines(sample, verdict):
            line = Text(f"{label:<10}", style="dim")
            if isinstance(content, str):
                line.append(visible(content), style="not dim")
            else:
                line += content
            console.print(line)
        console.print()
    note(counted(len(samples), "sample"))


def _sample_lines(sample: Sample, verdict: Verdict) -> Iterator[tuple[str, str | Text]]:
    """Yield (label, content) for each line of a sample."""
    yield "question", sample.problem.question
    yield "gold", " or ".join(sample.problem.gold) or "unknown"
    if sample.generation.reasoning:
        ended = ", ended by force" if sample.generation.thought_ended else ""
        yield "reasoning", f"{len(sample.generation.reasoning):,} characters{ended}"
    yield "output", _excerpt(sample.generation.text, verdict)
    if verdict.answer is None or verdict.span is None:
        yield "answer", "none found"
    else:
        start, end = verdict.span
        found_by = f"{verdict.found_by}, characters {start}-{end}"
        yield "answer", f"{verdict.answer}  ← {found_by}"
    yield "verdict", f"{verdict.rule}: {verdict.note}"
    if verdict.second is not None:
        yield "second", f"{verdict.second} by the second grader"


_CONTEXT = 600
"""Characters of an output that are shown before and after its answer."""


def _excerpt(text: str, verdict: Verdict) -> Text:
    """Return the output around its underlined answer, with the lengths of omitted parts."""
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


_LONGEST_ANSWER = 200
"""Maximum characters of an answer and of a reason in a table; --json has all of them."""


def print_regrading(done: Regrading) -> None:
    """Print the flipped verdicts and the scores before and after."""
    console = stdout()
    if done.flips:
        rows = [
            (
                flip.after.problem_id,
                str(flip.after.sample),
                str(flip.before.outcome),
                str(flip.after.outcome),
                one_line(flip.after.answer or "", _LONGEST_ANSWER),
                one_line(flip.after.note, _LONGEST_ANSWER),
            )
            for flip in done.flips
        ]
        headings = ("problem", ">sample", "was", "is", "answer", "because")
        print_table(console, Table(headings=headings, rows=rows))
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

    `labels` counts them, and `disagreements` lists those that differ from ours; `unusable` lists
    the rows without a sample, and `unknown` counts invalid values of columns.
    """
    return {
        **run_as_json(done.run),
        "rows": done.rows,
        "repeated": done.repeated,
        "unusable": [asdict(row) for row in done.unusable],
        "unknown": dict(done.unknown),
        "labels": done.labels,
        "disagreements": [asdict(one) for one in done.disagreements],
    }


_MAX_DISAGREEMENTS = 10
"""Maximum number of disagreements with the publisher printed per model."""


def print_imported_scores(runs: Sequence[Imported]) -> None:
    """Print a row for each model."""
    rows = [
        (
            done.run.manifest.model.name,
            *_average_cells(done.run, metric),
            f"{len(done.disagreements)} of {done.labels:,}" if done.labels else "no labels",
        )
        for done in runs
        for metric in _averages(done.run.metrics())
    ]
    headings = ("model", ">correct", ">of", ">avg", ">95 % interval", ">labels differ")
    print_table(stdout(), Table(headings=headings, rows=rows))


def _average_cells(run: Run, metric: Metric) -> tuple[str, str, str, str]:
    """Return how many are correct, of how many, and the mean; without any gold it is unknown."""
    if not any(problem.gold for problem in run.problems(metric.task)):
        return "?", f"{metric.samples:,}", "unknown", "no gold"
    return (
        f"{_counts(run, metric.task)['correct']:,}",
        f"{metric.samples:,}",
        amount(metric.unit, metric.value),
        interval(metric.unit, metric.low, metric.high),
    )


def print_imported(runs: Sequence[Imported]) -> None:
    """Print a row for each model, and the samples that the publisher judged differently."""
    print_imported_scores(runs)
    console = stdout()
    for done in runs:
        for one in done.disagreements[:_MAX_DISAGREEMENTS]:
            verdict, label = one.verdict, "correct" if one.label else "wrong"
            console.print(
                visible_line(
                    f"{done.run.manifest.model.name} {verdict.problem_id} sample "
                    f"{verdict.sample}: publisher {label}, ours {verdict.outcome}: {verdict.note}"
                )
            )
        note(f"stored in {done.run.path}")


_MAX_ROWS = 10
"""Maximum number of unusable rows, and of unknown values, that are printed."""


def warn_of_rows(runs: Sequence[Imported]) -> None:
    """Print to stderr which rows could not be used, and which values are stored as unknown."""
    rows = {row.line: row for done in runs for row in done.unusable}
    if rows:
        note(f"warning: {len(rows):,} of {runs[0].rows:,} rows cannot be used and are not samples:")
        for line in sorted(rows)[:_MAX_ROWS]:
            note(f"  line {line} {one_line(rows[line].reason, 200)}")
        note("  all are in unusable.jsonl, in the folder of the run")
    if repeated := sum(done.repeated for done in runs):
        note(f"{counted(repeated, 'row')} repeat an earlier row of the same sample")
    unknown: Counter[str] = Counter()
    for done in runs:
        unknown.update(done.unknown)
    for said, count in unknown.most_common(_MAX_ROWS):
        note(f"unknown: {one_line(said, 100)} in {counted(count, 'row')}")
