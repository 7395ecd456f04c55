"""What a verdict depends on besides the sample, so that it is made again only when that changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

from mathreason_eval.extract import EXTRACTORS
from mathreason_eval.grade.graders import GRADERS, is_of_task
from mathreason_eval.grade.judge import GRADER_VERSION, JudgeOptions
from mathreason_eval.runs.manifest import describe_code
from mathreason_eval.types import GradingRules

_GRADING_PACKAGES = ("antlr4-python3-runtime", "latex2sympy2-extended", "math-verify", "sympy")


def judged_by(grading: GradingRules, judging: JudgeOptions) -> str:
    """Return the grader's version and a digest of all that the verdicts of a task depend on.

    Args:
        grading: as a manifest stores them.
        judging: the same, with the graders' files.
    """
    graders = filter(None, (judging.grader, judging.second))
    spelled = {
        "rules": asdict(replace(grading, judged_by=None)),
        "graders": {name.rpartition("/")[2]: _origin(name) for name in graders},
        "extract": {rule: EXTRACTORS.origins().get(rule) for rule in grading.extract},
        "packages": _packages(),
    }
    digest = hashlib.sha256(json.dumps(spelled, sort_keys=True, default=str).encode())
    return f"{GRADER_VERSION}-{digest.hexdigest()[:8]}"


def _origin(grader: str) -> str | None:
    """Return the package of a grader and its version; of a task's own the hash of its file."""
    if not is_of_task(grader):
        return GRADERS.origins().get(grader)
    path = Path(grader.rpartition(":")[0])
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


@cache
def _packages() -> Mapping[str, str | None]:
    code = describe_code()
    others = {name: code.packages.get(name) for name in _GRADING_PACKAGES}
    return {"mathreason-eval": code.mathreason_eval, **others}
