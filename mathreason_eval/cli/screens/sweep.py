"""A grid of runs on the terminal: a row for each combination, and how far they lie apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from mathreason_eval.cli.screens import amount, interval, note, stdout
from mathreason_eval.cli.screens.advice import artefact_line, artefacts_as_json
from mathreason_eval.cli.screens.tables import Table, print_table
from mathreason_eval.compare.pairing import metric_name
from mathreason_eval.compare.spread import Order, Spread, orders, spread
from mathreason_eval.pipeline.sweep import MODEL, Cell
from mathreason_eval.runs.artefacts import Artefact, Kind, artefacts, urgency
from mathreason_eval.runs.store import Run
from mathreason_eval.stats.metrics import PRIMARY
from mathreason_eval.text import counted, visible_line
from mathreason_eval.types import Metric, Unit

if TYPE_CHECKING:
    from rich.console import Console

Done = Sequence[tuple[Cell, Run]]


def print_sweep(done: Done) -> None:
    """Print a table of each task, with mean, spread, worst combination and order of models."""
    console = stdout()
    for task, rows in _by_task(done).items():
        _print_task(console, task, rows)
    for cell, _ in done[:1]:
        note(f"stored in {cell.folder.parent}: each run is a folder in it")
    note_sweep_artefacts(done)


def note_sweep_artefacts(done: Done) -> None:
    """Print to stderr what the figures do not say of the models: the worst of each task and kind.

    The most urgent is last.
    """
    found: dict[tuple[str, Kind], list[tuple[Cell, Run, Artefact]]] = defaultdict(list)
    for cell, run in done:
        for one in artefacts(run):
            found[one.task, one.kind].append((cell, run, one))
    ranked = sorted(found.values(), key=lambda group: urgency([one for _, _, one in group]))
    for group in reversed(ranked):
        cell, run, one = max(group, key=lambda item: item[2].share)
        note(
            f"{len(group):,} of {counted(len(done), 'combination')}, most of all "
            f"{visible_line(_spelled(cell))}: {artefact_line(one, run)}"
        )


def _by_task(done: Done) -> dict[str, list[tuple[Cell, Metric]]]:
    """Return by task the primary metric of each combination that has it."""
    rows: dict[str, list[tuple[Cell, Metric]]] = defaultdict(list)
    for cell, run in done:
        for task, entry in run.manifest.tasks.items():
            name = metric_name(PRIMARY, [entry])
            rows[task] += [
                (cell, one)
                for one in run.metrics()
                if (one.task, one.slice, one.name) == (task, "all", name)
            ]
    return rows


def _print_task(console: Console, task: str, rows: Sequence[tuple[Cell, Metric]]) -> None:
    if not rows:
        console.print(f"{visible_line(task)}: nothing is judged", soft_wrap=True)
        return
    first = rows[0][1]
    console.print(
        f"\n{visible_line(task)} · {first.name} · {counted(first.problems, 'problem')}",
        soft_wrap=True,
    )
    names = [key for key, _ in rows[0][0].settings]
    headings = (*map(visible_line, names), ">value", ">95 % interval", ">samples")
    cells = [
        (
            *(visible_line(value) for _, value in cell.settings),
            amount(one.unit, one.value),
            interval(one.unit, one.low, one.high),
            f"{one.samples:,}",
        )
        for cell, one in rows
    ]
    print_table(console, Table(headings=headings, rows=cells))
    for line in _lines(rows):
        console.print(line, soft_wrap=True)


def _lines(rows: Sequence[tuple[Cell, Metric]]) -> Iterator[str]:
    metrics = [one for _, one in rows]
    if len(metrics) > 1:
        yield from _spread_lines(rows, spread(metrics), metrics[0].unit)
    for one in _orders(rows):
        yield (
            f"order     {visible_line(one.first)} above {visible_line(one.second)} in {one.above} "
            f"of {counted(one.settings, 'setting')}, below it in {one.below}"
        )


def _spread_lines(rows: Sequence[tuple[Cell, Metric]], found: Spread, unit: Unit) -> Iterator[str]:
    beyond = (
        "how much of it is noise is unknown with one sample a problem"
        if found.beyond_noise is None
        else f"{amount(unit, found.beyond_noise)} beyond the noise of sampling"
    )
    yield (
        f"mean      {amount(unit, found.mean)} over {len(rows)} combinations, standard deviation "
        f"{amount(unit, found.sd)}; {beyond}"
    )
    for word, place in (("worst", found.worst), ("best", found.best)):
        cell, one = rows[place]
        yield f"{word:9} {amount(unit, one.value)} with {visible_line(_spelled(cell))}"


def _spelled(cell: Cell) -> str:
    return ", ".join(f"{key} {value}" for key, value in cell.settings)


def _orders(rows: Sequence[tuple[Cell, Metric]]) -> tuple[Order, ...]:
    """Return how often the order of each pair of models holds; none without other settings."""
    values: dict[str, dict[tuple[tuple[str, str], ...], float]] = defaultdict(dict)
    for cell, one in rows:
        others = tuple(pair for pair in cell.settings if pair[0] != MODEL)
        if others and len(others) < len(cell.settings):
            values[dict(cell.settings)[MODEL]][others] = one.value
    return orders(values)


def sweep_as_json(done: Done) -> dict[str, object]:
    """Return the combinations, and for each task what `print_sweep` says, in machine form."""
    return {
        "combinations": [
            {
                "settings": dict(cell.settings),
                "run": str(cell.folder),
                "artefacts": artefacts_as_json(run),
            }
            for cell, run in done
        ],
        "tasks": {
            task: {
                "metrics": [
                    {"settings": dict(cell.settings), **asdict(metric)} for cell, metric in rows
                ],
                "spread": asdict(spread([one for _, one in rows])) if len(rows) > 1 else None,
                "orders": [asdict(one) for one in _orders(rows)],
            }
            for task, rows in _by_task(done).items()
        },
    }
