"""The tasks procbench and procbench-gen, from a row or a seed to the metrics."""

from __future__ import annotations

import gzip
import json
from collections import Counter

import pytest

from mathreason_eval.errors import DataError
from mathreason_eval.grade.judge import Judge
from mathreason_eval.pipeline.check import check_task
from mathreason_eval.pipeline.plan import TaskRules
from mathreason_eval.stats.summary import summarize
from mathreason_eval.tasks import load_task
from mathreason_eval.tasks.datasets import load_problems
from mathreason_eval.tasks.task import render
from mathreason_eval.types import Generation, Outcome

PROMPT = "Put the letters in order.\n\n[Question]\nString: cabd"
HUB = {
    "prompt": PROMPT,
    "label": {"init": "cabd", "intermediate": ["acbd"], "final": "abcd"},
    "task_name": "task01",
    "example_name": "0003",
    "problem_name": "task01_0003",
}
FLAT = {
    "id": "task01_0003", "task": "task01", "prompt": PROMPT, "init": "cabd",
    "intermediate": ["acbd"], "final": "abcd", "n_steps": 2,
}  # fmt: skip


def rows(tmp_path, *written):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, written)))
    return [str(path)]


@pytest.mark.parametrize("row", [HUB, FLAT], ids=["hub", "flat"])
def test_a_row_is_read(tmp_path, row):
    (problem,) = load_problems(load_task("procbench"), rows(tmp_path, row)).problems
    assert (problem.id, problem.question) == ("task01_0003", PROMPT)
    assert problem.gold == ('{"intermediate": ["acbd"], "final": "abcd"}',)
    assert problem.meta == {"task": "01-sort", "steps": 2, "length": "short"}


def test_a_parquet_file_of_the_hub_is_read(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "task01.parquet"
    parquet.write_table(pa.Table.from_pylist([HUB]), path)
    (problem,) = load_problems(load_task("procbench"), [str(path)]).problems
    assert problem.gold == ('{"intermediate": ["acbd"], "final": "abcd"}',)


@pytest.mark.parametrize("missing", ["prompt", "label", "task_name"])
def test_a_row_that_lacks_something_says_what(tmp_path, missing):
    row = {name: value for name, value in HUB.items() if name != missing}
    with pytest.raises(DataError, match="not a row of procbench"):
        load_problems(load_task("procbench"), rows(tmp_path, row))


def test_a_task_that_is_not_published_is_a_clear_error(tmp_path):
    with pytest.raises(DataError, match="not a row of procbench"):
        load_problems(load_task("procbench"), rows(tmp_path, {**HUB, "task_name": "task24"}))


def test_a_published_prompt_is_sent_as_it_stands(tmp_path):
    task = load_task("procbench")
    odd = {**HUB, "prompt": f"{PROMPT} \n\n{{{{ 7 }}}} <b>\n"}
    (problem,) = load_problems(task, rows(tmp_path, odd)).problems
    assert render(task.prompt_form(None, chat=True), problem).messages[0].content == odd["prompt"]


@pytest.mark.slow
@pytest.mark.shared
def test_the_published_rows_prove_the_task(shared):
    data = str(shared / "procbench" / "test_20tasks.jsonl.gz")
    failed = [check for check in check_task(load_task("procbench"), [data]) if not check.ok]
    # Three of the 23 tasks are missing there, and that is what the check says.
    assert [(check.name, check.note) for check in failed] == [
        (
            "problems",
            "There are 4,800, but the task says 5,520. Use the published rows, or correct `rows`.",
        )
    ]


@pytest.mark.slow
@pytest.mark.shared
def test_ten_rows_for_each_number_of_steps(shared):
    data = shared / "procbench" / "test_20tasks.jsonl.gz"
    problems = load_problems(load_task("procbench"), [str(data)]).problems
    cells = Counter((problem.meta["task"], problem.meta["steps"]) for problem in problems)
    assert (len(cells), set(cells.values())) == (20 * 24, {10})
    lengths = Counter(problem.meta["length"] for problem in problems)
    assert lengths == {"short": 20 * 50, "medium": 20 * 100, "long": 20 * 90}
    with gzip.open(data, "rt", encoding="utf-8") as lines:
        published = [json.loads(line)["length"] for line in lines]
    assert [problem.meta["length"] for problem in problems] == published


def test_the_generated_task_proves_itself():
    assert [check for check in check_task(load_task("procbench-gen")) if not check.ok] == []


# --- what models write -----------------------------------------------------------------------


def in_json(told):
    return f"Done.\n```json\n{json.dumps(told, indent=2)}\n```"


def in_python(told):
    return f"I get {told!r}."


def under_labels(told):
    return f"**Intermediate states:** {told['intermediate']}\n\n**Final state:** {told['final']}"


def in_lines(told):
    lines = "\n".join(f"{i}. {state}" for i, state in enumerate(told["intermediate"], 1))
    return f"Final state: {told['final']}\n\nIntermediate states:\n{lines}\n"


def bare(told):
    return f"{told['intermediate']}\n{told['final']}"


FORMS = [in_json, in_python, under_labels, in_lines, bare]
PROBLEMS = load_problems(load_task("procbench-gen")).problems


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_true_states_are_found_and_right_in_every_form(form):
    task = load_task("procbench-gen")
    wrong = []
    with Judge(workers=1) as judge:
        for problem in PROBLEMS:
            text = form(json.loads(problem.gold[0]))
            sample = Generation(problem_id=problem.id, sample=0, text=text)
            verdict = judge.verdict(problem, sample, TaskRules.of(task).judging)
            if (verdict.outcome, verdict.second) != (Outcome.CORRECT, Outcome.CORRECT):
                wrong.append((problem.id, verdict.note))
    assert wrong == []


def mutants(told):
    """Yield what differs from the truth in one state."""
    states = [*told["intermediate"], told["final"]]
    for at in {0, len(states) // 2, len(states) - 1}:
        yield [*states[:at], *states[at + 1 :]]
        yield [*states[:at], "", *states[at:]]
        yield [*states[:at], changed(states[at]), *states[at + 1 :]]


def changed(state):
    if isinstance(state, list):
        return [*state[:-1], changed(state[-1])]
    return (
        state + 1 if isinstance(state, int) else f"{state[:-1]}{'b' if state[-1] == 'a' else 'a'}"
    )


@pytest.mark.slow
@pytest.mark.parametrize("grader", ["states", "procbench-reference"])
def test_one_wrong_state_is_never_right(grader):
    accepted = []
    with Judge(workers=1) as judge:
        for problem in PROBLEMS:
            for *intermediate, final in mutants(json.loads(problem.gold[0])):
                said = json.dumps({"intermediate": intermediate, "final": final})
                if judge.match(problem.gold, said, grader).equal is not False:
                    accepted.append((problem.gold, said))
    assert accepted == []


def half(problem):
    """Return a reply that is right in the first half of the states, and in the last one."""
    told = json.loads(problem.gold[0])
    right = len(told["intermediate"]) // 2
    told["intermediate"][right:] = ["?"] * (len(told["intermediate"]) - right)
    return json.dumps(told)


@pytest.mark.slow
def test_the_metrics_tell_how_far_a_model_comes():
    task = load_task("procbench-gen")
    rules = TaskRules.of(task)
    texts = {problem.id: (problem.gold[0], half(problem), "no idea") for problem in PROBLEMS}
    samples = [
        Generation(problem_id=name, sample=i, text=text)
        for name, said in texts.items()
        for i, text in enumerate(said)
    ]
    by_id = {problem.id: problem for problem in PROBLEMS}
    with Judge(workers=1) as judge:
        verdicts = [judge.verdict(by_id[s.problem_id], s, rules.judging) for s in samples]
    metrics = {
        (metric.slice, metric.name): metric
        for metric in summarize("t", PROBLEMS, samples, verdicts, key=str, report=rules.report)
    }
    value = {key: metric.value for key, metric in metrics.items()}
    # One of three is right, one has the right end, and one says nothing.
    for name, share in {"avg": 1, "sm": 1, "fm": 2, "no_answer": 1, "both": 1}.items():
        assert value["all", name] == pytest.approx(share / 3)
    steps = [problem.meta["steps"] for problem in PROBLEMS]
    right = [n + (n - 1) // 2 for n in steps]
    assert value["all", "pml"] == pytest.approx(sum(right) / 3 / len(steps))
    assert value["steps=25", "pa"] == pytest.approx((1 + 12 / 25) / 3)
    assert value["length=short", "sm"] == value["task=23-find-cyclic", "sm"] == pytest.approx(1 / 3)
    # Half of the way is 12 steps of 25, so nobody but the right one comes to step 13.
    assert value["all", "survival@13"] == pytest.approx(1 / 3)
    assert 1 / 3 < value["all", "survival@12"] < value["all", "survival@1"] < 2 / 3
    assert metrics["all", "survival@25"].problems == 23
