"""PolyMath: a row's language and level are in the name of its configuration and split."""

import re
from collections.abc import Mapping
from typing import Any

from mathreason_eval.types import Problem


def read(row: Mapping[str, Any], index: int, source: str) -> Problem:  # noqa: ARG001
    """Return the problem of a row; a file's rows say their `language` and `level` themselves."""
    language, level = row.get("language"), row.get("level")
    if language is None or level is None:
        _, language, level = source.split(" ")
    number = re.findall(r"\d+", str(row["id"]))[-1]
    return Problem(
        id=f"{level}-{language}-{number}",
        question=row["question"],
        gold=(str(row["answer"]),),
        meta={"language": language, "level": level, "problem": f"{level}-{number}"},
    )
