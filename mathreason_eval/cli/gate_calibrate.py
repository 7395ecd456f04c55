"""`mathreason gate --calibrate`: how often a gate is wrong on one's own stored outputs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from mathreason_eval.cli.options import PATH, FiniteRange, json_option, points, tasks_option
from mathreason_eval.cli.screens import print_json


@click.command("--calibrate")
@click.argument("paths", metavar="RUN…", nargs=-1, required=True, type=PATH)
@tasks_option("Only these tasks. May be repeated. Default: all of the first run.")
@click.option("--margin", default="1pp", metavar="SHARE", help="The largest tolerable drop.")
@click.option(
    "--alpha",
    type=FiniteRange(0, 0.5, min_open=True, max_open=True),
    default=0.01,
    help="One-sided significance level.",
)
@click.option(
    "--pairs",
    type=click.IntRange(20, 100_000),
    default=400,
    help="How often the samples are divided into two halves.",
)
@json_option
def calibrate(*, paths: tuple[Path, ...], as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Say how often a gate would be wrong, from the stored samples of RUN….

    The samples of each problem are divided at random into two halves, as two runs of one model:
    what is called a regression there is a false alarm. Then correct samples of the second half are
    lost, so that a pass is wrong. Next to this gate: a fixed limit, an unpaired test, McNemar's
    test over samples, and the rules of NeMo Evaluator. Runs of one model are taken together.
    """
    from mathreason_eval.cli.screens.calibration import print_calibrations
    from mathreason_eval.cli.stored import check_golds, run_path
    from mathreason_eval.gate.calibration import CalibrationRequest
    from mathreason_eval.gate.calibration import calibrate as calibrated
    from mathreason_eval.runs.store import find_run

    runs = [find_run(run_path(path)) for path in paths]
    check_golds(*runs)
    request = CalibrationRequest(
        tasks=options["tasks"],
        margin=points(options["margin"]),
        alpha=options["alpha"],
        pairs=options["pairs"],
    )
    found = calibrated(runs, request)
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        print_calibrations(found, request)
