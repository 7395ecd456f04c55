"""Tasks on the terminal and as JSON: all in a table, or one with its prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from mathreason_eval.cli.screens import note, plain_table, stdout
from mathreason_eval.tasks import Task
from mathreason_eval.tasks.task import render
from mathreason_eval.text import visible
from mathreason_eval.types import Problem

_PLAIN_FIELDS = (
    *("name", "version", "summary", "license", "source", "paper", "generated"),
    *("extract", "grade", "slices", "max_tokens"),
)


def task_as_json(task: Task, problems: Sequence[Problem] = ()) -> dict[str, object]:
    """Return a task as plain values, with these problems and their prompts."""
    return {
        **{name: getattr(task, name) for name in _PLAIN_FIELDS},
        "data": [asdict(data) for data in task.data],
        "prompts": {form.id: asdict(form) for form in task.prompts.values()},
        "problems": [
            {
                "problem": asdict(problem),
                "prompts": {
                    form.id: asdict(render(form, problem)) for form in task.prompts.values()
                },
            }
            for problem in problems
        ],
    }


_MIN_WIDTH_WITH_LICENCE = 110
"""Columns of a terminal from which on the licences are shown."""


def print_tasks(tasks: Sequence[Task]) -> None:
    """Print a row for each task; the licence of its data where the terminal is wide enough."""
    console = stdout()
    licensed = console.width >= _MIN_WIDTH_WITH_LICENCE
    table = plain_table("task", ">v", ">problems", "grader", "what it asks")
    if licensed:
        table.add_column("licence of the data")
    for task in tasks:
        counts = [task.size] if task.generated else [data.rows for data in task.data]
        known = [count for count in counts if count is not None]
        size = f"{sum(known):,}" if len(known) == len(counts) else "?"
        table.add_row(
            task.name,
            str(task.version),
            f"{size}{' *' if task.generated else '  '}",
            task.grade,
            task.summary,
            *([task.license] if licensed else []),
        )
    console.print(table)
    note("* made from a seed, nothing to download · `mathreason show TASK` for one")


def print_task(task: Task, problems: Sequence[Problem]) -> None:
    """Print a task with its prompts, rendered for these problems."""
    console = stdout()
    where = "generated from a seed" if task.generated else task.source
    for label, value in (
        ("task", f"{task.name} v{task.version}: {task.summary}"),
        ("problems", where),
        ("paper", task.paper or "none"),
        ("licence", task.license),
        ("answers", f"found by {', '.join(task.extract)}; judged by {task.grade}"),
        ("reported by", ", ".join(task.slices) or "nothing but the whole"),
        ("max tokens", f"{task.max_tokens:,}"),
    ):
        console.print(f"{label:<12} {value}", soft_wrap=True)
    for form in task.prompts.values():
        console.print()
        kind = "chat" if form.chat else "text"
        console.print(f"prompt {form.id} ({kind}), stop at {list(form.stop)}")
        for problem in problems:
            prompt = render(form, problem)
            asked = prompt.text if prompt.text is not None else prompt.messages[0].content
            console.print(visible(f"--- {problem.id}, gold {' or '.join(problem.gold)}\n{asked}"))
        if not problems:
            console.print(form.template)
