"""A gate's answer on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mathreason_eval.cli.screens.console import note, plain_table, stdout
from mathreason_eval.gate.judging import Conclusion, Judgement, TaskJudgement
from mathreason_eval.gate.wording import (
    SIGNS,
    format_bounds,
    format_points,
    format_share,
    headline,
    next_step,
    notes,
    reasons,
)
from mathreason_eval.text import visible

if TYPE_CHECKING:
    from rich.console import Console

_COLOURS = {
    Conclusion.PASS: "green",
    Conclusion.REGRESSION: "red",
    Conclusion.INCONCLUSIVE: "yellow",
    Conclusion.NOT_COMPARABLE: "magenta",
}
_MOST_FLIPS = 8
"""So many problems of a task, at most, are named each way."""
_LONGEST = 40
"""Characters of a problem's name."""


def print_judgement(judgement: Judgement) -> None:
    """Print the tasks, why each got its answer, the problems that flipped, and the answer."""
    console = stdout()
    after, before = (run.manifest.model.name for run in (judgement.after, judgement.before))
    console.print(visible(f"{after} against {before}"), style="bold", soft_wrap=True)
    if judgement.tasks:
        _print_table(console, judgement)
    for task in judgement.tasks:
        _print_reasons(console, task)
        _print_flips(console, task)
    for words in notes(judgement):
        console.print(visible(words))
    console.print(
        f"{SIGNS[judgement.conclusion]} {headline(judgement)}", style=_COLOURS[judgement.conclusion]
    )
    if step := next_step(judgement):
        note(step)


def _print_table(console: Console, judgement: Judgement) -> None:
    table = plain_table("task", "answer", ">before", ">after", ">change", ">bounds, pp")
    # An answer in two lines would look like two.
    table.columns[1].no_wrap = True
    for task in judgement.tasks:
        decided = task.decision is not None
        table.add_row(
            visible(task.label),
            f"{SIGNS[task.conclusion]} {task.conclusion}",
            f"{100 * task.before:.1f}" if decided else "",
            f"{100 * task.after:.1f}" if decided else "",
            format_points(task.decision.difference.value) if task.decision is not None else "",
            format_bounds(task),
        )
    console.print(table)


def _print_reasons(console: Console, task: TaskJudgement) -> None:
    said = list(reasons(task))
    if task.conclusion is Conclusion.PASS:
        # The table says so already; what is left is its health.
        said = said[1:]
    for reason in said:
        console.print(visible(f"{task.task}: {reason}"))


def _print_flips(console: Console, task: TaskJudgement) -> None:
    for lost, words in ((True, "lost"), (False, "gained")):
        found = [flip for flip in task.flips if flip.lost is lost]
        if not found:
            continue
        named = ", ".join(
            f"{_named(flip.problem_id)} {format_share(flip.before, task.samples[0])} → "
            f"{format_share(flip.after, task.samples[1])}"
            for flip in found[:_MOST_FLIPS]
        )
        rest = f" and {len(found) - _MOST_FLIPS} more" if len(found) > _MOST_FLIPS else ""
        console.print(visible(f"{task.task}: {len(found)} {words}: {named}{rest}"))


def _named(problem_id: str) -> str:
    """Return a problem's name on one line, cut if it is long."""
    line = " ".join(problem_id.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
