"""`mathreason revise` and `mathreason probe`: runs that are made from the samples of another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mathreason_eval.cli.options import (
    PATH,
    Decorated,
    grading_options,
    json_option,
    model_arg_option,
    out_option,
    tasks_dir_option,
    tasks_option,
    text_or_file,
)
from mathreason_eval.cli.screens import exit_code_kept, print_json, say
from mathreason_eval.cli.signals import SIGNALS
from mathreason_eval.errors import EXIT_DONE
from mathreason_eval.text import visible_line
from mathreason_eval.text.limits import MAX_SAMPLES

if TYPE_CHECKING:
    from mathreason_eval.pipeline.derived import Made
    from mathreason_eval.runs.store import Run

_OPTIONS = (
    click.argument("path", metavar="RUN", type=PATH),
    click.option(
        "--with",
        "model",
        required=True,
        metavar="MODEL",
        help="Who is asked: the model of RUN, or another. A name in a folder opens nothing.",
    ),
    out_option("OUT", "The folder of the new run, which names RUN as its parent."),
    click.option(
        *("-n", "--samples"),
        type=click.IntRange(1, MAX_SAMPLES),
        default=1,
        help="New samples of each that is asked about.",
    ),
    tasks_option("Only these tasks. May be repeated. Default: all."),
    model_arg_option("An option of the engine; docs/engines.md lists them. May be repeated."),
    tasks_dir_option,
    click.option(
        "--accept-failures",
        is_flag=True,
        help="Close a request that cannot be answered, as one that exceeds the context, as "
        "no_answer.",
    ),
    grading_options,
    json_option,
)


def _derive_options(function: Decorated) -> Decorated:
    """Add the options of both verbs."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@click.command()
@_derive_options
@click.option(
    "--instruction",
    callback=lambda _ctx, _param, text: text_or_file(text),
    metavar="TEXT|@FILE",
    help="What is said to each answer, instead of: review it, find problems, and solve again.",
)
def revise(path: Path, *, instruction: str | None, **options: Any) -> int:  # noqa: ANN401  click's
    """Have each answer of RUN revised in a second turn, and store that as a run of its own.

    Tells how many answers became wrong and how many right, and what a vote among as many first
    answers is worth as have the tokens of both turns. The same command goes on.
    """
    from mathreason_eval.cli.screens.derived import revised_as_json, revised_lines
    from mathreason_eval.pipeline.second_turn import INSTRUCTION, SecondTurn, revised

    parent, run = _derived(path, SecondTurn(instruction=instruction or INSTRUCTION), options)
    found = revised(parent, run)
    return _shown(run, options, {"revised": revised_as_json(found)}, revised_lines(found))


@click.command()
@_derive_options
@click.option(
    "--cut",
    callback=lambda _ctx, _param, text: _shares(text),
    metavar="PERCENT[,…]",
    help="Cut each thought to so many per cent of its sentences, and have it answered at once. "
    "Default, without --false-step: 0,25,50,75,100.",
)
@click.option(
    "--false-step",
    is_flag=True,
    help="Put a wrong result into one equation of each thought, and have the model go on from "
    "there; beside it the same with the right one.",
)
def probe(path: Path, *, cut: tuple[int, ...], false_step: bool, **options: Any) -> int:  # noqa: ANN401  click's
    """Change the thoughts of RUN's samples: does the answer follow the reasoning?

    The gold of a probe is the answer that the sample had: `avg` is the share of answers that stay
    the same. RUN's samples that have no answer are left out, and counted. The same command goes on.
    """
    from mathreason_eval.pipeline.probing import SHARES, CutThoughts, FalseStep

    if cut and false_step:
        raise click.UsageError("--cut and --false-step make two runs: one after the other.")
    made: Made = FalseStep() if false_step else CutThoughts(shares=cut or SHARES)
    _, run = _derived(path, made, options)
    return _shown(run, options, {}, ())


_WHOLE = 100


def _shares(text: str | None) -> tuple[int, ...]:
    """Return the shares of a comma list, each once."""
    try:
        shares = tuple(dict.fromkeys(int(one) for one in text.split(","))) if text else ()
    except ValueError:
        shares = (-1,)
    if not all(0 <= one <= _WHOLE for one in shares):
        raise click.BadParameter(f"{text!r} is no list of per cent; write 0,50,100.")
    return shares


def _derived(path: Path, made: Made, options: Mapping[str, Any]) -> tuple[Run, Run]:
    """Make a run from the samples of another; return both."""
    from mathreason_eval.cli.screens.progress import Progress
    from mathreason_eval.models import NamedModel, UserModel
    from mathreason_eval.pipeline.derived import DerivedRequest, derive

    asked = DerivedRequest(
        made=made,
        opener=NamedModel(name=UserModel(options["model"]), options=options["model_args"]),
        out=options["out"],
        samples=options["samples"],
        tasks=options["tasks"],
        tasks_dirs=options["tasks_dirs"],
        accept_failures=options["accept_failures"],
    )
    with Progress() as progress:
        parent, run = derive(
            path,
            asked,
            watcher=progress,
            grading=(options["workers"], options["deadline"]),
            stop=SIGNALS.stop,
        )
    SIGNALS.raise_received()
    return parent, run


def _shown(
    run: Run, options: Mapping[str, Any], more: Mapping[str, object], lines: Iterable[str]
) -> int:
    from mathreason_eval.cli.screens.runs import print_run, run_as_json

    with exit_code_kept():
        if options["as_json"]:
            print_json({**run_as_json(run), **more})
        else:
            print_run(run)
            for line in lines:
                say(visible_line(line))
    return EXIT_DONE
