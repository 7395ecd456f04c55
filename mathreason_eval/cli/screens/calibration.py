"""The rates of a gate's errors on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from mathreason_eval.cli.screens import stdout
from mathreason_eval.cli.screens.tables import Table, print_table
from mathreason_eval.gate.calibration import CalibrationRequest, Rates, TaskCalibration
from mathreason_eval.text import visible_line


def print_calibrations(found: Sequence[TaskCalibration], request: CalibrationRequest) -> None:
    """Print a table for each task of each model, and what its columns mean."""
    console = stdout()
    for one in found:
        console.print(
            visible_line(
                f"{one.task} of {one.model}: {one.problems:,} problems, two halves of "
                f"{one.samples:,} samples each, avg {100 * one.score:.1f} %"
            ),
            soft_wrap=True,
        )
        headings = ("rule, in %", ">false alarms", ">passes", ">wrong", ">whole", ">power")
        print_table(console, Table(headings=headings, rows=[_row(each) for each in one.rates]))
        console.print()
    margin = f"{100 * request.margin:g} pp"
    for line in (
        f"{request.pairs:,} divisions of the samples; margin {margin}, alpha {request.alpha:g}",
        "false alarms  a regression, of a model that did not change",
        "passes        a pass, of a model that did not change",
        f"wrong         a pass, although every problem lost the same part: {margin} in the mean",
        f"whole         a pass, although so many problems were lost as a whole: {margin}",
        f"power         a regression, of a model that lost {200 * request.margin:g} pp",
    ):
        console.print(line)


def _row(one: Rates) -> tuple[str, ...]:
    shares = (one.alarms, one.passes, one.wrong, one.wrong_whole)
    power = "–" if one.power is None else f"{100 * one.power:.1f}"
    return (one.rule, *(f"{100 * share:.1f}" for share in shares), power)
