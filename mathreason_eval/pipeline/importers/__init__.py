"""Formats of other programs whose outputs can be imported, by name."""

from __future__ import annotations

from mathreason_eval.pipeline.importers.combined import LogImporter
from mathreason_eval.pipeline.importers.formats import FORMATS
from mathreason_eval.pipeline.importers.jsonl import Importer, import_jsonl
from mathreason_eval.registry import Registry

IMPORTERS: Registry[Importer] = Registry(
    "IMPORTERS",
    {"jsonl": import_jsonl, **{name: LogImporter(form) for name, form in FORMATS.items()}},
    families=False,
    reserved=("auto",),
)
"""Every import format by name, those of installed packages included."""
