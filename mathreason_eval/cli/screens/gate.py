"""A gate's judgement on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mathreason_eval.cli.screens import (
    flips_by_direction,
    note,
    stdout,
)
from mathreason_eval.cli.screens.tables import Table, print_table
from mathreason_eval.gate.judging import Conclusion, Judgement, SuiteJudgement, TaskJudgement
from mathreason_eval.gate.wording import (
    SIGNS,
    SURE,
    format_bounds,
    format_points,
    format_share,
    headline,
    next_step,
    notes,
    reasons,
    suite_reasons,
)
from mathreason_eval.text import visible_line

if TYPE_CHECKING:
    from rich.console import Console

# --- gate ------------------------------------------------------------------------------------

_COLOURS = {
    Conclusion.PASS: "green",
    Conclusion.REGRESSION: "red",
    Conclusion.INCONCLUSIVE: "yellow",
    Conclusion.NOT_COMPARABLE: "magenta",
}


def print_judgement(judgement: Judgement) -> None:
    """Print a table of the tasks, the reasons, the flipped problems, and the conclusion."""
    console = stdout()
    after, before = (run.manifest.model.name for run in (judgement.after, judgement.before))
    console.print(visible_line(f"{after} against {before}"), style="bold", soft_wrap=True)
    if judgement.tasks:
        _print_table(console, judgement)
    if judgement.suite is not None:
        for reason in suite_reasons(judgement.suite, judgement.config.default_rules):
            console.print(visible_line(f"suite: {reason}"))
    for task in judgement.tasks:
        _print_reasons(console, task)
        _print_flips(console, task)
    for line in notes(judgement):
        console.print(visible_line(line))
    console.print(
        f"{SIGNS[judgement.conclusion]} {headline(judgement)}", style=_COLOURS[judgement.conclusion]
    )
    if step := next_step(judgement):
        note(step)


def _print_table(console: Console, judgement: Judgement) -> None:
    rows = [_row("suite", judgement.suite)] if judgement.suite is not None else []
    rows += [_row(task.label, task) for task in judgement.tasks]
    headings = ("task", "answer", ">before", ">after", ">change", ">bounds, pp")
    # A conclusion folded into two lines would look like two.
    print_table(console, Table(headings=headings, rows=rows, unbroken=frozenset({"answer"})))


def _row(label: str, one: TaskJudgement | SuiteJudgement) -> tuple[str, ...]:
    figures = ("", "", "")
    if one.decision is not None:
        change = format_points(one.decision.decided.value)
        figures = (f"{100 * one.before:.1f}", f"{100 * one.after:.1f}", change)
    answer = f"{SIGNS[one.conclusion]} {one.conclusion}"
    return (label, answer, *figures, format_bounds(one.decision))


def _print_reasons(console: Console, task: TaskJudgement) -> None:
    for reason in reasons(task):
        console.print(visible_line(f"{task.task}: {reason}"))


_MAX_FLIPS = 8
"""Maximum number of flipped problems listed per task and direction."""


def _print_flips(console: Console, task: TaskJudgement) -> None:
    for verb, found in flips_by_direction(task.flips):
        named = ", ".join(
            f"{flip.problem_id} "
            f"{format_share(flip.before, task.samples[0])} → "
            f"{format_share(flip.after, task.samples[1])}{SURE if flip.is_sure else ''}"
            for flip in found[:_MAX_FLIPS]
        )
        rest = f" and {len(found) - _MAX_FLIPS} more" if len(found) > _MAX_FLIPS else ""
        console.print(visible_line(f"{task.task}: {len(found)} {verb}: {named}{rest}"))
