"""A lock binds a version to what a score depends on: what changes under it is named."""

from __future__ import annotations

import json

import pytest

from mathreason_eval import evaluate
from mathreason_eval.errors import TaskError, UserError
from mathreason_eval.tasks import load_task, read_task, task_names
from mathreason_eval.tasks.lock import LOCK, check_lock, lock_of, write_lock

YAML = """\
name: own
version: 1
summary: Sums
license: CC0
generate: {problems: 4}
extract: [boxed]
grade: number
"""
CODE = """\
from mathreason_eval.types import Problem


def problem(index, seed):
    # A comment.
    return Problem(id=f"p{index}", question=f"{index} + {1}?", gold=(str(index + 1),))
"""


@pytest.fixture
def folder(tmp_path):
    (path := tmp_path / "tasks" / "own").mkdir(parents=True)
    (path / "task.yaml").write_text(YAML)
    (path / "task.py").write_text(CODE)
    (path / "prompt.jinja").write_text("{{ problem.question }}\n")
    write_lock(read_task(path))
    return path


# fmt: off
CHANGES = [  # a file, what is replaced, by what, the parts that are named
    ("prompt.jinja", "question }}",  "question }} Box it.",             ["the prompts"]),
    ("prompt.jinja", "\n",           " \n",                              ["the prompts"]),
    ("task.yaml",    "[boxed]",      "[boxed, last_number]",             ["the rules"]),
    ("task.yaml",    "grade: number", "grade: math",                     ["the rules"]),
    ("task.yaml",    "grade: number", "grade: number\nsecond: math",     ["the rules"]),
    ("task.yaml",    "grade: number", "grade: number\nconvention: {units: required}",
                                                                         ["the rules"]),
    ("task.yaml",    "grade: number", "grade: number\ncolumns: {gold: a}", ["the data"]),
    ("task.py",      "index + 1)",   "index + 1.0)",                     ["the code"]),
    # what no score depends on
    ("task.yaml",    "summary: Sums", "summary: Other sums",             []),
    ("task.yaml",    "license: CC0", "license: MIT",                     []),
    ("task.py",      "# A comment.", "# Another.",                       []),
    ("task.py",      "index + 1),",  "index  +  1),",                    []),
]
# fmt: on


@pytest.mark.parametrize(("file", "old", "new", "parts"), CHANGES)
def test_what_changes_under_a_version_is_named(folder, file, old, new, parts):
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    if parts:
        with pytest.raises(TaskError) as refused:
            check_lock(read_task(folder))
        assert all(part in refused.value.what for part in parts)
        with pytest.raises(TaskError, match="changed under version 1"):
            write_lock(read_task(folder))
    else:
        assert check_lock(read_task(folder))


def test_a_raised_version_is_locked_again(folder):
    (folder / "prompt.jinja").write_text("{{ problem.question }} Box it.")
    (folder / "task.yaml").write_text(YAML.replace("version: 1", "version: 2"))
    with pytest.raises(TaskError, match="is of version 1, and the task of 2"):
        check_lock(read_task(folder))
    write_lock(read_task(folder))
    assert check_lock(read_task(folder))


def test_a_run_under_another_lock_is_refused_and_another_second_grader_is_not(folder, tmp_path):
    settings = {"tasks": "own", "tasks_dirs": folder.parent, "limit": 1}
    run = evaluate(model="fake:answer=1", out=tmp_path / "run", second="math", **settings)
    assert run.tasks() == ("own",)
    (folder / "prompt.jinja").write_text("{{ problem.question }} Box it.")
    with pytest.raises(UserError, match="the prompts of own changed under version 1"):
        evaluate(model="fake:answer=1", out=tmp_path / "other", **settings)
    (folder / LOCK).unlink()
    assert evaluate(model="fake:answer=1", out=tmp_path / "third", **settings)


BROKEN = ["{", "[]", "null", '{"version": 1}', '{"version": "1"}', "{}" * 2]


@pytest.mark.parametrize("content", BROKEN)
def test_a_broken_lock_is_one_error(folder, content):
    (folder / LOCK).write_text(content)
    with pytest.raises(TaskError):
        check_lock(read_task(folder))


def test_a_lock_that_is_a_link_is_not_followed(folder, tmp_path):
    (tmp_path / "secret").write_text(json.dumps(lock_of(read_task(folder))))
    (folder / LOCK).unlink()
    (folder / LOCK).symlink_to(tmp_path / "secret")
    with pytest.raises(TaskError, match="not in the task's folder"):
        check_lock(read_task(folder))
    with pytest.raises(TaskError, match="not in the task's folder"):
        write_lock(read_task(folder))


@pytest.mark.slow
def test_each_of_our_tasks_is_what_its_version_was():
    wrong = []
    for name in task_names():
        try:
            if check_lock(load_task(name)) is None:
                wrong.append(f"{name} has no lock")
        except TaskError as error:
            wrong.append(error.what)
    assert wrong == []
