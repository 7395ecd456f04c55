"""Samples are judged while others are made, with worker processes only where a grader asks them."""

from __future__ import annotations

import pytest

from mathreason_eval.grade.judge import Judge, JudgeOptions, needs_worker
from mathreason_eval.pipeline.grading import VerdictLog, split_output
from mathreason_eval.pipeline.plan import TaskRules
from mathreason_eval.pipeline.queue import GradingQueue, Job
from mathreason_eval.tasks import load_task
from mathreason_eval.types import Generation, Problem

# fmt: off
GRADERS = [
    # grader, second, whether a worker may be asked
    ("number",     None,              False),
    ("integer",    None,              False),
    ("assignment", "kk-reference",    False),
    ("hendrycks",  None,              False),
    ("math",       None,              True),
    ("minerva",    None,              True),
    ("number",     "math",            True),
    ("number",     "/x/task.py:mine", True),
]
# fmt: on


@pytest.mark.parametrize(("grader", "second", "needs"), GRADERS)
def test_a_worker_is_needed_where_a_grader_may_ask_it(grader, second, needs):
    options = JudgeOptions(extract=("boxed",), grader=grader, second=second)
    assert needs_worker(options) is needs


@pytest.mark.parametrize(("task", "starts"), [("gsm8k", False), ("math", True)])
def test_processes_start_with_the_first_sample_that_may_need_one(task, starts):
    problem = Problem(id="p", question="?", gold=("7",))
    sample = Generation(problem_id="p", sample=0, text=r"\boxed{7}", finish_reason="stop")
    log = VerdictLog()
    log.begin(task)
    with GradingQueue(log, (1, 60.0)) as queue:
        [worker] = queue._judge._pool._workers
        assert worker._process is None
        queue.submit(Job(task, TaskRules.of(load_task(task)), problem, sample, ""))
        assert (worker._process is not None) is starts
        queue.finish()
    [verdict] = log.in_order(task, [problem])
    assert verdict.outcome == "correct"


RULES = ("boxed", "last_number")
# fmt: off
OUTPUTS = [
    # what a model wrote, its reasoning as a server split it off, how it ended; outcome, note
    ("<think>7</think>",       None, "stop",   "no_answer", "no rule found an answer"),
    ("<think>7</think>\n \n",  None, "stop",   "no_answer", "no rule found an answer"),
    ("[THINK]7[/THINK]",       None, "stop",   "no_answer", "no rule found an answer"),
    ("7</think>",              None, "stop",   "no_answer", "no rule found an answer"),
    ("<think></think>",        None, "stop",   "no_answer", "no rule found an answer"),
    ("<think>7</think>",       None, "length", "truncated", "stopped by length before an answer"),
    ("<think>7</think>",       None, None,     "no_answer", "no rule found an answer"),
    ("<think>7",               None, "stop",   "truncated", "the reasoning never ended"),
    ("<think >7",              None, "stop",   "truncated", "the reasoning never ended"),
    ("<think>7</think><think>7", None, "stop", "truncated", "the reasoning never ended"),
    ("Here is my thought process: \\boxed{7}", None, "stop", "correct", ""),
    ("Here is my thought process: \\boxed{7}", None, None, "ungradable",
     "a thought that was cut, or an answer"),
    ("Here is my thought process: 8 Here is my response: 7", None, None, "correct", ""),
    ("Okay.\n<think>\nSo \\boxed{7}", None, "length", "truncated", "the reasoning never ended"),
    ("Okay.\n<think>\nSo \\boxed{7}", None, "stop", "truncated", "the reasoning never ended"),
    ("Okay.\n<think>\nSo 8.</think>\n7", None, "stop", "correct", ""),
    ("Here is my thought process: \\boxed{7}", None, "length", "truncated",
     "the reasoning never ended"),
    ("<think>8</think>7",      None, "stop",   "correct",   ""),
    ("",                       "7",  "stop",   "truncated", "nothing follows the reasoning, which"),
    ("",                       "7",  "length", "truncated", "nothing follows the reasoning, which"),
    ("",                       "",   "stop",   "no_answer", "no rule found an answer"),
    ("<think>7",               "8",  "stop",   "correct",   ""),   # of a server: text
]
# fmt: on


@pytest.mark.parametrize(("output", "reasoning", "finish", "outcome", "note"), OUTPUTS)
def test_what_is_stored_of_an_output_is_judged_as_the_output(
    output, reasoning, finish, outcome, note
):
    text, thought = split_output(output, reasoning)
    problem, options = Problem(id="p", question="?", gold=("7",)), JudgeOptions(extract=RULES)
    with Judge(workers=1, deadline=9) as judge:
        for held in ((text, thought), (output, reasoning)):
            sample = Generation(
                problem_id="p", sample=0, text=held[0], reasoning=held[1], finish_reason=finish
            )
            found = judge.verdict(problem, sample, options)
            assert (found.outcome, found.note[: len(note)]) == (outcome, note)
