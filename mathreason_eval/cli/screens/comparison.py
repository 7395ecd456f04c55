"""A comparison of runs on the terminal, as tables that fit 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mathreason_eval.cli.screens import (
    amount,
    crowded_properties,
    flips_by_direction,
    interval,
    note,
    one_line,
    property_of,
    stdout,
)
from mathreason_eval.cli.screens.tables import Table, print_table
from mathreason_eval.compare.comparison import Comparisons, Ranks, TaskComparison
from mathreason_eval.compare.contrast import Contrast, Flip
from mathreason_eval.compare.curves import Curve
from mathreason_eval.compare.pairing import TaskRun
from mathreason_eval.text import counted, visible_line
from mathreason_eval.types import Unit

if TYPE_CHECKING:
    from rich.console import Console

Row = tuple[str, TaskComparison, Contrast]
"""(label, comparison, contrast)."""

_MAX_FLIPS, _MAX_FLIPS_OF_SEVERAL = 5, 2
"""Maximum flipped problems listed per direction, for one comparison and for several."""


def print_comparisons(done: Comparisons) -> None:
    """Print the runs, warnings, tables of the differences, and the flipped problems."""
    console = stdout()
    for name, run in done.named.items():
        baseline = "  (baseline)" if name == "A" else ""
        console.print(
            visible_line(f"{name}  {run.manifest.model.name}  {run.path}{baseline}"), soft_wrap=True
        )
    for name, task in done.lacking:
        console.print(visible_line(f"note: {name} does not have {task}"))
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
    print_table(console, _table(done, "task", rows))
    _print_tests(console, rows)
    _print_both_questions(console, done, rows)
    for task in dict.fromkeys(one.task for one in done.found):
        _print_slices(console, done, task)
    tokens = [(one.task, one, one.tokens) for one in done.found if one.tokens is not None]
    if tokens and metric != "tokens":
        console.print("\ntokens per sample")
        print_table(console, _table(done, "task", tokens))
    for ranks in done.ranks:
        _print_ranks(console, done, ranks)
    for one in done.found:
        _print_flips(console, one, _MAX_FLIPS if len(done.found) == 1 else _MAX_FLIPS_OF_SEVERAL)
    note("--json has everything, with all flipped problems")


def _print_warnings(console: Console, one: TaskComparison) -> None:
    where = f"{one.task} of {one.name}"
    for phrase in one.pairing.obstacles.values():
        console.print(visible_line(f"compared by force: {where}: {phrase}"), style="yellow")
    for phrase in one.notes:
        console.print(visible_line(f"note: {where}: {phrase}"))


# --- tables ----------------------------------------------------------------------------------


_SMALLEST_P = 0.001
"""P-values below this are shown as `<` it."""


def _table(done: Comparisons, what: str, rows: Sequence[Row]) -> Table:
    """Return a table of contrasts; its last column is the minimum detectable effect (MDE)."""
    several = len(done.runs) > 2  # noqa: PLR2004  a baseline and another
    sides = (">A", ">score", ">change") if several else (">A", ">B", ">B − A")
    columns = [*(["run"] if several else []), ">n", *sides, ">95 % interval", ">p"]
    cells = []
    for label, comparison, one in rows:
        low, high = one.difference.interval()
        figures = (
            f"{one.difference.problems:,}",
            amount(one.unit, one.before),
            amount(one.unit, one.after),
            amount(one.unit, one.difference.value, "+"),
            f"{amount(one.unit, low, '+')} … {amount(one.unit, high, '+')}",
            f"{one.adjusted:.3f}" if one.adjusted >= _SMALLEST_P else f"<{_SMALLEST_P:g}",
            "none" if one.detectable is None else amount(one.unit, one.detectable),
        )
        cells.append((label, *([comparison.name] if several else []), *figures))
    headings = (what, *columns, ">MDE")
    return Table(headings=headings, rows=cells)


def _print_tests(console: Console, rows: Sequence[Row]) -> None:
    tests = ", ".join(dict.fromkeys(contrast.test for _, _, contrast in rows))
    adjustment = f"; {rows[0][2].adjustment}" if len(rows) > 1 else ""
    console.print("n       problems")
    console.print("p       how often chance shows as much, either way, if nothing changed:")
    console.print(f"        {tests}{adjustment}")
    console.print("MDE     minimum detectable effect: the change that is found four times in five")


def _print_both_questions(console: Console, done: Comparisons, rows: Sequence[Row]) -> None:
    for label, one, whole in rows:
        if whole.unit is Unit.SHARE:
            where = label if len(done.runs) == 2 else f"{label} of {one.name}"  # noqa: PLR2004
            for line in _both_questions(whole):
                console.print(visible_line(f"{where}: {line}"))


def _both_questions(one: Contrast) -> Iterator[str]:
    """Yield what is known on these problems, and on others like them."""
    n = one.difference.problems
    if one.these is None:
        yield f"these {n:,} alone: the noise of their samples is not known"
    else:
        these = _interval(one.unit, (one.these.low, one.these.high))
        yield f"these {n:,} alone: {these}, {_word(one, sure=one.is_sure_of_these)}"
    others = _interval(one.unit, one.difference.interval())
    yield f"others like them: {others}, {_word(one, sure=one.is_sure)}"


def _interval(unit: Unit, ends: tuple[float, float]) -> str:
    return " … ".join(amount(unit, end, "+") for end in ends)


def _word(one: Contrast, *, sure: bool) -> str:
    if not sure:
        return "open"
    return "better" if one.difference.value > 0 else "worse"


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
        console.print(f"\n{task} by slice, exploratory")
        ordered = sorted(shown, key=lambda row: order[row[0]])
        print_table(console, _table(done, "slice", ordered))
        console.print(f"p       {shown[0][2].adjustment} slices")
    for name, count in hidden.items():
        console.print(visible_line(f"by {name}: {count} slices; --by {name} shows them"))


def _print_ranks(console: Console, done: Comparisons, ranks: Ranks) -> None:
    rows = []
    for name, place in ranks.places:
        rank = str(place.best) if place.best == place.worst else f"{place.best} – {place.worst}"
        score, model = f"{100 * place.value:.1f}", done.named[name].manifest.model.name
        rows.append((rank, name, score, str(place.group), model))
    table = Table(headings=(">rank", "run", ">score", ">group", "model"), rows=rows)
    console.print(f"\n{ranks.task}, ranks over the {ranks.problems:,} problems that all runs have")
    print_table(console, table)
    console.print("rank    95 % range over other problems like these")
    console.print("group   runs that are not significantly below its highest one")


# --- flips -----------------------------------------------------------------------------------


def _print_flips(console: Console, one: TaskComparison, most: int) -> None:
    several = any(max(pair.samples) > 1 for pair in one.scores.pairs.values())
    solved = ", noise left out" if several else ""
    for verb, flips in flips_by_direction(one.flips):
        problems = counted(len(flips), "problem")
        console.print(f"\n{one.task}: {one.name} {verb} {problems}{solved}", style="bold")
        for flip in flips[:most]:
            console.print(_flip_line(one, flip, console.width))
        if len(flips) > most:
            console.print(f"  … and {len(flips) - most:,} more")


_LONGEST_ANSWER, _MIN_QUESTION = 40, 20
"""Maximum characters of an answer; minimum characters of a question, if it is shown."""


def _flip_line(one: TaskComparison, flip: Flip, width: int) -> str:
    """Return a line with a flipped problem, its answers, and as much of its question as fits."""
    from rich.cells import cell_len, set_cell_size

    before, after = one.pairing.before, one.pairing.after
    problem = before.problems[flip.problem_id]
    head = (
        f"  {visible_line(problem.id)}  A {_answer(before, flip.before, problem.id)}"
        f"  {one.name} {_answer(after, flip.after, problem.id)}"
        f"{'  sure' if flip.is_sure else ''}"
        f"  gold {one_line(next(iter(problem.gold), 'unknown'), _LONGEST_ANSWER)}"
    )
    place = width - cell_len(head) - 2
    if place < _MIN_QUESTION:
        return head
    return f"{head}  {set_cell_size(one_line(problem.question, place), place).rstrip()}"


def _answer(side: TaskRun, score: float, problem: str) -> str:
    """Return the answer of a single sample, or, for several, the fraction that is correct."""
    verdicts = side.items[problem].verdicts
    if len(verdicts) > 1:
        return f"{100 * score:.0f} %"
    answer = verdicts[0].answer
    return f"({verdicts[0].outcome})" if answer is None else one_line(answer, _LONGEST_ANSWER)


# --- curves ------------------------------------------------------------------------------------


def print_curves(found: Sequence[Curve]) -> None:
    """Print a table of checkpoints for each curve."""
    console = stdout()
    for one in found:
        metric = one.points[0].metric
        title = f"{one.task} · {metric.name}" + (f" · {one.training}" if one.training else "")
        console.print(visible_line(title), style="bold", soft_wrap=True)
        rows = [
            (
                f"{point.step:,}",
                amount(point.metric.unit, point.metric.value),
                interval(point.metric.unit, point.metric.low, point.metric.high),
                f"{point.metric.problems:,}",
                f"{point.metric.samples:,}",
            )
            for point in one.points
        ]
        headings = (f">{one.of}", f">{metric.name}", ">95 % interval", ">problems", ">samples")
        print_table(console, Table(headings=headings, rows=rows))
        for point in one.points:
            for phrase in point.notes:
                console.print(visible_line(f"note: {one.of} {point.step:,}: {phrase}"))
