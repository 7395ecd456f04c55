"""ProcessBench: the first false step of a solution."""

from __future__ import annotations

from collections.abc import Mapping

from mathreason_eval.extract import Rule
from mathreason_eval.families.processbench.grader import (
    index_key,
    last_simple_box,
    processbench_reference,
    scores,
    step_index,
)
from mathreason_eval.families.processbench.metrics import (
    first_error,
    found_shares,
    has_error,
    has_none,
    linear_f1,
)
from mathreason_eval.grade.graders import Grader, plain
from mathreason_eval.stats.metrics import MetricDefinition, MetricFamily, Shown

EXTRACTORS: Mapping[str, Rule] = {"scores": scores}
GRADERS: Mapping[str, Grader] = {
    "step-index": Grader(
        summary="the index of a solution's first false step",
        compare=plain(step_index),
        key=index_key,
    ),
    "processbench-reference": Grader(
        summary="ProcessBench's rule: the last box, an integer",
        compare=plain(processbench_reference),
        key=index_key,
        find=last_simple_box,
    ),
}
METRICS: Mapping[str, MetricFamily] = {
    "first-error": MetricFamily(
        estimate=first_error,
        definitions=(
            MetricDefinition(
                name="f1",
                summary="harmonic mean of acc_error and acc_correct, mean over splits",
                curve=found_shares,
                linear=linear_f1,
                shown=Shown.SLICES,
            ),
            MetricDefinition(name="f1_maj@{k}", summary="f1 of the majority of K indices"),
            MetricDefinition(
                name="acc_error",
                summary="share of wrong solutions whose first false step is found",
                curve=found_shares,
                has=has_error,
                shown=Shown.SLICES,
            ),
            MetricDefinition(
                name="acc_correct",
                summary="share of correct solutions that are called correct",
                curve=found_shares,
                has=has_none,
                shown=Shown.SLICES,
            ),
        ),
    )
}
