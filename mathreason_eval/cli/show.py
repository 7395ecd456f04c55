"""`mathreason tasks`, `list` and `show`: the verbs that only read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mathreason_eval.cli.options import data_option, json_option, tasks_dir_option
from mathreason_eval.cli.screens import note, print_json, stdout, write_file
from mathreason_eval.cli.screens.tables import Table, print_table
from mathreason_eval.errors import RunError
from mathreason_eval.text.jsonl import dumps

if TYPE_CHECKING:
    from mathreason_eval.runs.store import Run


@click.command()
@tasks_dir_option
@json_option
def tasks(tasks_dirs: tuple[Path, ...], *, as_json: bool) -> None:
    """List the tasks."""
    from mathreason_eval.cli.screens.tasks import print_tasks, task_as_json
    from mathreason_eval.tasks import load_task, task_names

    found = [load_task(name, tasks_dirs) for name in task_names(tasks_dirs)]
    print_json([task_as_json(task) for task in found]) if as_json else print_tasks(found)


KINDS = ("graders", "extractors", "metrics", "engines", "importers", "exporters", "tasks")


@click.command("list")
@click.argument("kind", metavar="[KIND]", required=False, type=click.Choice(KINDS))
@tasks_dir_option
@json_option
def list_command(*, kind: str | None, tasks_dirs: tuple[Path, ...], as_json: bool) -> None:
    """List names that commands accept, with their origins.

    KIND is graders, extractors, metrics, engines, importers, exporters or tasks; by default all.
    An entry is built in, of a family of benchmarks, of a folder, or of an installed package, which
    is not imported for the list.
    """
    found = {one: dict(_origins(one, tasks_dirs)) for one in ([kind] if kind else KINDS)}
    if as_json:
        print_json(found)
        return
    rows = [
        (one, name, origin) for one, origins in found.items() for name, origin in origins.items()
    ]
    print_table(stdout(), Table(headings=("kind", "name", "from"), rows=rows))


def _origins(kind: str, tasks_dirs: tuple[Path, ...]) -> Mapping[str, str]:
    """Return the origin of each name of a kind."""
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


@click.command()
@click.argument("subject", metavar="RUN|TASK")
@click.option("--outcome", help="Only the samples with this outcome: wrong, no_answer, …")
@click.option("--problem", metavar="ID", help="Only the samples of this problem.")
@click.option("--disputed", is_flag=True, help="Only the samples on which two graders differ.")
@click.option(
    "--memorisation",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write JSONL with a row per original problem: its score and its variants'.",
)
@click.option(
    "--problems",
    type=click.IntRange(min=1),
    default=1,
    help="For a task: how many rendered prompts to show.",
)
@data_option
@tasks_dir_option
@json_option
def show(subject: str, **options: Any) -> None:  # noqa: ANN401  click hands over what it parsed
    """Show a run's metrics and health, its samples, or a task with its prompts.

    With --outcome, --problem or --disputed, a run's samples are shown: the span, the rule and the
    reason of each verdict.
    """
    from mathreason_eval.cli.stored import run_path
    from mathreason_eval.runs.store import find_run

    if not Path(subject).exists():
        _show_task(subject, options)
        return
    path = run_path(Path(subject), options)
    if not path.is_dir():
        _show_task(subject, options)
    elif options["memorisation"] is not None:
        _write_memorisation(find_run(path), options["memorisation"])
    else:
        _show_run(find_run(path), options)


def _show_task(name: str, options: Mapping[str, Any]) -> None:
    """Show a task with its first problems."""
    from mathreason_eval.cli.screens.tasks import print_task, task_as_json
    from mathreason_eval.tasks import load_task
    from mathreason_eval.tasks.datasets import load_problems

    data = options["data"].get(name, ())
    task = load_task(name, options["tasks_dirs"])
    # A published task is shown without its problems, rather than downloading them.
    available = task.local or bool(data)
    problems = load_problems(task, data, limit=options["problems"]).problems if available else ()
    as_json = options["as_json"]
    print_json(task_as_json(task, problems)) if as_json else print_task(task, problems)


def _show_run(run: Run, options: Mapping[str, Any]) -> None:
    """Show the samples of a run that the options select; without such options, its metrics."""
    from mathreason_eval.cli.screens import runs

    outcome, problem, disputed, as_json = (
        options[name] for name in ("outcome", "problem", "disputed", "as_json")
    )
    if outcome is None and problem is None and not disputed:
        print_json(runs.run_as_json(run)) if as_json else runs.print_run(run)
        return
    samples = runs.chosen_samples(run, outcome, problem, disputed=disputed)
    print_json([asdict(one) for one in samples]) if as_json else runs.print_samples(samples)


def _write_memorisation(run: Run, path: Path) -> None:
    """Write a row for each family: the scores of the original and its variants."""
    from mathreason_eval.runs.completeness import check_stored
    from mathreason_eval.stats.estimators.items import items_of
    from mathreason_eval.stats.estimators.paired import memorisation_rows

    rows = []
    for task in run.tasks():
        check_stored(run, task)
        asked = {problem.id: problem for problem in run.problems(task)}
        # Answers are not compared here; only verdicts are counted.
        items = items_of([*asked.values()], (), run.verdict_columns(task), key=str, cluster=None)
        rows += [
            {"task": task, **asked[str(row["id"])].meta, **row} for row in memorisation_rows(items)
        ]
    if not rows:
        raise RunError(
            f"{run.path} has no problem together with a variant.",
            "Run a task that has variants, such as kk, or more of its problems.",
        )
    lines = "".join(dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_file(path, lines, "--memorisation")
    note(f"{len(rows)} families → {path}")
