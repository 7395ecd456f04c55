"""Paths and commands as they are pasted into a shell."""

from __future__ import annotations

import shlex


def path_word(path: object) -> str:
    """Return a path that no program takes for an option: `./-run`."""
    spelled = str(path)
    return f"./{spelled}" if spelled.startswith("-") else spelled


def of_path(verb: str, path: object) -> str:
    """Return a command of ours on a path, between backticks: `mathreason regrade 'my run'`."""
    return f"`mathreason {verb} {shlex.quote(path_word(path))}`"
