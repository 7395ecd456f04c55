"""A task is a folder, and a malformed one says what is wrong with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mathreason_eval.errors import TaskError, UnknownNameError, UserError
from mathreason_eval.pipeline.plan import TaskRules
from mathreason_eval.tasks import load_task, read_task, task_names
from mathreason_eval.tasks.datasets import load_problems
from mathreason_eval.tasks.task import Card, PromptForm, render
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


CARDS = [  # what stands behind `card:`, and what it is
    ("{public: 2025}", Card(public="2025")),
    ("{public: 2025-02}", Card(public="2025-02")),
    ("{public: 2025-02-14, languages: en}", Card(public="2025-02-14", languages=("en",))),
    ("{human: 0.5, chance: 0, proved: false}", Card(human=0.5, chance=0, proved=False)),
    ("{canary: c, contamination: none known}", Card(canary="c", contamination="none known")),
    ("{public: }", Card()),
]


@pytest.mark.parametrize(("said", "card"), CARDS)
def test_a_card_says_what_is_known_of_the_problems(tmp_path, said, card):
    path = folder(tmp_path, YAML.replace("version: 1", f"version: 1\ncard: {said}"))
    assert read_task(path).card == card


# fmt: off
MALFORMED = [
    # what is replaced, by what, what the error says
    ("version: 1",        "versoin: 1",                "task.yaml, line 2"),
    ("version: 1\n",      "",                          "no 'version'"),
    ("version: 1\n",      "version:\n",                "no 'version'"),
    ("version: 1", "version: one", "line 2: version is 'one'"),
    ("version: 1",        "version: true",             "line 2: version is True"),
    ("version: 1",        "version: 1.5",              "line 2: version is 1.5"),
    ("version: 1",        "version: 0",                "line 2: version is 0"),
    ("version: 1",        "version: 1\nversion: 2",    "line 3 has the key 'version' twice"),
    ("version: 1",        "version: 1\nsummary: a",    "line 4 has the key 'summary' twice"),
    ("name: sums", "name: other", "line 1 says name: other, and its folder is"),
    ("name: sums",        "name: 5",                   "line 1: name is 5"),
    ("license: MIT",      "license: 2024-01-01",       "line 4: license is datetime.date"),
    ("data: {hub",        "generate: {problems: 3}\ndata: {hub", "either data"),
    ("revision: abc, ",   "",                          "line 5: data has no revision"),
    ("split: test",       "splits: test",              "Did you mean split?"),
    ("split: test",       "split: {test: 1}",          "line 5: data.split is"),
    ("{hub: nobody/sums, revision: abc, split: test}", "nobody/sums", "line 5: data is 'nob"),
    ("{hub: nobody/sums, revision: abc, split: test}", "[a]", "line 5: data.0 is 'a'"),
    ("extract: [boxed]", "extract: 5", "line 6: extract is 5"),
    ("extract: [boxed]",  "extract: {boxed: 1}",       "line 6: extract is"),
    ("grade: number",     "grade: [number]",           "line 7: grade is"),
    ("version: 1", "version: 1\ncheck_steps: 1", "line 3: check_steps is 1"),
    ("version: 1", "version: 1\ncluster: [a]", "line 3: cluster is ['a']"),
    ("version: 1",        "version: 1\nmacro: 3",        "line 3: macro is 3"),
    ("version: 1", "version: 1\nmax_tokens: 0", "line 3: max_tokens is 0"),
    ("version: 1",        "version: 1\nmax_tokens: '9'", "line 3: max_tokens is '9'"),
    ("version: 1",        "version: 1\nslices: [1]",     "line 3: slices is [1]"),
    ("version: 1",        "version: 1\ncolumns: [gold]", "line 3: columns is ['gold']"),
    ("version: 1",        "version: 1\nprompts: [boxed]", "line 3: prompts is ['boxed']"),
    ("version: 1", "version: 1\nprompts:\n  b: x", "line 4: prompts.b is 'x'"),
    ("version: 1", "version: 1\nprompts:\n  b: {form: chat}", "line 4: prompts.b has no template"),
    ("version: 1",        "version: 1\nprompts:\n  b: {template: prompt.jinja, form: txet}",
                          "line 4: prompts.b.form is 'txet', and must be one of chat, text, turns"),
    ("version: 1",        "version: 1\nprompts:\n  b: {template: prompt.jinja, stop: 5}",
                          "line 4: prompts.b.stop is 5"),
    ("version: 1",        "version: 1\nprompts:\n  b: {template: prompt.jinja, stops: a}",
                          "Did you mean stop?"),
    ("version: 1", "version: 1\ncolumns: {gold: a | hash}", "line 3: There is no filter"),
    ("version: 1", "version: 1\ncard: {public: 2025-13}", "line 3: card.public is '2025-13'"),
    ("version: 1", "version: 1\ncard: {human: 96}", "line 3: card.human is 96"),
    ("version: 1", "version: 1\ncard: {chance: true}", "line 3: card.chance is True"),
    ("version: 1", "version: 1\ncard: {publik: 2025}", "Did you mean public?"),
    ("version: 1", "version: 1\ncard: 2025", "line 3: card is 2025"),
    ("version: 1",        "version: 1\nconvention: any", "line 3: convention is 'any'"),
    ("license: MIT",      "license: [",                "line 6 is not YAML"),
    (YAML,                "- a list",                  "not a mapping"),
    (YAML,                "",                          "not a mapping"),
    ("grade: number\n",   "grade: number\nprompts: {few: {template: few.jinja}}\n", "few.jinja"),
]
GENERATES = YAML.replace("data: {hub: nobody/sums, revision: abc, split: test}",
                         "generate: {problems: 3}")
MAKES = "from mathreason_eval.types import Problem\n"
CODE = [  # a task.py, and what is said of it
    ("raise RuntimeError('run')\n", "task.py, line 1: importing it failed: Runt"),
    ("\nimport nothing_of_the_kind\n", "task.py, line 2: importing it failed: Modu"),
    ("def problem(index, seed)\n", "task.py, line 1: importing it failed: Synt"),
    ("import sys\nsys.exit(3)\n", "task.py, line 2: importing it failed: Syst"),
    ("def problems(index, seed): return 1\n",                  "Did you mean problems?"),
    ("def problem(index, seed): return index\n", "problem(0, 0) returned int, no Problem"),
    ("def problem(index, seed):\n\n    return 1 / index\n", "task.py, line 3: making problem 0"),
    ("def problem(index): return index\n", "making problem 0 failed: TypeError"),
    (f"{MAKES}def problem(index, seed):\n    return Problem(id='a', question='?', gold=('1',))\n",
                                                               "two problems 'a'"),
]
READS = YAML.replace("data:", "reader: read\ndata:")
READERS = [
    ("def read(row, index, source):\n    return row['nothing']\n",  "task.py, line 2)"),
    ("def read(row, index, source):\n    return {}.get(row).x\n", "line 1 is not a row of"),
    ("def read(row, index, source):\n    return None.x\n",          "AttributeError"),
    ("def read(row, index, source):\n    return 5\n",               "read returned int for row 0"),
    ("def raed(row, index, source):\n    return None\n",            "Did you mean raed?"),
    ("import nothing_of_the_kind\ndef read(row, index, source): pass",
     "task.py, line 1: importing it failed"),
    ("import nothing_of_the_kind\n", "There is no function in"),
]
TEMPLATES = [
    ("{{ problem.question", "prompt.jinja, line 1: boxed does not render for p: unexpected end"),
    ("a\n{% if %}",                   "prompt.jinja, line 2: boxed does not render for p"),
    ("a\n\n{{ problem.qestion }}",    "prompt.jinja, line 3: boxed does not render for p: '"),
    ("a\n{{ 1 / 0 }}",                "prompt.jinja, line 2: boxed does not render for p: Zero"),
    ("{{ problem.question | upcase }}", "No filter named 'upcase'"),
    ("\n{{ problem.gold[5] }}",       "prompt.jinja, line 2"),
    ("\n{{ problem.question + 1 }}",  "prompt.jinja, line 2: boxed does not render for p: Type"),
    ("{% include 'other' %}",         "prompt.jinja, line 1"),
]
# fmt: on


@pytest.mark.parametrize(("code", "says"), CODE)
def test_a_generator_that_fails_is_one_error_with_its_line(tmp_path, code, says):
    path = folder(tmp_path, GENERATES)
    (path / "task.py").write_text(code)
    with pytest.raises(UserError) as caught:
        load_problems(read_task(path))
    assert says in str(caught.value)


@pytest.mark.parametrize(("code", "says"), READERS)
def test_a_reader_that_fails_is_one_error_with_row_and_line(tmp_path, code, says):
    path = folder(tmp_path, READS)
    (path / "task.py").write_text(code)
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"x": 1}\n')
    with pytest.raises(UserError) as caught:
        load_problems(read_task(path), [str(rows)])
    assert says in str(caught.value)


@pytest.mark.parametrize(("template", "says"), TEMPLATES)
def test_a_template_that_fails_is_one_error_with_file_line_and_problem(tmp_path, template, says):
    form = read_task(folder(tmp_path, prompt=template)).prompts["boxed"]
    with pytest.raises(TaskError) as caught:
        render(form, Problem(id="p", question="1 + 1?", gold=("2",)))
    assert says in str(caught.value)


def test_where_a_template_lies_is_no_part_of_what_is_asked(tmp_path):
    form = read_task(folder(tmp_path)).prompts["boxed"]
    moved = replace(form, file="elsewhere")
    assert form == moved
    assert form.content() == moved.content()
    assert "file" not in form.content()


@pytest.mark.parametrize(("old", "new", "says"), MALFORMED)
def test_a_malformed_folder_says_what_is_wrong(tmp_path, old, new, says):
    assert old in YAML
    with pytest.raises(UserError) as caught:
        read_task(folder(tmp_path, YAML.replace(old, new)))
    assert says in str(caught.value)


@pytest.mark.parametrize("name", ["manifest.json", "metrics.json", "manifest.json.new", ".lock"])
def test_a_task_has_no_name_of_a_file_of_a_run(tmp_path, name):
    path = folder(tmp_path, YAML.replace("sums", name)).rename(tmp_path / name)
    with pytest.raises(TaskError, match="its folder is"):
        read_task(path)


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
        TaskRules.of(replace(load_task("arithmetic"), places={}, **rules))
    assert caught.value.what == says


PLACED = [  # what stands where in a task.yaml, and what is said of all of it at once
    (
        "grade: number",
        "grade: number\nconvention: {null: x, 5: y}",
        ["There is no convention named 'None'", "There is no convention named '5'"],
    ),
    (
        "extract: [boxed]",
        "extract: [boxd, tagg]",
        ["task.yaml, line 6: There is no extraction rule named 'boxd'", "line 6: There is no ex"],
    ),
    (
        "grade: number",
        "grade: numbr\nsecond: mth\nprimary: avrg\nmetrics: bayess",
        [
            "task.yaml, line 7: There is no grader named 'numbr'",
            "line 8: There is no grader",
            "line 10: There is no family of metrics",
        ],
    ),
    ("grade: number", "grade: number\nprimary: avrg", ["line 8: There is no metric named 'avrg'"]),
    (
        "grade: number",
        "grade: number\nconvention:\n  unts: x\n  percent: 5\nsecond: other.py:x",
        [
            "line 9: There is no convention named 'unts'",
            "line 10: percent: 5",
            "line 11: 'other.py:x'",
        ],
    ),
    (
        "version: 1",
        "version: one\nlicence: x\nmax_tokens: 0",
        ["line 2: version is 'one'", "line 3", "license?", "line 4: max_tokens is 0"],
    ),
]


@pytest.mark.parametrize(("old", "new", "says"), PLACED, ids=[one[2][0] for one in PLACED])
def test_everything_that_is_wrong_is_named_with_its_line(tmp_path, old, new, says):
    assert old in YAML
    with pytest.raises(UserError) as caught:
        TaskRules.of(read_task(folder(tmp_path, YAML.replace(old, new))))
    assert [one for one in says if one not in str(caught.value)] == []


def test_a_prompt_of_nothing_is_refused(tmp_path):
    path = folder(tmp_path)
    (path / "prompt.jinja").write_text("{# nothing #}\n")
    with pytest.raises(TaskError, match=r"prompt\.jinja: boxed renders to nothing for p"):
        render(read_task(path).prompts["boxed"], PROBLEM)


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
    path = folder(tmp_path, GENERATES)
    (path / "task.py").write_text("raise RuntimeError('run')\n")
    task = read_task(path)
    with pytest.raises(TaskError, match="run"):
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
    assert task.prompt_form(None, chat=chat).id == form
    assert task.prompt_form("shots", chat=chat).stop == ("Q",)


def test_a_task_without_a_prompt_for_base_models_says_which_there_are(tmp_path):
    with pytest.raises(TaskError, match="no prompt for a base model") as caught:
        read_task(folder(tmp_path)).prompt_form(None, chat=False)
    assert "boxed" in caught.value.hint
