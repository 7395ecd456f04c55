"""Formats of other programs whose outputs can be imported, by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from mathreason_eval.pipeline.grading import GRADING
from mathreason_eval.pipeline.importers.jsonl import Imported, import_jsonl
from mathreason_eval.registry import Registry
from mathreason_eval.tasks import Task


class Importer(Protocol):
    """Converts another program's stored outputs to graded runs."""

    def __call__(
        self,
        path: Path,
        task: Task,
        out: Path,
        *,
        model: str | None = None,
        data: Sequence[str] = (),
        grading: tuple[int, float] = GRADING,
    ) -> tuple[Imported, ...]:
        """Return the runs, one folder a model under `out`; as `import_jsonl`."""
        ...


IMPORTERS: Registry[Importer] = Registry("IMPORTERS", {"jsonl": import_jsonl}, families=False)
"""Every import format by name, those of installed packages included."""
