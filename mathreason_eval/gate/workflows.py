"""The files that run a gate in GitHub or GitLab, filled in from a baseline and a proposal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from mathreason_eval.errors import UserError
from mathreason_eval.gate.proposal import Proposal
from mathreason_eval.resources import resource_dir
from mathreason_eval.runs.store import Run

BASELINE = "ci/baseline.tar.gz"
"""Where the baseline is kept in a repository."""
KINDS = ("github", "gitlab")
"""What files can be written for."""
GITLAB_CI = ".gitlab-ci.yml"
_SHIPPED = {
    "github": {
        ".github/workflows/gate.yml": "github-action/workflow.yml",
        ".github/actions/mathreason-gate/action.yml": "github-action/action.yml",
    },
    "gitlab": {
        ".gitlab/mathreason-gate.yml": "gitlab/mathreason-gate.yml",
        GITLAB_CI: "gitlab/gitlab-ci.yml",
    },
}
"""By kind, the path in a repository of each shipped file."""


_FILLED = (".github/workflows/gate.yml", ".gitlab/mathreason-gate.yml")
"""The files that say what is asked; the others are as they are shipped."""


def workflow_files(kind: str, baseline: Run, proposal: Proposal) -> dict[str, str]:
    """Return the texts of the files for GitHub or GitLab, by their paths in a repository.

    Raises:
        UserError: if a name in the baseline cannot be written into them.
    """
    settings, folder = _settings(baseline, proposal), resource_dir("examples")
    shipped = {
        path: (folder / name).read_text(encoding="utf-8") for path, name in _SHIPPED[kind].items()
    }
    return {
        path: _filled(text, settings) if path in _FILLED else text for path, text in shipped.items()
    }


def _settings(baseline: Run, proposal: Proposal) -> Mapping[str, str]:
    """Return what the workflow says, by the key in GitHub's file; GitLab's are in capitals."""
    manifest, tasks = baseline.manifest, [one.task for one in proposal.tasks]
    found = {
        "model": manifest.model.name,
        "tasks": ",".join(tasks),
        "samples": str(proposal.looks[0]),
        "extend": "true" if len(proposal.looks) > 1 else "false",
        "baseline": BASELINE,
        "run-arguments": _run_arguments(baseline, tasks),
    }
    for name, value in found.items():
        # Both programs replace these in a text, and a baseline may be somebody else's.
        if re.search(r"\$|[\x00-\x1f\x7f]", value):
            raise UserError(
                f"The baseline's {name} is {value!r}, which a workflow would read as a variable.",
                "Make a baseline whose model and tasks have plain names.",
            )
    return found


def _run_arguments(baseline: Run, tasks: list[str]) -> str:
    """Return the options with which a run is sampled as the baseline was, where all tasks agree."""
    sampling = baseline.manifest.sampling
    entries = [baseline.manifest.tasks[task] for task in tasks]
    options: dict[str, object] = {"temperature": sampling.temperature, "top-p": sampling.top_p}
    if sampling.think_budget is not None:
        options["think-budget"] = sampling.think_budget
    for option, values in (
        ("max-tokens", {entry.max_tokens for entry in entries}),
        ("limit", {entry.limit for entry in entries}),
    ):
        if len(values) == 1:
            options[option] = values.pop()
    return " ".join(
        f"--{name} {value:g}" if isinstance(value, float) else f"--{name} {value}"
        for name, value in options.items()
        if value is not None
    )


def _filled(text: str, settings: Mapping[str, str]) -> str:
    """Return a shipped file with the lines of its settings replaced, comments included."""
    for name, value in settings.items():
        key = rf"{re.escape(name)}|{re.escape(name.upper().replace('-', '_'))}"
        line = re.compile(rf"^( +)(?:# )?({key}):(?![\w]).*$", re.MULTILINE)
        text = line.sub(partial(_line, value), text, count=1)
    return text


def _line(value: str, found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}: {json.dumps(value)}"


def existing(files: Iterable[str], folder: Path) -> list[str]:
    """Return the paths among these at which something is already."""
    return [path for path in files if (folder / path).exists() or (folder / path).is_symlink()]
