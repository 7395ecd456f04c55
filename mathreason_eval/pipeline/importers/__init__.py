"""Runs of other programs, by format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from mathreason_eval.pipeline.importers.jsonl import Imported, import_jsonl
from mathreason_eval.registry import Registry
from mathreason_eval.tasks import Task


class Importer(Protocol):
    """Makes graded runs of outputs that another program stored."""

    def __call__(
        self,
        path: Path,
        task: Task,
        out: Path,
        *,
        model: str | None = None,
        data: Sequence[str] = (),
        grading: tuple[int, float] = (2, 5.0),
    ) -> tuple[Imported, ...]:
        """Return the runs that were made, one folder a model under `out`; as `import_jsonl`."""
        ...


IMPORTERS: Registry[Importer] = Registry("IMPORTERS", {"jsonl": import_jsonl}, families=False)
"""Every format by name, those of installed packages included."""
