"""`mathreason gate`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mathreason_eval.cli.options import (
    data_option,
    grading_options,
    grouped,
    json_option,
    model_arg_option,
    tasks_dir_option,
)
from mathreason_eval.cli.screens.console import note
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
    from mathreason_eval.pipeline.run import ExtendOptions
    from mathreason_eval.runs.store import Run


@click.command()
@click.argument("path", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--baseline",
    required=True,
    metavar="RUN",
    help="What RUN is held against: a run folder, a .tar.gz or .zip of one, or git:REF:PATH.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What is asked of each task. Default: gate.yaml, if it is there.",
)
@click.option("--margin", metavar="SHARE", help="The largest tolerable fall. Default: 1pp.")
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
@click.option(
    "--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write JUnit XML there."
)
@click.option(
    "--summary",
    type=click.Path(path_type=Path),
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

    Paired over the same problems, from stored verdicts; docs/gate.md. Leaves with 0 (pass),
    1 (regression), 3 (inconclusive) or 4 (not comparable, or a run is not whole); any other exit
    code is no verdict.
    """
    from mathreason_eval.cli.screens.console import decided, print_json
    from mathreason_eval.cli.screens.judgement import print_judgement
    from mathreason_eval.gate.baseline import open_baseline
    from mathreason_eval.gate.outputs import as_json
    from mathreason_eval.runs.store import find_run

    config = _config(options)
    with open_baseline(options["baseline"]) as baseline:
        found = _judged(baseline, find_run(path), config, options)
        code = _EXIT_CODES[found.conclusion]
        _write_files(found, options)
        with decided(code):
            print_json(as_json(found)) if options["as_json"] else print_judgement(found)
    return code


_EXIT_CODES = {
    "pass": EXIT_DONE,
    "regression": EXIT_WANTING,
    "inconclusive": EXIT_INCONCLUSIVE,
    "not comparable": EXIT_NOT_COMPARABLE,
}


def _config(options: Mapping[str, Any]) -> Config:
    """Return what the file asks for, with what was typed in its place."""
    from dataclasses import replace

    from mathreason_eval.gate.config import DEFAULT_FILE, config_of, obstacles_of, read_config

    typed = {"margin": options["margin"], "alpha": options["alpha"]}
    file = options["config"]
    if file is None and DEFAULT_FILE.is_file():
        file = DEFAULT_FILE
        note(f"as {file} says")
    config = config_of({}, **typed) if file is None else read_config(file, **typed)
    return replace(config, allow=config.allow | obstacles_of(options["allow"]))


def _judged(before: Run, after: Run, config: Config, options: Mapping[str, Any]) -> Judgement:
    """Return the judgement; with --extend after as many looks as it takes."""
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
    from mathreason_eval.pipeline.run import extend

    extend_options = _extend_options(options)
    while (next_look := found.next_look) is not None:
        note(f"{format_look(found)}: {headline(found)}")
        with Progress() as progress:
            after = extend(after, next_look, extend_options, progress)
        found = judge(before, after, config)
    return found


def _extend_options(options: Mapping[str, Any]) -> ExtendOptions:
    from mathreason_eval.pipeline.run import ExtendOptions

    return ExtendOptions(
        model_args=dict(options["model_args"]),
        data=grouped(options["data"]),
        tasks_dirs=options["tasks_dirs"],
        grading=(options["workers"], options["deadline"]),
    )


def _write_files(found: Judgement, options: Mapping[str, Any]) -> None:
    """Write what other programs read: JUnit XML, Markdown, workflow commands."""
    if options["junit"] is not None:
        from mathreason_eval.gate.outputs import junit

        _write(options["junit"], junit(found), "w", "--junit")
    summary = options["summary"] or os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        from mathreason_eval.gate.outputs import markdown

        _write(Path(summary), markdown(found, options["site"]), "a", "--summary")
    annotated = options["annotations"]
    if annotated is None:
        annotated = os.environ.get("GITHUB_ACTIONS") == "true"
    if annotated:
        from mathreason_eval.gate.outputs import workflow_commands

        for line in workflow_commands(found):
            # On stderr, which GitHub reads as well: stdout may be JSON for another program.
            note(line)


def _write(path: Path, text: str, mode: str, option: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open(mode, encoding="utf-8") as out:
            out.write(text)
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {error.strerror}.", f"Choose another {option}."
        ) from None
