"""`mathreason compare`."""

from __future__ import annotations

from pathlib import Path

import click

from mathreason_eval.cli.options import PATH, json_option, tasks_option
from mathreason_eval.cli.screens import print_json


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
