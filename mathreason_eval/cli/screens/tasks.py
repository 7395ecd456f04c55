"""Tasks on the terminal and as JSON: all in a table, or one with its prompts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from mathreason_eval.cli.screens import note, stdout
from mathreason_eval.cli.screens.tables import Table, print_table
from mathreason_eval.tasks import Task
from mathreason_eval.tasks.task import Card, render
from mathreason_eval.text import counted, visible_line
from mathreason_eval.types import Problem

_PLAIN_FIELDS = (
    *("name", "version", "summary", "license", "source", "paper", "generated"),
    *("extract", "grade", "slices", "max_tokens"),
)


def task_as_json(task: Task, problems: Sequence[Problem] = ()) -> dict[str, object]:
    """Return a task as plain values, with these problems and their prompts."""
    return {
        **{name: getattr(task, name) for name in _PLAIN_FIELDS},
        "card": asdict(task.card),
        "data": [asdict(data) for data in task.data],
        "prompts": {form.id: form.content() for form in task.prompts.values()},
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
"""Minimum columns of a terminal for which licences are shown."""


def print_tasks(tasks: Sequence[Task]) -> None:
    """Print a row for each task, with the licence of its data if the terminal is wide enough."""
    console = stdout()
    licensed = console.width >= _MIN_WIDTH_WITH_LICENCE
    rows = []
    for task in tasks:
        counts = [task.size] if task.generated else [data.rows for data in task.data]
        known = [count for count in counts if count is not None]
        size = f"{sum(known):,}" if len(known) == len(counts) else "?"
        figures = (str(task.version), f"{size}{' *' if task.generated else '  '}")
        licence = [task.license] if licensed else []
        rows.append((task.name, *figures, task.grade, task.summary, *licence))
    headings = ("task", ">v", ">problems", "grader", "what it asks")
    licence = ["licence of the data"] if licensed else []
    print_table(console, Table(headings=(*headings, *licence), rows=rows))
    note("* generated from a seed, no download · `mathreason show TASK` shows one task")


def print_task(task: Task, problems: Sequence[Problem]) -> None:
    """Print a task with its prompts, rendered for these problems."""
    console = stdout()
    where = "generated from a seed" if task.generated else task.source
    for label, value in (
        ("task", f"{task.name} v{task.version}: {task.summary}"),
        ("problems", where),
        ("paper", task.paper or "none"),
        ("licence", task.license),
        *_card_lines(task.card),
        ("answers", f"extracted by {', '.join(task.extract)}; graded by {task.grade}"),
        ("slices", ", ".join(task.slices) or "none"),
        ("max tokens", f"{task.max_tokens:,}"),
    ):
        console.print(f"{label:<12} {value}", soft_wrap=True)
    for form in task.prompts.values():
        console.print()
        kind = "chat" if form.chat else "text"
        bare = form.examples and not form.shots
        shots = f", without the {counted(form.examples, 'solved problem')} of a run" if bare else ""
        console.print(f"prompt {form.id} ({kind}), stop at {list(form.stop)}{shots}")
        for problem in problems:
            prompt = render(form, problem)
            asked = prompt.asked
            console.print(visible_line(f"--- {problem.id}, gold {' or '.join(problem.gold)}"))
            console.print(asked)
        if not problems:
            console.print(form.template)


def _card_lines(card: Card) -> Iterator[tuple[str, str]]:
    """Yield what is known of the problems, with a label each."""
    if card.public:
        yield "public since", card.public
    if card.languages:
        yield "languages", ", ".join(card.languages)
    for label, share in (("people", card.human), ("chance", card.chance)):
        if share is not None:
            yield label, f"{100 * share:.1f} %"
    if card.contamination:
        yield "seen before", card.contamination
    if card.canary:
        yield "canary", card.canary
    if not card.proved:
        yield "proof", "not proved on its rows"
