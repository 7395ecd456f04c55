"""What lm-eval calls of an exported task: its data, its prompts, and our grading of an output."""

from __future__ import annotations

import atexit
import json
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Self

from mathreason_eval.grade import DEADLINE, WORKERS
from mathreason_eval.grade.judge import Judge
from mathreason_eval.pipeline.grading import split_output
from mathreason_eval.pipeline.plan import TaskRules
from mathreason_eval.registry import TASK_PREFIX
from mathreason_eval.types import Generation, GradingRules, Outcome, Problem, ReportRules


class ExportedTask:
    """A task in a folder that `mathreason export lm-eval` wrote."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __deepcopy__(self, _: object) -> Self:
        """Return this task itself: lm-eval copies its settings, with the functions in them."""
        return self

    def __reduce__(self) -> tuple[type[Self], tuple[Path]]:
        """Return how another process makes this task again, with workers of its own."""
        return type(self), (self._folder,)

    def dataset(self, **_: object) -> Mapping[str, Any]:
        """Return the problems as the split `test` of a data set."""
        from datasets import Dataset

        lines = (self._folder / "problems.jsonl").read_text(encoding="utf-8").splitlines()
        return {"test": Dataset.from_list([json.loads(line) for line in lines])}

    def prompt(self, doc: Mapping[str, Any]) -> str:
        """Return what a problem is asked by."""
        return str(doc["prompt"])

    def target(self, doc: Mapping[str, Any]) -> str:
        """Return the gold of a problem; of several the first."""
        return str(doc["gold"][0])

    def process_results(
        self, doc: Mapping[str, Any], results: Sequence[str | Sequence[str]]
    ) -> dict[str, float]:
        """Return the share of each outcome in the samples of a problem.

        Args:
            doc: a row of the data set.
            results: an output, or a list of several where the filter keeps them.
        """
        [found] = results
        outputs = [found] if isinstance(found, str) else list(found)
        outcomes = [self.outcome(doc, output) for output in outputs]
        shares = (Outcome.CORRECT, Outcome.NO_ANSWER, Outcome.TRUNCATED, Outcome.UNGRADABLE)
        return {str(one): outcomes.count(one) / len(outcomes) for one in shares}

    def outcome(self, doc: Mapping[str, Any], output: str) -> Outcome:
        """Return our verdict on an output."""
        given = json.loads(doc["problem"])
        problem = Problem(**{**given, "gold": tuple(given["gold"])})
        text, reasoning = split_output(output)
        sample = Generation(problem_id=problem.id, sample=0, text=text, reasoning=reasoning)
        return self._judge.verdict(problem, sample, self._rules.judging).outcome

    @cached_property
    def _judge(self) -> Judge:
        judge = Judge(workers=WORKERS, deadline=DEADLINE)
        atexit.register(judge.close)
        return judge

    @cached_property
    def _rules(self) -> TaskRules:
        told = json.loads((self._folder / "rules.json").read_text(encoding="utf-8"))
        listed = {name: tuple(told["report"][name]) for name in ("slices", "metrics")}
        return TaskRules.stored(
            GradingRules(**{**told["grading"], "extract": tuple(told["grading"]["extract"])}),
            ReportRules(**{**told["report"], **listed}),
            partial(_located, told["folder"]),
        )


def _located(folder: str | None, grader: str) -> str:
    """Return a grader's name with the folder of its task, if it is in one."""
    return f"{folder}/{grader}" if folder and grader.startswith(TASK_PREFIX) else grader
