"""`mathreason gate`, and `mathreason plan`, which sizes the runs that a gate needs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mathreason_eval.cli.options import (
    PATH,
    data_option,
    grading_options,
    json_option,
    model_arg_option,
    tasks_dir_option,
    tasks_option,
)
from mathreason_eval.cli.screens import exit_code_kept, note, print_json, write_file
from mathreason_eval.errors import (
    EXIT_DONE,
    EXIT_INCONCLUSIVE,
    EXIT_NOT_COMPARABLE,
    EXIT_WANTING,
    UserError,
)

if TYPE_CHECKING:
    from mathreason_eval.gate.config import Config
    from mathreason_eval.gate.judging import Judgement
    from mathreason_eval.runs.store import Run


_EXIT_CODES = {
    "pass": EXIT_DONE,
    "regression": EXIT_WANTING,
    "inconclusive": EXIT_INCONCLUSIVE,
    "not comparable": EXIT_NOT_COMPARABLE,
}


@click.command()
@click.argument("path", metavar="RUN", type=PATH)
@click.option(
    "--baseline",
    required=True,
    metavar="RUN",
    help="What RUN is held against: a run folder, a .tar.gz or .zip of one, or git:REF:PATH.",
)
@click.option(
    "--config",
    type=PATH,
    metavar="FILE",
    help="What is asked of each task. Default: gate.yaml, if it is there.",
)
@click.option("--margin", metavar="SHARE", help="The largest tolerable drop. Default: 1pp.")
@click.option("--alpha", type=float, help="Level of a false alarm. Default: 0.01.")
@click.option(
    "--allow",
    multiple=True,
    metavar="WHAT",
    help="Compare although this differs: version, data, prompt, problems, rules or missing. May "
    "be repeated.",
)
@click.option(
    "--extend",
    is_flag=True,
    help="While the answer is open, draw the samples of the next look and judge again.",
)
@model_arg_option("With --extend, an option of the engine. May be repeated.")
@click.option("--junit", type=PATH, metavar="FILE", help="Write JUnit XML there.")
@click.option(
    "--summary",
    type=PATH,
    metavar="FILE",
    help="Append Markdown there. Default: $GITHUB_STEP_SUMMARY, if it is set.",
)
@click.option(
    "--annotations/--no-annotations",
    default=None,
    help="Print GitHub's workflow commands. Default: where GITHUB_ACTIONS is true.",
)
@click.option("--site", metavar="URL", help="A site that shows RUN, to link flipped problems to.")
@data_option
@tasks_dir_option
@grading_options
@json_option
def gate(path: Path, **options: Any) -> int:  # noqa: ANN401  click hands over what it parsed
    """Say whether RUN is worse than its baseline: pass, regression or not enough evidence.

    Paired over the same problems, from stored verdicts; docs/gate.md. Exits with 0 (pass),
    1 (regression), 3 (inconclusive) or 4 (not comparable, or a run is incomplete); any other exit
    code is not a verdict.
    """
    from mathreason_eval.cli.screens.gate import print_judgement
    from mathreason_eval.gate.baseline import open_baseline
    from mathreason_eval.gate.outputs import as_json
    from mathreason_eval.runs.store import find_run

    config = _config(options)
    with open_baseline(options["baseline"]) as baseline:
        found = _judge(baseline, find_run(path), config, options)
        code = _EXIT_CODES[found.conclusion]
        _write_files(found, options)
        with exit_code_kept(code):
            print_json(as_json(found)) if options["as_json"] else print_judgement(found)
    return code


def _config(options: Mapping[str, Any]) -> Config:
    """Return the rules of the file; options on the command line replace them."""
    from dataclasses import replace

    from mathreason_eval.gate.config import DEFAULT_FILE, config_of, obstacles_of, read_config

    overrides = {"margin": options["margin"], "alpha": options["alpha"]}
    file = options["config"]
    if file is None and DEFAULT_FILE.is_file():
        file = DEFAULT_FILE
        note(f"as {file} says")
    config = config_of({}, **overrides) if file is None else read_config(file, **overrides)
    return replace(config, allow=config.allow | obstacles_of(options["allow"]))


def _judge(before: Run, after: Run, config: Config, options: Mapping[str, Any]) -> Judgement:
    """Return the judgement; with --extend, extend the run and repeat until no look is left."""
    from mathreason_eval.gate.judging import judge

    if options["extend"] and config.looks is None:
        raise UserError(
            "There is no schedule of looks to extend the run by.",
            "Write one into gate.yaml before the first look: samples: [8, 16, 32].",
        )
    found = judge(before, after, config)
    if not options["extend"]:
        return found
    from mathreason_eval.cli.screens.progress import Progress
    from mathreason_eval.gate.wording import format_look, headline
    from mathreason_eval.pipeline.run import ExtendOptions, extend

    extend_options = ExtendOptions(
        model_args=options["model_args"],
        data=options["data"],
        tasks_dirs=options["tasks_dirs"],
        grading=(options["workers"], options["deadline"]),
    )
    while (next_look := found.next_look) is not None:
        note(f"{format_look(found)}: {headline(found)}")
        with Progress() as progress:
            after = extend(after, next_look, extend_options, progress)
        found = judge(before, after, config)
    return found


def _write_files(found: Judgement, options: Mapping[str, Any]) -> None:
    """Write the outputs for other programs: JUnit XML, Markdown, workflow commands."""
    if options["junit"] is not None:
        from mathreason_eval.gate.outputs import junit

        write_file(options["junit"], junit(found), "--junit")
    summary = options["summary"] or os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        from mathreason_eval.gate.outputs import markdown

        write_file(Path(summary), markdown(found, options["site"]), "--summary", mode="a")
    annotated = options["annotations"]
    if annotated is None:
        annotated = os.environ.get("GITHUB_ACTIONS") == "true"
    if annotated:
        from mathreason_eval.gate.outputs import workflow_commands

        for line in workflow_commands(found):
            # On stderr, which GitHub reads as well: stdout may be JSON for another program.
            note(line)


def points(text: str) -> float:
    """Return a difference of scores, `2pp` or `0.02`, as a fraction of 1."""
    number = text.strip().removesuffix("pp")
    try:
        share = float(number) / (1 if number == text.strip() else 100)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise click.BadParameter(f"{text.strip()!r} is no difference of scores; write 2pp or 0.02.")
    return share


@click.command()
@click.option(
    "--baseline",
    required=True,
    type=PATH,
    metavar="RUN",
    help="The run that later ones will be compared with.",
)
@tasks_option("Only these. May be repeated. Default: every task of the baseline.")
@click.option(
    "--detect", required=True, type=points, help="The drop that must not be missed, such as 2pp."
)
@click.option(
    "--power",
    type=click.FloatRange(0.5, 1, min_open=True, max_open=True),
    default=0.8,
    help="How often it must be detected, and a change without effect must pass.",
)
@click.option(
    "--alpha",
    type=click.FloatRange(0, 0.5, min_open=True, max_open=True),
    default=0.01,
    help="The gate's level of a false alarm.",
)
@click.option("--margin", type=points, default="1pp", help="The gate's tolerable drop.")
@json_option
def plan(*, baseline: Path, tasks: tuple[str, ...], as_json: bool, **options: float) -> None:
    """Say how many problems and samples a gate needs to detect a drop.

    From the noise in the stored samples of the baseline: how likely `mathreason gate` is to call
    the drop a regression and a change without effect a pass, how many problems and samples are
    enough, the tokens they take, and what no number of samples can show.
    """
    from mathreason_eval.cli.screens.gate import design_as_json, print_designs
    from mathreason_eval.compare.design import PlanRequest, designs
    from mathreason_eval.runs.store import find_run
    from mathreason_eval.stats.power import GateSettings

    request = PlanRequest(
        detect=options["detect"],
        power=options["power"],
        gate=GateSettings(margin=options["margin"], alpha=options["alpha"]),
    )
    done = designs(find_run(baseline), tasks, request)
    print_json([design_as_json(one) for one in done]) if as_json else print_designs(done)
