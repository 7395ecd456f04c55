"""Measure how well a language model reasons.

    from mathreason_eval import evaluate, load_run, load_task, verify

Names are loaded on first use, so that importing the package is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from mathreason_eval.version import __version__

if TYPE_CHECKING:
    from mathreason_eval.grade.verify import verify
    from mathreason_eval.pipeline.run import evaluate
    from mathreason_eval.runs.store import load_run
    from mathreason_eval.tasks import load_task

__all__ = ["__version__", "evaluate", "load_run", "load_task", "verify"]

_HOMES = {
    "evaluate": "mathreason_eval.pipeline.run",
    "load_run": "mathreason_eval.runs.store",
    "load_task": "mathreason_eval.tasks",
    "verify": "mathreason_eval.grade.verify",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
