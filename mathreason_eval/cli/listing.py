"""`mathreason list`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import click

from mathreason_eval.cli.options import json_option, tasks_dir_option

KINDS = ("graders", "extractors", "metrics", "engines", "importers", "exporters", "tasks")


@click.command("list")
@click.argument("kind", metavar="[KIND]", required=False, type=click.Choice(KINDS))
@tasks_dir_option
@json_option
def list_command(*, kind: str | None, tasks_dirs: tuple[Path, ...], as_json: bool) -> None:
    """List what can be named, and where it is from.

    KIND is graders, extractors, metrics, engines, importers, exporters or tasks; by default all.
    A thing is ours, of a family of benchmarks, of a folder, or of an installed package, which is
    not imported to be listed.
    """
    from mathreason_eval.cli.screens.console import plain_table, print_json, stdout

    found = {one: dict(_origins(one, tasks_dirs)) for one in ([kind] if kind else KINDS)}
    if as_json:
        print_json(found)
        return
    table = plain_table("kind", "name", "from")
    for one, origins in found.items():
        for name, origin in origins.items():
            table.add_row(one, name, origin)
    stdout().print(table)


def _origins(kind: str, tasks_dirs: tuple[Path, ...]) -> Mapping[str, str]:
    """Return where each thing of a kind is from."""
    from mathreason_eval.extract import EXTRACTORS
    from mathreason_eval.grade.graders import GRADERS
    from mathreason_eval.models import ENGINES
    from mathreason_eval.pipeline.exporters import EXPORTERS
    from mathreason_eval.pipeline.importers import IMPORTERS
    from mathreason_eval.stats.metrics import metric_origins
    from mathreason_eval.tasks import task_origins

    origins: Mapping[str, Callable[[], Mapping[str, str]]] = {
        "graders": GRADERS.origins,
        "extractors": EXTRACTORS.origins,
        "metrics": metric_origins,
        "engines": ENGINES.origins,
        "importers": IMPORTERS.origins,
        "exporters": EXPORTERS.origins,
        "tasks": partial(task_origins, tasks_dirs),
    }
    return origins[kind]()
