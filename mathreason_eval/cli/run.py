"""`mathreason run`, `regrade` and `import`: the verbs that write graded runs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial, reduce
from pathlib import Path
from typing import Any

import click

from mathreason_eval.cli.options import (
    PATH,
    data_option,
    grading_options,
    json_option,
    model_arg_option,
    out_option,
    second_option,
    tasks_dir_option,
    tasks_option,
)
from mathreason_eval.cli.screens import print_json
from mathreason_eval.errors import UnknownNameError


@click.command()
@click.argument("model")
@tasks_option("What to ask. May be repeated.", required=True)
@click.option(
    "-n",
    "--samples",
    type=click.IntRange(min=1),
    default=1,
    help="Samples per problem. A larger number than last time only adds the missing.",
)
@click.option(
    "--limit", type=click.IntRange(min=1), help="Ask only this many problems of each task."
)
@click.option(
    "--temperature",
    type=click.FloatRange(min=0),
    help="Default: 0 for one sample, 0.6 for several.",
)
@click.option(
    "--top-p",
    type=click.FloatRange(min=0, max=1, min_open=True),
    help="Default: 1 at temperature 0, else 0.95.",
)
@click.option("--max-tokens", type=click.IntRange(min=1), help="Default: what the task says.")
@click.option("--seed", type=int, default=0, help="Every sample's own seed is made from it.")
@click.option("--prompt", metavar="ID", help="A prompt of the task; `mathreason show TASK`.")
@out_option(
    "RUN",
    "The run folder. Default: one under runs/ named after model and settings.",
    required=False,
)
@model_arg_option("An option of the engine; docs/engines.md lists them. May be repeated.")
@data_option
@tasks_dir_option
@grading_options
@second_option
@json_option
def run(model: str, **options: Any) -> None:  # noqa: ANN401  click hands over what it parsed
    """Ask MODEL the problems of some tasks, and grade the answers.

    MODEL is BACKEND:NAME: vllm:, hf:, llamacpp:FILE.gguf, openai:NAME@URL, replay:FILE, fake:… or
    demo, a small model that comes as a package. The same command resumes.
    """
    from mathreason_eval.cli.screens.progress import Progress
    from mathreason_eval.cli.screens.runs import print_run, run_as_json
    from mathreason_eval.models import open_model
    from mathreason_eval.pipeline.plan import RunSpec
    from mathreason_eval.pipeline.run import run_tasks

    names = (
        *("data", "samples", "limit", "temperature", "top_p", "max_tokens", "seed", "prompt"),
        *("tasks_dirs", "second"),
    )
    spec = RunSpec(
        tasks=tuple(filter(None, options["tasks"])), **{name: options[name] for name in names}
    )
    with Progress() as progress:
        done = run_tasks(
            spec,
            partial(open_model, model, options["model_args"]),
            options["out"],
            watcher=progress,
            grading=(options["workers"], options["deadline"]),
        )
    print_json(run_as_json(done)) if options["as_json"] else print_run(done)


@click.command()
@click.argument("path", metavar="RUN", type=PATH)
@tasks_dir_option
@grading_options
@second_option
@json_option
def regrade(path: Path, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401  as above
    """Judge the stored generations of RUN again; show which verdicts flipped.

    Without --second, the second grader that RUN was judged with is asked again.
    """
    from mathreason_eval.cli.screens.runs import print_regrading, regrading_as_json
    from mathreason_eval.pipeline.grading import regrade as regrade_run

    done = regrade_run(path, **options)
    print_json(regrading_as_json(done)) if as_json else print_regrading(done)


class Formats(click.Group):
    """A verb for each format: ours, and those of installed packages."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Return the names of the formats, ours first."""
        from mathreason_eval.pipeline.importers import IMPORTERS

        return [*IMPORTERS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Return the command that reads a format, or suggest the nearest name."""
        from mathreason_eval.pipeline.importers import IMPORTERS

        if (ours := super().get_command(ctx, cmd_name)) is not None:
            return ours
        if cmd_name not in IMPORTERS:
            raise UnknownNameError("import format", cmd_name, IMPORTERS)
        return _import_command(cmd_name, f"Read FILE: a format of {IMPORTERS.origins()[cmd_name]}.")


_IMPORT_OPTIONS = (
    click.argument("path", metavar="FILE", type=PATH),
    click.option("-t", "--task", required=True, help="Whose rules find and judge the answers."),
    out_option("DIR", "One run folder a model is made in it."),
    click.option("--model", help="The name of the one model all rows belong to."),
    data_option,
    tasks_dir_option,
    grading_options,
    json_option,
)
"""The options of every format."""


def _import_command(form: str, description: str) -> click.Command:
    """Return the command that imports a format."""

    def read(path: Path, **options: Any) -> None:  # noqa: ANN401  click hands over what it parsed
        _import(form, path, options)

    return click.command(form, help=description)(
        reduce(lambda made, option: option(made), reversed(_IMPORT_OPTIONS), read)
    )


def _import(form: str, path: Path, options: Mapping[str, Any]) -> None:
    from mathreason_eval.cli.screens.runs import imported_as_json, print_imported
    from mathreason_eval.pipeline.importers import IMPORTERS
    from mathreason_eval.tasks import load_task

    task = load_task(options["task"], options["tasks_dirs"])
    done = IMPORTERS[form](
        path,
        task,
        options["out"],
        model=options["model"],
        data=options["data"].get(task.name, ()),
        grading=(options["workers"], options["deadline"]),
    )
    as_json = options["as_json"]
    print_json([imported_as_json(one) for one in done]) if as_json else print_imported(done)


@click.group("import", cls=Formats)
def import_command() -> None:
    """Make graded runs from outputs that other programs stored."""


import_command.add_command(
    _import_command(
        "jsonl",
        """Read FILE: JSONL, JSONL.gz, CSV or Parquet with one output a row.

        A row has output and id, and may have sample, model, question and gold, score, correct,
        finish_reason, prompt_tokens and completion_tokens.
        """,
    )
)
