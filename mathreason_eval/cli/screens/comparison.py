"""A comparison of runs on the terminal, as tables that fit 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mathreason_eval.cli.screens import (
    amount,
    counted,
    crowded_properties,
    flips_by_direction,
    natural_width,
    note,
    one_line,
    plain_table,
    property_of,
    stdout,
)
from mathreason_eval.compare.comparison import Comparisons, Ranks, TaskComparison
from mathreason_eval.compare.contrast import Contrast, Flip
from mathreason_eval.compare.pairing import TaskRun
from mathreason_eval.text import visible
from mathreason_eval.types import Unit

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Row = tuple[str, TaskComparison, Contrast]
"""(label, comparison, contrast)."""

_MAX_FLIPS, _MAX_FLIPS_OF_SEVERAL = 5, 2
"""Flipped problems that are listed for each direction, of one comparison and of several."""


def print_comparisons(done: Comparisons) -> None:
    """Print the runs, warnings, tables of their differences, and the problems that flipped."""
    console = stdout()
    for name, run in done.named.items():
        baseline = "  (baseline)" if name == "A" else ""
        console.print(
            visible(f"{name}  {run.manifest.model.name}  {run.path}{baseline}"), soft_wrap=True
        )
    for name, task in done.lacking:
        console.print(visible(f"note: {name} does not have {task}"))
    for one in done.found:
        _print_warnings(console, one)
    shares = any(one.whole.unit is Unit.SHARE for one in done.found)
    unit = ", in per cent and percentage points" if shares else ""
    metric = done.metric or "each task's primary metric"
    console.print(f"\n{metric}, paired over the same problems{unit}")
    rows = [
        (one.task if done.metric else f"{one.task}, {one.whole.metric}", one, one.whole)
        for one in done.found
    ]
    _print_tests(console, rows, detectable=_print_table(console, done, "task", rows))
    for task in dict.fromkeys(one.task for one in done.found):
        _print_slices(console, done, task)
    tokens = [(one.task, one, one.tokens) for one in done.found if one.tokens is not None]
    if tokens and metric != "tokens":
        console.print("\ntokens a sample")
        _print_table(console, done, "task", tokens)
    for ranks in done.ranks:
        _print_ranks(console, done, ranks)
    for one in done.found:
        _print_flips(console, one, _MAX_FLIPS if len(done.found) == 1 else _MAX_FLIPS_OF_SEVERAL)
    note("everything, with all flipped problems: --json")


def _print_warnings(console: Console, one: TaskComparison) -> None:
    where = f"{one.task} of {one.name}"
    for phrase in one.pairing.obstacles.values():
        console.print(visible(f"compared by force: {where}: {phrase}"), style="yellow")
    for phrase in one.notes:
        console.print(visible(f"note: {where}: {phrase}"))


# --- tables ----------------------------------------------------------------------------------


def _print_table(console: Console, done: Comparisons, what: str, rows: Sequence[Row]) -> bool:
    """Print contrasts; return whether the minimal detectable effect (MDE) fits."""
    table = _table(done, what, rows, detectable=True)
    fits = natural_width(table) <= console.width
    console.print(table if fits else _table(done, what, rows, detectable=False))
    return fits


_SMALLEST_P = 0.001
"""P-values below this are shown as smaller than it."""


def _table(done: Comparisons, what: str, rows: Sequence[Row], *, detectable: bool) -> Table:
    several = len(done.runs) > 2  # noqa: PLR2004  a baseline and another
    sides = (">A", ">score", ">change") if several else (">A", ">B", ">B − A")
    columns = [*(["run"] if several else []), ">n", *sides, ">95 % interval", ">p"]
    table = plain_table(what, *columns, *([">MDE"] if detectable else []))
    for label, comparison, one in rows:
        low, high = one.difference.interval()
        table.add_row(
            visible(label),
            *([comparison.name] if several else []),
            f"{one.difference.problems:,}",
            amount(one.unit, one.before),
            amount(one.unit, one.after),
            amount(one.unit, one.difference.value, "+"),
            f"{amount(one.unit, low, '+')} … {amount(one.unit, high, '+')}",
            f"{one.adjusted:.3f}" if one.adjusted >= _SMALLEST_P else f"<{_SMALLEST_P:g}",
            *([amount(one.unit, one.detectable)] if detectable else []),
        )
    return table


def _print_tests(console: Console, rows: Sequence[Row], *, detectable: bool) -> None:
    tests = ", ".join(dict.fromkeys(contrast.test for _, _, contrast in rows))
    adjustment = f"; {rows[0][2].adjustment}" if len(rows) > 1 else ""
    console.print(f"n       problems\np       two-sided, {tests}{adjustment}")
    if detectable:
        console.print("MDE     a true change of this size is found four times of five")


def _print_slices(console: Console, done: Comparisons, task: str) -> None:
    rows = [
        (contrast.slice, one, contrast)
        for one in done.found
        if one.task == task
        for contrast in one.slices
    ]
    # The contrasts of one slice are listed together.
    order = {where: place for place, where in enumerate(dict.fromkeys(row[0] for row in rows))}
    hidden = {} if done.request.slices else crowded_properties(order)
    shown = [row for row in rows if property_of(row[0]) not in hidden]
    if shown:
        console.print(f"\n{task} by slice, to find what may be worth a test of its own")
        _print_table(console, done, "slice", sorted(shown, key=lambda row: order[row[0]]))
        console.print(f"p       {shown[0][2].adjustment} slices")
    for name, count in hidden.items():
        console.print(visible(f"by {name}: {count} slices; --by {name} shows them"))


def _print_ranks(console: Console, done: Comparisons, ranks: Ranks) -> None:
    table = plain_table(">rank", "run", ">score", ">group", "model")
    for name, place in ranks.places:
        rank = str(place.best) if place.best == place.worst else f"{place.best} – {place.worst}"
        score = f"{100 * place.value:.1f}"
        table.add_row(
            rank, name, score, str(place.group), visible(done.named[name].manifest.model.name)
        )
    console.print(f"\n{ranks.task}, ranks over the {ranks.problems:,} problems that all runs have")
    console.print(table)
    console.print("rank    every one that other problems like these could give it, with 95 %")
    console.print("group   all that are not significantly below its highest run")


# --- flips -----------------------------------------------------------------------------------


def _print_flips(console: Console, one: TaskComparison, most: int) -> None:
    several = any(max(pair.samples) > 1 for pair in one.scores.pairs.values())
    solved = ", solved by at least half of their samples" if several else ""
    for verb, flips in flips_by_direction(one.flips):
        problems = counted(len(flips), "problem")
        console.print(f"\n{one.task}: {one.name} {verb} {problems}{solved}", style="bold")
        for flip in flips[:most]:
            console.print(_flip_line(one, flip), no_wrap=True, overflow="ellipsis")
        if len(flips) > most:
            console.print(f"  … and {len(flips) - most:,} more")


_LONGEST_ANSWER, _LONGEST_ID, _LONGEST_QUESTION = 16, 28, 400
"""Characters that are shown."""


def _flip_line(one: TaskComparison, flip: Flip) -> str:
    before, after = one.pairing.before, one.pairing.after
    problem = before.problems[flip.problem_id]
    return (
        f"  {one_line(problem.id, _LONGEST_ID)}  A {_answer(before, flip.before, problem.id)}"
        f"  {one.name} {_answer(after, flip.after, problem.id)}"
        f"  gold {one_line(problem.gold[0], _LONGEST_ANSWER)}"
        f"  {one_line(problem.question, _LONGEST_QUESTION)}"
    )


def _answer(side: TaskRun, score: float, problem: str) -> str:
    """Return the answer of a single sample, or of several the share that is correct."""
    verdicts = side.items[problem].verdicts
    if len(verdicts) > 1:
        return f"{100 * score:.0f} %"
    answer = verdicts[0].answer
    return f"({verdicts[0].outcome})" if answer is None else one_line(answer, _LONGEST_ANSWER)
