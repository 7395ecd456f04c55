"""What a task's code makes is stored as it is, or refused before anything is asked."""

from __future__ import annotations

import math
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval import evaluate
from mathreason_eval.errors import TaskError, UserError
from mathreason_eval.runs.codec import as_line, read_records
from mathreason_eval.tasks.problems import problem_fault
from mathreason_eval.types import Problem


def made(**fields):
    return Problem(**{"id": "a", "question": "1 + 1?", "gold": ("2",), **fields})


def nested(levels):
    return [nested(levels - 1)] if levels else 1


# fmt: off
REFUSED = [
    ({"id": 7},                        "id is 7, and must be a text that is not blank"),
    ({"id": " "},                      "id is ' ', and"),
    ({"id": "a\ud800"},                r"id is 'a\ud800', and must be Unicode"),
    ({"question": 5},                  "question is 5"),
    ({"question": ""},                 "question is ''"),
    ({"gold": "15"},                   "gold is '15', and must be a tuple of texts"),
    ({"gold": ()},                     "gold is ()"),
    ({"gold": (math.nan,)},            "gold is (nan,)"),
    ({"gold": ("2", " ")},             "gold is ('2', ' ')"),
    ({"gold": ["2"]},                  "gold is ['2']"),
    ({"origin": 5},                    "origin is 5, and must be a text or None"),
    ({"variant": ["x"]},               "variant is ['x']"),
    ({"meta": [1]},                    "meta is [1], and must be a mapping"),
    ({"meta": {5: 3}},                 "meta is {5: 3}"),
    ({"meta": {"k": [1]}},             "meta['k'] is [1]"),
    ({"meta": {"k": None}},            "meta['k'] is None"),
    ({"meta": {"k": math.inf}},        "meta['k'] is inf"),
    ({"meta": {"k": object}},          "meta['k'] is <class 'object'>"),
    ({"meta": {"k": 2**70}},           "meta['k'] is 1180591620717411303424"),
    ({"given": {"a": {1, 2}}},         "given['a'] is {1, 2}, and must be what JSON can hold"),
    ({"given": {"a": {"b": math.nan}}}, "given['a'] is {'b': nan}"),
    ({"given": {"a": {1: 2}}},         "given['a'] is {1: 2}"),
    ({"given": {"a": b"x"}},           "given['a'] is b'x'"),
    ({"given": {"a": nested(90)}},     "given['a'] is [[["),
    ({"given": [1]},                   "given is [1]"),
]
TAKEN = [
    {},
    {"question": "1\ud800 + 1?", "gold": ("\udc00",)},
    {"id": "a\nb", "origin": "", "variant": ""},
    {"meta": {"level": 5, "share": 0.5, "hard": True, "name": "", "long": -2**62}},
    {"given": {"steps": ["a", "b"], "deep": {"a": [None, {"b": 1.5}]}, "long": nested(50)}},
    {"meta": MappingProxyType({"k": 1}), "given": MappingProxyType({"k": (1, 2)})},
]
# fmt: on


@pytest.mark.parametrize(("fields", "says"), REFUSED, ids=lambda one: ascii(one)[:40])
def test_what_cannot_be_stored_is_refused(fields, says):
    assert says in (problem_fault(made(**fields)) or "")


@pytest.mark.parametrize("fields", TAKEN, ids=lambda one: ascii(one)[:40])
def test_what_can_be_stored_is_taken(fields):
    assert problem_fault(made(**fields)) is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = ("id", "question", "gold", "meta", "given", "origin", "variant")


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    return tmp_path_factory.mktemp("run") / "problems.jsonl"


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4))
def test_what_is_taken_is_read_as_it_was_stored(stored, fields):
    problem = made(**fields)
    if problem_fault(problem) is None:
        stored.write_bytes(as_line(problem))
        (again,) = read_records(stored, Problem)
        assert as_line(again) == as_line(problem)
        assert (again.id, again.gold, again.content) == (problem.id, problem.gold, problem.content)


YAML = """\
name: own
version: 1
summary: A task
license: CC0
SOURCE
extract: [boxed]
grade: number
"""
ROWS = "data: {file: rows.jsonl}\nreader: read"
GENERATED = "generate: {problems: 3}"
HEAD = "from mathreason_eval.types import Problem\n"
# fmt: off
CODES = [  # the source of the problems, task.py, what is said of it
    (ROWS, "def read(row, index, source):\n    return Problem(id='a', question=5, gold=('1',))",
     "rows.jsonl, line 1: question is 5"),
    (ROWS, "def read(row, index, source):\n    return [5]", "read returned list for row 0"),
    (ROWS, "def read(row):\n    return None", "cannot be called with (row, index, source)"),
    (ROWS, "read = 5", "no function in"),
    (GENERATED, "def problem(index, seed):\n    return Problem(id=index, question='', gold=())",
     "problem(0, 0): id is 0"),
    (GENERATED, "def problem(index):\n    return None", "problem() takes 1"),
]
# fmt: on


@pytest.mark.parametrize(("source", "code", "says"), CODES, ids=[says for *_, says in CODES])
def test_the_code_is_blamed_and_no_run_folder(tmp_path, source, code, says):
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "task.yaml").write_text(YAML.replace("SOURCE", source))
    (folder / "task.py").write_text(HEAD + code)
    (folder / "prompt.jinja").write_text("{{ problem.question }}")
    (folder / "rows.jsonl").write_text('{"q": 1}\n')
    with pytest.raises(UserError) as refused:
        evaluate(model="fake:answer=1", tasks="own", tasks_dirs=tmp_path, out=tmp_path / "run")
    assert (says in str(refused.value), "task.py" in str(refused.value)) == (True, True)
    assert "run" not in {path.name for path in tmp_path.iterdir()}


ROW_SLIPS = [
    ('"given": [1]', "given is [1]"),
    ('"origin": 5', "origin is 5"),
    ('"variant": ["x"]', "variant is ['x']"),
    ('"id": "\\ud800"', "must be Unicode"),
]


@pytest.mark.parametrize(("cell", "says"), ROW_SLIPS)
def test_a_row_is_blamed_with_its_number(tmp_path, cell, says):
    (rows := tmp_path / "rows.jsonl").write_text(f'{{"question": "1?", "gold": "2", {cell}}}\n')
    with pytest.raises(UserError) as refused:
        evaluate(model="fake:answer=1", tasks="gsm8k", data={"gsm8k": rows}, out=tmp_path / "run")
    assert not isinstance(refused.value, TaskError)
    assert "rows.jsonl, line 1" in str(refused.value)
    assert says in str(refused.value)
