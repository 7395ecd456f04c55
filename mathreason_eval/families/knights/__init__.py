"""Knights and knaves: puzzles about truth-tellers and liars (arXiv:2410.23123).

`puzzles` draws and solves them, `family` words an original and its six variants, `published` reads
and reproduces the published rows, `claims` and `grader` judge answers.
"""

from __future__ import annotations

from collections.abc import Mapping

from mathreason_eval.extract import Rule
from mathreason_eval.extract.last import whole
from mathreason_eval.families.knights.grader import (
    PER_PERSON,
    assignment,
    assignment_key,
    closing,
    conclusion,
    kk_reference,
)
from mathreason_eval.grade.graders import Grader, plain

EXTRACTORS: Mapping[str, Rule] = {"conclusion": conclusion, "closing": closing}
GRADERS: Mapping[str, Grader] = {
    "assignment": Grader(
        summary="the role of every person of a puzzle",
        compare=plain(assignment),
        extract=("conclusion", "boxed", "closing"),
        key=assignment_key,
        measures=(PER_PERSON,),
    ),
    "kk-reference": Grader(
        summary="the published rule of Knights and Knaves, word for word",
        compare=plain(kk_reference),
        find=whole,
        key=assignment_key,
        measures=(PER_PERSON,),
    ),
}
