"""`mathreason import`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mathreason_eval.cli.options import (
    data_option,
    grading_options,
    grouped,
    json_option,
    tasks_dir_option,
)


@click.group("import")
def import_command() -> None:
    """Make graded runs from outputs that other programs stored."""


@import_command.command("jsonl")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option("-t", "--task", required=True, help="Whose rules find and judge the answers.")
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="One run folder a model is made in it.",
)
@click.option("--model", help="The name of the one model all rows belong to.")
@data_option
@tasks_dir_option
@grading_options
@json_option
def jsonl(path: Path, **options: Any) -> None:  # noqa: ANN401  click hands over what it parsed
    """Read FILE: JSONL, JSONL.gz, CSV or Parquet with one output a row.

    A row has output and id, and may have sample, model, question and gold, score, correct,
    finish_reason, prompt_tokens and completion_tokens.
    """
    from mathreason_eval.cli.screens.console import print_json
    from mathreason_eval.cli.screens.tables import imported_as_json, print_imported
    from mathreason_eval.pipeline.importers.jsonl import import_jsonl
    from mathreason_eval.tasks import load_task

    task = load_task(options["task"], options["tasks_dirs"])
    done = import_jsonl(
        path,
        task,
        options["out"],
        model=options["model"],
        data=grouped(options["data"]).get(task.name, ()),
        grading=(options["workers"], options["deadline"]),
    )
    if options["as_json"]:
        print_json([imported_as_json(one) for one in done])
    else:
        print_imported(done)
