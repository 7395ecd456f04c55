"""The commit of this package's code, where that is known."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path

from mathreason_eval.environment import child_environment

_LENGTH = 12
"""Characters of a commit's name."""


@cache
def code_commit() -> str | None:
    """Return the commit of the code: `d81417431e5a`, with `-dirty` if it was changed since.

    None where nobody knows it: of a wheel, which is made of a release.
    """
    root = Path(__file__).resolve().parents[2]
    return _of_checkout(root) if (root / ".git").exists() else _of_installation()


def _of_checkout(root: Path) -> str | None:
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(  # noqa: S603  no shell, and nothing of the user is an argument
            [*command, f"--abbrev={_LENGTH}"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
            env=child_environment(GIT_OPTIONAL_LOCKS="0"),
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def _of_installation() -> str | None:
    """Return the commit of an installation from a repository, as `pip` records it (PEP 610)."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        recorded = distribution("mathreason-eval").read_text("direct_url.json")
        commit = json.loads(recorded or "{}")["vcs_info"]["commit_id"]
    except (PackageNotFoundError, ValueError, KeyError, TypeError):
        return None
    return str(commit)[:_LENGTH]
