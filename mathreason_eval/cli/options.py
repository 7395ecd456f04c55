"""Options that several verbs share, each a decorator, and the types of their values."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mathreason_eval.cli.config_file import OneValue, config_option
from mathreason_eval.text.limits import MAX_SAMPLES

if TYPE_CHECKING:
    from mathreason_eval.models import NamedModel

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class FilePath(click.Path):
    """The path of a file or folder; `~` is the user's home, wherever it was written."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(
        self,
        value: Any,  # noqa: ANN401  click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401
        """Return the path."""
        if not str(value).strip() or "\0" in str(value):
            # An empty one is a variable that was not set; the current folder is a point.
            self.fail("no path is given.", param, ctx)
        return expanded(str(super().convert(value, param, ctx)))


def expanded(path: Path | str) -> Path:
    """Return a path with the home that its `~` stands for; as it is where there is none."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


PATH = FilePath()


def whole(text: str) -> int | str:
    """Return a number, or what is none: `RunSpec` refuses that with all else that is wrong."""
    # The default of an option is a number already.
    return int(text) if _DIGITS.fullmatch(str(text).strip()) else text


_DIGITS = re.compile(r"[-+]?[0-9]{1,30}")


def real(text: str) -> float | str:
    """Return a number, or what is none, as `whole`."""
    try:
        return float(text)
    except ValueError:
        return text


class FiniteRange(click.FloatRange):
    """A number within bounds; click lets NaN pass any."""

    def convert(
        self,
        value: Any,  # noqa: ANN401  click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401
        """Return the number."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


def key_value(text: str) -> tuple[str, str]:
    """Return (key, value) of `KEY=VALUE`, split at the first `=`."""
    key, _, value = text.partition("=")
    if not key or not value:
        raise click.BadParameter(f"{text!r} is not of the form KEY=VALUE.")
    return key, OneValue(value) if isinstance(text, OneValue) else value


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
    type=FiniteRange(min=0.01),
    default=5.0,
    metavar="SECONDS",
    help="Maximum time of one judgement; after it the sample is ungradable, never wrong.",
)
second_option = click.option(
    "--second",
    metavar="GRADER",
    help="A grader in addition to the task's own; samples on which they differ bound the score. "
    "`none`: no second grader.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


def text_or_file(text: str | None) -> str | None:
    """Return a text, or what is in the file of `@FILE`, without the line feed at its end."""
    if text is None or not text.startswith("@"):
        return text
    path = Path(text[1:]).expanduser()
    try:
        return path.read_text(encoding="utf-8-sig").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise click.BadParameter(f"{path} cannot be read: {reason}.") from None


def points(text: str) -> float:
    """Return a difference of scores, `2pp`, `2%` or `0.02`, as a fraction of 1."""
    number = text.strip().removesuffix("pp").removesuffix("%").strip()
    try:
        share = float(number) / (1 if number == text.strip() else 100)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise click.BadParameter(f"{text.strip()!r} is no difference of scores; write 2pp or 0.02.")
    return share


def grading_options(function: Decorated) -> Decorated:
    """Add `--workers` and `--deadline`."""
    return _workers_option(_deadline_option(function))


def tasks_option(description: str, *, required: bool = False) -> Callable[[Decorated], Decorated]:
    """Add `-t TASK[,TASK…]`."""
    return click.option(
        *("-t", "--task", "tasks"),
        required=required,
        callback=lambda _ctx, _param, texts: tuple(
            name.strip() for text in texts for name in text.split(",")
        ),
        multiple=True,
        metavar="TASK[,TASK…]",
        help=description,
    )


def _axes(pairs: Sequence[tuple[str, str]]) -> Mapping[str, tuple[str, ...]]:
    """Return the values of each setting that is swept: a list with commas, or one each time."""
    return {
        key: tuple(
            text_or_file(value) or ""
            for value in (values[0].split(",") if _is_list(values) else values)
        )
        for key, values in _values_by_key(pairs).items()
    }


def _is_list(values: Sequence[str]) -> bool:
    """Return whether values are one text of several, with commas."""
    return len(values) == 1 and not isinstance(values[0], OneValue)


sweep_option = click.option(
    "--sweep",
    type=key_value,
    callback=lambda _ctx, _param, pairs: _axes(pairs),
    multiple=True,
    metavar="KEY=A,B",
    help="Make a run of every combination of some values, each a folder below -o: of prompt, "
    "system, temperature, top-p, max-tokens, think-budget, seed, model or model-arg.NAME. A value "
    "that has a comma is named alone, and --sweep KEY=… repeated.",
)


def until_options(function: Decorated) -> Decorated:
    """Add `--until` and `--max-samples`."""
    until = click.option(
        "--until",
        callback=lambda _ctx, _param, text: None if text is None else points(text),
        metavar="SHARE",
        help="Add samples of every problem until the primary metric of each task is known to that "
        "much on these problems: 1pp is an interval of 95 % that ends at most a point away.",
    )
    most = click.option(
        "--max-samples",
        type=click.IntRange(1, MAX_SAMPLES),
        metavar="INTEGER",
        help="With --until, samples per problem after which none are added. Default: 64.",
    )
    return until(most(function))


def columns_option(description: str) -> Callable[[Decorated], Decorated]:
    """Add `--columns OURS=THEIRS[,…]`."""
    return click.option(
        "--columns",
        callback=lambda _ctx, _param, texts: dict(
            key_value(pair) for text in texts for pair in text.split(",")
        ),
        multiple=True,
        metavar="OURS=THEIRS[,…]",
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


_ASKING_OPTIONS = (
    config_option("model"),
    click.argument("model"),
    tasks_option("What to ask. May be repeated.", required=True),
    click.option(
        *("-n", "--samples"),
        type=whole,
        metavar="INTEGER",
        default=1,
        help="Samples per problem. A larger number than last time only adds the missing.",
    ),
    click.option(
        "--limit", type=whole, metavar="INTEGER", help="Ask only this many problems of each task."
    ),
    click.option(
        "--temperature",
        type=real,
        metavar="FLOAT",
        help="Default: 0 for one sample, 0.6 for several.",
    ),
    click.option(
        "--top-p", type=real, metavar="FLOAT", help="Default: 1 at temperature 0, else 0.95."
    ),
    click.option(
        "--max-tokens",
        type=whole,
        metavar="INTEGER",
        help="Default: as stored; 32,768, or what its context leaves, for a model that thinks; "
        "else what the task says.",
    ),
    click.option(
        "--think-budget",
        type=whole,
        metavar="INTEGER",
        help="End a thought that has so many tokens and is still open, with the model's own mark, "
        "and have it answered with what is left of --max-tokens. Default: as stored; else never.",
    ),
    click.option(
        "--seed",
        type=whole,
        metavar="INTEGER",
        default=0,
        help="Every sample's own seed is made from it.",
    ),
    click.option("--prompt", metavar="ID", help="A prompt of the task; `mathreason show TASK`."),
    click.option(
        "--system",
        callback=lambda _ctx, _param, text: text_or_file(text),
        metavar="TEXT|@FILE",
        help="The system message, instead of the one that the prompt names; '' for none.",
    ),
    out_option(
        "RUN",
        "The run folder. Default: one under runs/ named after model and settings.",
        required=False,
    ),
    click.option(
        "--adopt",
        is_flag=True,
        help="Count stored samples without a key, those of an earlier version, as made now.",
    ),
    click.option(
        "--repair",
        is_flag=True,
        help="Set aside what cannot be read in the run folder, and make it again.",
    ),
    model_arg_option("An option of the engine; docs/engines.md lists them. May be repeated."),
    click.option(
        "--ray",
        metavar="ADDRESS",
        help="Run replicas of the model as actors of a Ray cluster, `auto`, HOST:PORT or `local`: "
        "as many as it has GPUs for, or --model-arg replicas=N.",
    ),
    data_option,
    tasks_dir_option,
    click.option(
        "--prices",
        type=PATH,
        metavar="FILE",
        help="What tokens cost, in YAML: `currency: USD`, `models: {NAME: {prompt: 0.25, "
        "completion: 2}}`, of a million each. The run says what it has cost.",
    ),
    click.option(
        "--max-cost",
        type=real,
        metavar="FLOAT",
        help="Stop before a request that could make the run cost more, all its sessions together; "
        "needs --prices. Of a sweep: all its runs together.",
    ),
    click.option(
        "--accept-failures",
        is_flag=True,
        help="Close a request that cannot be answered, as one that exceeds the context, as "
        "no_answer; never one that failed because the server did.",
    ),
    grading_options,
    second_option,
    json_option,
)
"""The options of the verbs that take a run's settings."""


def asking_options(function: Decorated) -> Decorated:
    """Add the model, and every option of a run."""
    return reduce(lambda made, option: option(made), reversed(_ASKING_OPTIONS), function)


def named_model(model: str | None, options: Mapping[str, Any]) -> NamedModel:
    """Return the model that is asked, by its name and the options as click parsed them.

    One that was refused has an empty name, and is not looked at.
    """
    from mathreason_eval.models import NamedModel, UserModel

    placed = {} if options["ray"] is None else {"ray": options["ray"]}
    return NamedModel(name=UserModel(model or ""), options={**options["model_args"], **placed})


def run_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a run, those of `RunSpec`, among the options as click parsed them."""
    from mathreason_eval.pipeline.spec import LIMITS

    settings = {name: value for name, value in options.items() if name in LIMITS}
    return {**settings, "tasks": tuple(filter(None, options["tasks"] or ()))}
