"""Word problems as data: records become templates, templates become stories with exact answers."""

from __future__ import annotations

from collections.abc import Mapping

from mathreason_eval.families.stories.instances import instances, strict
from mathreason_eval.stats.metrics import Family

METRICS: Mapping[str, Family] = {"instances": instances, "strict": strict}
