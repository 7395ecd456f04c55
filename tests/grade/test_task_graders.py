"""A grader in a task's folder decides in a worker; whatever it does hurts no other sample."""

from __future__ import annotations

import json
import sys

import pytest
from click.testing import CliRunner

from mathreason_eval.cli import verbs
from mathreason_eval.errors import RunError, TaskError, UnknownNameError, UserError
from mathreason_eval.grade.judge import Judge
from mathreason_eval.grade.verify import judge_row
from mathreason_eval.pipeline.check import check_task
from mathreason_eval.pipeline.grading import regrade
from mathreason_eval.pipeline.plan import TaskRules
from mathreason_eval.runs.store import load_run
from mathreason_eval.tasks import read_task
from mathreason_eval.types import Generation, Outcome, Problem

pytestmark = pytest.mark.slow

YAML = """\
name: sums
version: 1
summary: Odd or even
license: CC0
data: {file: rows.jsonl}
extract: [boxed, last_number]
grade: task.py:parity
"""
GRADERS = """\
import os, sys, time
from mathreason_eval.types import Match

def parity(gold, answer):
    return int(gold) % 2 == int(answer) % 2

def explained(gold, answer):
    return Match(equal=None, rule="parity", note="who knows", measures={"far": 3})

def hang(gold, answer):
    while True:
        time.sleep(1)

def crash(gold, answer):
    os._exit(3)

def leave(gold, answer):
    sys.exit(0)

def lost(gold, answer):
    raise LookupError("nothing")

def talk(gold, answer):
    print("equal", flush=True)
    return True

def word(gold, answer):
    return "yes"

def number(gold, answer):
    return 1

def loose(gold, answer):
    return Match(equal="no", rule="loose", note="")

def far(gold, answer):
    return Match(equal=True, rule="far", note="", measures={"far": float("nan")})
"""
CASE = '{"text": "so \\\\boxed{9}", "gold": "3", "want": "correct", "why": "odd"}\n'


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "sums"
    path.mkdir()
    (path / "task.yaml").write_text(YAML)
    (path / "prompt.jinja").write_text("{{ problem.question }}")
    (path / "task.py").write_text(GRADERS)
    (path / "README.md").write_text("Sums.")
    (path / "cases.jsonl").write_text(CASE)
    rows = [{"question": f"What is {n} + 1?", "gold": str(n + 1)} for n in range(4)]
    (path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def with_grader(folder, name):
    (folder / "task.yaml").write_text(YAML.replace("task.py:parity", name))
    return read_task(folder)


# fmt: off
SAID = [
    # function, the answer, the outcome, the rule, part of the note
    ("parity",    "9",     Outcome.CORRECT,    "task.py:parity", "says True"),
    ("parity",    "8",     Outcome.WRONG,      "task.py:parity", "says False"),
    ("parity",    "x",     Outcome.UNGRADABLE, "error",          "ValueError"),
    ("explained", "9",     Outcome.UNGRADABLE, "parity",         "who knows"),
    ("hang",      "9",     Outcome.UNGRADABLE, "worker",         "no verdict within"),
    ("crash",     "9",     Outcome.UNGRADABLE, "worker",         "died"),
    ("leave",     "9",     Outcome.UNGRADABLE, "error",          "SystemExit"),
    ("lost",      "9",     Outcome.UNGRADABLE, "error",          "LookupError"),
    ("talk",      "9",     Outcome.CORRECT,    "task.py:talk",   "says True"),
    ("word",      "9",     Outcome.UNGRADABLE, "error",          "TypeError"),
    ("number",    "9",     Outcome.UNGRADABLE, "error",          "TypeError"),
    ("loose",     "9",     Outcome.UNGRADABLE, "error",          "TypeError"),
    ("far",       "9",     Outcome.UNGRADABLE, "error",          "ValueError"),
    ("parity",    "9" * 4_000, Outcome.CORRECT, "task.py:parity", "says True"),
]
# fmt: on


@pytest.fixture(scope="module")
def judge():
    with Judge(workers=1, deadline=1.0) as one:
        yield one


@pytest.mark.parametrize("row", SAID)
def test_what_a_function_says_or_does_is_an_outcome(folder, judge, row):
    function, answer, outcome, rule, note = row
    task = with_grader(folder, f"task.py:{function}")
    sample = Generation(problem_id="p", sample=0, text=f"\\boxed{{{answer}}}")
    problem = Problem(id="p", question="?", gold=("3",))
    verdict = judge.verdict(problem, sample, TaskRules.of(task).judging)
    assert (verdict.outcome, verdict.rule) == (outcome, rule)
    assert note in verdict.note
    assert verdict.measures == ({"far": 3.0} if function == "explained" else {})


def test_an_answer_too_long_for_algebra_is_not_too_long_for_a_function(folder, judge):
    (folder / "task.py").write_text("def same(gold, answer):\n    return gold == answer\n")
    grader = with_grader(folder, "task.py:same").located("task.py:same")
    assert judge.match(["x" * 15_000], "x" * 15_000, grader).equal is True


def test_a_slow_import_is_on_no_answers_clock(tmp_path, judge):
    (tmp_path / "task.py").write_text(
        "import time\ntime.sleep(1.5)\ndef it(gold, answer):\n    return True\n"
    )
    assert judge.match(["1"], "1", f"{tmp_path}/task.py:it").equal is True


def test_a_file_that_kills_its_process_is_run_once_and_not_for_each_answer(tmp_path, judge):
    mark = tmp_path / "ran"
    (tmp_path / "task.py").write_text(
        f"import os\nopen({str(mark)!r}, 'a').write('x')\nos._exit(1)\n"
    )
    for answer in "123":
        found = judge.match(["1"], answer, f"{tmp_path}/task.py:it")
        assert (found.equal, "loading it failed" in found.note) == (None, True)
    assert mark.read_text() == "x"


def test_two_tasks_may_call_their_graders_alike(tmp_path, judge):
    for name, said in (("one", True), ("two", False)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "task.py").write_text(f"def it(gold, answer):\n    return {said}\n")
        assert judge.match(["1"], "1", f"{tmp_path}/{name}/task.py:it").equal is said


def test_the_file_is_run_by_the_worker_alone(folder, tmp_path):
    mark = tmp_path / "ran"
    (folder / "task.py").write_text(
        f"import os\nopen({str(mark)!r}, 'a').write(str(os.getpid()) + ' ')\n{GRADERS}"
    )
    assert all(one.ok for one in check_task(read_task(folder)))
    assert mark.read_text().split() not in ([], [str(__import__("os").getpid())])
    assert not [name for name in sys.modules if str(folder) in name]


# fmt: off
MALFORMED = [
    # the grader, what the error says
    ("task.py:parlty",      "parity"),
    ('"task.py:"',          "task.py:NAME"),
    ("task.py:a.b",         "task.py:NAME"),
    ("../task.py:parity",   "task.py:NAME"),
    ("other.py:parity",     "task.py:NAME"),
]
# fmt: on


@pytest.mark.parametrize(("grader", "says"), MALFORMED)
def test_a_grader_that_is_not_in_the_folder_is_said_when_it_is_read(folder, grader, says):
    with pytest.raises((TaskError, UnknownNameError)) as refused:
        with_grader(folder, grader)
    assert says in f"{refused.value.what} {refused.value.hint}"


@pytest.mark.parametrize("source", ["def parity(", None])
def test_a_file_that_is_no_python_is_said_when_it_is_read(folder, source):
    (folder / "task.py").unlink()
    if source is not None:
        (folder / "task.py").write_text(source)
    with pytest.raises(TaskError, match="cannot be read"):
        read_task(folder)


def test_check_says_what_a_grader_raised(folder):
    failed = {one.name: one.note for one in check_task(with_grader(folder, "task.py:lost"))
              if not one.ok}  # fmt: skip
    assert failed.keys() == {"grader", "cases.jsonl"}
    assert all("LookupError" in note for note in failed.values())


def test_a_run_is_judged_and_judged_again(folder, tmp_path):
    shown = CliRunner().invoke(verbs, ["check", "sums", "--tasks-dir", str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    out = tmp_path / "run"
    command = ["run", "fake:answer=6", "-t", "sums", "--tasks-dir", str(tmp_path), "-o", str(out),
               "--workers", "1"]  # fmt: skip
    done = CliRunner().invoke(verbs, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    run = load_run(out)
    assert [str(v.outcome) for v in run.verdicts("sums")] == ["wrong", "correct"] * 2
    entry = run.manifest.tasks["sums"]
    assert (entry.grading.grade, entry.data.source) == ("task.py:parity", "rows.jsonl")
    assert str(tmp_path) not in (out / "manifest.json").read_text()
    assert regrade(out, workers=1, tasks_dirs=[tmp_path]).flips == ()
    compared = CliRunner().invoke(verbs, ["compare", str(out), str(out), "--metric", "maj@1"])
    assert compared.exit_code == 0, compared.output


@pytest.mark.parametrize("named", ["task.py:parity", "/somewhere/task.py:parity"])
def test_a_run_whose_task_is_not_here_is_not_judged_by_any_file(folder, tmp_path, named):
    out = tmp_path / "run"
    command = ["run", "fake:answer=6", "-t", "sums", "--tasks-dir", str(tmp_path), "-o", str(out),
               "--workers", "1"]  # fmt: skip
    CliRunner().invoke(verbs, command, catch_exceptions=False)
    manifest = (out / "manifest.json").read_text()
    (out / "manifest.json").write_text(manifest.replace("task.py:parity", named))
    with pytest.raises(RunError, match="of the task sums, which was not found") as refused:
        regrade(out)
    assert "--tasks-dir" in refused.value.hint


def test_no_row_names_a_file_to_run(folder, judge):
    reference = read_task(folder).located("task.py:parity")
    row = judge_row(judge, {"gold": "3", "answer": "9", "grader": reference})
    assert (row["outcome"], row["rule"]) == ("ungradable", "row")
    from mathreason_eval import verify

    for asked in ({"answer": "9"}, {"output": "9"}):
        with pytest.raises(UserError, match="no grader"):
            verify("3", **asked, grader=reference)


def test_a_second_grader_may_be_the_folders_own(folder, judge):
    yaml = YAML.replace("task.py:parity", "number\nsecond: task.py:parity")
    (folder / "task.yaml").write_text(yaml)
    rules = TaskRules.of(read_task(folder))
    sample = Generation(problem_id="p", sample=0, text="\\boxed{9}")
    verdict = judge.verdict(Problem(id="p", question="?", gold=("3",)), sample, rules.judging)
    assert (verdict.outcome, verdict.second) == (Outcome.WRONG, Outcome.CORRECT)
    assert rules.grading.second == "task.py:parity"


def test_a_manifest_names_no_file_as_second_grader(folder, tmp_path):
    """A received folder may name any path: what is asked is the function in the task's own file."""
    evil = tmp_path / "evil" / "task.py"
    evil.parent.mkdir()
    evil.write_text(
        "def parity(gold, answer):\n    open(__file__ + '.ran', 'w')\n    return True\n"
    )
    out = tmp_path / "run"
    command = ["run", "fake:answer=6", "-t", "sums", "--tasks-dir", str(tmp_path), "-o", str(out),
               "--workers", "1"]  # fmt: skip
    CliRunner().invoke(verbs, command, catch_exceptions=False)
    manifest = (out / "manifest.json").read_text()
    assert '"second": null' in manifest
    (out / "manifest.json").write_text(
        manifest.replace('"second": null', f'"second": "{evil}:parity"')
    )
    run = regrade(out, workers=1, tasks_dirs=[tmp_path]).run
    assert not evil.with_name("task.py.ran").exists()
    assert run.manifest.tasks["sums"].grading.second == "task.py:parity"
    assert [v.second for v in run.verdicts("sums")] == [v.outcome for v in run.verdicts("sums")]
