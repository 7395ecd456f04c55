"""Knights and knaves: truth-tellers and liars, what they say, and who is what.

`logic` says what a statement means and solves a puzzle, `sampling` draws puzzles, `perturbing`
changes one, `wording` tells it in words, `family` makes an original with its six variants, and
`published` draws and tells the puzzles of arXiv:2410.23123 again, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping

from mathreason_eval.extract import Rule
from mathreason_eval.extract.last import whole
from mathreason_eval.families.knights.conclusion import closing, conclusion
from mathreason_eval.families.knights.grader import (
    PER_PERSON,
    assignment,
    kk_reference,
    same_assignment,
)
from mathreason_eval.grade.graders import Grader, plain

EXTRACTORS: Mapping[str, Rule] = {"conclusion": conclusion, "closing": closing}
GRADERS: Mapping[str, Grader] = {
    "assignment": Grader(
        summary="the role of every person of a puzzle",
        compare=plain(assignment),
        extract=("conclusion", "boxed", "closing"),
        key=same_assignment,
        measures=(PER_PERSON,),
    ),
    "kk-reference": Grader(
        summary="the published rule of Knights and Knaves, word for word",
        compare=plain(kk_reference),
        find=whole,
        key=same_assignment,
        measures=(PER_PERSON,),
    ),
}
