"""`mathreason gate init`: the settings of a gate, its baseline and its workflow, as files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mathreason_eval.cli.options import PATH, FiniteRange, tasks_option
from mathreason_eval.cli.screens import note, say, write_file
from mathreason_eval.errors import UserError

if TYPE_CHECKING:
    from mathreason_eval.runs.store import Run


@click.command("init")
@click.option(
    "--baseline",
    required=True,
    metavar="RUN",
    help="The run that later ones will be held against: a run folder, an archive, or git:REF:PATH.",
)
@tasks_option("Gate only these tasks. May be repeated. Default: all tasks of the baseline.")
@click.option("--required", multiple=True, metavar="TASK", help="It must pass by itself.")
@click.option(
    "--advisory", multiple=True, metavar="TASK", help="It is shown, and nothing depends on it."
)
@click.option(
    "--alpha",
    type=FiniteRange(0, 0.5, min_open=True, max_open=True),
    default=0.01,
    help="One-sided significance level.",
)
@click.option(
    "--ci",
    type=click.Choice(("github", "gitlab", "none")),
    default="github",
    help="For which program to write the files; none: gate.yaml alone.",
)
@click.option("-o", "--out", type=PATH, default=".", metavar="DIR", help="The repository.")
@click.option("--force", is_flag=True, help="Write over files that are there.")
def init(**options: Any) -> None:  # noqa: ANN401  click hands over what it parsed
    """Write what a gate in CI needs: gate.yaml, the baseline, and the workflow.

    The margins are the smallest that a model that did not change passes in 80 % of runs, by the
    noise of the baseline; where one would be half of the baseline's score or more, nothing is
    written, and the samples that allow a smaller one are named.
    """
    from mathreason_eval.cli.stored import check_golds, run_path
    from mathreason_eval.gate.baseline import open_baseline

    folder = Path(options["baseline"])
    address = str(run_path(folder, {})) if folder.is_dir() else options["baseline"]
    with open_baseline(address) as baseline:
        check_golds(baseline)
        files, lines = _files(baseline, options)
    _check_free(files, options)
    for path, content in files.items():
        write_file(options["out"] / path, content, "-o")
        say(f"{options['out'] / path}")
    for line in lines:
        note(line)


_LARGE = 50_000_000
"""Bytes of a file from which GitHub warns."""


def _files(baseline: Run, options: Mapping[str, Any]) -> tuple[dict[str, str | bytes], list[str]]:
    """Return the content of each file by its path, and what is left to do, as lines."""
    from mathreason_eval.gate.archives import packed
    from mathreason_eval.gate.proposal import ProposalRequest, gate_yaml, propose
    from mathreason_eval.gate.workflows import BASELINE, GITLAB_CI, existing, workflow_files

    request = ProposalRequest(
        tasks=options["tasks"],
        required=options["required"],
        advisory=options["advisory"],
        alpha=options["alpha"],
    )
    found = propose(baseline, request)
    files: dict[str, str | bytes] = {"gate.yaml": gate_yaml(found, baseline.manifest.model.name)}
    lines = []
    if options["ci"] != "none":
        written = workflow_files(options["ci"], baseline, found)
        if GITLAB_CI in written and existing([GITLAB_CI], options["out"]):
            del written[GITLAB_CI]
            lines.append(f"add `include: .gitlab/mathreason-gate.yml` to {GITLAB_CI}")
        files |= written
        files[BASELINE] = archive = packed(baseline.path, "baseline")
        if len(archive) > _LARGE:
            lines.append(
                f"{BASELINE} has {len(archive) / 1e6:,.0f} MB, and GitHub takes 100 MB at most: "
                "keep it with Git LFS, or gate fewer problems"
            )
        lines.append(
            "commit these files to the default branch; --data and --model-arg, which no run folder "
            "holds, belong to the run's arguments"
        )
    return files, lines


def _check_free(files: Mapping[str, object], options: Mapping[str, Any]) -> None:
    from mathreason_eval.gate.workflows import existing

    if not options["force"] and (there := existing(files, options["out"])):
        raise UserError(
            f"{', '.join(str(options['out'] / path) for path in there)} exist already.",
            "Nothing was written; --force writes over them.",
        )
