"""`mathreason compare` and `mathreason curve`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from mathreason_eval.cli.options import PATH, json_option, out_option, tasks_option
from mathreason_eval.cli.screens import note, print_json, write_file


@click.command()
@click.argument("runs", metavar="RUN RUN…", nargs=-1, type=PATH)
@tasks_option("Only these tasks. May be repeated. Default: all that the first run shares.")
@click.option(
    "--metric",
    default="primary",
    help="A metric whose problems have scores: avg, pass@K, maj@K, f1, tokens, …; "
    "`primary` is each task's own.",
)
@click.option(
    "--by",
    "slices",
    multiple=True,
    metavar="SLICE",
    help="A property of problems to report by. May be repeated. Default: the task's slices.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Compare the shared problems of runs that differ in more than the model.",
)
@json_option
def compare(
    *,
    runs: tuple[Path, ...],
    tasks: tuple[str, ...],
    metric: str,
    slices: tuple[str, ...],
    force: bool,
    as_json: bool,
) -> None:
    """Compare runs with the first RUN, paired on the same problems.

    Differences have intervals, exact tests and minimum detectable effects; flipped problems are
    listed with their answers. Runs that differ in more than the model end with exit code 4.
    """
    if len(runs) < 2:  # noqa: PLR2004
        raise click.UsageError("Name at least two runs; the first is the baseline.")
    from mathreason_eval.cli.screens.comparison import print_comparisons
    from mathreason_eval.cli.stored import note_unknown, run_path
    from mathreason_eval.compare.comparison import ComparisonRequest
    from mathreason_eval.compare.comparison import as_json as plain
    from mathreason_eval.compare.comparison import compare as compared
    from mathreason_eval.runs.store import find_run

    request = ComparisonRequest(tasks=tasks, metric=metric, slices=slices, force=force)
    found = [find_run(run_path(path)) for path in runs]
    note_unknown(*found)
    done = compared(found, request)
    print_json(plain(done)) if as_json else print_comparisons(done)


@click.command()
@click.argument("runs", metavar="RUN…", nargs=-1, required=True, type=PATH)
@out_option("FILE", "Write the chart as SVG.", required=False)
@tasks_option("Only these tasks. May be repeated.")
@click.option(
    "--metric", default="primary", help="avg, pass@K, maj@K, …; `primary` is each task's own."
)
@click.option(
    "--pattern",
    metavar="REGEX",
    help="Finds the step in the name of a model or folder, as its first group. "
    "Default: the number after step, checkpoint, iter or epoch.",
)
@click.option(
    "--budget",
    is_flag=True,
    help="Show avg against max_tokens instead, replayed from the samples of each RUN: what ended "
    "within a budget counts as it was judged, all else as cut off.",
)
@json_option
def curve(runs: tuple[Path, ...], out: Path | None, **options: Any) -> None:  # noqa: ANN401  click's
    """Show a metric against the step of checkpoints, with its 95 % interval.

    RUNs are runs of checkpoints, folders with such runs, or verl's dumps of a training. The step
    is in the name of the model or of the folder: checkpoint-500, global_step_100.
    """
    from mathreason_eval.cli.screens.comparison import print_curves
    from mathreason_eval.cli.stored import note_unknown, run_path
    from mathreason_eval.compare.budget import METRIC, budget_curves
    from mathreason_eval.compare.curves import STEP, as_json, curves
    from mathreason_eval.runs.store import find_runs
    from mathreason_eval.site.curves import curves_svg

    if options["budget"] and (options["pattern"] or options["metric"] not in {"primary", METRIC}):
        raise click.UsageError(f"--budget shows {METRIC}, of runs that need no step.")
    try:
        pattern = re.compile(options["pattern"]) if options["pattern"] else STEP
    except re.error as error:
        raise click.UsageError(f"--pattern is no regular expression: {error}.") from None
    if not pattern.groups:
        raise click.UsageError("--pattern has no group, which would be the step: step-([0-9]+)")
    found = [run for path in runs for run in find_runs(run_path(path))]
    note_unknown(*found)
    if options["budget"]:
        done = budget_curves(found, options["tasks"])
    else:
        done = curves(found, metric=options["metric"], tasks=options["tasks"], pattern=pattern)
    if out is not None:
        write_file(out, curves_svg(done), "-o")
        note(f"the chart is {out}")
    print_json(as_json(done)) if options["as_json"] else print_curves(done)
