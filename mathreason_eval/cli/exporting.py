"""`mathreason export`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("form", metavar="FORMAT")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The file or folder to write.",
)
def export(form: str, run: Path, out: Path) -> None:
    """Write RUN in another program's FORMAT.

    Formats are brought by installed packages: `mathreason list exporters`.
    """
    from mathreason_eval.cli.screens.console import note
    from mathreason_eval.errors import UnknownNameError
    from mathreason_eval.pipeline.exporters import EXPORTERS
    from mathreason_eval.runs.store import find_run

    if form not in EXPORTERS:
        raise UnknownNameError("export format", form, EXPORTERS)
    EXPORTERS[form](find_run(run), out)
    note(f"{run} → {out}")
