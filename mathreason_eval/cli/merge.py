"""`mathreason merge` and `exclude`: which samples are of a run, and which of them count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mathreason_eval.cli.options import (
    PATH,
    grading_options,
    json_option,
    out_option,
    tasks_dir_option,
)
from mathreason_eval.cli.screens import exit_code_kept, note, print_json
from mathreason_eval.errors import EXIT_DONE


@click.command()
@click.argument("runs", metavar="RUN…", nargs=-1, required=True, type=PATH)
@out_option("RUN", "The folder of the merged run, which must not exist.")
@tasks_dir_option
@grading_options
@json_option
def merge(runs: tuple[Path, ...], out: Path, *, as_json: bool, **options: Any) -> int:  # noqa: ANN401  as above
    """Make one run of partial ones, as of several machines.

    RUNs are of one model, seed and set of conditions; their tasks, problems and numbers of samples
    may differ. A sample that several have must be the same in all of them.
    """
    from mathreason_eval.cli.screens.runs import print_run, run_as_json
    from mathreason_eval.pipeline.merge import merge as merged

    done = merged(
        runs,
        out,
        grading=(options["workers"], options["deadline"]),
        tasks_dirs=options["tasks_dirs"],
    )
    again = f", {done.repeated:,} of which several runs had" if done.repeated else ""
    note(f"{done.samples:,} samples of {len(runs):,} runs{again}")
    with exit_code_kept():
        print_json(run_as_json(done.run)) if as_json else print_run(done.run)
    return EXIT_DONE


@click.command()
@click.argument("path", metavar="RUN", type=PATH)
@click.option("-t", "--task", help="The task; not needed if RUN has one.")
@click.option("--problem", "problems", multiple=True, required=True, metavar="ID",
              help="A problem. May be repeated.")  # fmt: skip
@click.option("--sample", type=click.IntRange(min=0), help="Only this sample of each, from 0.")
@click.option("--reason", required=True, help="Why they do not count; it stays in the folder.")
@tasks_dir_option
@json_option
def exclude(path: Path, *, as_json: bool, **options: Any) -> int:  # noqa: ANN401  as above
    """Have samples of RUN count no longer, for a reason.

    What is stored of them stays, and every screen and page says how many are excluded and why. A
    gate whose baseline does not exclude the same is not comparable.
    """
    from mathreason_eval.cli.screens.runs import print_run, run_as_json
    from mathreason_eval.pipeline.merge import ExclusionRequest, only_task
    from mathreason_eval.pipeline.merge import exclude as excluded

    if not options["reason"].strip():
        raise click.UsageError("Give a --reason: it is shown wherever the samples are missing.")
    asked = ExclusionRequest(
        task=options["task"] or only_task(path),
        problems=options["problems"],
        sample=options["sample"],
        reason=options["reason"].strip(),
    )
    run = excluded(path, asked, tasks_dirs=options["tasks_dirs"])
    with exit_code_kept():
        print_json(run_as_json(run)) if as_json else print_run(run)
    return EXIT_DONE
