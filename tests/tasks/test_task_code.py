"""A task.py is code: it is run where the user named the folder, and nowhere else."""

from __future__ import annotations

import contextlib
import json
import shutil

import pytest

from mathreason_eval import evaluate, load_run
from mathreason_eval.errors import UserError
from mathreason_eval.grade.verify import verify_rows
from mathreason_eval.pipeline.grading import regrade
from mathreason_eval.pipeline.rejudging import rejudged
from mathreason_eval.tasks import load_task, read_task, task_names

CODE = "open({!r}, 'w')\n\ndef judge(gold, answer):\n    return True\n"
YAML = """\
name: sums
version: 1
summary: Sums
license: MIT
data: {{file: rows.jsonl}}
extract: [boxed, last_number]
grade: {}
"""


def task_folder(parent, grade="task.py:judge"):
    folder = parent / "sums"
    folder.mkdir(parents=True)
    (folder / "task.yaml").write_text(YAML.format(grade))
    (folder / "prompt.jinja").write_text("{{ problem.question }}")
    (folder / "rows.jsonl").write_text('{"question": "1 + 1?", "gold": "2"}\n')
    return folder


@pytest.fixture
def mark(tmp_path):
    """The file that a task.py writes when it is run."""
    return tmp_path / "was-run"


@pytest.fixture
def elsewhere(tmp_path, monkeypatch, mark):
    """A current folder with tasks in every place where one might be looked for."""
    here = tmp_path / "here"
    for place in ("tasks", "_tasks", "mathreason_eval/_tasks", ".", "runs/tasks"):
        (task_folder(here / place) / "task.py").write_text(CODE.format(str(mark)))
    (here / "task.py").write_text(CODE.format(str(mark)))
    monkeypatch.chdir(here)
    return here


def test_no_task_of_the_current_folder_is_found(elsewhere, mark):
    assert "sums" not in task_names()
    for name in ("sums", "./sums", "tasks/sums", str(elsewhere / "tasks" / "sums"), "../here/sums"):
        with pytest.raises(UserError):
            load_task(name)
    assert not mark.exists()


@pytest.mark.slow
def test_a_received_run_names_no_code(tmp_path, elsewhere, mark):
    """Whatever its manifest says the grader is, and with a task.py inside of it."""
    (folder := task_folder(tmp_path / "mine")).joinpath("task.py").write_text(
        CODE.format(str(mark))
    )
    run = evaluate(
        model="fake:answer=2", tasks=["sums"], tasks_dirs=folder.parent, out=tmp_path / "run"
    ).path
    assert mark.exists()
    mark.unlink()
    for place in (run, run / "sums", run / "tasks" / "sums"):
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "task.py", place / "task.py")
        shutil.copy(folder / "task.yaml", place / "task.yaml")
    manifest = json.loads((run / "manifest.json").read_text())
    for grader in (
        "task.py:judge",
        str(folder / "task.py:judge"),
        "./task.py:judge",
        "../sums/task.py:judge",
    ):
        manifest["tasks"]["sums"]["grading"]["grade"] = grader
        for second in (None, grader):
            manifest["tasks"]["sums"]["grading"]["second"] = second
            (run / "manifest.json").write_text(json.dumps(manifest))
            with pytest.raises(UserError):
                regrade(run)
            with pytest.raises(UserError):
                rejudged(load_run(run), load_run(run), grading=(1, 5.0))
    assert not mark.exists()


def test_a_row_names_no_code(elsewhere, mark):
    names = ["task.py:judge", str(elsewhere / "task.py:judge"), "./task.py:judge", "task:judge"]
    rows = [{"gold": "1", "answer": "1", "grader": name} for name in names]
    assert [row["equal"] for row in verify_rows(rows, workers=1)] == [None] * len(names)
    assert not mark.exists()


@pytest.mark.parametrize(
    "grade",
    ["../task.py:judge", "/tmp/task.py:judge", "other.py:judge", "sub/task.py:judge",
     "task.py:os.system", "task.py:", "task.py:judge"],
)  # fmt: skip
def test_a_grader_is_of_the_folder_s_own_task_py(tmp_path, elsewhere, grade):
    folder = task_folder(tmp_path / "mine", grade)
    (folder / "other.py").write_text("def judge(gold, answer): return True\n")
    with pytest.raises(UserError):
        read_task(folder)


# fmt: off
YAMLS = [
    "summary: !!python/object/apply:os.system ['touch {mark}']",
    "summary: !!python/name:os.system",
    "summary: !!python/module:os",
    "summary: !!python/object/new:os.system ['touch {mark}']",
    "reader: os.system",
    "reader: __import__",
    "columns: {{question: \"question | __import__('os').system('touch {mark}')\"}}",
    "metrics: ['os:system']",
    "extract: [os.system]",
    "convention: {{units: !!python/name:os.system }}",
    "prompts: {{b: {{template: task.py}}, c: {{template: ../here/task.py}}}}",
]
# fmt: on


@pytest.mark.parametrize("line", YAMLS)
def test_a_folder_without_task_py_runs_nothing(tmp_path, elsewhere, mark, line):
    folder = task_folder(tmp_path / "mine", "number")
    key, before = line.partition(":")[0], (folder / "task.yaml").read_text().splitlines()
    kept = [one for one in before if not one.startswith(f"{key}:")]
    (folder / "task.yaml").write_text("\n".join([*kept, line.format(mark=mark)]))
    (folder / "cases.jsonl").write_text("[]\n")
    for suffix in ("pyc", "so", "pth"):
        (folder / f"task.{suffix}").write_bytes(b"x")
    # Some are refused, and others mean nothing to rows with a question and a gold.
    with contextlib.suppress(UserError):
        evaluate(
            model="fake:answer=2", tasks=["sums"], tasks_dirs=folder.parent, out=tmp_path / "run"
        )
    assert not mark.exists()
