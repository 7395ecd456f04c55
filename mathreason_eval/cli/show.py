"""`mathreason tasks` and `mathreason show`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mathreason_eval.cli.options import data_option, grouped, json_option, tasks_dir_option
from mathreason_eval.cli.screens.console import note

if TYPE_CHECKING:
    from mathreason_eval.runs.store import Run


@click.command()
@tasks_dir_option
@json_option
def tasks(tasks_dirs: tuple[Path, ...], *, as_json: bool) -> None:
    """List the tasks."""
    from mathreason_eval.cli.screens.console import print_json
    from mathreason_eval.cli.screens.tables import print_tasks, task_as_json
    from mathreason_eval.tasks import load_task, task_names

    found = [load_task(name, tasks_dirs) for name in task_names(tasks_dirs)]
    print_json([task_as_json(task) for task in found]) if as_json else print_tasks(found)


@click.command()
@click.argument("subject", metavar="RUN|TASK")
@click.option("--outcome", help="Only the samples of this outcome: wrong, no_answer, …")
@click.option("--problem", metavar="ID", help="Only the samples of this problem.")
@click.option("--disputed", is_flag=True, help="Only the samples on which two graders differ.")
@click.option(
    "--memorisation",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write JSONL, a row for each original problem: its score and its variants'.",
)
@click.option(
    "--problems",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Of a task: how many rendered prompts to show.",
)
@data_option
@tasks_dir_option
@json_option
def show(
    *,
    subject: str,
    memorisation: Path | None,
    as_json: bool,
    **options: Any,  # noqa: ANN401  click hands over what it parsed
) -> None:
    """Show a run's metrics and health, its samples, or a task with its prompts.

    With --outcome, --problem or --disputed a run shows its samples: the span, the rule and the
    reason of each verdict.
    """
    from mathreason_eval.runs.store import find_run

    if not Path(subject).is_dir():
        data = grouped(options["data"]).get(subject, ())
        _show_task(subject, options["tasks_dirs"], data, options["problems"], as_json=as_json)
        return
    run = find_run(Path(subject))
    if memorisation is not None:
        _write_memorisation(run, memorisation)
    else:
        _show_run(
            run,
            options["outcome"],
            options["problem"],
            disputed=options["disputed"],
            as_json=as_json,
        )


def _show_run(
    run: Run,
    outcome: str | None,
    problem: str | None,
    *,
    disputed: bool,
    as_json: bool,
) -> None:
    """Show the chosen samples of a run, or, where none are chosen, its metrics."""
    from mathreason_eval.cli.screens import tables
    from mathreason_eval.cli.screens.console import print_json
    from mathreason_eval.cli.screens.samples import chosen_samples, print_samples, samples_as_json

    if outcome is None and problem is None and not disputed:
        print_json(tables.run_as_json(run)) if as_json else tables.print_run(run)
        return
    samples = chosen_samples(run, outcome, problem, disputed=disputed)
    print_json(samples_as_json(samples)) if as_json else print_samples(samples)


def _write_memorisation(run: Run, path: Path) -> None:
    """Write the scores of originals and variants, family by family."""
    from mathreason_eval.errors import RunError, UserError
    from mathreason_eval.stats.estimators.items import items_of
    from mathreason_eval.stats.estimators.paired import memorisation

    rows = []
    for task in run.tasks():
        asked = {problem.id: problem for problem in run.problems(task)}
        # No answers are compared here, only verdicts counted.
        items = items_of([*asked.values()], (), run.verdicts(task), key=str, cluster=None)
        rows += [{"task": task, **asked[str(row["id"])].meta, **row} for row in memorisation(items)]
    if not rows:
        raise RunError(
            f"{run.path} holds no problem with a variant of it.",
            "Run a task that asks variants, such as kk, or more of its problems.",
        )
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    try:
        path.write_text(lines, encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {error.strerror}.", "Choose another --memorisation."
        ) from None
    note(f"{len(rows)} families → {path}")


def _show_task(
    name: str, tasks_dirs: tuple[Path, ...], data: tuple[str, ...], count: int, *, as_json: bool
) -> None:
    from mathreason_eval.cli.screens import tables
    from mathreason_eval.cli.screens.console import print_json
    from mathreason_eval.tasks import load_task
    from mathreason_eval.tasks.datasets import load_problems

    task = load_task(name, tasks_dirs)
    # A published task is shown without its problems rather than fetched from a hub.
    available = task.local or bool(data)
    problems = load_problems(task, data, limit=count).problems if available else ()
    if as_json:
        print_json(tables.task_as_json(task, problems))
    else:
        tables.print_task(task, problems)
