"""`mathreason gate`, and `mathreason plan`, which computes the sample size for a gate."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mathreason_eval.cli.gate_calibrate import calibrate
from mathreason_eval.cli.gate_init import init
from mathreason_eval.cli.options import (
    PATH,
    FiniteRange,
    data_option,
    grading_options,
    json_option,
    model_arg_option,
    points,
    tasks_dir_option,
    tasks_option,
)
from mathreason_eval.cli.screens import exit_code_kept, note, print_json, write_file
from mathreason_eval.cli.screens.actions import in_actions, issue
from mathreason_eval.cli.screens.commands import as_called
from mathreason_eval.errors import (
    EXIT_DONE,
    EXIT_INCONCLUSIVE,
    EXIT_NOT_COMPARABLE,
    EXIT_WANTING,
    UserError,
)
from mathreason_eval.text import visible_line

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


class GateCommand(click.Command):
    """`mathreason gate RUN`, and the other commands of a gate: `gate init`, `gate --calibrate`."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  click's own
        super().__init__(*args, **options)
        self.others: dict[str, click.Command] = {}

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,  # noqa: ANN401  click's own
    ) -> click.Context:
        """Read the command line of the command that its first word names; a folder is `./init`."""
        words = [word for word in args if word in self.others]
        if not words or not (words[0] == args[0] or words[0].startswith("--")):
            return super().make_context(info_name, args, parent, **extra)
        rest = [word for word in args if word != words[0]]
        return self.others[words[0]].make_context(f"{info_name} {words[0]}", rest, parent, **extra)


@click.command(cls=GateCommand)
@click.argument("path", metavar="RUN", type=PATH)
@click.option(
    "--baseline",
    required=True,
    metavar="RUN",
    help="The run to compare with: a run folder, a .tar.gz or .zip of one, or git:REF:PATH.",
)
@click.option(
    "--config",
    type=PATH,
    metavar="FILE",
    help="The gate's settings for each task. Default: gate.yaml, if it exists.",
)
@click.option("--margin", metavar="SHARE", help="The largest tolerable drop. Default: 1pp.")
@click.option("--alpha", type=float, help="One-sided significance level. Default: 0.01.")
@click.option(
    "--allow",
    multiple=True,
    metavar="WHAT",
    help="Compare even if this differs: version, data, prompt, problems, rules, sampling or "
    "missing. May be repeated.",
)
@click.option(
    "--extend",
    is_flag=True,
    help="While inconclusive, draw the samples of the next look and judge again.",
)
@click.option(
    "--model",
    metavar="MODEL",
    help="With --extend, the model to ask, as `mathreason run` names it: that of RUN.",
)
@model_arg_option("With --extend, an option of the engine. May be repeated.")
@click.option(
    "--rejudge",
    is_flag=True,
    help="Judge the stored samples of both again, by present rules and the baseline's golds; no "
    "stored verdict counts, and none is replaced.",
)
@click.option("--junit", type=PATH, metavar="FILE", help="Write JUnit XML to this file.")
@click.option(
    "--summary",
    type=PATH,
    metavar="FILE",
    help="Append Markdown to this file. Default: $GITHUB_STEP_SUMMARY, if it is set.",
)
@click.option(
    "--annotations/--no-annotations",
    default=None,
    help="Print GitHub's workflow commands. Default: if GITHUB_ACTIONS is true.",
)
@click.option("--site", metavar="URL", help="URL of a site with RUN, for links to problems.")
@data_option
@tasks_dir_option
@grading_options
@json_option
def gate(path: Path, **options: Any) -> int:  # noqa: ANN401  click hands over what it parsed
    """Say whether RUN is worse than its baseline: pass, regression or not enough evidence.

    Paired over the same problems, from stored verdicts or new ones; docs/gate.md. Exits with 0
    (pass), 1 (regression), 3 (inconclusive) or 4 (not comparable, or a run is incomplete); any
    other exit code is not a verdict. `mathreason gate init` writes the settings and the workflow;
    `mathreason gate --calibrate RUN…` says how often it would be wrong.
    """
    from mathreason_eval.cli.screens.gate import print_judgement
    from mathreason_eval.cli.stored import check_golds, run_path
    from mathreason_eval.gate.baseline import open_baseline
    from mathreason_eval.gate.outputs import as_json
    from mathreason_eval.runs.store import find_run

    config = _config(options)
    with open_baseline(_baseline(options)) as baseline:
        run = find_run(run_path(path, options))
        check_golds(baseline, run)
        found = _judge(baseline, run, config, options)
        code = _EXIT_CODES[found.conclusion]
        for write in (_write_junit, _write_summary, _print_annotations):
            with exit_code_kept():
                write(found, options)
        with exit_code_kept():
            print_json(as_json(found)) if options["as_json"] else print_judgement(found)
    return code


gate.others |= {"init": init, "--calibrate": calibrate}


def _baseline(options: Mapping[str, Any]) -> str:
    """Return the address of the baseline: logs in a folder are imported."""
    from mathreason_eval.cli.stored import run_path

    address: str = options["baseline"]
    folder = Path(address)
    return str(run_path(folder, options)) if folder.is_dir() else address


def _config(options: Mapping[str, Any]) -> Config:
    """Return the settings of the file; options on the command line override them."""
    from dataclasses import replace

    from mathreason_eval.gate.config import DEFAULT_FILE, config_of, obstacles_of, read_config

    overrides = {"margin": options["margin"], "alpha": options["alpha"]}
    file = options["config"]
    if file is None and DEFAULT_FILE.is_file():
        file = DEFAULT_FILE
        note(f"settings from {file}")
    config = config_of({}, **overrides) if file is None else read_config(file, **overrides)
    return replace(config, allow=config.allow | obstacles_of(options["allow"]))


def _judge(before: Run, after: Run, config: Config, options: Mapping[str, Any]) -> Judgement:
    """Return the judgement; with --extend, extend the run and repeat while it is inconclusive."""
    from mathreason_eval.gate.judging import judge

    extends = options["extend"] and config.looks is not None
    if options["extend"] and not extends:
        note(
            "--extend: gate.yaml has no looks, so this is judged once; before the next run write "
            "them into it, as samples: [8, 16, 32]"
        )
    if extends and options["model"] is None:
        raise UserError(
            f"--extend asks no model because a run folder names it; {after.path} names "
            f"{after.manifest.model.name!r}.",
            "Name the model that is to be asked: --model MODEL, as for `mathreason run`.",
        )
    found = judge(*_compared(before, after, options), config)
    if not extends:
        return found
    from mathreason_eval.cli.screens.progress import Progress
    from mathreason_eval.gate.wording import format_look, headline
    from mathreason_eval.models import UserModel
    from mathreason_eval.pipeline.extend import ExtendOptions, extend

    extend_options = ExtendOptions(
        model=UserModel(options["model"]),
        model_args=options["model_args"],
        data=options["data"],
        tasks_dirs=options["tasks_dirs"],
        grading=(options["workers"], options["deadline"]),
    )
    while (next_look := found.next_look) is not None:
        note(f"{format_look(found)}: {headline(found)}")
        with Progress() as progress:
            after = extend(after, next_look, extend_options, progress)
        found = judge(*_compared(before, after, options), config)
    return found


def _compared(before: Run, after: Run, options: Mapping[str, Any]) -> tuple[Run, Run]:
    """Return both runs as they are compared: as they are stored, or judged again."""
    if not options["rejudge"]:
        return before, after
    from mathreason_eval.pipeline.rejudging import rejudged

    grading = (options["workers"], options["deadline"])
    return rejudged(before, after, grading=grading, tasks_dirs=options["tasks_dirs"])


def _write_junit(found: Judgement, options: Mapping[str, Any]) -> None:
    from mathreason_eval.gate.outputs import junit

    if options["junit"] is not None:
        write_file(options["junit"], junit(found), "--junit")


def _write_summary(found: Judgement, options: Mapping[str, Any]) -> None:
    from mathreason_eval.gate.outputs import markdown

    if summary := options["summary"] or os.environ.get("GITHUB_STEP_SUMMARY"):
        write_file(Path(summary), markdown(found, options["site"]), "--summary", append=True)


def _print_annotations(found: Judgement, options: Mapping[str, Any]) -> None:
    """Print GitHub's workflow commands."""
    from mathreason_eval.gate.outputs import workflow_commands

    wanted = options["annotations"]
    if in_actions() if wanted is None else wanted:
        issue(map(visible_line, workflow_commands(found)))


@click.command()
@click.option(
    "--baseline",
    required=True,
    type=PATH,
    metavar="RUN",
    help="The run that later runs will be compared with.",
)
@tasks_option("Only these tasks. May be repeated. Default: all tasks of the baseline.")
@click.option(
    "--detect", required=True, type=points, help="The drop that must not be missed, such as 2pp."
)
@click.option(
    "--power",
    type=FiniteRange(0.5, 1, min_open=True, max_open=True),
    default=0.8,
    help="Power: how often it must be detected, and an unchanged model must pass.",
)
@click.option(
    "--alpha",
    type=FiniteRange(0, 0.5, min_open=True, max_open=True),
    default=0.01,
    help="The gate's one-sided significance level.",
)
@click.option("--margin", type=points, default="1pp", help="The gate's tolerable drop.")
@click.option(
    "--previous",
    type=PATH,
    metavar="RUN",
    help="A run of an earlier model that is as good: how much problems change all the same.",
)
@click.option(
    "--price",
    type=FiniteRange(0, min_open=True),
    help="Of a million completion tokens, for what it costs.",
)
@json_option
def plan(
    *,
    baseline: Path,
    tasks: tuple[str, ...],
    previous: Path | None,
    price: float | None,
    as_json: bool,
    **options: float,
) -> None:
    """Say how many samples a gate needs to detect a drop.

    From the noise in the stored samples of the baseline: how many samples of its problems are
    enough for `mathreason gate` to call the drop a regression and an unchanged model a pass, the
    tokens, hours and money they take, and what no number of samples can show.
    """
    from mathreason_eval.cli.screens.plan import design_as_json, print_designs
    from mathreason_eval.cli.stored import check_golds, run_path
    from mathreason_eval.compare.design import PlanRequest, designs
    from mathreason_eval.runs.completeness import exclusions, gaps
    from mathreason_eval.runs.store import find_run
    from mathreason_eval.stats.power import GateSettings

    request = PlanRequest(
        detect=options["detect"],
        power=options["power"],
        gate=GateSettings(margin=options["margin"], alpha=options["alpha"]),
    )
    run = find_run(run_path(baseline))
    earlier = None if previous is None else find_run(run_path(previous))
    check_golds(run, *([] if earlier is None else [earlier]))
    done = designs(run, tasks, request, earlier)
    for one in done:
        for phrase in (
            *gaps(run, one.task, str(run.path)),
            *exclusions(run, one.task, str(run.path)),
        ):
            note(f"warning: of {one.task}, {as_called(phrase)}")
    if as_json:
        print_json([design_as_json(one, price) for one in done])
    else:
        print_designs(done, price)
