"""`mathreason export`, `leaderboard` and `serve`: the verbs that publish runs."""

from __future__ import annotations

from pathlib import Path

import click

from mathreason_eval.cli.options import PATH, out_option
from mathreason_eval.cli.screens import counted, exit_code_kept, note, say
from mathreason_eval.errors import EXIT_DONE, UnknownNameError, UserError


@click.command()
@click.argument("form", metavar="FORMAT")
@click.argument("run", metavar="RUN", type=PATH)
@out_option("PATH", "The file or folder to write.")
def export(form: str, run: Path, out: Path) -> int:
    """Write RUN in another program's FORMAT.

    Installed packages provide the formats: `mathreason list exporters`.
    """
    from mathreason_eval.pipeline.exporters import EXPORTERS
    from mathreason_eval.runs.store import find_run

    if form not in EXPORTERS:
        raise UnknownNameError("export format", form, EXPORTERS)
    EXPORTERS[form](find_run(run), out)
    note(f"{run} → {out}")
    return EXIT_DONE


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
