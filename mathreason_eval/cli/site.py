"""`mathreason leaderboard` and `mathreason serve`."""

from __future__ import annotations

from pathlib import Path

import click

from mathreason_eval.cli.screens.console import note, say


@click.command()
@click.argument("runs", metavar="RUN…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the pages go.",
)
def leaderboard(runs: tuple[Path, ...], out: Path) -> None:
    """Build a static site from runs, or from folders that hold runs."""
    from mathreason_eval.runs.store import find_runs
    from mathreason_eval.site import build_site

    found = [run for path in runs for run in find_runs(path)]
    index = build_site(found, out)
    say(f"{len(found)} run{'s' if len(found) > 1 else ''} on {index}")
    note(f"look at it: open {index} or `mathreason serve {out}`")


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
def serve(folder: Path, port: int) -> None:
    """Show a built site at http://localhost, to this machine only."""
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    from mathreason_eval.errors import UserError

    if not (folder / "index.html").is_file():
        raise UserError(
            f"{folder} holds no site.", f"Build one: mathreason leaderboard RUN… -o {folder}"
        )
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise UserError(
            f"Port {port} is taken: {error.strerror}.", "Choose another --port."
        ) from None
    with server:
        say(f"http://localhost:{server.server_port}  (Ctrl-C ends it)")
        server.serve_forever()
