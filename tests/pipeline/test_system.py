"""A system message: from the command line or the prompt form, recorded, and part of each sample."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mathreason_eval import evaluate
from mathreason_eval.cli.options import text_or_file
from mathreason_eval.errors import RunError, TaskError
from mathreason_eval.models import UserModel
from mathreason_eval.pipeline.extend import ExtendOptions, extend
from mathreason_eval.tasks import load_task

TASK = """\
name: sums
version: 1
summary: Sums
license: MIT
data: {file: rows.jsonl}
prompts:
  plain: {template: prompt.jinja}
  told: {template: prompt.jinja, system: Answer in German.}
extract: [boxed]
grade: number
"""


@pytest.fixture
def tasks(tmp_path):
    """A folder with a task that has a prompt with a system message and one without."""
    folder = tmp_path / "tasks" / "sums"
    folder.mkdir(parents=True)
    (folder / "task.yaml").write_text(TASK)
    (folder / "prompt.jinja").write_text("{{ problem.question }}")
    rows = [{"id": f"q{n}", "question": f"{n} + 1?", "gold": str(n + 1)} for n in range(3)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder.parent


@pytest.fixture
def run(tasks, tmp_path):
    def ask(name="run", **settings):
        return evaluate(
            **{"model": "fake:answer=1", "tasks": ["sums"], "out": tmp_path / name,
               "tasks_dirs": (tasks,), **settings}
        )  # fmt: skip

    return ask


# fmt: off
CHOSEN = [
    # the prompt form, what the command line says; what is sent
    ("plain", None,        None),
    ("plain", "Be brief.", "Be brief."),
    ("told",  None,        "Answer in German."),
    ("told",  "Be brief.", "Be brief."),
    ("told",  "",          None),
]
# fmt: on


@pytest.mark.parametrize(("form", "said", "sent"), CHOSEN)
def test_the_command_line_goes_before_the_prompt_form(run, form, said, sent):
    made = run(prompt=form, system=said)
    for one in made.prompts("sums"):
        first, *_ = one.prompt.messages
        assert (first.content if first.role == "system" else None) == sent
    assert made.manifest.tasks["sums"].prompt.system == sent


def test_it_is_part_of_each_samples_key(run):
    keys = [
        {one.key for one in run(name, system=system).generations("sums")}
        for name, system in (("a", None), ("b", "Be brief."), ("c", "Be very brief."))
    ]
    assert len(set.union(*keys)) == 9


def test_a_run_goes_on_with_its_own_and_no_other(run):
    first = run(system="Be brief.")
    assert run(system="Be brief.").generations("sums") == first.generations("sums")
    for other in (None, "Be long."):
        with pytest.raises(RunError, match="sums prompt_sha256") as caught:
            run(system=other)
        assert "-o" in caught.value.hint


@pytest.mark.slow
@pytest.mark.parametrize(("form", "said", "sent"), CHOSEN)
def test_more_samples_are_drawn_with_it(run, tasks, form, said, sent):
    made = run(prompt=form, system=said, temperature=0.6)
    model = UserModel(made.manifest.model.name)
    grown = extend(made, 2, ExtendOptions(model=model, tasks_dirs=(tasks,), grading=(1, 5.0)))
    assert len(grown.generations("sums")) == 6
    assert grown.manifest.tasks["sums"].prompt.system == sent


def test_the_command_line_reads_a_file(tmp_path):
    path = tmp_path / "system.txt"
    path.write_text("Be brief.\nAnd kind.\n")
    assert text_or_file(f"@{path}") == "Be brief.\nAnd kind."
    assert text_or_file("Be brief.") == "Be brief."
    assert text_or_file(None) is None
    with pytest.raises(Exception, match="cannot be read: No such file"):
        text_or_file(f"@{tmp_path}/nowhere")


def test_a_prompt_form_says_a_text(tasks):
    path = Path(tasks) / "sums" / "task.yaml"
    path.write_text(TASK.replace("Answer in German.", "[Answer, in German]"))
    with pytest.raises(TaskError, match="system is"):
        load_task("sums", (tasks,))
