"""Tasks for lm-eval: our prompts as they are sent, and our extraction and grading.

A folder for each task: its YAML, the problems, the rules, and a module of a few lines that leads
lm-eval here. It can be moved; where it is used, this package must be installed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mathreason_eval.errors import DataError
from mathreason_eval.grade.graders import is_of_task
from mathreason_eval.pipeline.plan import TaskRules
from mathreason_eval.runs.store import Run
from mathreason_eval.tasks import Task, load_task, task_names
from mathreason_eval.tasks.datasets import load_problems, load_shots
from mathreason_eval.tasks.task import render
from mathreason_eval.text import visible_line
from mathreason_eval.types import GradingRules, Problem, Prompt, ReportRules

PREFIX = "mathreason_"
"""Of the names of tasks in lm-eval, which has a gsm8k of its own."""
PROBLEMS, RULES = "problems.jsonl", "rules.json"

_MODULE = '''"""Leads lm-eval to the prompts and the grading of mathreason_eval, which it needs."""

from pathlib import Path

from mathreason_eval.pipeline.exporters.graded import ExportedTask

_TASK = ExportedTask(Path(__file__).parent)
dataset = _TASK.dataset
prompt = _TASK.prompt
target = _TASK.target
process_results = _TASK.process_results
'''
_METRICS = (("correct", True), ("no_answer", False), ("truncated", False), ("ungradable", False))
"""Shares of samples, and whether more is better."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedTask:
    """A task as it is to be asked."""

    name: str
    version: int
    prompt_id: str
    asked: Sequence[tuple[Problem, Prompt]]
    max_tokens: int | None
    grading: GradingRules
    report: ReportRules
    folder: Path | None
    """Of the task, for a grader that is in it."""


def tasks_of_run(run: Run) -> Iterator[AskedTask]:
    """Yield the tasks of a run with its prompts as they were sent.

    Raises:
        DataError: if the prompts are not stored, as those of an import.
    """
    for task, entry in run.manifest.tasks.items():
        prompts = {one.problem_id: one.prompt for one in run.prompts(task)}
        problems = run.problems(task)
        if any(problem.id not in prompts for problem in problems):
            ours = task if task in task_names(()) else "TASK"
            raise DataError(
                f"{run.path} does not say how the problems of {task} were put.",
                f"Export a task itself: `mathreason export lm-eval -t {ours} -o DIR`.",
            )
        folder = load_task(task).folder if task in task_names(()) else None
        yield AskedTask(
            name=task,
            version=entry.version,
            prompt_id=entry.prompt.id,
            asked=[(problem, prompts[problem.id]) for problem in problems],
            max_tokens=entry.max_tokens,
            grading=entry.grading,
            report=entry.report,
            folder=folder,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskRequest:
    """A task to be exported, and how it is to be asked."""

    task: Task
    data: Sequence[str] = ()
    """As `--data`."""
    prompt: str | None = None
    """Id of the prompt; None: the first for a chat model."""
    limit: int | None = None


def asked_task(request: TaskRequest) -> AskedTask:
    """Return a task as it would be asked.

    Raises:
        UserError: as `load_problems` and `render`.
    """
    task = request.task
    form = task.prompt_form(request.prompt, chat=True)
    if form.examples:
        form = replace(form, shots=load_shots(task, request.data, form.examples))
    problems = load_problems(task, request.data, limit=request.limit).problems
    rules = TaskRules.of(task)
    return AskedTask(
        name=task.name,
        version=task.version,
        prompt_id=form.id,
        asked=[(problem, render(form, problem)) for problem in problems],
        max_tokens=task.max_tokens,
        grading=rules.grading,
        report=rules.reporting,
        folder=task.folder,
    )


def export_run(run: Run, out: Path) -> None:
    """Write the tasks of a run for lm-eval.

    Raises:
        DataError: as `write_tasks` and `tasks_of_run`.
    """
    write_tasks(tasks_of_run(run), out)


def write_tasks(tasks: Iterable[AskedTask], out: Path) -> list[str]:
    """Write tasks for lm-eval; return their names there.

    Raises:
        DataError: if a prompt has turns, which lm-eval cannot be given, or a folder cannot be
            written.
    """
    names = []
    for task in tasks:
        name = f"{PREFIX}{task.name.replace('-', '_')}"
        files = dict(_files(task, name))
        folder = out / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for file, text in files.items():
                (folder / file).write_text(text, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise DataError(
                f"{folder} cannot be written: {error.strerror}.", "Choose another -o."
            ) from None
        names.append(name)
    return names


def _files(task: AskedTask, name: str) -> Iterator[tuple[str, str]]:
    import yaml

    rows = [_row(task, problem, prompt) for problem, prompt in task.asked]
    yield PROBLEMS, "".join(f"{json.dumps(row, sort_keys=True)}\n" for row in rows)
    yield RULES, f"{json.dumps(_rules(task), indent=1, sort_keys=True)}\n"
    yield f"{name}.py", _MODULE
    # Functions are named by a tag, which no dumper of YAML writes for a text.
    functions = "".join(
        f"{key}: !function {name}.{function}\n"
        for key, function in (
            ("custom_dataset", "dataset"),
            ("doc_to_text", "prompt"),
            ("doc_to_target", "target"),
            ("process_results", "process_results"),
        )
    )
    plain = yaml.safe_dump(_settings(task, name), sort_keys=False, allow_unicode=True)
    head = f"# {task.name} v{task.version}, prompt {task.prompt_id}, of mathreason-eval.\n"
    yield f"{name}.yaml", head + plain + functions


def _settings(task: AskedTask, name: str) -> dict[str, Any]:
    """Return what is said in the YAML besides the functions."""
    stops = dict.fromkeys(stop for _, prompt in task.asked for stop in prompt.stop)
    generation: dict[str, Any] = {"until": [*stops], "do_sample": False, "temperature": 0.0}
    if task.max_tokens is not None:
        generation["max_gen_toks"] = task.max_tokens
    systems = any(one.role == "system" for _, prompt in task.asked for one in prompt.messages)
    return {
        "task": name,
        "test_split": "test",
        "output_type": "generate_until",
        "num_fewshot": 0,
        "target_delimiter": "",
        **({"description": "{{system}}"} if systems else {}),
        "generation_kwargs": generation,
        "metric_list": [
            {"metric": metric, "aggregation": "mean", "higher_is_better": better}
            for metric, better in _METRICS
        ],
        "metadata": {"version": task.version},
    }


def _row(task: AskedTask, problem: Problem, prompt: Prompt) -> dict[str, Any]:
    """Return a row of the data set of lm-eval.

    Raises:
        DataError: if the prompt is more than a system message and a message of the user.
    """
    system = [one.content for one in prompt.messages if one.role == "system"]
    others = [one for one in prompt.messages if one.role != "system"]
    if prompt.text is None and [one.role for one in others] != ["user"]:
        raise DataError(
            f"The prompt of {visible_line(problem.id)} in {task.name} has turns of the assistant, "
            "which lm-eval cannot be given.",
            "Choose another with --prompt.",
        )
    return {
        "id": problem.id,
        "question": problem.question,
        "prompt": others[0].content if prompt.text is None else prompt.text,
        "system": system[0] if system else "",
        "gold": list(problem.gold),
        # As text: rows of one data set must have the same columns.
        "problem": json.dumps(asdict(problem), sort_keys=True),
    }


def _rules(task: AskedTask) -> dict[str, Any]:
    own = [one for one in (task.grading.grade, task.grading.second) if one and is_of_task(one)]
    return {
        "task": task.name,
        "version": task.version,
        "grading": asdict(task.grading),
        "report": asdict(task.report),
        "folder": str(task.folder.resolve()) if own and task.folder is not None else None,
    }
