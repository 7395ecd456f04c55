"""Runs beside each other, as tables that fit 80 columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mathreason_eval.cli.screens.console import note, plain_table, stdout
from mathreason_eval.compare.comparison import Comparisons, Ranks, TaskComparison
from mathreason_eval.compare.contrast import Contrast, Flip
from mathreason_eval.compare.pairing import TaskRun
from mathreason_eval.runs.store import Run
from mathreason_eval.text import visible
from mathreason_eval.types import Unit

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_ENDLESS = 1_000
"""A width at which no table is squeezed, to learn its own."""
_MOST_SLICES = 12
"""So many values of a slice, at most, stand in a table that nobody asked for."""
_FLIPS, _FLIPS_OF_MANY = 5, 2
"""So many flipped problems, at most, are shown either way, of one comparison and of several."""
_ANSWER, _NAME, _QUESTION = 16, 28, 400
"""Characters of an answer, of a problem's name and of a question that are looked at."""
_ALWAYS_SMALL = 0.001
"""P-values below this are shown as being so."""

Row = tuple[str, TaskComparison, Contrast]
"""(what it is of, the comparison, the contrast)."""


def print_comparisons(done: Comparisons) -> None:
    """Print the runs, what keeps them apart, how they differ, and who flipped."""
    console = stdout()
    for name, run in done.named.items():
        baseline = "  (baseline)" if name == "A" else ""
        console.print(visible(f"{name}  {_model(run)}  {run.path}{baseline}"), soft_wrap=True)
    for name, task in done.lacking:
        console.print(visible(f"remark: {name} does not hold {task}"))
    for one in done.found:
        _print_caveats(console, one)
    shares = any(one.whole.unit is Unit.SHARE for one in done.found)
    unit = ", in per cent and percentage points" if shares else ""
    metric = done.metric or "each task's primary metric"
    console.print(f"\n{metric}, paired over the same problems{unit}")
    rows = [(_named(done, one), one, one.whole) for one in done.found]
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
        _print_flips(console, one, _FLIPS if len(done.found) == 1 else _FLIPS_OF_MANY)
    note("everything, with all flipped problems: --json")


def _named(done: Comparisons, one: TaskComparison) -> str:
    """Return what a row is of: the task, with its metric where they differ."""
    return one.task if done.metric else f"{one.task}, {one.whole.metric}"


def _model(run: Run) -> str:
    return run.manifest.model.name


def _print_caveats(console: Console, one: TaskComparison) -> None:
    where = f"{one.task} of {one.name}"
    for phrase in one.pairing.obstacles.values():
        console.print(visible(f"compared by force: {where}: {phrase}"), style="yellow")
    for phrase in one.notes:
        console.print(visible(f"remark: {where}: {phrase}"))


# --- tables ----------------------------------------------------------------------------------


def _print_table(console: Console, done: Comparisons, what: str, rows: Sequence[Row]) -> bool:
    """Print contrasts; return whether there was room for what is detectable."""
    from rich.console import Console

    table = _table(done, what, rows, detectable=True)
    fits = Console(width=_ENDLESS).measure(table).maximum <= console.width
    console.print(table if fits else _table(done, what, rows, detectable=False))
    return fits


def _table(done: Comparisons, what: str, rows: Sequence[Row], *, detectable: bool) -> Table:
    several = len(done.runs) > 2  # noqa: PLR2004  a baseline and another
    sides = (">A", ">score", ">change") if several else (">A", ">B", ">B − A")
    columns = [*(["run"] if several else []), ">n", *sides, ">95 % interval", ">p"]
    table = plain_table(what, *columns, *([">MDE"] if detectable else []))
    for name, comparison, one in rows:
        low, high = one.difference.interval()
        table.add_row(
            visible(name),
            *([comparison.name] if several else []),
            f"{one.difference.problems:,}",
            _amount(one, one.before),
            _amount(one, one.after),
            _amount(one, one.difference.value, sign="+"),
            f"{_amount(one, low, sign='+')} … {_amount(one, high, sign='+')}",
            f"{one.adjusted:.3f}" if one.adjusted >= _ALWAYS_SMALL else f"<{_ALWAYS_SMALL:g}",
            *([_amount(one, one.detectable)] if detectable else []),
        )
    return table


def _amount(one: Contrast, value: float, sign: str = "") -> str:
    """Return a value of a contrast in per cent, or as the amount that it is."""
    shown = 100 * value if one.unit is Unit.SHARE else value
    # Minus zero is zero.
    return format(round(shown, 1) + 0.0, f"{sign},.1f")


def _print_tests(console: Console, rows: Sequence[Row], *, detectable: bool) -> None:
    tests = ", ".join(dict.fromkeys(contrast.test for _, _, contrast in rows))
    over = f"; {rows[0][2].adjustment}" if len(rows) > 1 else ""
    console.print(f"n       problems\np       two-sided, {tests}{over}")
    if detectable:
        console.print("MDE     a true change of this size is found four times of five")


def _print_slices(console: Console, done: Comparisons, task: str) -> None:
    rows = [
        (contrast.slice, one, contrast)
        for one in done.found
        if one.task == task
        for contrast in one.slices
    ]
    # What the runs have of one slice stands together.
    order = {where: place for place, where in enumerate(dict.fromkeys(row[0] for row in rows))}
    hidden = {} if done.request.slices else _crowded(order)
    shown = [row for row in rows if _kind(row[0]) not in hidden]
    if shown:
        console.print(f"\n{task} by slice, to find what may be worth a test of its own")
        _print_table(console, done, "slice", sorted(shown, key=lambda row: order[row[0]]))
        console.print(f"p       {shown[0][2].adjustment} slices")
    for kind, count in hidden.items():
        console.print(visible(f"by {kind}: {count} slices; --by {kind} shows them"))


def _kind(where: str) -> str:
    return where.partition("=")[0]


def _crowded(slices: Iterable[str]) -> dict[str, int]:
    """Return the kinds of slices that have too many values for a table, with how many."""
    counts = Counter(map(_kind, slices))
    return {kind: count for kind, count in counts.items() if count > _MOST_SLICES}


def _print_ranks(console: Console, done: Comparisons, ranks: Ranks) -> None:
    table = plain_table(">rank", "run", ">score", ">group", "model")
    for name, place in ranks.places:
        rank = str(place.best) if place.best == place.worst else f"{place.best} – {place.worst}"
        score = f"{100 * place.value:.1f}"
        table.add_row(rank, name, score, str(place.group), visible(_model(done.named[name])))
    console.print(f"\n{ranks.task}, ranks over the {ranks.problems:,} problems that all runs have")
    console.print(table)
    console.print("rank    every one that other problems like these could give it, with 95 %")
    console.print("group   all that are not significantly below its highest run")


# --- flips -----------------------------------------------------------------------------------


def _print_flips(console: Console, one: TaskComparison, most: int) -> None:
    for lost in (True, False):
        flips = [flip for flip in one.flips if flip.lost is lost]
        if flips:
            done = "lost" if lost else "gained"
            counted = f"{len(flips):,} problem{'s' if len(flips) > 1 else ''}"
            console.print(f"\n{one.task}: {one.name} {done} {counted}{_solved(one)}", style="bold")
        for flip in flips[:most]:
            console.print(_flip_line(one, flip), no_wrap=True, overflow="ellipsis")
        if len(flips) > most:
            console.print(f"  … and {len(flips) - most:,} more")


def _solved(one: TaskComparison) -> str:
    """Return when a problem counts as solved, where that needs saying."""
    several = any(max(pair.samples) > 1 for pair in one.scores.pairs.values())
    return ", solved by at least half of their samples" if several else ""


def _flip_line(one: TaskComparison, flip: Flip) -> str:
    before, after = one.pairing.before, one.pairing.after
    problem = before.problems[flip.problem_id]
    return (
        f"  {_short(problem.id, _NAME)}  A {_said(before, flip.before, problem.id)}"
        f"  {one.name} {_said(after, flip.after, problem.id)}"
        f"  gold {_short(problem.gold[0], _ANSWER)}  {_short(problem.question, _QUESTION)}"
    )


def _said(side: TaskRun, score: float, problem: str) -> str:
    """Return the one answer of a side, or of several samples the share that is right."""
    verdicts = side.items[problem].verdicts
    if len(verdicts) > 1:
        return f"{100 * score:.0f} %"
    answer = verdicts[0].answer
    return f"({verdicts[0].outcome})" if answer is None else _short(answer, _ANSWER)


def _short(text: str, most: int) -> str:
    """Return the beginning of a text from outside, harmless and in one line."""
    line = " ".join(visible(text[: 2 * most]).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
