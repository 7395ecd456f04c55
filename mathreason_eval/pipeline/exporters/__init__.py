"""Runs for other programs, by format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mathreason_eval.registry import Registry
from mathreason_eval.runs.store import Run

Exporter = Callable[[Run, Path], None]
"""(run, file or folder to write) -> nothing."""

EXPORTERS: Registry[Exporter] = Registry("EXPORTERS", {}, families=False)
"""Every format by name: those of installed packages, and none of ours yet."""
