"""`mathreason new`: a task's folder from rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mathreason_eval.cli.options import PATH, columns_option
from mathreason_eval.cli.screens import note, say, write_file
from mathreason_eval.cli.screens.commands import command
from mathreason_eval.errors import UserError
from mathreason_eval.text import visible_line

GOLDS = ("letter", "text", "index-from-0", "index-from-1")
"""Those of `tasks/choices.py`, which is imported when it is used."""


@click.command()
@click.argument("name")
@click.option(
    "--from",
    "path",
    required=True,
    type=PATH,
    metavar="FILE",
    help="The rows: JSONL, JSON, CSV, TSV or Parquet, one problem each.",
)
@columns_option("Columns that are not guessed right: question=stem,gold=key. May be repeated.")
@click.option(
    "--gold-is",
    type=click.Choice(GOLDS),
    help="What the gold of a multiple-choice question is. Default: what fits every row, if all "
    "that do say the same.",
)
@click.option("--license", metavar="SPDX", help="Of the problems: MIT, CC-BY-4.0.")
@click.option(
    *("-o", "--out"),
    type=PATH,
    default=Path(),
    metavar="DIR",
    help="The folder of your tasks, which gets one more.",
)
def new(name: str, *, out: Path, **source: Any) -> None:  # noqa: ANN401  click's
    """Make the folder of a task NAME from the rows of FILE.

    What each column is, is guessed by its name and its cells, and said. The folder is complete:
    rows, prompt, rules, cases and README, in files of a few lines that its author changes.
    """
    from mathreason_eval.tasks.new import Source, new_task

    folder = out / name
    if folder.exists():
        raise UserError(f"{folder} is there already.", "Delete it, or choose another name.")
    made = new_task(name, Source(**source))
    for file, text in made.files.items():
        write_file(folder / file, text, "-o")
    for line in made.notes:
        say(visible_line(line))
    note(f"{folder} has {', '.join(made.files)}")
    note(f"prove it: {command('check', name, '--tasks-dir', out)}")
    note(f"try it: {command('run', 'demo', '-t', name, '--tasks-dir', out, '--limit', 5)}")
