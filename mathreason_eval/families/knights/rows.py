"""Problems from the published rows of knights and knaves, joined by index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mathreason_eval.families.knights.family import VARIANTS
from mathreason_eval.families.knights.published import TEST_ROWS
from mathreason_eval.types import Problem


def problem_of_row(row: Mapping[str, Any], source: str) -> Problem:
    """Return the problem of a published row, as the hub has it or as a copy with longer names.

    A row that does not say which perturbation it is of, is of the one that `source` names, and
    else an original. Test and train rows are numbered through, so the index tells the split.

    Args:
        row: with `quiz`, `names`, `solution`, `solution_text` and `index`, or `question` and
            `answer` for the first and the fourth.
        source: file, or data set and split, that the row is from.

    Raises:
        KeyError: naming the column that is missing.
    """
    variant = row.get("perturbation") or next((name for name in VARIANTS if name in source), None)
    if variant == "clean":
        variant = None
    index = int(row["index"])
    people = len(row["names"])
    split = "test" if index < TEST_ROWS else "train"
    origin = f"kk-{split}-{people}ppl-{index}"
    return Problem(
        id=origin if variant is None else f"{origin}~{variant}",
        question=row["quiz"] if "quiz" in row else row["question"],
        gold=(row["solution_text"] if "solution_text" in row else row["answer"],),
        meta={"people": people},
        given={"names": [*row["names"]], "solution": [*row["solution"]]},
        origin=None if variant is None else origin,
        variant=variant,
    )
