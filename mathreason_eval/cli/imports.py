"""`mathreason import`: graded runs of outputs that other programs stored."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mathreason_eval.cli.options import (
    PATH,
    columns_option,
    data_option,
    grading_options,
    json_option,
    out_option,
    tasks_dir_option,
)
from mathreason_eval.cli.screens import exit_code_kept, note, print_json, write_file
from mathreason_eval.errors import (
    EXIT_DONE,
    EXIT_WANTING,
    UnknownNameError,
    UserError,
    nearest,
)
from mathreason_eval.text import visible_line

if TYPE_CHECKING:
    from mathreason_eval.pipeline.importers.jsonl import Imported


AUTO = "auto"
"""The name under which logs of any format are read; paths without a name mean it."""


class Formats(click.Group):
    """A verb for each format, ours and those of installed packages; without one a log is known."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Return the names of the formats, ours first."""
        from mathreason_eval.pipeline.importers import IMPORTERS

        return [AUTO, *IMPORTERS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Return the command that reads a format, or suggest the nearest name."""
        from mathreason_eval.pipeline.importers import IMPORTERS
        from mathreason_eval.pipeline.importers.combined import LogImporter

        if (ours := super().get_command(ctx, cmd_name)) is not None:
            return ours
        if cmd_name not in IMPORTERS:
            raise _neither_format_nor_path(cmd_name, IMPORTERS)
        found = IMPORTERS[cmd_name]
        if isinstance(found, LogImporter):
            return _logs_command(cmd_name, f"Read logs of {found.form.program}.")
        return _import_command(cmd_name, f"Read FILE: a format of {IMPORTERS.origins()[cmd_name]}.")

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command of a format, or for paths the one that recognises it."""
        from mathreason_eval.pipeline.importers import IMPORTERS

        first = args[0]
        if first not in IMPORTERS and (first.startswith("-") or os.path.lexists(first)):
            return AUTO, self.commands[AUTO], args
        return super().resolve_command(ctx, args)


def _neither_format_nor_path(word: str, formats: Iterable[str]) -> UserError:
    """Return the error of a first word that is none of either: as what it more likely is."""
    if os.sep not in word and nearest(word, formats) is not None:
        return UnknownNameError("import format", word, formats, f"And there is no file {word}.")
    return UserError(
        f"There is no file or folder {word}, and no import format of that name.",
        "Check the path; `mathreason list importers` has the formats.",
    )


class _Reader(click.Command):
    """The command of a format: an option that only other formats have is told as theirs."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments.

        Raises:
            click.UsageError: if they are none.
        """
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            of = _OF_OTHERS.get(error.option_name)
            if of is None:
                raise
            raise click.UsageError(f"{error.option_name} is an option of {of}.", ctx) from None


_OF_OTHERS = {
    "--columns": "`import jsonl FILE`, for rows of your own: a log's columns are known",
    "--report": "`import PATH…`, for logs: of your own rows the screen has all differences",
}


_IMPORT_OPTIONS = (
    click.argument("path", metavar="FILE", type=PATH),
    click.option("-t", "--task", required=True, help="The task whose rules grade the answers."),
    out_option("DIR", "The folder for the run folders, one per model."),
    click.option("--model", help="The model's name, if all rows are of one model."),
    data_option,
    tasks_dir_option,
    grading_options,
    json_option,
)
"""The options of every format of rows."""
_LOG_OPTIONS = (
    click.argument("paths", metavar="PATH…", nargs=-1, required=True, type=PATH),
    click.option(
        *("-t", "--task"),
        help="The task whose rules grade the answers. Default: the one that the logs name.",
    ),
    out_option("DIR", "The folder for the run folders, one per model."),
    click.option("--model", help="The model's name, if all rows are of one model."),
    click.option(
        "--report",
        type=PATH,
        metavar="FILE",
        help="Write the comparison with the publisher's verdicts to this file: as a page if it "
        "ends in .html, else as Markdown.",
    ),
    data_option,
    tasks_dir_option,
    grading_options,
    json_option,
)
"""The options of every format of logs."""
_columns_option = columns_option(
    "Columns that the file calls otherwise: output=response,gold=answer. May be repeated."
)
"""The option of the format whose columns the user chooses."""


def _import_command(form: str, description: str, *more: Callable[[Any], Any]) -> click.Command:
    """Return the command that imports a format of rows, with options of its own."""

    def read(path: Path, **options: Any) -> int:  # noqa: ANN401  click hands over what it parsed
        return _import(form, path, options)

    given = (*_IMPORT_OPTIONS[:-1], *more, _IMPORT_OPTIONS[-1])
    return click.command(form, cls=_Reader, help=description)(
        reduce(lambda made, option: option(made), reversed(given), read)
    )


def _logs_command(form: str | None, description: str) -> click.Command:
    """Return the command that imports a format of logs; None: of any."""

    def read(paths: tuple[Path, ...], **options: Any) -> int:  # noqa: ANN401  as above
        return _import_logs(form, paths, options)

    return click.command(form, cls=_Reader, help=description)(
        reduce(lambda made, option: option(made), reversed(_LOG_OPTIONS), read)
    )


def _import(form: str, path: Path, options: Mapping[str, Any]) -> int:
    from mathreason_eval.pipeline.importers import IMPORTERS
    from mathreason_eval.pipeline.importers.combined import check_used
    from mathreason_eval.pipeline.importers.jsonl import renaming_importer
    from mathreason_eval.tasks import load_task

    task = load_task(options["task"], options["tasks_dirs"])
    check_used(options["data"], [task.name])
    columns = options.get("columns")
    done = (renaming_importer(columns) if columns else IMPORTERS[form])(
        path,
        task,
        options["out"],
        model=options["model"],
        data=options["data"].get(task.name, ()),
        grading=(options["workers"], options["deadline"]),
    )
    with exit_code_kept():
        _print_imported(done, as_json=options["as_json"])
    return _import_code(done)


def _import_code(done: Sequence[Imported]) -> int:
    return EXIT_WANTING if any(one.unusable for one in done) else EXIT_DONE


def _print_imported(done: Sequence[Imported], *, as_json: bool) -> None:
    from mathreason_eval.cli.screens.runs import imported_as_json, print_imported, warn_of_rows

    print_json([imported_as_json(one) for one in done]) if as_json else print_imported(done)
    warn_of_rows(done)


def _import_logs(form: str | None, paths: Sequence[Path], options: Mapping[str, Any]) -> int:
    from mathreason_eval.cli.screens.publisher import (
        markdown,
        page,
        print_report,
        report_as_json,
    )
    from mathreason_eval.cli.screens.runs import warn_of_rows
    from mathreason_eval.pipeline.importers.combined import LogOptions, import_logs
    from mathreason_eval.pipeline.importers.formats import FORMATS
    from mathreason_eval.pipeline.importers.publisher import report

    done = import_logs(
        paths,
        options["out"],
        LogOptions(
            task=options["task"],
            model=options["model"],
            data=options["data"],
            tasks_dirs=options["tasks_dirs"],
            grading=(options["workers"], options["deadline"]),
            all_data=True,
        ),
        FORMATS[form] if form else None,
    )
    for line in (*done.said, *done.notes):
        note(visible_line(line))
    found = [report(one.run) for one in done.runs]
    if options["report"] is not None:
        with exit_code_kept():
            is_page = options["report"].suffix.lower() in {".html", ".htm"}
            text = page(found) if is_page else "\n".join(map(markdown, found))
            write_file(options["report"], text, "--report")
    with exit_code_kept():
        if options["as_json"]:
            print_json([report_as_json(*pair) for pair in zip(done.runs, found, strict=True)])
        else:
            print_report(done.runs, found)
        warn_of_rows(done.runs)
    return _import_code(done.runs)


@click.group(
    "import",
    cls=Formats,
    subcommand_metavar="[FORMAT] PATH… -o DIR",
    context_settings={"ignore_unknown_options": True},
)
def import_command() -> None:
    """Make graded runs from outputs stored by other programs.

    FORMAT is a name of `mathreason list importers`; without it the format of PATH, a log or a
    folder of them, is recognised.
    """


import_command.add_command(
    _logs_command(
        None,
        """Read logs of another program: files, or whole output folders.

        The format is recognised: `mathreason import PATH… -o DIR` is the same command.
        """,
    ),
    AUTO,
)
import_command.add_command(
    _import_command(
        "jsonl",
        """Read FILE: JSONL, JSONL.gz, CSV or Parquet with one output per row.

        A row has output and id, and may have sample, model, question and gold, score, correct,
        finish_reason, prompt_tokens and completion_tokens.
        """,
        _columns_option,
    )
)
