"""`mathreason plan`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mathreason_eval.cli.options import json_option, tasks_option

if TYPE_CHECKING:
    from mathreason_eval.compare.design import Design


class Points(click.ParamType[float]):
    """A difference of scores: `2pp` or `0.02`."""

    name = "POINTS"

    def convert(
        self,
        value: Any,  # noqa: ANN401  click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Return it as a fraction of 1."""
        text = str(value).strip()
        number = text.removesuffix("pp")
        try:
            share = float(number) / (1 if number == text else 100)
        except ValueError:
            share = 0.0
        if not 0 < share < 1:
            self.fail(f"{text!r} is no difference of scores; write 2pp or 0.02.", param, ctx)
        return share


@click.command()
@click.option(
    "--baseline",
    required=True,
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="The run that later ones will be held against.",
)
@tasks_option("Only these. May be repeated. Default: every task of the baseline.")
@click.option(
    "--detect", required=True, type=Points(), help="The fall that must not be missed, such as 2pp."
)
@click.option(
    "--power",
    type=click.FloatRange(0.5, 1, min_open=True, max_open=True),
    default=0.8,
    show_default=True,
    help="How often it must be seen, and a change without effect must pass.",
)
@click.option(
    "--alpha",
    type=click.FloatRange(0, 0.5, min_open=True, max_open=True),
    default=0.01,
    show_default=True,
    help="The gate's level of a false alarm.",
)
@click.option(
    "--margin", type=Points(), default="1pp", show_default=True, help="The gate's tolerable fall."
)
@json_option
def plan(*, baseline: Path, tasks: tuple[str, ...], as_json: bool, **options: float) -> None:
    """Say how many problems and samples a gate needs to see a fall.

    From the noise in the stored samples of the baseline: how likely `mathreason gate` is to call
    the fall a regression and a change without effect a pass, what is enough of both, the tokens it
    takes, and what no number of samples can show.
    """
    from mathreason_eval.cli.screens.console import print_json
    from mathreason_eval.cli.screens.planned import as_plain, print_designs
    from mathreason_eval.compare.design import PlanRequest, designs
    from mathreason_eval.runs.store import find_run
    from mathreason_eval.stats.power import GateSettings

    request = PlanRequest(
        detect=options["detect"],
        power=options["power"],
        gate=GateSettings(margin=options["margin"], alpha=options["alpha"]),
    )
    names = [name for given in tasks for name in given.split(",")]
    done: list[Design] = designs(find_run(baseline), names, request)
    print_json([as_plain(one) for one in done]) if as_json else print_designs(done)
