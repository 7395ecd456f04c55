"""`mathreason run` and `mathreason regrade`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mathreason_eval.cli.options import (
    data_option,
    grading_options,
    grouped,
    json_option,
    model_arg_option,
    second_option,
    tasks_dir_option,
    tasks_option,
)


@click.command()
@click.argument("model")
@tasks_option("What to ask. May be repeated.", required=True)
@click.option(
    "-n",
    "--samples",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Samples per problem. A larger number than last time only adds the missing.",
)
@click.option("--limit", type=click.IntRange(min=1), help="The first so many problems of a task.")
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
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Every sample's own seed is made from it.",
)
@click.option("--prompt", metavar="ID", help="A prompt of the task; `mathreason show TASK`.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="The run folder. Default: one under runs/ named after model and settings.",
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
    from functools import partial

    from mathreason_eval.cli.screens.console import print_json
    from mathreason_eval.cli.screens.progress import Progress
    from mathreason_eval.cli.screens.tables import print_run, run_as_json
    from mathreason_eval.models import open_model
    from mathreason_eval.pipeline.plan import RunSpec
    from mathreason_eval.pipeline.run import run_tasks

    spec = RunSpec(
        tasks=tuple(name for text in options["tasks"] for name in text.split(",") if name),
        data=grouped(options["data"]),
        **{
            name: options[name]
            for name in (
                *("samples", "limit", "temperature", "top_p", "max_tokens", "seed", "prompt"),
                *("tasks_dirs", "second"),
            )
        },
    )
    with Progress() as progress:
        done = run_tasks(
            spec,
            partial(open_model, model, dict(options["model_args"])),
            options["out"],
            watcher=progress,
            grading=(options["workers"], options["deadline"]),
        )
    print_json(run_as_json(done)) if options["as_json"] else print_run(done)


@click.command()
@click.argument("path", metavar="RUN", type=click.Path(path_type=Path))
@tasks_dir_option
@grading_options
@second_option
@json_option
def regrade(path: Path, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401  as above
    """Judge the stored generations of RUN again; show which verdicts flipped.

    Without --second, the second grader that RUN was judged with is asked again.
    """
    from mathreason_eval.cli.screens.console import print_json
    from mathreason_eval.cli.screens.tables import print_regrading, regrading_as_json
    from mathreason_eval.pipeline.grading import regrade as regrade_run

    done = regrade_run(path, **options)
    print_json(regrading_as_json(done)) if as_json else print_regrading(done)
