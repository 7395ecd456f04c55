"""Formats of other programs to which runs can be exported, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mathreason_eval.registry import Registry
from mathreason_eval.runs.store import Run

Exporter = Callable[[Run, Path], None]
"""(run, file or folder to write) -> nothing."""

EXPORTERS: Registry[Exporter] = Registry("EXPORTERS", {}, families=False)
"""Every export format by name: those of installed packages; none is built in yet."""
