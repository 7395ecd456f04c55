"""Every task proves itself, and a broken one is found out."""

from __future__ import annotations

import json

import pytest

from mathreason_eval.pipeline.check import check_task
from mathreason_eval.tasks import load_task, read_task, task_names


@pytest.mark.slow
@pytest.mark.parametrize("name", task_names())
def test_a_task_proves_itself_without_its_data(name):
    wanting = [check for check in check_task(load_task(name)) if not check.ok]
    assert not wanting


YAML = """\
name: sums
version: 1
summary: Sums
license: MIT
generate: {problems: 6}
extract: [boxed]
grade: number
"""
PYTHON = """\
from mathreason_eval.types import Problem

def problem(index, seed):
    return Problem(id=f"sums-{index}", question=f"{index} + {index}?", gold=(str(2 * index),))
"""
CASE = {"text": r"\boxed{4}", "gold": "4", "want": "correct", "why": "a box"}
FILES = {
    "task.yaml": YAML,
    "task.py": PYTHON,
    "prompt.jinja": "{{ problem.question }}",
    "README.md": "# sums",
    "cases.jsonl": json.dumps(CASE) + "\n",
}


def checked(tmp_path, **changes):
    folder = tmp_path / "sums"
    folder.mkdir()
    for name, content in {**FILES, **changes}.items():
        if content is not None:
            (folder / name).write_text(content)
    return {check.name: check for check in check_task(read_task(folder))}


def test_a_sound_task_passes(tmp_path):
    assert all(check.ok for check in checked(tmp_path).values())


# fmt: off
BROKEN = [
    # file, its content, the check that fails, what it says
    ("README.md",    None,                                       "README.md",   "none"),
    ("cases.jsonl",  None,                                       "cases.jsonl", "none"),
    ("cases.jsonl",  "",                                         "cases.jsonl", "none"),
    ("cases.jsonl",  json.dumps({**CASE, "want": "wrong"}),      "cases.jsonl", "wants wrong"),
    ("cases.jsonl",  json.dumps({"text": "4", "gold": "4"}),     "cases.jsonl", "Line 1 needs"),
    ("prompt.jinja", "{{ problem.questoin }}",                   "prompts",     "does not render"),
    ("prompt.jinja", "{{ problem.question",                      "prompts",     "does not render"),
    ("prompt.jinja", "What?",                                    "prompts",     "does not contain"),
    ("task.yaml",    YAML.replace("[boxed]", "[boxd]"),          "task.yaml",   "boxed"),
    ("task.yaml",    YAML.replace("number", "numbr"),            "task.yaml",   "number"),
    ("task.yaml",    YAML + "slices: [level]\n",                 "problems",    "'level'"),
    ("task.yaml",    YAML + "prompts: {p: {template: prompt.jinja, stop: +}}\n", "prompts", "stop"),
    ("task.py",      PYTHON.replace("{index} + {index}?", "1+1?"), "problems",  "more than once"),
]
# fmt: on


@pytest.mark.parametrize(("file", "content", "name", "says"), BROKEN)
def test_a_broken_task_is_found_out(tmp_path, file, content, name, says):
    check = checked(tmp_path, **{file: content})[name]
    assert not check.ok
    assert says in check.note


def test_a_generator_that_is_not_a_function_of_its_index_is_found_out(tmp_path):
    drawn = PYTHON.replace("def problem", "from random import random\n\ndef problem").replace(
        "{index} + {index}?", "{index} + {index}? {random()}"
    )
    assert "not the same" in checked(tmp_path, **{"task.py": drawn})["problems"].note


def test_a_grader_that_refuses_its_gold_is_found_out(tmp_path):
    words = PYTHON.replace("str(2 * index)", "f'{index} or {index + 1} or many'")
    check = checked(tmp_path, **{"task.py": words, "task.yaml": YAML.replace("number", "integer")})
    assert "refused" in check["grader"].note


def test_what_was_not_looked_at_is_neither_passed_nor_a_fault(tmp_path, mathreason):
    (folder := tmp_path / "mine" / "given").mkdir(parents=True)
    (folder / "rows.jsonl").write_text('{"question": "1 + 1?", "gold": "2"}\n')
    for name, content in FILES.items():
        text = content.replace("name: sums", "name: given")
        (folder / name).write_text(text.replace("generate: {problems: 6}", "data: []"))
    (folder / "task.py").unlink()
    bare = {one.name: one.looked for one in check_task(read_task(folder))}
    assert not any((bare["problems"], bare["grader"]))
    assert bare["cases.jsonl"]
    rows = [str(folder / "rows.jsonl")]
    checked = check_task(read_task(folder), rows)
    assert [one.name for one in checked if not one.looked] == ["lock.json"]
    said = mathreason("check", "given", "--tasks-dir", tmp_path / "mine")
    assert said.code == 0
    assert [line[0] for line in said.out.splitlines()[1:]] == [*"✓✓–✓–✓–"]
