"""Families of benchmarks: their generators, readers, graders, extraction rules and metrics.

Each family defines `GRADERS`, `EXTRACTORS` and `METRICS`; the tables here join them, and the
registries look names up in them.
"""

from __future__ import annotations

from collections.abc import Mapping

from mathreason_eval.extract import Rule
from mathreason_eval.families import cultural, knights, procbench, processbench, stories
from mathreason_eval.grade.graders import Grader
from mathreason_eval.stats.metrics import MetricFamily

GRADERS: Mapping[str, Grader] = {
    **knights.GRADERS,
    **procbench.GRADERS,
    **cultural.GRADERS,
    **processbench.GRADERS,
}
EXTRACTORS: Mapping[str, Rule] = {
    **knights.EXTRACTORS,
    **procbench.EXTRACTORS,
    **processbench.EXTRACTORS,
}
METRICS: Mapping[str, MetricFamily] = {
    **processbench.METRICS,
    **stories.METRICS,
    **procbench.METRICS,
}
