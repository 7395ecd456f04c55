"""Formats of other programs to which runs can be exported, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mathreason_eval.pipeline.exporters import every_eval_ever, lm_eval, results, tables
from mathreason_eval.registry import Registry
from mathreason_eval.runs.store import Run

Exporter = Callable[[Run, Path], None]
"""(run, file or folder to write) -> nothing."""

EXPORTERS: Registry[Exporter] = Registry(
    "EXPORTERS",
    {
        "lm-eval": lm_eval.export_run,
        "lm-eval-results": results.export_lm_eval_results,
        "every-eval-ever": every_eval_ever.export,
        "hf-eval-results": results.export_eval_results,
        "model-index": results.export_model_index,
        "csv": tables.export_csv,
        "parquet": tables.export_parquet,
        "wandb": results.export_wandb,
        "mlflow": results.export_mlflow,
    },
    families=False,
)
"""Every export format by name: ours, then those of installed packages."""
