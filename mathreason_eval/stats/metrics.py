"""Metrics that only some tasks have, in families by name: `metrics:` in task.yaml."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from mathreason_eval.families.procbench.survival import survival
from mathreason_eval.families.processbench.metrics import first_error
from mathreason_eval.families.stories.instances import instances, strict
from mathreason_eval.stats.estimators.items import Item
from mathreason_eval.stats.estimators.posterior import bayes
from mathreason_eval.types import Metric

Family = Callable[[str, Sequence[Item]], Iterator[Metric]]
"""(task, problems with their judgements) -> its metrics, each with an interval."""

FAMILIES: Mapping[str, Family] = {
    "bayes": bayes,
    "first-error": first_error,
    "instances": instances,
    "strict": strict,
    "survival": survival,
}
"""Every family by name; `docs/statistics.md` describes them."""
