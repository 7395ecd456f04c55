"""A folder made from rows is a task that proves itself, and nothing in it is guessed silently."""

from __future__ import annotations

import json

import pytest

from mathreason_eval import evaluate
from mathreason_eval.cli.new import GOLDS
from mathreason_eval.errors import UserError
from mathreason_eval.pipeline.check import check_task
from mathreason_eval.tasks import read_task
from mathreason_eval.tasks.choices import READINGS, right_letters
from mathreason_eval.tasks.datasets import load_problems
from mathreason_eval.tasks.new import Source, new_task


def written(tmp_path, name, rows, **source):
    """Return the task that is made of rows: a text of a file, or what JSON lines are made of."""
    path = tmp_path / name
    text = rows if isinstance(rows, str) else "".join(json.dumps(row) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")
    made = new_task("mine", Source(path=path, **{"columns": {}, **source}))
    folder = tmp_path / "tasks" / "mine"
    folder.mkdir(parents=True)
    for file, content in made.files.items():
        (folder / file).write_text(content, encoding="utf-8")
    return read_task(folder), made


CSV = (
    "question,answer,level\nWhat is 2+2?,4,1\nWhat is 3*3?,9,2\nWhat is 10-4?,6,1\nAnd 7+5?,12,2\n"
)
CHOICES = [
    {"question": "Prime?", "choices": ["4", "6", "7", "9"], "answer": 2},
    {"question": "First?", "choices": ["1", "3"], "answer": 0},
]
# fmt: off
MADE = [  # a file, its rows; grader, golds, (properties, slices)
    ("a.csv", CSV, "number", ["4", "9", "6", "12"], (["level"], ("level",))),
    ("a.csv", "\ufeff" + CSV, "number", ["4", "9", "6", "12"], (["level"], ("level",))),
    ("a.tsv", CSV.replace(",", "\t"), "number", ["4", "9", "6", "12"], (["level"], ("level",))),
    ("a.json", json.dumps([{"Problem": "1+1?", "Answer": 2.5}]), "number", ["2.5"], ([], ())),
    ("a.json", json.dumps({"version": 1, "rows": [{"input": "1?", "target": "x^2"}]}),
     "math", ["x^2"], ([], ())),
    ("a.jsonl", [{"problem": "1?", "solution": "Thus \\boxed{\\frac12}."}],
     "math", ["\\frac12"], ([], ())),
    ("a.jsonl", [{"question": "1?", "answer": "5 + 5\n#### 1,000"}], "number", ["1000"], ([], ())),
    ("a.jsonl", [{"question": "1?", "answer": ["1/2", "0.5"]}], "math", ["1/2"], ([], ())),
    ("a.jsonl", [{"question": "Who?", "answer": "Noether"}], "text", ["Noether"], ([], ())),
    ("a.jsonl", CHOICES, "choice", ["C", "A"], ([], ())),
    ("a.jsonl", [{"question": "1?", "A": "x", "B": "y", "C": "z", "answer": "b"}],
     "choice", ["B"], ([], ())),
    ("a.jsonl", [{"question": "1?", "choices": {"text": ["x", "y"], "label": ["A", "B"]},
                  "answerKey": "q", "answer": "y"}], "choice", ["B"], (["answerKey"], ())),
    ("a.jsonl", [{"question": "1?", "answer": "1", "gold": "7", "variant": "v", "note": "n" * 300}],
     "number", ["7"], (["answer"], ())),
]
# fmt: on


@pytest.mark.parametrize(("name", "rows", "grade", "golds", "reported"), MADE)
def test_a_folder_proves_itself(tmp_path, name, rows, grade, golds, reported):
    task, _ = written(tmp_path, name, rows)
    problems = load_problems(task).problems
    assert (task.grade, [one.gold[0] for one in problems]) == (grade, golds)
    assert (sorted(task.columns), task.slices) == reported
    assert [one.note for one in check_task(task) if not one.ok] == []


def test_options_are_part_of_the_question_and_the_letter_is_asked_for(tmp_path):
    task, made = written(tmp_path, "a.jsonl", CHOICES)
    assert load_problems(task).problems[0].question == "Prime?\n\nA. 4\nB. 6\nC. 7\nD. 9"
    assert "the letter of the right option" in made.files["prompt.jinja"]
    assert any("index-from-0" in note for note in made.notes)


def test_it_runs(tmp_path):
    task, _ = written(tmp_path, "a.csv", CSV)
    run = evaluate(model="fake:answer=4", tasks="mine", tasks_dirs=task.folder.parent,
                   out=tmp_path / "run")  # fmt: skip
    assert [one.score for one in run.verdicts("mine")] == [1, 0, 0, 0]


# fmt: off
LETTERS = [  # golds, options; how they are read, the letters
    (["b", "A"],    [4, 4], "letter",       ["B", "A"]),
    (["0", "3"],    [4, 4], "index-from-0", ["A", "D"]),
    (["1", "4"],    [4, 4], "index-from-1", ["A", "D"]),
    (["o1", "o0"],  [4, 2], "text",         ["B", "A"]),
]
# fmt: on


@pytest.mark.parametrize(("golds", "numbers", "how", "letters"), LETTERS)
def test_golds_of_choices_are_read_in_one_way(golds, numbers, how, letters):
    options = [[f"o{n}" for n in range(number)] for number in numbers]
    assert right_letters(golds, options, None) == (how, letters)
    assert right_letters(golds, options, how) == (how, letters)


def test_a_gold_that_may_be_read_in_two_ways_is_never_guessed():
    options = [["1", "2", "3", "5"]]
    with pytest.raises(UserError, match=r"text and as index-from-0.* A or B") as refused:
        right_letters(["1"], options, None)
    assert "--gold-is text, or --gold-is index-from-0" in refused.value.hint
    assert right_letters(["1"], options, "index-from-0")[1] == ["B"]
    assert right_letters(["1"], options, "text")[1] == ["A"]
    assert set(GOLDS) == set(READINGS)


# fmt: off
SLIPS = [  # name, rows, what the author says; what is said
    ("a.csv", "x,y\n1,2\n", {}, "No column is known to be the question: there are x, y"),
    ("a.csv", "question,y\n1,2\n", {}, "No column is known to be the gold"),
    ("a.csv", CSV, {"columns": {"gold": "anwser"}}, "answer?"),
    ("a.csv", CSV, {"columns": {"golds": "answer"}}, "gold?"),
    ("a.csv", CSV + ",5,1\n", {}, "line 6: question is no question"),
    ("a.csv", CSV + "What?,,1\n", {}, "line 6: answer has no gold"),
    ("a.csv", "question,answer\n", {}, "has no rows"),
    ("a.jsonl", '{"question": "1?"\n', {}, "line 1"),
    ("a.json", '{"a": [1], "b": [2]}', {}, "no list of rows"),
    ("a.json", "[1]", {}, "row 1 is not a JSON object"),
    ("a.jsonl", [{"question": "1?", "answer": "z", "choices": ["x", "y"]}], {}, "row 1 is 'z'"),
    ("a.jsonl", [{"question": "1?", "answer": "A", "A": "x", "B": "", "C": "z"}], {},
     "an option of A, B, C is missing"),
    ("a.xlsx", "", {}, "not of a known format"),
    ("a.jsonl", [{"question": "1?", "answer": "9" * 5404, "choices": ["x", "y"]}], {},
     "that of row 1 is"),
]
# fmt: on


@pytest.mark.parametrize(("name", "rows", "source", "says"), SLIPS)
def test_a_slip_is_named(tmp_path, name, rows, source, says):
    with pytest.raises(UserError) as refused:
        written(tmp_path, name, rows, **source)
    assert says in str(refused.value)
    assert not (tmp_path / "tasks").exists()


@pytest.mark.parametrize("name", ["", "Mine", "../x", "a b", "manifest.json"])
def test_a_name_that_no_task_can_have_is_refused(tmp_path, name):
    with pytest.raises(UserError, match="no name of a task"):
        new_task(name, Source(path=tmp_path / "a.csv", columns={}))


def test_what_is_in_the_cells_is_data(tmp_path):
    rows = [{"question": "{{ 7*6 }} {% x %}", "answer": "1", 'a": !!python/x': "v\n# w"}]
    task, _ = written(tmp_path, "a.jsonl", rows)
    (problem,) = load_problems(task).problems
    assert problem.question == "{{ 7*6 }} {% x %}"
    assert problem.meta == {'a": !!python/x': "v\n# w"}


def test_the_command_writes_it_once_and_says_what_was_decided(mathreason, tmp_path):
    (tmp_path / "a.csv").write_text(CSV)
    words = ["new", "mine", "--from", tmp_path / "a.csv", "-o", tmp_path]
    said = mathreason(*words)
    assert (said.code, "The gold is the column answer." in said.out) == (0, True)
    assert "printed: false" in (tmp_path / "mine" / "task.yaml").read_text()
    assert mathreason("check", "mine", "--tasks-dir", tmp_path).code == 0
    again = mathreason(*words)
    assert (again.code, "is there already" in again.err) == (2, True)
    said = mathreason("new", "other", *words[2:], "--license", "MIT")
    assert "printed" not in (tmp_path / "other" / "task.yaml").read_text()
