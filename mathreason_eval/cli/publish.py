"""`mathreason export`, `leaderboard` and `serve`: the verbs that publish runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from mathreason_eval.cli.options import (
    PATH,
    data_option,
    out_option,
    tasks_dir_option,
    tasks_option,
)
from mathreason_eval.cli.screens import exit_code_kept, note, say
from mathreason_eval.errors import EXIT_DONE, UnknownNameError, UserError
from mathreason_eval.text import counted


@click.command()
@click.argument("form", metavar="FORMAT")
@click.argument("run", metavar="[RUN]", type=PATH, required=False)
@out_option("PATH", "The file or folder to write.")
@tasks_option("For lm-eval: tasks to write without a RUN. May be repeated.")
@click.option("--prompt", metavar="ID", help="With -t: a prompt of the task.")
@click.option("--limit", type=click.IntRange(min=1), help="With -t: only the first problems.")
@data_option
@tasks_dir_option
def export(form: str, run: Path | None, out: Path, **options: Any) -> int:  # noqa: ANN401  click's
    """Write RUN in another program's FORMAT.

    FORMAT is lm-eval (tasks that `lm_eval --include_path PATH` runs with our prompts and our
    grading; of a RUN, or -t TASK), lm-eval-results, every-eval-ever, hf-eval-results, model-index,
    csv, parquet, wandb, mlflow, or one of an installed package: `mathreason list exporters`.
    """
    from mathreason_eval.cli.stored import run_path
    from mathreason_eval.pipeline.exporters import EXPORTERS
    from mathreason_eval.runs.store import find_run

    if form not in EXPORTERS:
        raise UnknownNameError("export format", form, EXPORTERS)
    if options["tasks"] and form != "lm-eval":
        raise click.UsageError("-t is for lm-eval alone: the other formats are of a RUN.")
    if (run is None) is not bool(options["tasks"]):
        raise click.UsageError("Name a RUN" + (", or tasks with -t." if form == "lm-eval" else "."))
    if run is None:
        _export_tasks(out, options)
    else:
        EXPORTERS[form](find_run(run_path(run, options)), out)
        note(f"{run} → {out}")
    return EXIT_DONE


def _export_tasks(out: Path, options: Mapping[str, Any]) -> None:
    from mathreason_eval.pipeline.exporters.lm_eval import TaskRequest, asked_task, write_tasks
    from mathreason_eval.tasks import load_task

    asked = [
        asked_task(
            TaskRequest(
                task=load_task(name, options["tasks_dirs"]),
                data=options["data"].get(name, ()),
                prompt=options["prompt"],
                limit=options["limit"],
            )
        )
        for name in options["tasks"]
    ]
    names = write_tasks(asked, out)
    chat = any(prompt.messages for one in asked for _, prompt in one.asked)
    template = " --apply_chat_template" if chat else ""
    note(f"run them: lm_eval --include_path {out} --tasks {','.join(names)}{template} …")


@click.command()
@click.argument("runs", metavar="RUN…", nargs=-1, required=True, type=PATH)
@out_option("DIR", "The folder for the pages.")
@click.option(
    "--config",
    type=PATH,
    metavar="FILE",
    help="Title, authors, links, names and order. Default: leaderboard.yaml, if it exists.",
)
def leaderboard(runs: tuple[Path, ...], out: Path, config: Path | None) -> int:
    """Build a static site from runs, or from folders that contain runs."""
    from mathreason_eval.cli.screens.commands import command
    from mathreason_eval.cli.stored import note_unknown, run_path
    from mathreason_eval.runs.store import find_runs
    from mathreason_eval.site import build_site
    from mathreason_eval.site.config import DEFAULT_FILE, SiteConfig, read_config

    found = [run for path in runs for run in find_runs(run_path(path))]
    note_unknown(*found)
    chosen = config or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
    settings = SiteConfig() if chosen is None else read_config(chosen)
    index = build_site(found, out, config=settings)
    with exit_code_kept():
        say(f"{counted(len(found), 'run')} on {index}")
        note(f"look at it: open {index} or `{command('serve', out)}`")
    return EXIT_DONE


@click.command()
@click.argument("folder", metavar="DIR", type=PATH)
@click.option("--port", type=click.IntRange(0, 65535), default=8000)
def serve(folder: Path, port: int) -> None:
    """Serve a built site at http://localhost, to this machine only."""
    from mathreason_eval.cli.server import site_server

    if not (folder / "index.html").is_file():
        raise UserError(
            f"{folder} contains no site.", f"Build one: mathreason leaderboard RUN… -o {folder}"
        )
    try:
        server = site_server(folder, port)
    except OSError as error:
        raise UserError(
            f"Port {port} is taken: {error.strerror}.", "Choose another --port."
        ) from None
    with server:
        say(f"http://localhost:{server.server_port}  (stop with Ctrl-C)")
        server.serve_forever()
