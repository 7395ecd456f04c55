"""Options that several verbs share, each a decorator, and the types of their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

PATH = click.Path(path_type=Path)


def key_value(text: str) -> tuple[str, str]:
    """Return (key, value) of `KEY=VALUE`, split at the first `=`."""
    key, _, value = text.partition("=")
    if not key or not value:
        raise click.BadParameter(f"{text!r} is not of the form KEY=VALUE.")
    return key, value


def _values_by_key(pairs: Sequence[tuple[str, str]]) -> Mapping[str, tuple[str, ...]]:
    """Return the values of each key, in order."""
    values: dict[str, tuple[str, ...]] = {}
    for key, value in pairs:
        values[key] = (*values.get(key, ()), value)
    return values


data_option = click.option(
    "--data",
    type=key_value,
    callback=lambda _ctx, _param, pairs: _values_by_key(pairs),
    multiple=True,
    metavar="TASK=PATH",
    help="Read the problems of a task from a file: JSONL, JSONL.gz, CSV or Parquet, with the "
    "hub's columns or id, question and gold. May be repeated; TASK=seed:N draws another set "
    "of a generated task.",
)
tasks_dir_option = click.option(
    "--tasks-dir",
    "tasks_dirs",
    type=PATH,
    multiple=True,
    help="A folder with tasks of your own. May be repeated.",
)
_workers_option = click.option(
    "--workers", type=click.IntRange(min=1), default=2, help="Grading processes."
)
_deadline_option = click.option(
    "--deadline",
    type=click.FloatRange(min=0.01),
    default=5.0,
    metavar="SECONDS",
    help="Time for one judgement; a later one is ungradable, never wrong.",
)
second_option = click.option(
    "--second",
    metavar="GRADER",
    help="A grader asked in addition to the task's own; where the two differ bounds the score. "
    "`none` asks none.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


def grading_options(function: Decorated) -> Decorated:
    """Add `--workers` and `--deadline`."""
    return _workers_option(_deadline_option(function))


def tasks_option(description: str, *, required: bool = False) -> Callable[[Decorated], Decorated]:
    """Add `-t TASK[,TASK…]`."""
    return click.option(
        *("-t", "--task", "tasks"),
        required=required,
        callback=lambda _ctx, _param, texts: tuple(n for text in texts for n in text.split(",")),
        multiple=True,
        metavar="TASK[,TASK…]",
        help=description,
    )


def model_arg_option(description: str) -> Callable[[Decorated], Decorated]:
    """Add `--model-arg KEY=VALUE`."""
    return click.option(
        *("--model-arg", "model_args"),
        type=key_value,
        callback=lambda _ctx, _param, pairs: dict(pairs),
        multiple=True,
        metavar="KEY=VALUE",
        help=description,
    )


def out_option(
    metavar: str, description: str, *, required: bool = True
) -> Callable[[Decorated], Decorated]:
    """Add `-o PATH`."""
    return click.option(
        *("-o", "--out"), required=required, type=PATH, metavar=metavar, help=description
    )
