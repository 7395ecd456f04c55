"""AMO-Bench: the rows whose answer can be judged by a rule."""

from collections.abc import Mapping
from typing import Any

from mathreason_eval.types import Problem


def read(row: Mapping[str, Any], index: int, source: str) -> Problem | None:  # noqa: ARG001
    """Return the problem of a row; None where the answer is a description."""
    if row["answer_type"] == "description":
        return None
    return Problem(
        id=str(row["question_id"]),
        question=row["prompt"],
        gold=(str(row["answer"]),),
        meta={"answer_type": row["answer_type"]},
    )
