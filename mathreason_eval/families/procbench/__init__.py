"""The 23 procedures of ProcBench (arXiv:2410.03117), each told, drawn, carried out and read back.

`procedure` says what one is; `building`, `editing`, `dividing`, `counting`, `sentences`,
`rewriting` and `cycles` hold them by what they do; `problems` makes problems of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from mathreason_eval.extract import Rule
from mathreason_eval.families.procbench.extract import states as find_states
from mathreason_eval.families.procbench.grader import MEASURES, procbench_reference, states
from mathreason_eval.families.procbench.survival import survival
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
            MetricDefinition(name="survival@{k}", summary="share of samples right up to step K"),
        ),
    )
}
