"""Gaokao 2023 in English: the rows that have an answer."""

from collections.abc import Mapping
from typing import Any

from mathreason_eval.types import Problem


def read(row: Mapping[str, Any], index: int, source: str) -> Problem | None:  # noqa: ARG001
    """Return the problem of a row; None where the answer is empty."""
    if not row["answer"]:
        return None
    identity = row.get("id")
    return Problem(
        id=f"gaokao2023en-{index}" if identity is None else str(identity),
        question=row["question"],
        gold=(row["answer"],),
    )
