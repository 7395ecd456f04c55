"""`mathreason reproduce`: whether a run can be obtained again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mathreason_eval.cli.options import (
    PATH,
    data_option,
    grading_options,
    json_option,
    model_arg_option,
    tasks_dir_option,
)
from mathreason_eval.cli.screens import exit_code_kept, print_json
from mathreason_eval.errors import EXIT_DONE, EXIT_INCONCLUSIVE, EXIT_WANTING


@click.command()
@click.argument("path", metavar="RUN", type=PATH)
@click.option(
    "--generate",
    type=click.IntRange(min=1),
    metavar="N",
    help="Ask for N of its samples again, and compare their texts.",
)
@click.option(
    "--model",
    metavar="MODEL",
    help="The model to ask: a run folder's own word is not taken for it.",
)
@model_arg_option("An option of the engine, as the run had it. May be repeated.")
@data_option
@tasks_dir_option
@grading_options
@json_option
def reproduce(path: Path, **options: Any) -> int:  # noqa: ANN401  click hands over what it parsed
    """Say whether RUN can be obtained again: bit-equal, or what differs.

    Its problems are read again and hashed, its prompts rendered, its samples judged and its metrics
    computed; nothing is written. Exit codes: 0 all is the same, 1 something differs, 3 something
    could not be looked at.
    """
    from dataclasses import asdict

    from mathreason_eval.cli.screens.reproduce import print_reproduction
    from mathreason_eval.models import NamedModel, UserModel
    from mathreason_eval.models.facts import Status
    from mathreason_eval.pipeline.reproduce import ReproduceOptions
    from mathreason_eval.pipeline.reproduce import reproduce as reproduced
    from mathreason_eval.runs.store import find_run

    if (options["generate"] is None) != (options["model"] is None):
        raise click.UsageError("--generate N and --model MODEL go together.")
    opener = None
    if options["model"] is not None:
        opener = NamedModel(name=UserModel(options["model"]), options=options["model_args"])
    findings = reproduced(
        find_run(path),
        ReproduceOptions(
            data=options["data"],
            tasks_dirs=options["tasks_dirs"],
            grading=(options["workers"], options["deadline"]),
            generate=options["generate"] or 0,
            opener=opener,
        ),
    )
    statuses = {one.status for one in findings}
    code = EXIT_INCONCLUSIVE if Status.UNKNOWN in statuses else EXIT_DONE
    code = EXIT_WANTING if Status.FAULT in statuses else code
    with exit_code_kept():
        if options["as_json"]:
            print_json([asdict(one) for one in findings])
        else:
            print_reproduction(findings)
    return code
