"""`mathreason import`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
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
from mathreason_eval.errors import UnknownNameError

_OPTIONS = (
    click.argument("path", metavar="FILE", type=click.Path(path_type=Path)),
    click.option("-t", "--task", required=True, help="Whose rules find and judge the answers."),
    click.option(
        "-o",
        "--out",
        required=True,
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="One run folder a model is made in it.",
    ),
    click.option("--model", help="The name of the one model all rows belong to."),
    data_option,
    tasks_dir_option,
    grading_options,
    json_option,
)
"""What every format takes."""


class Formats(click.Group):
    """A verb for each format: ours, and those of installed packages."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Return the formats, ours first."""
        from mathreason_eval.pipeline.importers import IMPORTERS

        return [*IMPORTERS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Return what reads a format, or say which one was probably meant."""
        from mathreason_eval.pipeline.importers import IMPORTERS

        if (ours := super().get_command(ctx, cmd_name)) is not None:
            return ours
        if cmd_name not in IMPORTERS:
            raise UnknownNameError("import format", cmd_name, IMPORTERS)
        return _reading(cmd_name, f"Read FILE: a format of {IMPORTERS.origins()[cmd_name]}.")


@click.group("import", cls=Formats)
def import_command() -> None:
    """Make graded runs from outputs that other programs stored."""


def _reading(form: str, words: str) -> click.Command:
    """Return the verb that imports a format."""

    def read(path: Path, **options: Any) -> None:  # noqa: ANN401  click hands over what it parsed
        _import(form, path, options)

    return click.command(form, help=words)(
        reduce(lambda made, option: option(made), reversed(_OPTIONS), read)
    )


import_command.add_command(
    _reading(
        "jsonl",
        """Read FILE: JSONL, JSONL.gz, CSV or Parquet with one output a row.

        A row has output and id, and may have sample, model, question and gold, score, correct,
        finish_reason, prompt_tokens and completion_tokens.
        """,
    )
)


def _import(form: str, path: Path, options: Mapping[str, Any]) -> None:
    from mathreason_eval.cli.screens.console import print_json
    from mathreason_eval.cli.screens.tables import imported_as_json, print_imported
    from mathreason_eval.pipeline.importers import IMPORTERS
    from mathreason_eval.tasks import load_task

    task = load_task(options["task"], options["tasks_dirs"])
    done = IMPORTERS[form](
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
