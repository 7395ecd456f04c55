"""Measure how well a language model reasons.

    from mathreason_eval import averify, evaluate, load_run, load_task, verify, verify_many

Names are loaded on first use, so that importing the package is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from mathreason_eval.version import __version__

if TYPE_CHECKING:
    from mathreason_eval.grade.service import averify, start_workers, verify_many
    from mathreason_eval.grade.verify import verify
    from mathreason_eval.pipeline.run import evaluate
    from mathreason_eval.runs.store import load_run
    from mathreason_eval.tasks import load_task

__all__ = [
    "__version__",
    "averify",
    "evaluate",
    "load_run",
    "load_task",
    "start_workers",
    "verify",
    "verify_many",
]

_HOMES = {
    "averify": "mathreason_eval.grade.service",
    "evaluate": "mathreason_eval.pipeline.run",
    "load_run": "mathreason_eval.runs.store",
    "load_task": "mathreason_eval.tasks",
    "start_workers": "mathreason_eval.grade.service",
    "verify": "mathreason_eval.grade.verify",
    "verify_many": "mathreason_eval.grade.service",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
