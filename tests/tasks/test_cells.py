"""What a field takes from a row: joined columns, filters, options; and what becomes a property."""

from __future__ import annotations

import json

import pytest

from mathreason_eval.errors import DataError, UnknownNameError
from mathreason_eval.tasks import Task
from mathreason_eval.tasks.cells import take, take_list
from mathreason_eval.tasks.datasets import load_problems

ROW = {"a": "one", "b": "two", "empty": "", "none": None, "n": 2, "nan": float("nan"),
       "list": ["x", "y"], "json": '["x", "y"]', "date": "2024-8-17", "said": {"year": 2024,
       "month": 8}, "text": "first\n\n second "}  # fmt: skip
# fmt: off
TAKEN = [
    (["a"],                    "one"),
    (["a + b"],                "one two"),
    (["n + a"],                "2 one"),
    (["a + empty", "b"],       "two"),      # a place is all of its columns
    (["a + none"],             None),
    (["nan", "n"],             2),
    (["nothing"],              None),
    (["n | letter0"],          "C"),
    (["n | letter1"],          "B"),
    (["date | month"],         "2024-08"),
    (["said | month"],         "2024-08"),
    (["text | lines"],         ["first", "second"]),
    (["date | int | letter0"], ValueError),  # 2024 is no place
    (["n | month"],            ValueError),
    (["a | letter0"],          ValueError),
    (["a | leter0"],           UnknownNameError),
]
LISTS = [
    (["list"],          ["x", "y"]),
    (["json"],          ["x", "y"]),
    (["a + b"],         ["one", "two"]),
    (["a + b + empty"], ["one", "two"]),    # a row may have fewer options than others
    (["a + empty + b"], ValueError),
    (["nothing"],       []),
    (["a"],             ValueError),
    (["n"],             ValueError),
]
# fmt: on


@pytest.mark.parametrize(("candidates", "wanted"), TAKEN)
def test_a_value_is_that_of_the_first_place_that_has_one(candidates, wanted):
    if isinstance(wanted, type):
        with pytest.raises(wanted):
            take(ROW, candidates)
    else:
        assert take(ROW, candidates) == wanted


@pytest.mark.parametrize(("candidates", "wanted"), LISTS)
def test_a_list_is_a_cell_or_several(candidates, wanted):
    if isinstance(wanted, type):
        with pytest.raises(wanted):
            take_list(ROW, candidates)
    else:
        assert take_list(ROW, candidates) == wanted


CHOICE = Task(
    name="pick",
    version=1,
    summary="",
    license="MIT",
    extract=("boxed",),
    grade="choice",
    prompts={},
    columns={"options": ("choices", "A + B + C"), "gold": ("gold", "label | letter0")},
    slices=("topic",),
)


def loaded(tmp_path, row, task=CHOICE):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n")
    (problem,) = load_problems(task, [str(path)]).problems
    return problem


# fmt: off
CHOICES = [
    # a row beside its question, its gold or what is said of it
    ({"choices": ["4", "5"], "label": 1},              "B"),
    ({"choices": ["4", "5"], "gold": "a"},             "A"),
    ({"choices": ["4", "5"], "gold": "5"},             "B"),
    ({"A": "4", "B": "5", "C": "6", "gold": "C"},      "C"),
    ({"A": "4", "B": "5", "gold": "C"},                "'C' is none of its options"),
    ({"choices": ["4", "5"], "label": 2},              "'C' is none of its options"),
    ({"choices": ["B", "A"], "gold": "A"},             "'A' may be the option A or B"),
    ({"choices": ["4", "4"], "gold": "4"},             "'4' is none of its options"),
    ({"choices": ["4", "5"], "label": "x"},            "'x' is no place of an option"),
    ({"choices": [*"abcdefghijk"], "gold": "A"},       "11 options"),
]
# fmt: on


@pytest.mark.parametrize(("row", "wanted"), CHOICES)
def test_options_stand_below_the_question_and_the_gold_is_a_letter(tmp_path, row, wanted):
    row = {"question": "2 + 2?", **row}
    if len(wanted) == 1:
        problem = loaded(tmp_path, row)
        assert problem.gold == (wanted,)
        assert problem.question.startswith("2 + 2?\n\nA. ")
    else:
        with pytest.raises(DataError) as refused:
            loaded(tmp_path, row)
        assert "rows.jsonl, line 1" in str(refused.value)
        assert wanted in str(refused.value)


PAIRS = [
    # columns of the task, a row, (origin, variant)
    ({},                                             {"origin": "a", "variant": "n"}, ("a", "n")),
    ({"origin": ("seed",), "variant": ("how",)},     {"seed": 7, "how": "digits"}, ("7", "digits")),
    ({"origin": ("seed",), "variant": ("how",)},     {"origin": "a"},              (None, None)),
]  # fmt: skip


@pytest.mark.parametrize(("columns", "row", "pair"), PAIRS)
def test_an_original_and_its_change_come_from_columns(tmp_path, columns, row, pair):
    task = Task(name="t", version=1, summary="", license="", extract=("boxed",), grade="number",
                prompts={}, columns=columns)  # fmt: skip
    problem = loaded(tmp_path, {"question": "1?", "gold": "1", **row}, task)
    assert (problem.origin, problem.variant) == pair


def test_every_other_short_field_is_a_property_and_no_solution_is(tmp_path):
    task = Task(name="t", version=1, summary="", license="", extract=("boxed",), grade="number",
                prompts={}, slices=("topic",), cluster="source",
                columns={"gold": ("gold", "solution | boxed")})  # fmt: skip
    row = {"question": "1?", "gold": "1", "solution": "short", "topic": "t" * 500, "source": "s",
           "level": 3, "hard": True, "empty": "", "none": None, "long": "x" * 201,
           "nested": {"a": 1}, "huge": 2**60, "ratio": 0.5}  # fmt: skip
    problem = loaded(tmp_path, row, task)
    assert problem.meta == {
        "topic": "t" * 500, "source": "s", "level": 3, "hard": True, "ratio": 0.5
    }  # fmt: skip
