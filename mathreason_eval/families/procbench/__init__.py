"""ProcBench (arXiv:2410.03117): 23 procedures that a model carries out step by step.

`procedure` has the record of a procedure; `pieces`, `editing`, `rewriting` and `counting` define
the procedures; `problems` makes problems of them; `extract` and `grader` extract and grade states.
"""

from __future__ import annotations

from collections.abc import Mapping

from mathreason_eval.extract import Rule
from mathreason_eval.families.procbench.extract import find_states
from mathreason_eval.families.procbench.grader import (
    MEASURES,
    procbench_reference,
    states,
    survival,
)
from mathreason_eval.grade.graders import Grader, plain
from mathreason_eval.stats.metrics import MetricDefinition, MetricFamily

EXTRACTORS: Mapping[str, Rule] = {"states": find_states}
GRADERS: Mapping[str, Grader] = {
    "states": Grader(
        summary="the states of a procedure, one by one",
        compare=plain(states),
        extract=("states",),
        key=str,
        measures=MEASURES,
    ),
    "procbench-reference": Grader(
        summary="the states of a procedure by ProcBench's evaluator",
        compare=plain(procbench_reference),
        extract=("states",),
        key=str,
        measures=MEASURES,
    ),
}
METRICS: Mapping[str, MetricFamily] = {
    "survival": MetricFamily(
        estimate=survival,
        definitions=(
            MetricDefinition(name="survival@{k}", summary="share of samples correct up to step K"),
        ),
    )
}
