"""Right answers by wrong steps: seen where an equation on the way is false, and nowhere else."""

from __future__ import annotations

import json

import pytest

from mathreason_eval.grade.judge import JudgeOptions
from mathreason_eval.pipeline.importers.jsonl import import_jsonl
from mathreason_eval.tasks import load_task
from mathreason_eval.types import Generation, Problem

# fmt: off
OUTPUTS = [
    # output,                                                    gold,  false_step
    ("3 * 4 = 12, and 12 + 5 = 17. The answer is 17.",           "17",  0.0),
    ("3 * 4 = 13, and 12 + 5 = 17. The answer is 17.",           "17",  1.0),
    (r"$\frac{1}{2} + \frac{1}{3} = \frac{2}{5}$, so \boxed{5}", "5",   1.0),
    ("It is 17. The answer is 17.",                              "17",  0.0),
    ("The answer is 17. By the way, 2 + 2 = 5.",                 "17",  0.0),
    ("3 * 4 = 13. The answer is 13.",                            "17",  None),
    ("3 * 4 = 13, but what is asked I do not know",              "x",   None),
]
# fmt: on


@pytest.mark.parametrize(("output", "gold", "false_step"), OUTPUTS)
def test_steps_before_a_right_answer_are_worked_out(judge, output, gold, false_step):
    how = JudgeOptions(extract=("boxed", "phrase"), grader="number", check_steps=True)
    problem = Problem(id="p", question="?", gold=(gold,))
    sample = Generation(problem_id="p", sample=0, text=output)
    verdict = judge.verdict(problem, sample, how)
    assert verdict.measures.get("false_step") == false_step
    assert ("on the way" in verdict.note) == bool(false_step)


def test_steps_are_not_looked_at_unless_a_task_asks(judge):
    how = JudgeOptions(extract=("phrase",), grader="number")
    problem = Problem(id="p", question="?", gold=("17",))
    sample = Generation(problem_id="p", sample=0, text=OUTPUTS[1][0])
    assert judge.verdict(problem, sample, how).measures == {}


def test_the_share_is_over_right_answers(tmp_path):
    path = tmp_path / "outputs.jsonl"
    rows = [
        {"id": f"p{i}", "question": "?", "gold": gold if gold != "x" else "1", "output": output}
        for i, (output, gold, _) in enumerate(OUTPUTS)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (done,) = import_jsonl(path, load_task("word-problems"), tmp_path / "runs", model="m")
    (metric,) = (m for m in done.run.metrics() if m.name == "right_by_wrong_steps")
    assert (metric.value, metric.problems, metric.samples) == (2 / 5, 5, 5)
