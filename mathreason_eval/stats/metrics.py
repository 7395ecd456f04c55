"""Metrics that only some tasks have, in families by name: `metrics:` in task.yaml."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mathreason_eval.registry import Registry
from mathreason_eval.stats.estimators.items import Item
from mathreason_eval.stats.estimators.posterior import bayes
from mathreason_eval.types import Metric

Family = Callable[[str, Sequence[Item]], Iterator[Metric]]
"""(task, problems with their judgements) -> its metrics, each with an interval."""

FAMILIES: Registry[Family] = Registry("METRICS", {"bayes": bayes})
"""Every family by name; `docs/statistics.md` describes them."""
