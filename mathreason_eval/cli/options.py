"""Options that several verbs share, and how their texts are understood."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from mathreason_eval.grade import DEADLINE, WORKERS

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class Settings(click.ParamType[tuple[str, str]]):
    """`KEY=VALUE`, split at the first `=`."""

    name = "KEY=VALUE"

    def convert(
        self,
        value: Any,  # noqa: ANN401  click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, str]:
        """Return (key, value)."""
        if isinstance(value, tuple):
            return value
        key, equals, text = str(value).partition("=")
        if not key or not equals or not text:
            self.fail(f"{value!r} is not of the form KEY=VALUE.", param, ctx)
        return key, text


def grouped(pairs: Sequence[tuple[str, str]]) -> Mapping[str, tuple[str, ...]]:
    """Return, for each key, its values in order."""
    values: dict[str, tuple[str, ...]] = {}
    for key, value in pairs:
        values[key] = (*values.get(key, ()), value)
    return values


def data_option(function: Decorated) -> Decorated:
    """Add `--data TASK=PATH`."""
    return click.option(
        "--data",
        type=Settings(),
        multiple=True,
        metavar="TASK=PATH",
        help="Read the problems of a task from a file: JSONL, JSONL.gz, CSV or Parquet, with the "
        "hub's columns or id, question and gold. May be repeated; TASK=seed:N draws another set "
        "of a generated task.",
    )(function)


def tasks_option(words: str, *, required: bool = False) -> Callable[[Decorated], Decorated]:
    """Add `-t TASK[,TASK…]`, described in words."""
    return click.option(
        "-t",
        "--task",
        "tasks",
        required=required,
        multiple=True,
        metavar="TASK[,TASK…]",
        help=words,
    )


def model_arg_option(words: str) -> Callable[[Decorated], Decorated]:
    """Add `--model-arg KEY=VALUE`, described in words."""
    return click.option(
        "--model-arg",
        "model_args",
        type=Settings(),
        multiple=True,
        metavar="KEY=VALUE",
        help=words,
    )


def tasks_dir_option(function: Decorated) -> Decorated:
    """Add `--tasks-dir DIR`."""
    return click.option(
        "--tasks-dir",
        "tasks_dirs",
        type=click.Path(path_type=Path),
        multiple=True,
        help="A folder with tasks of your own. May be repeated.",
    )(function)


def grading_options(function: Decorated) -> Decorated:
    """Add `--workers` and `--deadline`."""
    function = click.option(
        "--deadline",
        type=click.FloatRange(min=0.01),
        default=DEADLINE,
        show_default=True,
        metavar="SECONDS",
        help="Time for one judgement; a later one is ungradable, never wrong.",
    )(function)
    return click.option(
        "--workers",
        type=click.IntRange(min=1),
        default=WORKERS,
        show_default=True,
        help="Grading processes.",
    )(function)


def second_option(function: Decorated) -> Decorated:
    """Add `--second`."""
    return click.option(
        "--second",
        metavar="GRADER",
        help="A grader that is asked beside the task's own: where they differ bounds the score. "
        "`none` asks none.",
    )(function)


def json_option(function: Decorated) -> Decorated:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")(
        function
    )
