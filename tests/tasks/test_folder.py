"""A task is a folder, and a malformed one says what is wrong with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mathreason_eval.errors import TaskError, UnknownNameError, UserError
from mathreason_eval.pipeline.plan import TaskRules
from mathreason_eval.tasks import load_task, read_task, task_names
from mathreason_eval.tasks.task import PromptForm, render
from mathreason_eval.types import Problem

YAML = """\
name: sums
version: 1
summary: Sums of two numbers
license: MIT
data: {hub: nobody/sums, revision: abc, split: test}
extract: [boxed]
grade: number
"""


def folder(tmp_path, yaml=YAML, prompt="{{ problem.question }}"):
    path = tmp_path / "sums"
    path.mkdir(exist_ok=True)
    (path / "task.yaml").write_text(yaml)
    (path / "prompt.jinja").write_text(prompt)
    return path


def test_eleven_lines_are_a_task(tmp_path):
    task = read_task(folder(tmp_path))
    assert (task.name, task.generated, list(task.prompts)) == ("sums", False, ["boxed"])


# fmt: off
MALFORMED = [
    # what is replaced, by what, what the error says
    ("version: 1",        "versoin: 1",                "versoin"),
    ("version: 1\n",      "",                          "no 'version'"),
    ("version: 1",        "version: one",              "invalid literal"),
    ("name: sums",        "name: other",               "its folder is sums"),
    ("data: {hub",        "generate: {problems: 3}\ndata: {hub", "either data"),
    ("revision: abc, ",   "",                          "'revision'"),
    ("version: 1",        "version: 1\ncheck_steps: 1",  "check_steps is 1, not of type bool"),
    ("version: 1",        "version: 1\ncluster: [a]",    "cluster is .'a'., not of type str"),
    ("version: 1",        "version: 1\nmacro: 3",        "macro is 3, not of type str"),
    ("version: 1",        "version: 1\nmax_tokens: 0",   "0 is no number of tokens"),
    ("license: MIT",      "license: [",                "cannot be read"),
    (YAML,                "- a list",                  "not a mapping"),
    ("grade: number\n",   "grade: number\nprompts: {few: {template: few.jinja}}\n", "few.jinja"),
]
# fmt: on


@pytest.mark.parametrize(("old", "new", "says"), MALFORMED)
def test_a_malformed_folder_says_what_is_wrong(tmp_path, old, new, says):
    assert old in YAML
    with pytest.raises(UserError, match=says):
        read_task(folder(tmp_path, YAML.replace(old, new)))


def test_one_name_stands_for_a_list_of_one(tmp_path):
    task = read_task(folder(tmp_path, YAML.replace("[boxed]", "boxed\nslices: level")))
    assert (task.extract, task.slices) == (("boxed",), ("level",))


# fmt: off
UNKNOWN = [
    ({"extract": ("boxd",)},   "There is no extraction rule named 'boxd'."),
    ({"grade": "numbr"},       "There is no grader named 'numbr'."),
    ({"second": "none"},       "There is no grader named 'none'."),
    ({"metrics": ("bayess",)}, "There is no family of metrics named 'bayess'."),
    ({"primary": "avrg"},      "There is no metric named 'avrg'."),
]
# fmt: on


@pytest.mark.parametrize(("rules", "says"), UNKNOWN)
def test_a_name_that_is_none_is_refused_before_a_model_is_asked(rules, says):
    with pytest.raises(UnknownNameError) as caught:
        TaskRules.of(replace(load_task("arithmetic"), **rules))
    assert caught.value.what == says


def test_a_slip_in_a_key_names_the_nearest(tmp_path):
    with pytest.raises(UnknownNameError) as caught:
        read_task(folder(tmp_path, YAML.replace("extract:", "extracts:")))
    assert caught.value.hint == "Did you mean extract?"


def test_a_slip_in_a_name_names_the_nearest():
    with pytest.raises(UnknownNameError) as caught:
        load_task("gsm8")
    assert "gsm8k" in caught.value.hint


def test_a_folder_of_tasks_and_a_task_folder_are_both_understood(tmp_path):
    path = folder(tmp_path)
    for place in (path, tmp_path):
        assert load_task("sums", [place]).folder == path
        assert "sums" in task_names([place])


def test_a_tasks_folder_that_is_not_there_is_a_clear_error(tmp_path):
    with pytest.raises(TaskError, match="no folder"):
        task_names([tmp_path / "nowhere"])


def test_a_generator_is_run_on_first_use_only(tmp_path):
    path = folder(
        tmp_path,
        YAML.replace(
            "data: {hub: nobody/sums, revision: abc, split: test}", "generate: {problems: 3}"
        ),
    )
    (path / "task.py").write_text("raise RuntimeError('run')\n")
    task = read_task(path)
    with pytest.raises(RuntimeError, match="run"):
        task.problem(0, 0)


CHAT = PromptForm(id="boxed", template="{{ problem.question }} Box it.", chat=True)
TEXT = PromptForm(id="shots", template="Q: {{ problem.question }}\nA:", chat=False, stop=("\nQ:",))
PROBLEM = Problem(id="p", question="<b>1 & 1</b> {{ 7 * 6 }}", gold=("2",))


def test_a_question_is_never_a_template_nor_markup():
    prompt = render(CHAT, PROBLEM)
    assert prompt.messages[0].content == "<b>1 & 1</b> {{ 7 * 6 }} Box it."


def test_a_base_model_gets_text_and_stops():
    prompt = render(TEXT, PROBLEM)
    assert (prompt.messages, prompt.stop) == ((), ("\nQ:",))
    assert prompt.text.endswith("\nA:")


def test_the_hash_is_of_all_that_is_sent():
    assert len({render(form, PROBLEM).sha256 for form in (CHAT, TEXT)}) == 2
    assert render(CHAT, PROBLEM).sha256 == render(CHAT, PROBLEM).sha256


@pytest.mark.parametrize(("chat", "form"), [(True, "boxed"), (False, "shots")])
def test_the_kind_of_the_model_chooses_the_prompt(tmp_path, chat, form):
    yaml = YAML + (
        "prompts: {boxed: {template: prompt.jinja}, "
        "shots: {template: prompt.jinja, form: text, stop: Q}}\n"
    )
    task = read_task(folder(tmp_path, yaml))
    assert task.prompt(None, chat=chat).id == form
    assert task.prompt("shots", chat=chat).stop == ("Q",)


def test_a_task_without_a_prompt_for_base_models_says_which_there_are(tmp_path):
    with pytest.raises(TaskError, match="no prompt for a base model") as caught:
        read_task(folder(tmp_path)).prompt(None, chat=False)
    assert "boxed" in caught.value.hint
