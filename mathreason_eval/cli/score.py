"""`mathreason score`: rewards stored with the samples of a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from mathreason_eval.cli.options import (
    PATH,
    json_option,
    model_arg_option,
    tasks_dir_option,
    tasks_option,
)
from mathreason_eval.cli.screens import exit_code_kept, note, print_json
from mathreason_eval.cli.signals import SIGNALS
from mathreason_eval.errors import EXIT_DONE

COMBINATIONS = ("min", "product", "last", "mean")
"""Those of `pipeline/scoring.py`, which is imported when it is used."""


@click.command()
@click.argument("path", metavar="RUN", type=PATH)
@click.option(
    "--with",
    "model",
    required=True,
    metavar="MODEL",
    help="The reward model: prm:FOLDER, prm:HUB/ID[@REVISION].",
)
@click.option(
    "--combine",
    type=click.Choice(COMBINATIONS),
    default="min",
    help="How the scores of a solution's steps become its reward; `last` for a model that scores "
    "whole answers.",
)
@tasks_option("Only these tasks. May be repeated. Default: all.")
@click.option("--again", is_flag=True, help="Remove the rewards that there are, and score all.")
@model_arg_option("An option of the engine; docs/engines.md lists them. May be repeated.")
@tasks_dir_option
@json_option
def score(path: Path, *, as_json: bool, **options: Any) -> int:  # noqa: ANN401  click's
    """Have a reward model score the steps of each sample of RUN.

    The rewards are stored with the samples, and RUN gets the metrics best@K and vote@K: of the
    sample with the largest reward among K, and of a vote by reward. The same command goes on.
    """
    from mathreason_eval.cli.screens.runs import print_run, run_as_json
    from mathreason_eval.models import NamedModel, UserModel
    from mathreason_eval.pipeline.scoring import ScoreRequest
    from mathreason_eval.pipeline.scoring import score as scored

    asked = ScoreRequest(
        opener=NamedModel(name=UserModel(options["model"]), options=options["model_args"]),
        combine=options["combine"],
        tasks=options["tasks"],
        again=options["again"],
        tasks_dirs=options["tasks_dirs"],
    )
    run = scored(path, asked, watch=_notes(), stop=SIGNALS.stop)
    SIGNALS.raise_received()
    with exit_code_kept():
        print_json(run_as_json(run)) if as_json else print_run(run)
    return EXIT_DONE


_SECONDS = 5.0
"""Between two lines of progress."""


def _notes() -> Callable[[int, int], None]:
    """Return what says now and then how many samples are scored, and at the end."""
    due = time.monotonic() + _SECONDS

    def watch(done: int, number: int) -> None:
        nonlocal due
        if done == number or time.monotonic() >= due:
            note(f"{done:,} of {number:,} samples scored")
            due = time.monotonic() + _SECONDS

    return watch
