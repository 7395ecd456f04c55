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
from mathreason_eval.families.processbench.metrics import first_error
from mathreason_eval.grade.graders import Grader, plain
from mathreason_eval.stats.metrics import Family

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
METRICS: Mapping[str, Family] = {"first-error": first_error}
