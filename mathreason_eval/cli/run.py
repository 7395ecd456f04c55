"""`mathreason run`, `regrade` and `import`: the verbs that write graded runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mathreason_eval.cli.options import (
    PATH,
    asking_options,
    columns_option,
    data_option,
    grading_options,
    json_option,
    model_options,
    out_option,
    run_settings,
    second_option,
    sweep_option,
    tasks_dir_option,
    until_options,
)
from mathreason_eval.cli.screens import exit_code_kept, note, print_json, repeating, say, write_file
from mathreason_eval.cli.signals import SIGNALS
from mathreason_eval.errors import EXIT_DONE, EXIT_INCONCLUSIVE, EXIT_WANTING, UnknownNameError
from mathreason_eval.text import visible_line

if TYPE_CHECKING:
    from mathreason_eval.pipeline.importers.jsonl import Imported


@click.command()
@asking_options
@sweep_option
@until_options
def run(model: str, **options: Any) -> int:  # noqa: ANN401  click hands over what it parsed
    """Run MODEL on the problems of some tasks, and grade its answers.

    MODEL is BACKEND:NAME: vllm:, hf:, llamacpp:FILE.gguf, openai:NAME@URL, lm_eval:TYPE,ARGS,
    replay:FILE, fake:… or demo, a small model that is installed as a package. The same command
    resumes.
    """
    from mathreason_eval.cli.screens.progress import Progress
    from mathreason_eval.cli.screens.runs import print_run, run_as_json
    from mathreason_eval.models import NamedModel, UserModel
    from mathreason_eval.pipeline.plan import resolve_sampling
    from mathreason_eval.pipeline.preflight import spec_of
    from mathreason_eval.pipeline.run import run_tasks

    _check_kind(options)
    if options["sweep"]:
        return _sweep(model, options)
    if options["until"] is not None:
        return _until(model, options)
    opener = NamedModel(name=UserModel(model), options=model_options(options))
    spec = spec_of(run_settings(options), opener, options["out"])
    # A folder that is to be repaired may have nothing that can be read before.
    stored = None if spec.repair else options["out"]
    if spec.samples > 1 and resolve_sampling(spec, stored).temperature == 0:
        note(
            f"warning: at temperature 0 {repeating(spec.samples)} sample 0 of each problem; "
            "take -n 1, or --temperature 0.6 and another -o"
        )
    with Progress() as progress:
        done = run_tasks(
            spec,
            opener,
            options["out"],
            watcher=progress,
            grading=(options["workers"], options["deadline"]),
            stop=SIGNALS.stop,
        )
    SIGNALS.raise_received()
    with exit_code_kept():
        print_json(run_as_json(done)) if options["as_json"] else print_run(done)
    return EXIT_DONE


def _check_kind(options: Mapping[str, Any]) -> None:
    """Check that the options that make several runs, or several rounds of one, go together."""
    if options["until"] is not None and options["sweep"]:
        raise click.UsageError("--until and --sweep cannot be combined: run each of the grid.")
    if options["until"] is None and options["max_samples"] is not None:
        raise click.UsageError("--max-samples ends --until, which is not given; -n is a number.")


def _until(model: str, options: Mapping[str, Any]) -> int:
    """Add samples until each task is known well enough, and print how well it is."""
    from mathreason_eval.cli.screens.progress import Progress
    from mathreason_eval.cli.screens.runs import print_run, run_as_json
    from mathreason_eval.cli.screens.until import as_json, lines
    from mathreason_eval.models import NamedModel, UserModel
    from mathreason_eval.pipeline.preflight import spec_of
    from mathreason_eval.pipeline.until import (
        MOST,
        Reached,
        Until,
        UntilRequest,
        reached,
        run_until,
    )

    opener = NamedModel(name=UserModel(model), options=model_options(options))
    spec = spec_of(run_settings(options), opener, options["out"])
    until = Until(half_width=options["until"], max_samples=options["max_samples"] or MOST)
    with ExitStack() as shown:

        def watch(looks: tuple[Reached, ...]) -> Progress:
            shown.close()
            for line in lines(looks, until):
                note(visible_line(line))
            return shown.enter_context(Progress())

        done = run_until(
            UntilRequest(spec=spec, opener=opener, until=until, out=options["out"]),
            watch=watch,
            grading=(options["workers"], options["deadline"]),
            stop=SIGNALS.stop,
        )
    SIGNALS.raise_received()
    looks = reached(done, spec.tasks, until)
    with exit_code_kept():
        if options["as_json"]:
            print_json({**run_as_json(done), "until": as_json(looks, until)})
        else:
            print_run(done)
            for line in lines(looks, until):
                say(visible_line(line))
    return EXIT_DONE if all(one.enough for one in looks) else EXIT_INCONCLUSIVE


def _sweep(model: str, options: Mapping[str, Any]) -> int:
    """Run every combination of what `--sweep` names, and print how far they lie apart."""
    from mathreason_eval.cli.screens.progress import Progress
    from mathreason_eval.cli.screens.sweep import print_sweep, sweep_as_json
    from mathreason_eval.models import NamedModel, UserModel
    from mathreason_eval.pipeline.sweep import Axis, Cell, SweepRequest, cells, sweep
    from mathreason_eval.runs.store import Run

    if options["out"] is None:
        raise click.UsageError("--sweep makes several runs: name the folder for them with -o.")
    request = SweepRequest(
        axes=tuple(Axis(name=key, values=values) for key, values in options["sweep"].items()),
        settings=run_settings(options),
        opener=NamedModel(name=UserModel(model), options=model_options(options)),
        out=options["out"],
    )
    number, done = len(cells(request)), list[tuple[Cell, Run]]()
    with ExitStack() as shown:

        def watch(cell: Cell) -> Progress:
            shown.close()
            note(f"{len(done) + 1} of {number}: {visible_line(cell.folder.name)}")
            return shown.enter_context(Progress())

        for cell, run in sweep(
            request,
            watch=watch,
            grading=(options["workers"], options["deadline"]),
            stop=SIGNALS.stop,
        ):
            done.append((cell, run))
    SIGNALS.raise_received()
    with exit_code_kept():
        print_json(sweep_as_json(done)) if options["as_json"] else print_sweep(done)
    return EXIT_DONE


@click.command()
@click.argument("path", metavar="RUN", type=PATH)
@tasks_dir_option
@grading_options
@second_option
@json_option
def regrade(path: Path, *, as_json: bool, **options: Any) -> int:  # noqa: ANN401  as above
    """Judge the stored generations of RUN again; show which verdicts flipped.

    Without --second, the second grader that RUN was judged with is used again.
    """
    from mathreason_eval.cli.screens.runs import print_regrading, regrading_as_json
    from mathreason_eval.pipeline.grading import regrade as regrade_run

    done = regrade_run(path, **options)
    with exit_code_kept():
        print_json(regrading_as_json(done)) if as_json else print_regrading(done)
    return EXIT_DONE


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
            raise UnknownNameError(
                "import format", cmd_name, IMPORTERS, f"And there is no file {cmd_name}."
            )
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
AUTO = "auto"
"""The name under which logs of any format are read; paths without a name mean it."""


_columns_option = columns_option(
    "Columns that the file calls otherwise: output=response,gold=answer. May be repeated."
)
"""The option of the format whose columns the user chooses."""


def _import_command(form: str, description: str, *more: Callable[[Any], Any]) -> click.Command:
    """Return the command that imports a format of rows, with options of its own."""

    def read(path: Path, **options: Any) -> int:  # noqa: ANN401  click hands over what it parsed
        return _import(form, path, options)

    given = (*_IMPORT_OPTIONS[:-1], *more, _IMPORT_OPTIONS[-1])
    return click.command(form, help=description)(
        reduce(lambda made, option: option(made), reversed(given), read)
    )


def _logs_command(form: str | None, description: str) -> click.Command:
    """Return the command that imports a format of logs; None: of any."""

    def read(paths: tuple[Path, ...], **options: Any) -> int:  # noqa: ANN401  as above
        return _import_logs(form, paths, options)

    return click.command(form, help=description)(
        reduce(lambda made, option: option(made), reversed(_LOG_OPTIONS), read)
    )


def _import(form: str, path: Path, options: Mapping[str, Any]) -> int:
    from mathreason_eval.pipeline.importers import IMPORTERS
    from mathreason_eval.pipeline.importers.jsonl import renaming_importer
    from mathreason_eval.tasks import load_task

    task = load_task(options["task"], options["tasks_dirs"])
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
