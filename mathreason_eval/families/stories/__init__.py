"""Word problems as data: records become templates, and templates become exact problems."""

from __future__ import annotations

from collections.abc import Mapping

from mathreason_eval.families.stories.instances import instances, strict
from mathreason_eval.stats.metrics import MetricDefinition, MetricFamily

METRICS: Mapping[str, MetricFamily] = {
    "instances": MetricFamily(
        estimate=instances,
        definitions=(
            MetricDefinition(
                name="sd",
                summary="standard deviation of avg over instances",
                higher_is_better=False,
            ),
            MetricDefinition(name="lowest", summary="avg of the instance with the lowest avg"),
            MetricDefinition(name="highest", summary="avg of the instance with the highest avg"),
            MetricDefinition(
                name="range", summary="range of avg over instances", higher_is_better=False
            ),
        ),
    ),
    "strict": MetricFamily(
        estimate=strict,
        definitions=(
            MetricDefinition(
                name="strict",
                summary="share of problems with every sample correct",
                of_all="pass^{k}",
            ),
        ),
    ),
}
